"""保留: somebody wants a recording kept past its time, and says why."""

import logging

from domain.access import Visitor
from domain.errors import InvalidInput, InvalidOptions
from domain.history_ports import HistoryStore, RetentionStore
from domain.recognition import Hold, Recognition, utc_now
from services.amending import left_no_trace
from services.seen_rows import no_such_row, seen_row

log = logging.getLogger(__name__)

#: Characters of a reason.
MAX_REASON_CHARS = 200


class Holds:
    """The owner's and the administrators'; others do not even see the row. Who held it, when and why is in the hold."""

    def __init__(self, rows: HistoryStore, store: RetentionStore) -> None:
        self._rows = rows
        self._store = store

    async def hold(self, recognition_id: str, reason: str, *, visitor: Visitor) -> Recognition:
        """Keeps the recording and all rows that refer to it; a new reason replaces the one before.

        Raises :class:`NotFound`, :class:`InvalidOptions`, and :class:`InvalidInput` while the recognition runs.
        """
        return await self._set(recognition_id, Hold(_checked(reason), visitor.user, utc_now()), visitor)

    async def release(self, recognition_id: str, *, visitor: Visitor) -> Recognition:
        """They go when their time is over, which may be now. Raises as :meth:`hold`."""
        return await self._set(recognition_id, None, visitor)

    async def _set(self, recognition_id: str, hold: Hold | None, visitor: Visitor) -> Recognition:
        row = await seen_row(self._rows, recognition_id, visitor)
        if row.no_trace:
            raise left_no_trace(row)
        if not row.status.is_final:
            raise InvalidInput(
                "what is under way is kept anyway; hold it when it is done",
                reason="running_hold",
                recognition_id=row.id,
            )
        changed = await self._store.set_hold(row.id, hold, user=visitor.scope)
        if changed is None:
            raise no_such_row(recognition_id)
        log.info("recognition %s is %s by %s", row.id, "held" if hold else "no longer held", visitor.user)
        return changed


def _checked(reason: str) -> str:
    """On one line, without what no database takes."""
    text = "".join(char if char.isprintable() else " " for char in reason)
    text = " ".join(text.encode("utf-8", "ignore").decode().split())
    if not text:
        raise InvalidOptions("a reason is needed", field="reason", reason="missing_reason")
    if len(text) > MAX_REASON_CHARS:
        raise InvalidOptions(
            f"a reason has {MAX_REASON_CHARS} characters at most",
            field="reason",
            reason="reason_too_long",
            limit=MAX_REASON_CHARS,
        )
    return text
