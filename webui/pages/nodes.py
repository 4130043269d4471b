"""节点: is everything well, how busy is it, and each node by itself."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from webui.pages.context import PageContext, view
from webui.pages.nodes_events import NodesEvents

#: How often the page looks, in seconds.
LOOK_SECONDS = 2.0


def nodes_page(context: PageContext, on_load: Callable[..., Any]) -> None:
    """Lays the page out and connects it. ``on_load``: the page's load event."""
    events = NodesEvents(context)
    with gr.Column(elem_id="asr-nodes", elem_classes="asr-column"):
        body = view(events=("drain", "resume"), elem_id="asr-nodes-view")
        # Apart from the body, whose every change would empty the field that somebody types into.
        admin = view(elem_id="asr-nodes-admin")
        clock = gr.Timer(LOOK_SECONDS)
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
    on_load(events.load, None, [body, admin], **quiet)
    clock.tick(events.look_again, [body, admin], [body, admin], **quiet)
    body.drain(events.drain, None, [body], **quiet)
    body.resume(events.resume, None, [body], **quiet)
