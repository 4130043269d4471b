"""The one way to the database: short transactions in at most eight threads, and one error for "it is not there".

What differs between databases stands behind :class:`Backend`; everything else is written once.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import orjson
from anyio import CapacityLimiter, to_thread
from sqlalchemy import Connection, Engine, Table, create_engine, exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url

from domain.errors import StorageUnavailable
from storage.postgres import PostgresBackend
from storage.search import TextSearch
from storage.sqlite import SqliteBackend

#: SQL runs in at most this many threads, and over as many connections (DESIGN: "How it runs inside").
SQL_THREADS = 8

#: A server that is away is asked again after so long, unless a probe found it well before.
AWAY_SECONDS = 5.0
#: And meanwhile one asks, who may have to wait: for so long nobody else does.
ASKING_SECONDS = 15.0

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

        A transaction sees the execution options ``writes``: whether it will write (one that does not is one snapshot),
        and ``patient``: whether it may take as long as it likes.
        """
        ...

    def lock_schema(self, connection: Connection) -> None:
        """Lets no other process migrate until this transaction ends."""
        ...

    def is_away(self, error: exc.DBAPIError) -> bool:
        """Whether the next statement would fail in the same way, after the same wait."""
        ...


class Database:
    """An engine and its threads. ``work`` gets a connection inside a transaction and must not keep it."""

    def __init__(self, engine: Engine, backend: Backend) -> None:
        self.engine = engine
        self.search = backend.search
        self.lock_schema = backend.lock_schema
        self._backend = backend
        self._away_until = 0.0
        self._limiter = CapacityLimiter(SQL_THREADS)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs ``work``, which must not write, over one snapshot. Raises :class:`StorageUnavailable`."""
        return await to_thread.run_sync(self.run, work, limiter=self._limiter)

    async def write(self, work: Callable[[Connection], T], *, patient: bool = False) -> T:
        """Runs ``work`` and commits it, or nothing of it. Raises :class:`StorageUnavailable`.

        A caller that is cancelled meanwhile does not know whether it was committed; ids and fences make a
        second try harmless.
        """
        return await to_thread.run_sync(lambda: self.run(work, writes=True, patient=patient), limiter=self._limiter)

    @property
    def is_away(self) -> bool:
        """Whether the last one who asked found nobody there."""
        return self._away_until > 0.0

    async def probe(self) -> None:
        """Looks whether a server that was away is back, in place of whoever wants something of it."""
        if self.is_away:
            with suppress(StorageUnavailable):
                await to_thread.run_sync(lambda: self.run(lambda _: None, probes=True), limiter=self._limiter)

    def run(
        self, work: Callable[[Connection], T], *, writes: bool = False, patient: bool = False, probes: bool = False
    ) -> T:
        """The same in the calling thread, for what runs before there is an event loop (migrations)."""
        # While a server is away everybody would wait for it, again and again. One at a time finds out.
        if time.monotonic() < self._away_until and not probes:
            raise StorageUnavailable("the database does not answer; it is asked again in a moment", part="database")
        if self._away_until:
            self._away_until = time.monotonic() + ASKING_SECONDS
        try:
            options = {"writes": writes, "patient": patient}
            with self.engine.connect().execution_options(**options) as connection, connection.begin():
                done = work(connection)
        except _BUGS:
            self._away_until = 0.0
            raise
        except (exc.DBAPIError, exc.TimeoutError) as error:
            is_away = isinstance(error, exc.DBAPIError) and self._backend.is_away(error)
            self._away_until = time.monotonic() + AWAY_SECONDS if is_away else 0.0
            cause = error.orig if isinstance(error, exc.DBAPIError) else error
            # The statement and its values stay out of the message: they hold people's words.
            raise StorageUnavailable(f"the database does not answer: {cause}", part="database") from error
        except BaseException:
            self._away_until = 0.0  # it answered as far as it was asked
            raise
        self._away_until = 0.0
        return done

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
        json_deserializer=_json,
        pool_size=SQL_THREADS,
        max_overflow=0,
        hide_parameters=True,
        **options,
    )
    backend.configure(engine)
    return Database(engine, backend)


def _backend(url: URL) -> Backend:
    backends: dict[str, type[Backend]] = {"sqlite": SqliteBackend, "postgresql": PostgresBackend}
    kind = url.get_backend_name()
    if kind not in backends:
        raise StorageUnavailable(
            f"databases of the kind {kind!r} are not supported; {' and '.join(backends)} are", part="database"
        )
    return backends[kind]()


def insert_or_nothing(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that changes nothing where a row with the same unique values is there already."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table).on_conflict_do_nothing()


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)  # which knows more: a row from elsewhere may hold NaN


def _compact_json(value: object) -> str:
    # A file name can bring half a surrogate pair, which no UTF-8 column takes.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()
