"""The versions of one recording that 重新识别 made, and what differs between two of them."""

import asyncio
from dataclasses import dataclass

from domain.access import Visitor
from domain.differences import DifferentLine, differences
from domain.history_ports import HistoryStore
from domain.recognition import Recognition
from services.amending import left_no_trace
from services.seen_rows import no_such_row, seen_row


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions and all their lines, each with what differs in it."""

    older: Recognition
    newer: Recognition
    lines: list[DifferentLine]

    @property
    def count(self) -> int:
        """Places that differ; a line may have several."""
        return sum(line.places for line in self.lines)


class Versions:
    """As far as a visitor may see them."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store

    async def of(self, recognition_id: str, *, visitor: Visitor) -> list[Recognition]:
        """A row's versions, itself included, oldest first, without word times. Raises :class:`NotFound`."""
        versions = await self._store.versions(recognition_id, user=visitor.scope)
        if not versions:
            # Of rows that are kept there would be one; what leaves no trace is no version of anything.
            row = await seen_row(self._store, recognition_id, visitor)
            raise left_no_trace(row) if row.no_trace else no_such_row(recognition_id)
        return versions

    async def compare(self, one_id: str, other_id: str, *, itn: bool, visitor: Visitor) -> Comparison:
        """What differs in two versions of one recording, on one track, with what people corrected.

        Raises :class:`NotFound`, also for two that are no versions of one another.
        """
        one, other = await seen_row(self._store, one_id, visitor), await seen_row(self._store, other_id, visitor)
        if (one.version_of or one.id) != (other.version_of or other.id):
            raise no_such_row(other_id)
        older, newer = sorted((one, other), key=lambda row: row.version)
        before, after = older.transcript.segments, newer.transcript.segments
        # In a thread however few they are: a single one may hold hours.
        lines = await asyncio.to_thread(differences, before, after, itn=itn)
        return Comparison(older, newer, lines)
