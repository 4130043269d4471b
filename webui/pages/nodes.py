"""节点: is everything well, how busy is it, and each node by itself."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from webui.pages.context import PageContext, view
from webui.pages.nodes_events import NodesEvents

#: How often the page looks, in seconds.
LOOK_SECONDS = 2.0
#: What the buttons of the page have done.
_EVENTS = ("drain", "resume", "change_node", "test_node", "promote_node", "remove_node", "add_node")


def nodes_page(context: PageContext, on_load: Callable[..., Any]) -> None:
    """Lays the page out and connects it. ``on_load``: the page's load event."""
    events = NodesEvents(context)
    with gr.Column(elem_id="asr-nodes", elem_classes="asr-column"):
        body = view(events=_EVENTS, elem_id="asr-nodes-view")
        more = view(elem_id="asr-nodes-more")
        # Apart from the body, whose every change would empty the field that somebody types into.
        admin = view(elem_id="asr-nodes-admin")
        # What is news goes into the page piece by piece (``asr.draw``): what somebody opened, chose or points at stays.
        newest, newest_more = (gr.Textbox(visible="hidden", container=False) for _ in range(2))
        # No gr.State: with one every page would hold a connection open for as long as it is.
        shown = gr.Textbox(visible="hidden", container=False)
        clock = gr.Timer(LOOK_SECONDS)
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
    on_load(events.load, None, [body, more, admin], **quiet)
    clock.tick(events.look_again, [shown], [newest, newest_more, admin, shown], **quiet)
    for name in _EVENTS:
        getattr(body, name)(getattr(events, name), None, [newest, newest_more], **quiet)
    newest.change(None, [newest], None, js="html => { asr.draw('#asr-nodes-view', html); }")
    newest_more.change(None, [newest_more], None, js="html => { asr.draw('#asr-nodes-more', html); }")
