"""A row as far as a visitor may see it: the one refusal for what is not there and for what is somebody else's."""

from domain.access import Visitor
from domain.errors import NotFound
from domain.history_ports import HistoryStore
from domain.ids import is_id
from domain.recognition import Recognition

#: Characters of a wrong id that are told back.
_TOLD_CHARS = 60


async def seen_row(store: HistoryStore, recognition_id: str, visitor: Visitor) -> Recognition:
    """The row. Raises :class:`NotFound`."""
    row = await store.get(recognition_id, user=visitor.scope) if is_id(recognition_id) else None
    if row is None:
        raise no_such_row(recognition_id)
    return row


def no_such_row(recognition_id: str) -> NotFound:
    """Nobody learns whether there is one that he may not see."""
    return NotFound(f"there is no recognition {recognition_id[:_TOLD_CHARS]}")
