"""Correcting what was recognised, line by line: every text is kept, the newest is shown, found and taken away."""

from collections.abc import Mapping

from domain.access import Visitor
from domain.corrections import new_corrections
from domain.history_ports import Amendment, HistoryStore, RowState
from domain.recognition import Recognition, utc_now
from services.amending import amended


class Corrections:
    """Changes are the owner's and the administrators'; others do not even see the row."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store

    async def correct(
        self,
        recognition_id: str,
        lines: Mapping[int, str | None],
        *,
        visitor: Visitor,
        based_on: int | None = None,
    ) -> Recognition:
        """Writes texts over segments, by number from 0; ``None`` brings the recognised text back.

        An empty text says that nothing was said there. ``based_on``: how many corrections there were when they were
        written; a line that was corrected since is not written over. Returns the row as it is then. Raises
        :class:`NotFound`, :class:`InvalidOptions` and :class:`Overtaken` (nothing is changed then), and
        :class:`InvalidInput` while the recognition runs.
        """

        def decide(row: RowState) -> Amendment:
            new = new_corrections(
                lines, row.segments, row.corrections, user=visitor.user, at=utc_now(), based_on=based_on
            )
            return Amendment(corrections=new)

        return await amended(self._store, recognition_id, decide, visitor=visitor)
