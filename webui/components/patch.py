"""Pieces of a result that is on show: the page puts them in (``asr.patched``), and the player plays on."""

import json
from collections.abc import Collection, Iterable, Mapping

from domain.ids import new_id
from domain.recognition import Recognition
from webui.components.result import whole_texts
from webui.components.transcript import some_lines
from webui.i18n import Words


def patch(
    row: Recognition,
    words: Words,
    *,
    lines: Iterable[int] = (),
    search: str = "",
    slots: Mapping[str, str] | None = None,
    saved: Collection[int] = (),
    overtaken: Collection[int] = (),
) -> str:
    """The lines of these numbers as they are now, and HTML by the ``data-slot`` that it fills.

    ``saved``: those that were just written; ``overtaken``: those that somebody else had written in meanwhile.
    """
    items = some_lines(row.transcript.segments, lines, words, search=search, labels=row.labels)
    return _as_json(
        row.id,
        lines=items,
        texts=whole_texts(row, words) if items else {},
        slots=slots or {},
        seen=len(row.corrections),
        saved=list(saved),
        overtaken=list(overtaken),
    )


def slots_patch(recognition_id: str, slots: Mapping[str, str]) -> str:
    """Only HTML by the ``data-slot`` that it fills."""
    return _as_json(recognition_id, slots=slots)


def refusal(recognition_id: str) -> str:
    """Nothing was changed: what somebody typed is still theirs to save."""
    return _as_json(recognition_id, refused=True)


def _as_json(recognition_id: str, **data: object) -> str:
    # The stamp: the same again is news, too.
    return json.dumps({"id": recognition_id, "stamp": new_id(), **data}, ensure_ascii=False)
