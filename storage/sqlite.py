"""What SQLite does in its own way. The clock's spelling is in ``storage.columns``, the search in ``sqlite_search``."""

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from storage.search import TextSearch
from storage.sqlite_search import SqliteSearch

#: How long a writer waits for another one, in ms. Transactions here take a few.
BUSY_TIMEOUT_MS = 10_000


class SqliteBackend:
    """One file, any number of processes: readers never wait, writers take turns."""

    search: TextSearch = SqliteSearch()

    def engine_options(self, url: URL) -> dict[str, Any]:
        """Makes the directory of the file. ``?timeout=`` in the URL changes how long a writer waits, in seconds."""
        if url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        return {} if "timeout" in url.query else {"connect_args": {"timeout": BUSY_TIMEOUT_MS / 1000}}

    def configure(self, engine: Engine) -> None:
        """Pragmas for each connection, and a BEGIN that says at once whether it will write."""
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)

    def lock_schema(self, connection: Connection) -> None:
        """A writer is alone already."""

    def is_away(self, error: DBAPIError) -> bool:
        """A file is always there; a writer that waited too long may be lucky the next time."""
        return False


def _on_connect(connection: sqlite3.Connection, record: object) -> None:
    # The driver's own BEGIN comes too late and is never IMMEDIATE.
    connection.isolation_level = None
    _use_wal(connection)
    # In WAL mode NORMAL already survives kill -9 of every process (the kernel has the pages); FULL also syncs the
    # log at each commit, so that a power failure loses no accepted recording either. It costs half a millisecond.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # Its own ``lower`` knows no letters but those of English.
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(value: object) -> str | None:
    return None if value is None else str(value).lower()


def _use_wal(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        return
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            # Two processes that make the file at once: the switch needs it alone and does not wait by itself.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _on_begin(connection: Connection) -> None:
    # A reader that turns into a writer half-way fails at once when somebody else wrote since: no timeout helps.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
