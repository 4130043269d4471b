"""Correcting lines, the same on every page that shows a text."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import gradio as gr

from domain.errors import Overtaken, SpeechError
from domain.recognition import Recognition
from webui.api.corrections import corrections_from
from webui.components.origin import person
from webui.components.patch import patch, refusal
from webui.components.transcript import snippet
from webui.pages.context import PageContext
from webui.pages.naming import as_shown

#: Lets the page's script save what was typed (``editing.js``).
ON_CORRECT = "asr.correct = data => trigger('correct', data);"
#: What the server makes of it.
ON_PATCH = "text => { asr.patched(text); }"


async def corrected(
    context: PageContext,
    event: gr.EventData,
    request: gr.Request,
    *,
    search: str = "",
    slots: Callable[[Recognition], Awaitable[Mapping[str, str]]] | None = None,
) -> tuple[Recognition | None, str]:
    """Writes what was typed. Returns the row, and what the page shows of it (:mod:`webui.components.patch`).

    The row is the one in which somebody typed, whatever the page shows by now. Where it is refused: the reason is
    told, and there is no row, but where somebody else changed it meanwhile: then that is shown. ``slots``: what else
    the page shows of the changed row.
    """
    data = cast("dict[str, Any]", event._data if isinstance(event._data, dict) else {})
    recognition_id = str(data.get("id", ""))
    words, visitor = context.words(request), context.visitor(request)
    is_saved = True
    try:
        lines, based_on = corrections_from({name: data.get(name) for name in ("lines", "based_on")})
        try:
            row = await context.services.corrections.correct(recognition_id, lines, visitor=visitor, based_on=based_on)
        except Overtaken as error:
            is_saved = False
            row = await context.services.history.get(recognition_id, visitor=visitor)
            who, text = person(error.details["user"], words, visitor), snippet(error.details["text"], "")
            restored = data.get("restored")
            is_restored = isinstance(restored, list) and error.details["line"] in restored
            key = "correction_overtaken_restore" if is_restored else "correction_overtaken"
            gr.Warning(words.html(key, who=who, text=text), title="")
    except SpeechError as error:
        gr.Warning(context.sentence(error, request), title="")
        return None, refusal(recognition_id)
    row = await as_shown(context, row, event, request)
    # What others wrote since is news for the page, too.
    since = {item.segment for item in row.corrections[based_on:]} if based_on is not None else set[int]()
    changed = patch(
        row,
        words,
        lines=lines.keys() | since,
        search=search,
        slots=await slots(row) if slots else {},
        saved=lines.keys() if is_saved else (),
        overtaken=() if is_saved else lines.keys() & since,
    )
    return row, changed
