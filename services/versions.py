"""The versions of one recording that 重新识别 made, and what differs between two of them."""

import asyncio
from dataclasses import dataclass

from domain.access import Visitor
from domain.differences import DifferentLine, differences
from domain.errors import NotFound
from domain.history_ports import HistoryStore
from domain.ids import is_id
from domain.recognition import Recognition
from services.amending import left_no_trace


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions and all their lines, each with what differs in it."""

    older: Recognition
    newer: Recognition
    lines: list[DifferentLine]

    @property
    def count(self) -> int:
        """Lines that differ."""
        return sum(line.differs for line in self.lines)


class Versions:
    """As far as a visitor may see them."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store

    async def of(self, recognition_id: str, *, visitor: Visitor) -> list[Recognition]:
        """A row's versions, itself included, oldest first, without word times. Raises :class:`NotFound`."""
        versions = await self._store.versions(recognition_id, user=visitor.scope)
        if not versions:
            # Of rows that are kept there would be one; what leaves no trace is no version of anything.
            row = await self._get(recognition_id, visitor)
            raise left_no_trace(row) if row.no_trace else _not_found(recognition_id)
        return versions

    async def compare(self, one_id: str, other_id: str, *, itn: bool, visitor: Visitor) -> Comparison:
        """What differs in two versions of one recording, on one track, with what people corrected.

        Raises :class:`NotFound`, also for two that are no versions of one another.
        """
        one, other = await self._get(one_id, visitor), await self._get(other_id, visitor)
        if (one.version_of or one.id) != (other.version_of or other.id):
            raise _not_found(other_id)
        older, newer = sorted((one, other), key=lambda row: row.id)
        before, after = older.transcript.segments, newer.transcript.segments
        # In a thread however few they are: a single one may hold hours.
        lines = await asyncio.to_thread(differences, before, after, itn=itn)
        return Comparison(older, newer, lines)

    async def _get(self, recognition_id: str, visitor: Visitor) -> Recognition:
        row = await self._store.get(recognition_id, user=visitor.scope) if is_id(recognition_id) else None
        if row is None:
            raise _not_found(recognition_id)
        return row


def _not_found(recognition_id: str) -> NotFound:
    return NotFound(f"there is no recognition {recognition_id[:60]}")
