"""保留 and 解除保留, where a row is open: only the line that tells of it is drawn anew, so that the player plays on."""

from typing import Any

import gradio as gr

from domain.errors import SpeechError
from webui.components.retention import retention_view
from webui.pages.context import PageContext

#: What the page's detail triggers.
HOLD_EVENTS = ("hold", "release")
_PUT = "html => { asr.putRetention(html); }"


def connect_holding(context: PageContext, detail: Any, quiet: dict[str, Any]) -> None:
    """Connects the events of ``detail``."""

    async def changed(event: gr.EventData, request: gr.Request) -> str:
        """Holds with the reason that was given, or releases. Returns the line."""
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
        return retention_view(row, context.words(request), context.services.retention, viewer=visitor)

    line = gr.Textbox(visible="hidden", elem_id="asr-retention-line", container=False)
    for trigger in (detail.hold, detail.release):
        trigger(changed, None, [line], **quiet).success(None, [line], None, js=_PUT)
