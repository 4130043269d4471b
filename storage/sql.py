"""The one way to the database: short transactions in at most eight threads, and one error for "it is not there".

What differs between databases stands behind :class:`Backend`; everything else is written once.
"""

import json
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Connection, Engine, create_engine, exc
from sqlalchemy.engine import URL, make_url

from domain.errors import StorageUnavailable
from storage.search import TextSearch
from storage.sqlite import SqliteBackend

#: SQL runs in at most this many threads, and over as many connections (DESIGN: "How it runs inside").
SQL_THREADS = 8

T = TypeVar("T")

#: Mistakes of this program, not of the database: they must stay visible as what they are.
_BUGS = (exc.IntegrityError, exc.ProgrammingError, exc.DataError, exc.NotSupportedError)


class Backend(Protocol):
    """What a kind of database does in its own way."""

    search: TextSearch

    def engine_options(self, url: URL) -> dict[str, Any]:
        """Further arguments of ``create_engine``; may make the directory that the database lies in."""
        ...

    def configure(self, engine: Engine) -> None:
        """Installs what each new connection and transaction needs.

        A transaction must be one snapshot, and see the execution option ``writes``: whether it will write.
        """
        ...


class Database:
    """An engine and its threads. ``work`` gets a connection inside a transaction and must not keep it."""

    def __init__(self, engine: Engine, search: TextSearch) -> None:
        self.engine = engine
        self.search = search
        self._limiter = CapacityLimiter(SQL_THREADS)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs ``work`` over one snapshot. Raises :class:`StorageUnavailable`."""
        return await to_thread.run_sync(self.run, work, limiter=self._limiter)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Runs ``work`` and commits it, or nothing of it. Raises :class:`StorageUnavailable`.

        A caller that is cancelled meanwhile does not know whether it was committed; ids and fences make a
        second try harmless.
        """
        return await to_thread.run_sync(lambda: self.run(work, writes=True), limiter=self._limiter)

    def run(self, work: Callable[[Connection], T], *, writes: bool = False) -> T:
        """The same in the calling thread, for what runs before there is an event loop (migrations)."""
        try:
            with self.engine.connect().execution_options(writes=writes) as connection, connection.begin():
                return work(connection)
        except _BUGS:
            raise
        except (exc.DBAPIError, exc.TimeoutError) as error:
            cause = error.orig if isinstance(error, exc.DBAPIError) else error
            # The statement and its values stay out of the message: they hold people's words.
            raise StorageUnavailable(f"the database does not answer: {cause}", part="database") from error

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """The database at ``url`` (SQLAlchemy's spelling). Connects at the first use, not now.

    Raises :class:`StorageUnavailable` where the URL cannot be used.
    """
    try:
        parsed = make_url(url)
        backend = _backend(parsed)
        options = backend.engine_options(parsed)
    except (exc.ArgumentError, OSError) as error:
        raise StorageUnavailable(f"the database cannot be used: {error}", part="database") from error
    engine = create_engine(
        parsed,
        json_serializer=_compact_json,
        pool_size=SQL_THREADS,
        max_overflow=0,
        hide_parameters=True,
        **options,
    )
    backend.configure(engine)
    return Database(engine, backend.search)


def _backend(url: URL) -> Backend:
    if url.get_backend_name() == "sqlite":
        return SqliteBackend()
    raise StorageUnavailable(
        f"databases of the kind {url.get_backend_name()!r} are not supported; sqlite is", part="database"
    )


def _compact_json(value: object) -> str:
    # A file name can bring half a surrogate pair, which no UTF-8 column takes.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()
