"""Rows that are versions of one another: which they are, and the number that each was given for good."""

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from domain.audio_keys import audio_gone
from domain.recognition import Recognition, Status
from storage.pages import visible
from storage.tables import recognitions

_ROW = recognitions.c
#: Versions of one recording that are listed.
MAX_VERSIONS = 100


def version_keys(connection: Connection, recognition_id: str, user: str | None) -> list[int]:
    """The keys of a row's versions, the newest :data:`MAX_VERSIONS` of them; none where there is no such row."""
    first = func.coalesce(_ROW.version_of, _ROW.id)
    of = connection.scalar(select(first).where(_ROW.id == recognition_id, visible(user)))
    if of is None:
        return []
    found = select(_ROW.key).where(_family(of), visible(user))
    return list(connection.scalars(found.order_by(_ROW.version.desc()).limit(MAX_VERSIONS)))


def give_number(connection: Connection, row: Recognition) -> dict[str, int]:
    """The columns that number a new row.

    Each of its siblings remembers the newest number that was given, so that none is given again whichever of them are
    deleted. They are locked, in the order in which others lock rows, until the row is there. Raises :class:`NotFound`
    where the recording expired meanwhile: whoever took it away no longer looks for new rows that want it.
    """
    if row.version_of is None:
        return {"version": row.version, "versions_given": row.version}
    siblings = _family(row.version_of)
    locked = select(_ROW.versions_given, _ROW.audio_key).where(siblings).order_by(_ROW.key).with_for_update()
    found = connection.execute(locked).all()
    is_wanted = row.audio_key and row.status is Status.RUNNING
    if found and is_wanted and all(sibling.audio_key != row.audio_key for sibling in found):
        raise audio_gone()
    number = max(row.version, 1 + max((sibling.versions_given for sibling in found), default=0))
    connection.execute(update(recognitions).where(siblings).values(versions_given=number))
    return {"version": number, "versions_given": number}


def _family(first: str) -> ColumnElement[bool]:
    """Also once the first of them was deleted."""
    return or_(_ROW.id == first, _ROW.version_of == first)
