"""A person changes a row that has its text: the same doors and the same refusals for names and for words."""

from domain.access import Visitor
from domain.errors import InvalidInput, StorageUnavailable
from domain.history_ports import Change, HistoryStore
from domain.recognition import Recognition, Status
from services.seen_rows import seen_row


def left_no_trace(row: Recognition) -> InvalidInput:
    """What is kept nowhere has nothing to change, to keep or to play."""
    message = "what leaves no trace cannot be changed, held or recognised anew, and has no recording or versions"
    return InvalidInput(message, reason="no_trace", recognition_id=row.id)


async def amended(store: HistoryStore, recognition_id: str, change: Change, *, visitor: Visitor) -> Recognition:
    """The changed row. Owner and administrators only; others do not even see the row.

    Raises :class:`NotFound`, :class:`InvalidInput` before the text is there and where no trace is left, and what
    ``change`` raises.
    """
    row = await store.amend(recognition_id, change, user=visitor.scope)
    if row is not None:
        return row
    row = await seen_row(store, recognition_id, visitor)
    if row.no_trace:
        raise left_no_trace(row)
    if row.status is Status.SUCCEEDED:  # it waits for the database, or ended this very moment
        raise StorageUnavailable("it is not in the history yet; try again in a moment", part="database")
    raise InvalidInput("it can be changed once its text is there", reason="no_text", recognition_id=row.id)
