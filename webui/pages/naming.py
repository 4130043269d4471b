"""Naming those who speak, the same on every page that shows a text."""

from typing import Any, cast

import gradio as gr

from domain.errors import SpeechError
from domain.recognition import Recognition
from webui.components.result import Shown
from webui.pages.context import PageContext


async def renamed(context: PageContext, current: str, event: gr.EventData, request: gr.Request) -> Recognition:
    """The row with the name that the browser asked for (``asr.askName``)."""
    data = _data(event)
    try:
        row = await context.services.labels.rename(
            current,
            int(data.get("line", -1)),
            str(data.get("given", "")),
            everyone=data.get("everyone") is True,
            visitor=context.visitor(request),
            language=context.words(request).language,
        )
        return await _as_shown(context, row, event, request)
    except (SpeechError, ValueError) as error:
        raise _refused(context, error, request) from None


async def swapped(context: PageContext, current: str, event: gr.EventData, request: gr.Request) -> Recognition:
    """The row with the names of its two channels swapped."""
    visitor, language = context.visitor(request), context.words(request).language
    try:
        row = await context.services.labels.swap(current, visitor=visitor, language=language)
        return await _as_shown(context, row, event, request)
    except SpeechError as error:
        raise _refused(context, error, request) from None


def shown_in(event: gr.EventData) -> Shown | None:
    """The track that the page showed when its button was clicked."""
    shown = _data(event).get("shown")
    return cast(Shown, shown) if shown in ("written", "spoken", "both") else None


async def _as_shown(context: PageContext, row: Recognition, event: gr.EventData, request: gr.Request) -> Recognition:
    """With the spoken track too, where the page shows it: a row does not keep one that was made later."""
    if shown_in(event) in (None, "written") or row.transcript.raw_text is not None:
        return row
    return await context.services.transcription.spoken(row.id, visitor=context.visitor(request))


def _data(event: gr.EventData) -> dict[str, Any]:
    data = event._data
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}


def _refused(context: PageContext, error: Exception, request: gr.Request) -> gr.Error:
    known = error if isinstance(error, SpeechError) else SpeechError("that is no line")
    return gr.Error(context.sentence(known, request), print_exception=False)
