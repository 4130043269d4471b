"""A history that loses nothing while its database is away: rows wait in files and land when it is back, once.

A row whose text is on somebody's screen is never given up for want of a database. Landing can be repeated: an id is
inserted once, and a final state is fenced by its attempt, so that a file that has landed and was not removed, because
the process died that moment, does no harm.
"""

import asyncio
import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, cast
from weakref import WeakValueDictionary

from sqlalchemy.exc import SQLAlchemyError

from domain.errors import StorageUnavailable
from domain.ids import is_id
from domain.recognition import Progress, Recognition
from storage.history import SqlHistory
from storage.process_locks import ProcessLocks
from storage.rows import new_values, recognition_of
from storage.sql import Database

log = logging.getLogger(__name__)

#: A file that a process was writing when it died, in seconds.
_PART_SECONDS = 3600.0
#: The end of the name of a row that cannot land.
_REFUSED = ".refused"
_TIMES = ("created_at", "finished_at", "cached_at")


class Waiting(NamedTuple):
    """A row, the process that put it there, and whether the database had never heard of it."""

    row: Recognition
    owner: str
    is_new: bool


class Outbox:
    """Rows as files in ``folder``, one each; written whole or not at all. Raises :class:`OSError`."""

    def __init__(self, folder: Path, processes: ProcessLocks) -> None:
        self._folder = folder
        self._processes = processes
        folder.mkdir(parents=True, exist_ok=True)
        for part in folder.glob(".*"):
            if part.stat().st_mtime < time.time() - _PART_SECONDS:
                part.unlink(missing_ok=True)
        self._mine: set[str] = set()

    def holds(self, recognition_id: str) -> bool:
        """Whether this process put it here and it has not landed."""
        return recognition_id in self._mine

    def put(self, row: Recognition, *, is_new: bool) -> None:
        """Keeps the row as it is now; it is on the disk when this returns. ``is_new``: the database has none of it."""
        values: dict[str, Any] = {**new_values(row), **{name: getattr(row, name) for name in _TIMES}}
        values |= {name: values[name].isoformat() for name in _TIMES if values[name]}
        text = json.dumps({"owner": self._processes.name, "is_new": is_new, "row": values}, ensure_ascii=False)
        part = self._folder / f".{row.id}"
        with part.open("wb") as file:
            file.write(text.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path(row.id))
        _sync(self._folder)
        self._mine.add(row.id)

    def get(self, recognition_id: str) -> Recognition | None:
        """The row, where it waits here."""
        try:
            return self.read(self._path(recognition_id)).row
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def read(self, path: Path) -> Waiting:
        """What a file holds. Raises ``ValueError`` and its like where that is no row."""
        data = json.loads(path.read_bytes())
        values = cast("Mapping[str, Any]", data["row"])
        times = {name: datetime.fromisoformat(values[name]) if values[name] else None for name in _TIMES}
        return Waiting(recognition_of({**values, **times}), str(data["owner"]), bool(data["is_new"]))

    def waiting(self) -> list[Path]:
        """What is to land, oldest first: rows of this process, and of those that are dead."""
        return sorted(path for path in self._folder.iterdir() if is_id(path.name))

    def audio_keys(self) -> set[str]:
        """The recordings of all rows that are here: somebody may bring in by hand what was set aside, too."""
        names = [*(path.name for path in self.waiting()), *(path.name for path in self._folder.glob(f"*{_REFUSED}"))]
        return {row.audio_key for row in map(self.get, names) if row and row.audio_key}

    def is_ours(self, owner: str) -> bool:
        """Whether nobody else takes care of a row of this process."""
        return owner == self._processes.name or not self._processes.lives(owner)

    def is_mine(self, owner: str) -> bool:
        """Whether this very process put it there."""
        return owner == self._processes.name

    def remove(self, path: Path) -> None:
        """It has landed."""
        path.unlink(missing_ok=True)
        self._mine.discard(path.name)

    def set_aside(self, path: Path) -> None:
        """It cannot land; somebody may look at it."""
        path.replace(path.with_name(f"{path.name}{_REFUSED}"))
        self._mine.discard(path.name)

    def _path(self, recognition_id: str) -> Path:
        return self._folder / recognition_id


