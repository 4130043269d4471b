"""保留 and 解除保留, where a row is open: only the line that tells of it is drawn anew, so that the player plays on."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from domain.errors import SpeechError
from domain.recognition import Recognition
from webui.components.retention import retention_view
from webui.pages.context import PageContext

#: What the page's detail triggers.
HOLD_EVENTS = ("hold", "release")
_PUT = "html => { asr.putRetention(html); }"


#: What the list shows of a row that is held or released: the row, what was searched, the request → items.
Items = Callable[[Recognition, str, gr.Request], Awaitable[str]]


def connect_holding(
    context: PageContext,
    detail: Any,
    items: Items,
    search: Sequence[Component],
    item: Sequence[Component],
    quiet: dict[str, Any],
) -> None:
    """Connects the events of ``detail``; ``item`` takes what the list shows of the row by then."""

    async def changed(search: str, event: gr.EventData, request: gr.Request) -> tuple[str, str]:
        """Holds with the reason that was given, or releases. Returns ``(line, item)``."""
        data, holds = event._data, context.services.holds
        recognition_id = str(data.get("id", ""))
        try:
            visitor = context.visitor(request)
            if data.get("event") == "hold":
                row = await holds.hold(recognition_id, str(data.get("answer", "")), visitor=visitor)
            else:
                row = await holds.release(recognition_id, visitor=visitor)
        except SpeechError as error:
            raise gr.Error(context.sentence(error, request), print_exception=False) from None
        line = retention_view(row, context.words(request), context.services.retention, viewer=visitor)
        return line, await items(row, search, request)

    line = gr.Textbox(visible="hidden", elem_id="asr-retention-line", container=False)
    for trigger in (detail.hold, detail.release):
        trigger(changed, [*search], [line, *item], **quiet).success(None, [line], None, js=_PUT)
