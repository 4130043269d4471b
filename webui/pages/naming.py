"""Naming those who speak, the same on every page that shows a text."""

from typing import Any, cast, get_args

import gradio as gr

from domain.errors import InvalidOptions, SpeechError
from domain.plain import as_whole
from domain.recognition import Recognition, Status
from services.labels import Whom
from webui.components.result import Shown
from webui.pages.context import PageContext


async def renamed(context: PageContext, current: str, event: gr.EventData, request: gr.Request) -> Recognition:
    """The row with the name that the browser asked for (``asr.askName``).

    Where that is refused: the reason is told, and the row comes as it is by now; somebody may have named others in it.
    """
    data = _data(event)
    try:
        row = await context.services.labels.rename(
            current,
            _line(data),
            str(data.get("given", "")),
            whom=_whom(data),
            visitor=context.visitor(request),
            language=context.words(request).language,
        )
    except SpeechError as error:
        row = await _refused(context, current, error, request)
    return await as_shown(context, row, event, request)


async def swapped(context: PageContext, current: str, event: gr.EventData, request: gr.Request) -> Recognition:
    """The row with the names of its two channels swapped; refused as by :func:`renamed`."""
    try:
        row = await context.services.labels.swap(current, visitor=context.visitor(request))
    except SpeechError as error:
        row = await _refused(context, current, error, request)
    return await as_shown(context, row, event, request)


def shown_in(event: gr.EventData) -> Shown | None:
    """The track that the page showed when its button was clicked."""
    shown = _data(event).get("shown")
    return cast(Shown, shown) if shown in ("written", "spoken", "both") else None


async def as_shown(context: PageContext, row: Recognition, event: gr.EventData, request: gr.Request) -> Recognition:
    """With the spoken track too, where the page shows it: a row does not keep one that was made later.

    What was changed is changed by then: where the track cannot be had, the row is shown as it is.
    """
    if shown_in(event) in (None, "written") or row.transcript.raw_text is not None:
        return row
    try:
        return await context.services.transcription.spoken(row.id, visitor=context.visitor(request))
    except SpeechError:
        return row


def _data(event: gr.EventData) -> dict[str, Any]:
    data = event._data
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}


def _line(data: dict[str, Any]) -> int:
    try:
        return as_whole(data.get("line", -1))
    except (TypeError, ValueError):
        raise InvalidOptions("that is no line", field="lines", reason="no_such_line") from None


def _whom(data: dict[str, Any]) -> Whom:
    whom = data.get("whom")
    return cast(Whom, whom) if whom in get_args(Whom) else "line"


async def _refused(context: PageContext, current: str, error: SpeechError, request: gr.Request) -> Recognition:
    """Tells why, and returns the row that the page is to show. Raises ``gr.Error`` where there is none with names."""
    told = context.sentence(error, request)
    try:
        row = await context.services.history.get(current, visitor=context.visitor(request))
    except SpeechError:
        row = None
    if row is None or row.status is not Status.SUCCEEDED:
        raise gr.Error(told, print_exception=False) from None
    gr.Warning(told, title="")
    return row
