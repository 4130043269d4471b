"""The result cache in a file of its own: implements ``domain.ports.ResultCache`` with the standard library's SQLite.

Several processes may share the file. Whatever happens to it, the worst outcome is a miss: a damaged file is moved
aside and a new one begun.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread

from domain.ports import CacheEntry, Observer
from storage.packing import GARBAGE, packed, unpacked
from storage.quiet_log import QuietLog

_log = logging.getLogger(__name__)

#: How long a write waits for another process, in ms; then it is left out.
BUSY_TIMEOUT_MS = 250
#: Expired rows that one write removes at most, so that no single write takes long.
_SWEEP_ROWS = 64
#: Rows that are evicted between two looks at the size.
_EVICT_ROWS = 8
#: Eviction goes down to this share of the limit, so that it is not needed at every write.
_EVICT_TO = 0.99
#: The file is no cache of ours, or no longer: damaged, something else, or of another layout.
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)

#: The write-ahead log is cut back to this.
_WAL_BYTES = 8 << 20

#: ``recording``: what an entry is about, so that all that is known of a recording can be forgotten.
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, stored_at REAL NOT NULL, expires_at REAL NOT NULL, "
    "value BLOB NOT NULL, recording TEXT NOT NULL DEFAULT '')",
    "CREATE INDEX IF NOT EXISTS entries_by_age ON entries (stored_at)",
    "CREATE INDEX IF NOT EXISTS entries_by_expiry ON entries (expires_at)",
    "CREATE INDEX IF NOT EXISTS entries_by_recording ON entries (recording) WHERE recording != ''",
)
#: Files of before have no such column.
_ADD_RECORDING = "ALTER TABLE entries ADD COLUMN recording TEXT NOT NULL DEFAULT ''"

T = TypeVar("T")


class EmbeddedCache:
    """At most about ``max_bytes`` on disk; the oldest entries make room. ``now`` gives Unix seconds."""

    def __init__(
        self,
        path: Path,
        max_bytes: int,
        *,
        observer: Observer | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._observer = observer
        self._now = now
        # One connection, one thread at a time: a get takes microseconds.
        self._limiter = CapacityLimiter(1)
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._complaints = QuietLog(_log)

    async def get(self, key: str) -> CacheEntry | None:
        """The entry, or ``None`` where it is missing, expired or garbage (which is then removed)."""
        return await self._run("get", lambda connection: self._get(connection, key))

    async def put(self, key: str, value: dict[str, Any], *, ttl_seconds: float, of: str = "") -> None:
        """Replaces what was there. A value larger than the whole cache is not kept."""
        await self._run("put", lambda connection: self._put(connection, key, packed(value), ttl_seconds, of))

    async def delete(self, keys: Sequence[str]) -> None:
        """Forgets these keys."""
        await self._run("delete", lambda connection: _delete(connection, keys))

    async def forget(self, recordings: Sequence[str]) -> bool:
        """One transaction. False where another process writes for too long, or the file cannot be used."""
        named = [recording for recording in recordings if recording]
        return not named or await self._run("forget", lambda connection: _forget(connection, named)) is not None

    def close(self) -> None:
        """Closes the file; the next call opens it again."""
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    async def _run(self, operation: str, work: Callable[[sqlite3.Connection], T]) -> T | None:
        began = time.monotonic()
        answer = await to_thread.run_sync(self._attempt, operation, work, limiter=self._limiter)
        if self._observer:
            self._observer.observe("asr_cache_seconds", time.monotonic() - began, operation=operation)
        return answer

    def _attempt(self, operation: str, work: Callable[[sqlite3.Connection], T]) -> T | None:
        try:
            try:
                return work(self._open())
            except sqlite3.DatabaseError as error:
                # Errors of the module itself carry no code.
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
                    raise
                self._report(operation, error)
                self._set_aside()
                return work(self._open())
        except (sqlite3.Error, OSError) as error:
            self._report(operation, error)
            return None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()
            self._inode = self._path.stat().st_ino
            connection = sqlite3.connect(
                self._path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
            )
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                # A power failure may cost the last entries, never the file.
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
                _prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _set_aside(self) -> None:
        self.close()
        # Another process may have done it already: its new file is not the damaged one.
        if self._path.stat().st_ino != self._inode:
            return
        self._path.replace(self._path.with_name(self._path.name + ".damaged"))
        for suffix in ("-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _get(self, connection: sqlite3.Connection, key: str) -> CacheEntry | None:
        row = connection.execute("SELECT value, stored_at, expires_at FROM entries WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        try:
            value, stored_at, expires_at = row
            return CacheEntry(unpacked(value), float(stored_at)) if self._now() < float(expires_at) else None
        except GARBAGE as error:
            self._report("get", error)
            _delete(connection, [key])
            return None

    def _put(self, connection: sqlite3.Connection, key: str, value: bytes, ttl_seconds: float, of: str) -> None:
        if ttl_seconds <= 0 or len(value) > self._max_bytes:
            _delete(connection, [key])
            return
        now = self._now()
        with _transaction(connection):
            connection.execute(
                "DELETE FROM entries WHERE key IN (SELECT key FROM entries WHERE expires_at <= ? LIMIT ?)",
                (now, _SWEEP_ROWS),
            )
            connection.execute(
                "INSERT OR REPLACE INTO entries (key, stored_at, expires_at, value, recording) VALUES (?, ?, ?, ?, ?)",
                (key, now, now + ttl_seconds, value, of),
            )
            if _used_bytes(connection) > self._max_bytes:
                self._evict(connection)

    def _evict(self, connection: sqlite3.Connection) -> None:
        oldest = "DELETE FROM entries WHERE key IN (SELECT key FROM entries ORDER BY stored_at, rowid LIMIT ?)"
        while _used_bytes(connection) > self._max_bytes * _EVICT_TO:
            if not connection.execute(oldest, (_EVICT_ROWS,)).rowcount:
                return

    def _report(self, operation: str, error: Exception) -> None:
        if self._observer:
            self._observer.count("asr_cache_errors_total", operation=operation)
        self._complaints.warning(
            "result cache %s: %s failed, which costs a recognition: %s", self._path.name, operation, error
        )


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # Some failures (a full disk) have ended the transaction already.
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _delete(connection: sqlite3.Connection, keys: Sequence[str]) -> None:
    with _transaction(connection):
        connection.executemany("DELETE FROM entries WHERE key = ?", [(key,) for key in keys])


def _forget(connection: sqlite3.Connection, recordings: Sequence[str]) -> bool:
    with _transaction(connection):
        # Said as the index says it, which is then used.
        connection.executemany(
            "DELETE FROM entries WHERE recording = ? AND recording != ''", [(name,) for name in recordings]
        )
    return True


def _prepare(connection: sqlite3.Connection) -> None:
    """Makes the table and its indexes where they are missing; in a transaction, since other processes do so too."""
    if _has_recording(connection):
        return
    create, *indexes = _SCHEMA
    with _transaction(connection):
        connection.execute(create)
        if not _has_recording(connection):
            connection.execute(_ADD_RECORDING)
        for index in indexes:
            connection.execute(index)


def _has_recording(connection: sqlite3.Connection) -> bool:
    return any(name == "recording" for _, name, *_ in connection.execute("PRAGMA table_info(entries)"))


def _used_bytes(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