class LastingHistory(SqlHistory):
    """The history in SQL, with an outbox for the time when there is no SQL."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        super().__init__(database)
        self._outbox = outbox
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def insert(self, row: Recognition) -> Recognition:
        """Raises :class:`StorageUnavailable` only where neither the database nor the disk takes it."""
        try:
            return await super().insert(row)
        except StorageUnavailable as error:
            async with self._turn(row.id):
                await self._keep(row, is_new=True, why=error)
            return row

    async def save_progress(
        self, recognition_id: str, attempt: int, progress: Progress, *, audio_id: str | None = None
    ) -> bool:
        """Of a row that has not landed nobody elsewhere knows."""
        if self._outbox.holds(recognition_id):
            return True
        return await super().save_progress(recognition_id, attempt, progress, audio_id=audio_id)

    async def finish(self, row: Recognition) -> bool:
        """True also when it will be written later; the fence holds then as well."""
        async with self._turn(row.id):
            if self._outbox.holds(row.id):
                await self._keep(row, is_new=True)
                return True
        try:
            return await super().finish(row)
        except StorageUnavailable as error:
            async with self._turn(row.id):
                await self._keep(row, is_new=False, why=error)
            return True

    async def get(self, recognition_id: str, *, user: str | None) -> Recognition | None:
        """The row, wherever it waits."""
        try:
            row = await super().get(recognition_id, user=user)
        except StorageUnavailable:
            row = await self._waiting_row(recognition_id, user)
            if row is None:
                raise
            return row
        return row or await self._waiting_row(recognition_id, user)

    async def audio_keys_in_use(self, keys: Sequence[str]) -> set[str]:
        """Also by rows that wait, or were set aside."""
        by_waiting = await asyncio.to_thread(self._outbox.audio_keys)
        return await super().audio_keys_in_use(keys) | by_waiting.intersection(keys)

    async def land(self) -> int:
        """Looks whether a database that was away is back, and writes what waits; returns how many rows landed."""
        await self._database.probe()
        landed = 0
        for path in await asyncio.to_thread(self._outbox.waiting):
            if self._database.is_away:
                break
            async with self._turn(path.name):
                try:
                    landed += await self._land_one(path)
                except StorageUnavailable as error:
                    log.warning("the row in %s cannot be written yet: %s", path, error.message)
                except OSError:
                    log.exception("the row in %s cannot be read", path)
                except (SQLAlchemyError, ValueError, LookupError, TypeError):
                    log.exception("the row in %s cannot be written to the history", path)
                    self._outbox.set_aside(path)
        if landed:
            log.info("%d recognitions that waited for the database are in the history", landed)
        return landed

    async def _land_one(self, path: Path) -> bool:
        try:
            row, owner, is_new = await asyncio.to_thread(self._outbox.read, path)
        except FileNotFoundError:
            return False  # somebody else was here
        if not self._outbox.is_ours(owner):
            return False
        if is_new:
            # Whoever had a running one may be dead: anybody may take it up then.
            is_over = row.status.is_final or self._outbox.is_mine(owner)
            await self.add_or_finish(row if is_over else row.with_changes(owner=None))
        else:
            # Somebody else may have finished it, and it may have been deleted: then there is nothing to write.
            await super().finish(row)
        self._outbox.remove(path)
        return True

    async def _keep(self, row: Recognition, *, is_new: bool, why: StorageUnavailable | None = None) -> None:
        try:
            await asyncio.to_thread(lambda: self._outbox.put(row, is_new=is_new))
        except OSError as full:
            raise why or StorageUnavailable(f"the disk takes nothing: {full.strerror}", part="outbox") from full
        if why:
            log.warning("recognition %s waits for the database: %s", row.id, why.message)

    async def _waiting_row(self, recognition_id: str, user: str | None) -> Recognition | None:
        # Ids come from addresses: one that this process did not put here is looked up as little as a path.
        if not self._outbox.holds(recognition_id):
            return None
        row = await asyncio.to_thread(self._outbox.get, recognition_id)
        return row if row and user in (None, row.user) else None

    def _turn(self, recognition_id: str) -> asyncio.Lock:
        """A row must not change while an older state of it lands."""
        return self._turns.setdefault(recognition_id, asyncio.Lock())


def _sync(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
