"""What people change in a row that has its text: names, who speaks where, and words; the index follows."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update

from domain.corrections import corrected
from domain.history_ports import Change, RowState
from domain.transcript import Transcript
from storage.rows import bare_segments, corrections_of, found_by, with_names, with_speakers
from storage.search import TextSearch, index_anew
from storage.tables import recognitions

_ROW = recognitions.c
_READ = (_ROW.key, _ROW.user, _ROW.filename, _ROW.labels, _ROW.corrections, _ROW.segments, _ROW.search_text)


def amend(connection: Connection, search: TextSearch, wanted: ColumnElement[bool], change: Change) -> int | None:
    """Changes the one row that is wanted, and returns its key; ``None`` where there is none.

    The row is locked until the transaction ends, so that ``change`` decides by what it holds.
    """
    before = connection.execute(select(*_READ).where(wanted).with_for_update()).one_or_none()
    if before is None:
        return None
    recognised, kept = bare_segments(before.segments), corrections_of(before.corrections)
    names, speakers, added = change(RowState(before.labels, corrected(recognised, kept), kept))
    labels, corrections = with_names(before.labels, names), (*kept, *added)
    text = found_by(before.filename, Transcript(corrected(recognised, corrections)), labels)
    values: dict[str, Any] = {"labels": labels, "search_text": text}
    if speakers:
        values["segments"] = with_speakers(before.segments, speakers)
    if added:
        values["corrections"] = [*before.corrections, *(item.to_json() for item in added)]
    connection.execute(update(recognitions).where(_ROW.key == before.key).values(**values))
    index_anew(search, connection, before.key, before.user, before=before.search_text, after=text)
    return before.key
