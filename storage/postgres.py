"""What PostgreSQL does in its own way; the search is in ``postgres_search``."""

import select
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from storage.postgres_search import PostgresSearch
from storage.search import TextSearch

#: A server that does not answer is given up after so long: to connect, and for the next bytes.
CONNECT_SECONDS = 3.0
SILENCE_SECONDS = 6.0
#: No statement of this program needs longer, nor waits longer for another's lock; patient transactions may.
STATEMENT_TIMEOUT_MS = 5_000
#: How long a caller waits for one of the connections.
POOL_TIMEOUT_SECONDS = 10
#: Codes of a server that goes, comes, or takes no more connections.
_GOES_OR_FULL = ("57P", "08", "53300")
#: Any number that no other program on the database uses for the same.
_MIGRATION_LOCK = 0x6173_7277_6562_7569
_WAYS = {extensions.POLL_READ: select.POLLIN, extensions.POLL_WRITE: select.POLLOUT}


class PostgresBackend:
    """Many processes on many machines: readers and writers never wait for each other, but for the same row."""

    search: TextSearch = PostgresSearch()

    def engine_options(self, url: URL) -> dict[str, Any]:
        """Bounded waits; what the URL says itself has the last word."""
        settings = {
            "statement_timeout": STATEMENT_TIMEOUT_MS,
            "idle_in_transaction_session_timeout": 6 * STATEMENT_TIMEOUT_MS,
            # A search function of high cost would have every search compiled, which takes longer than the search.
            "jit": "off",
            # Workers take longer to start than a search takes, and what they think to share is not there.
            "max_parallel_workers_per_gather": 0,
            "timezone": "UTC",
        }
        defaults: dict[str, Any] = {
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "application_name": "asr-webui",
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        }
        return {
            "connect_args": {
                "connection_factory": _Connection,
                **{name: value for name, value in defaults.items() if name not in url.query},
            },
            # Connections that a restart of the server has cut are replaced before anybody uses them.
            "pool_pre_ping": True,
            "pool_timeout": POOL_TIMEOUT_SECONDS,
        }

    def configure(self, engine: Engine) -> None:
        """Readers see one snapshot; writers see what is committed, and lock the rows that they change."""
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
        event.listen(engine, "checkin", _on_checkin)
        # For all connections of this process: the driver knows no other way to wait for a time only.
        extensions.set_wait_callback(_wait)

    def lock_schema(self, connection: Connection) -> None:
        """Until the transaction ends."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})

    def is_away(self, error: DBAPIError) -> bool:
        """No connection, or none any more. An error that the server itself could tell has a code."""
        code = getattr(error.orig, "pgcode", None)
        return code is None or code.startswith(_GOES_OR_FULL)


class _Connection(extensions.connection):
    """A connection that knows how long its transaction may take."""

    #: Seconds that the next bytes may take; ``None``: any time.
    patience: float | None = None
    is_there = False


def _wait(connection: extensions.connection) -> None:
    """Waits for the server, but not for ever: one that hangs keeps its connections open, and says nothing."""
    seconds = SILENCE_SECONDS
    if isinstance(connection, _Connection):
        seconds = connection.patience if connection.is_there else CONNECT_SECONDS
    while (state := connection.poll()) != extensions.POLL_OK:
        # One system call, where the selectors of the standard library make several; and a new one each time: while it
        # connects, a connection may change its socket.
        waiting = select.poll()
        waiting.register(connection.fileno(), _WAYS[state])
        if not waiting.poll(None if seconds is None else seconds * 1000):
            # The driver closes the connection of a callback that fails.
            raise psycopg2.OperationalError(f"no answer for {seconds} s")


def _on_connect(connection: _Connection, record: object) -> None:
    connection.is_there = True
    connection.patience = SILENCE_SECONDS


def _on_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, _Connection)
    driver.patience = None if options.get("patient", False) else SILENCE_SECONDS
    if driver.patience is None:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    # A snapshot for a writer would only make it fail where another one was first.
    if not options.get("writes", False):
        # The driver says it with the transaction's first words.
        driver.set_session("REPEATABLE READ", readonly=True)


def _on_checkin(connection: _Connection | None, record: object) -> None:
    # Whoever pings it meanwhile does so outside of transactions, where the driver would tell the server of each choice.
    if connection is not None and not connection.closed:
        connection.set_session("default", readonly="default")
