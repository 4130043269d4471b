"""Correcting lines, the same on every page that shows a text."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import gradio as gr

from domain.errors import SpeechError
from domain.recognition import Recognition
from webui.api.corrections import corrections_from
from webui.components.patch import patch, refusal
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
    told, and there is no row. ``slots``: what else the page shows of the changed row.
    """
    data = cast("dict[str, Any]", event._data if isinstance(event._data, dict) else {})
    recognition_id = str(data.get("id", ""))
    try:
        lines = corrections_from({"lines": data.get("lines")})
        row = await context.services.corrections.correct(recognition_id, lines, visitor=context.visitor(request))
    except SpeechError as error:
        gr.Warning(context.sentence(error, request), title="")
        return None, refusal(recognition_id)
    row = await as_shown(context, row, event, request)
    others = await slots(row) if slots else {}
    return row, patch(row, context.words(request), lines=lines, search=search, slots=others)
