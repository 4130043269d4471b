"""历史: what was recognised before: search, open, play, recognise anew, delete."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from webui.components.export import export_menu
from webui.components.rows import waiting_rows
from webui.i18n import bilingual, label
from webui.pages.context import PageContext, view
from webui.pages.correcting import ON_CORRECT, ON_PATCH
from webui.pages.delete_events import DeleteEvents
from webui.pages.export_events import ExportEvents
from webui.pages.history_events import HistoryEvents
from webui.pages.history_form import history_form
from webui.pages.holding import HOLD_EVENTS, connect_holding

#: Back and forward in the browser open what the address names. This and 返回 are done in the browser alone: answers of
#: the server could come too late, or in another order.
_ON_LIST = (
    "window.addEventListener('popstate', () => trigger('moved', {}));"
    # 中/EN: the fields are asked for first, so that they come along.
    "window.addEventListener('asr-switch', event => asr.switchSoon(event, () => trigger('switching', {})));"
)
_MOVED = "() => [asr.recognitionInAddress(), asr.unfinishedRows()]"
_BACK = "() => ['', asr.unfinishedRows()]"
_CURRENT = "id => { asr.putInAddress(id, true); asr.turnTo(id); return [id ? undefined : '']; }"
_ON_BAR = (
    "element.addEventListener('click', event => {"
    "if (event.target.closest('[data-clear]')) element.querySelector('asr-selection').clear(); });"
)
_LOADED = "() => [asr.recognitionInAddress(), String(new Date().getTimezoneOffset()), ...asr.prepared()]"
#: As many fields as 更多筛选 has, empty.
_CLEARED = "() => [[], [], [], '', [], [], null, null, false]"


def history_page(context: PageContext, on_load: Callable[..., Any]) -> None:
    """Lays the page out and connects it. ``on_load``: the page's load event."""
    events, exports, deletions = HistoryEvents(context), ExportEvents(context), DeleteEvents(context)
    with gr.Column(elem_id="asr-history", elem_classes="asr-column"):
        # An open detail hides the list (by CSS): Gradio would tear a hidden list down and its scroll position with it.
        with gr.Column(elem_id="asr-history-index"):
            form = history_form(context.catalogue)
            rows = view(
                waiting_rows(),
                events=("open", "moved", "switching"),
                script=_ON_LIST,
                elem_id="asr-history-list",
                html_template='<ul class="asr-rows">${value}</ul>',
            )
            more = gr.Button(label("history_more"), elem_id="asr-more", visible=False)
            bar = view(_selection_bar(context), events=("remove", "export"), script=_ON_BAR, elem_id="asr-selection")
        exported = view(events=("stop",), elem_id="asr-export")
        deleting = view(events=("stop",), elem_id="asr-deleting")
        detail_events = ("back", "cancel", "again", "spoken", "remove", "rename", "swap", "correct", "open", "compare")
        detail = view(events=(*detail_events, *HOLD_EVENTS), script=ON_CORRECT, elem_id="asr-detail")
        current = gr.Textbox(visible="hidden", elem_id="asr-current", container=False)
        patch = gr.Textbox(visible="hidden", elem_id="asr-patch", container=False)
        cursor = gr.Textbox(visible="hidden", elem_id="asr-cursor", container=False)
        left = gr.Textbox(visible="hidden", elem_id="asr-left", container=False)
        item = gr.Textbox(visible="hidden", elem_id="asr-item", container=False)
        begun_here = gr.Textbox(visible="hidden", container=False)
        zone = gr.Textbox(visible="hidden", elem_id="asr-zone", container=False)
        # 全部删除: what the person is asked, and the same once the answer is yes.
        asked = gr.Textbox(visible="hidden", elem_id="asr-asked", container=False)
        agreed = gr.Textbox(visible="hidden", elem_id="asr-agreed", container=False)

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
    search, filters = form.fields[0], [*form.fields, zone]
    page = [rows, cursor, more]
    found = [*page, form.more, form.clear]
    changes = [field.change for field in form.fields]  # pyright: ignore[reportAttributeAccessIssue] - made by Gradio
    gr.on(changes, events.first_page, filters, found, trigger_mode="always_last", **quiet)
    form.clear.click(None, None, form.extra, js=_CLEARED)
    more.click(events.next_page, [cursor, rows, *filters], page, **quiet)
    current.change(None, [current], [detail], js=_CURRENT)
    # Not "always_last", which would wait for the end of a row that runs; who leaves it follows it no longer.
    shown = current.change(events.show, [current, search], [detail], trigger_mode="multiple", **quiet)
    rows.open(events.open, None, [current], cancels=[shown], **quiet)
    for leave, script in ((detail.back, _BACK), (rows.moved, _MOVED)):
        leave(None, cancels=[shown])
        gone = leave(None, None, [current, left], js=script)
        gone.then(events.rows, [left, search], [item], trigger_mode="multiple", **quiet)
        gone.then(events.news, [begun_here, *filters], [*found, begun_here], **quiet)
    # Items into the list as it is at that moment: it may have been drawn anew meanwhile.
    item.change(None, [item, rows], [rows], js="(item, rows) => [asr.withItems(rows, item)]")
    # What shows the row shows its end, too.
    detail.cancel(events.cancel, [current], None, **quiet)
    # The new version takes the place of the one on show, and stands in the list behind it.
    begun = detail.again(events.again, [current], [current], **quiet)
    begun.success(events.first_page, filters, found, **quiet)
    begun.success(None, None, [begun_here], js="() => ['1']")
    detail.open(events.open, None, [current], cancels=[shown], **quiet)
    detail.compare(events.compare, [current], [patch], trigger_mode="multiple", **quiet)
    detail.spoken(events.spoken, [current], [detail], **quiet)
    # The list behind the detail shows the names too.
    for named, change in ((detail.rename, events.rename), (detail.swap, events.swap)):
        named(change, [current, search], [detail, item], **quiet)
    detail.correct(events.correct, [search], [patch, item], trigger_mode="multiple", **quiet)
    patch.change(None, [patch], None, js=ON_PATCH)
    connect_holding(context, detail, events.items, [search], [item], quiet)
    for removed in (bar.remove, detail.remove):
        removed(deletions.remove, [current], [current], **quiet).success(events.first_page, filters, found, **quiet)
    form.remove_found.ask(deletions.ask, filters, [asked], **quiet)
    asked.change(None, [asked], [agreed], js="async asked => [await asr.agreed(asked)]")
    removal = agreed.change(deletions.remove_found, [agreed, *filters], [deleting], **quiet)
    removal.success(events.first_page, filters, found, **quiet)
    deleting.stop(deletions.stop, None, None, **quiet)
    made = [
        wanted.export(exports.export, filters, [exported], trigger_mode="multiple", **quiet)
        for wanted in (bar, form.everything)
    ]
    exported.stop(None, None, [exported], js="() => ['']", cancels=made, **quiet)
    rows.switching(None, form.fields, None, js="(...form) => { asr.switchWith(form); }")
    on_load(events.offered, None, [form.nodes, form.models], **quiet)
    given = on_load(None, None, [current, zone, *form.fields], js=_LOADED)
    given.then(events.first_page, filters, found, **quiet)


def _selection_bar(context: PageContext) -> str:
    catalogue = context.catalogue
    return (
        f"<asr-selection><span data-count></span>{export_menu(catalogue, 'export')}"
        '<button type="button" class="asr-button danger" data-event="remove" '
        f'data-confirm="history_confirm_many">{bilingual(catalogue, "history_delete")}</button>'
        f'<button type="button" class="asr-button quiet" data-clear>{bilingual(catalogue, "history_clear")}</button>'
        "</asr-selection>"
    )
