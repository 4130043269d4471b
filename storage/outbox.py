"""A history that loses nothing while its database is away: rows wait in files and land when it is back, once.

A row whose text is on somebody's screen is never given up for want of a database. Landing can be repeated: an id is
inserted once, and a final state is fenced by its attempt, so that a file that has landed and was not removed, because
the process died that moment, does no harm.
"""

import asyncio
import json
import logging
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy.exc import SQLAlchemyError

from domain.errors import StorageUnavailable
from domain.ids import is_id
from domain.recognition import Progress, Recognition
from storage.history import SqlHistory
from storage.process_locks import ProcessLocks
from storage.rows import new_values, recognition_of
from storage.sql import Database

log = logging.getLogger(__name__)

_TIMES = ("created_at", "finished_at", "cached_at")


class Outbox:
    """Rows as files in ``folder``, one each; written whole or not at all. Raises :class:`OSError`."""

    def __init__(self, folder: Path, processes: ProcessLocks) -> None:
        self._folder = folder
        self._processes = processes
        folder.mkdir(parents=True, exist_ok=True)
        self._mine: set[str] = set()

    def holds(self, recognition_id: str) -> bool:
        """Whether this process put it here and it has not landed."""
        return recognition_id in self._mine

    def put(self, row: Recognition) -> None:
        """Keeps the row as it is now; it is on the disk when this returns."""
        values: dict[str, Any] = {**new_values(row), **{name: getattr(row, name) for name in _TIMES}}
        values |= {name: values[name].isoformat() for name in _TIMES if values[name]}
        text = json.dumps({"owner": self._processes.name, "row": values}, ensure_ascii=False)
        part = self._folder / f".{row.id}"
        with part.open("wb") as file:
            file.write(text.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path(row.id))
        self._mine.add(row.id)

    def get(self, recognition_id: str) -> Recognition | None:
        """The row, where it waits here."""
        try:
            return self.read(self._path(recognition_id))[0]
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def read(self, path: Path) -> tuple[Recognition, str]:
        """A row and the process that put it there. Raises ``ValueError`` and its like where it is neither."""
        data = json.loads(path.read_bytes())
        values = cast("Mapping[str, Any]", data["row"])
        times = {name: datetime.fromisoformat(values[name]) if values[name] else None for name in _TIMES}
        return recognition_of({**values, **times}), str(data["owner"])

    def waiting(self) -> list[Path]:
        """What is to land, oldest first: rows of this process, and of those that are dead."""
        return sorted(path for path in self._folder.iterdir() if is_id(path.name))

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
        path.replace(path.with_name(f"{path.name}.refused"))
        self._mine.discard(path.name)

    def _path(self, recognition_id: str) -> Path:
        return self._folder / recognition_id


class LastingHistory(SqlHistory):
    """The history in SQL, with an outbox for the time when there is no SQL."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        super().__init__(database)
        self._outbox = outbox
        # A row must not change while an older state of it lands.
        self._turn = asyncio.Lock()

    async def insert(self, row: Recognition) -> None:
        """Raises :class:`StorageUnavailable` only where neither the database nor the disk takes it."""
        try:
            await super().insert(row)
        except StorageUnavailable as error:
            async with self._turn:
                await self._keep(row, error)

    async def save_progress(self, recognition_id: str, attempt: int, progress: Progress) -> bool:
        """Of a row that has not landed nobody elsewhere knows."""
        if self._outbox.holds(recognition_id):
            return True
        return await super().save_progress(recognition_id, attempt, progress)

    async def finish(self, row: Recognition) -> bool:
        """True also when it will be written later; the fence holds then as well."""
        async with self._turn:
            if self._outbox.holds(row.id):
                await self._keep(row, None)
                return True
        try:
            return await super().finish(row)
        except StorageUnavailable as error:
            async with self._turn:
                await self._keep(row, error)
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

    async def land(self) -> int:
        """Writes what waits, until the database is away again; returns how many rows landed."""
        landed = 0
        for path in await asyncio.to_thread(self._outbox.waiting):
            async with self._turn:
                try:
                    landed += await self._land_one(path)
                except StorageUnavailable:
                    break
                except (SQLAlchemyError, ValueError, LookupError, TypeError):
                    log.exception("the row in %s cannot be written to the history", path)
                    self._outbox.set_aside(path)
        if landed:
            log.info("%d recognitions that waited for the database are in the history", landed)
        return landed

    async def _land_one(self, path: Path) -> bool:
        try:
            row, owner = await asyncio.to_thread(self._outbox.read, path)
        except FileNotFoundError:
            return False  # somebody else was here
        if not self._outbox.is_ours(owner):
            return False
        if not row.status.is_final and not self._outbox.is_mine(owner):
            row = row.with_changes(owner=None)  # whoever had it is dead: anybody may take it up
        await self.add_or_finish(row)
        self._outbox.remove(path)
        return True

    async def _keep(self, row: Recognition, error: StorageUnavailable | None) -> None:
        try:
            await asyncio.to_thread(self._outbox.put, row)
        except OSError as full:
            raise error or StorageUnavailable(f"the disk takes nothing: {full.strerror}", part="outbox") from full
        if error:
            log.warning("recognition %s waits for the database: %s", row.id, error.message)

    async def _waiting_row(self, recognition_id: str, user: str | None) -> Recognition | None:
        # Ids come from addresses: one that this process did not put here is looked up as little as a path.
        if not self._outbox.holds(recognition_id):
            return None
        row = await asyncio.to_thread(self._outbox.get, recognition_id)
        return row if row and user in (None, row.user) else None
