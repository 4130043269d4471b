"""不留痕: rows that never reach the database, the outbox or the disk. They live and end in this process's memory."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from domain.history import Deletion
from domain.recognition import Progress, Recognition
from storage.outbox import LastingHistory, Outbox
from storage.sql import Database

#: How long a row can be asked for by its id after its end, in seconds.
KEEP_SECONDS = 600.0
#: Rows that have ended and are kept that long at most; the oldest make room.
KEEP_ROWS = 200


class TracelessHistory(LastingHistory):
    """The history, with such rows beside it: found by their id alone, never listed or searched, lost with the process.

    Who has the id and may see the row follows, cancels, fetches and deletes it as any other.
    """

    def __init__(self, database: Database, outbox: Outbox) -> None:
        super().__init__(database, outbox)
        self._rows: dict[str, Recognition] = {}

    async def insert(self, row: Recognition) -> Recognition:
        """Nothing of it is written where it is to leave no trace."""
        if not row.no_trace:
            return await super().insert(row)
        self._keep_in_memory(row)
        return row

    async def get(self, recognition_id: str, *, user: str | None) -> Recognition | None:
        """The row, wherever it is."""
        row = self._rows.get(recognition_id)
        if row is None:
            return await super().get(recognition_id, user=user)
        return row if user in (None, row.user) else None

    async def save_progress(
        self, recognition_id: str, attempt: int, progress: Progress, *, audio_id: str | None = None
    ) -> bool:
        """How far a row without trace is, only those know who follow it here."""
        row = self._rows.get(recognition_id)
        if row is None:
            return await super().save_progress(recognition_id, attempt, progress, audio_id=audio_id)
        return not row.status.is_final

    async def finish(self, row: Recognition) -> bool:
        """In memory where it is to leave no trace; one that was deleted is not brought back."""
        if not row.no_trace:
            return await super().finish(row)
        before = self._rows.get(row.id)
        if before is None or before.status.is_final:
            return False
        self._keep_in_memory(row)
        return True

    async def delete(self, recognition_ids: Sequence[str], *, user: str | None) -> Deletion:
        """Both kinds."""
        mine = {
            row_id for row_id in recognition_ids if row_id in self._rows and user in (None, self._rows[row_id].user)
        }
        over = {row_id for row_id in mine if self._rows[row_id].status.is_final}
        for row_id in over:
            del self._rows[row_id]
        done = await super().delete([row_id for row_id in recognition_ids if row_id not in mine], user=user)
        return replace(done, deleted=done.deleted + len(over), under_way=done.under_way + len(mine - over))

    def _keep_in_memory(self, row: Recognition) -> None:
        self._rows.pop(row.id, None)
        self._rows[row.id] = row
        if row.status.is_final:
            # Without its time being over it must not wait for somebody to come by.
            asyncio.get_running_loop().call_later(KEEP_SECONDS, self._rows.pop, row.id, None)
            ended = [row_id for row_id, other in self._rows.items() if other.status.is_final]
            for row_id in ended[:-KEEP_ROWS]:
                del self._rows[row_id]
