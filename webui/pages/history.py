"""历史: what was recognised before: search, open, play, recognise anew, delete."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from webui.components.export import export_menu
from webui.components.rows import waiting_rows
from webui.i18n import bilingual, label
from webui.pages.context import PageContext, view
from webui.pages.export_events import ExportEvents
from webui.pages.history_events import STATUS_FILTERS, TIME_FILTERS, WHOSE_FILTERS, HistoryEvents

#: Back and forward in the browser open what the address names. This and 返回 are done in the browser alone: answers of
#: the server could come too late, or in another order.
_ON_LIST = "window.addEventListener('popstate', () => trigger('moved', {}));"
_MOVED = "current => [asr.recognitionInAddress(), asr.unfinishedRow(current)]"
_BACK = "current => ['', asr.unfinishedRow(current)]"
_CURRENT = "id => { asr.putInAddress(id, true); return [id ? undefined : '']; }"
_ON_BAR = (
    "element.addEventListener('click', event => {"
    "if (event.target.closest('[data-clear]')) element.querySelector('asr-selection').clear(); });"
)
_TIME_ZONE = "() => [asr.recognitionInAddress(), String(new Date().getTimezoneOffset())]"


def history_page(context: PageContext, on_load: Callable[..., Any]) -> None:
    """Lays the page out and connects it. ``on_load``: the page's load event."""
    events, exports = HistoryEvents(context), ExportEvents(context)
    with gr.Column(elem_id="asr-history", elem_classes="asr-column"):
        # An open detail hides the list (by CSS): Gradio would tear a hidden list down and its scroll position with it.
        with gr.Column(elem_id="asr-history-index"):
            search, status, when, whose = _filters()
            everything = view(
                export_menu(context.catalogue, "export_all"), events=("export",), elem_id="asr-export-all"
            )
            rows = view(
                waiting_rows(),
                events=("open", "moved"),
                script=_ON_LIST,
                elem_id="asr-history-list",
                html_template='<ul class="asr-rows">${value}</ul>',
            )
            more = gr.Button(label("history_more"), elem_id="asr-more", visible=False)
            bar = view(_selection_bar(context), events=("remove", "export"), script=_ON_BAR, elem_id="asr-selection")
        exported = view(events=("stop",), elem_id="asr-export")
        detail = view(events=("back", "cancel", "again", "spoken", "remove", "rename", "swap"), elem_id="asr-detail")
        current = gr.Textbox(visible="hidden", elem_id="asr-current", container=False)
        cursor = gr.Textbox(visible="hidden", elem_id="asr-cursor", container=False)
        left = gr.Textbox(visible="hidden", elem_id="asr-left", container=False)
        item = gr.Textbox(visible="hidden", elem_id="asr-item", container=False)
        zone = gr.Textbox(visible="hidden", elem_id="asr-zone", container=False)
        goto = gr.Textbox(visible="hidden", elem_id="asr-goto", container=False)

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
    filters = [search, status, when, whose, zone]
    page = [rows, cursor, more]
    for changed in (search.change, status.change, when.change, whose.change):
        changed(events.first_page, filters, page, trigger_mode="always_last", **quiet)
    more.click(events.next_page, [*filters, cursor, rows], page, **quiet)
    current.change(None, [current], [detail], js=_CURRENT)
    # Not "always_last", which would wait for the end of a row that runs; who leaves it follows it no longer.
    shown = current.change(events.show, [current, search], [detail], trigger_mode="multiple", **quiet)
    rows.open(events.open, None, [current], cancels=[shown], **quiet)
    for leave, script in ((detail.back, _BACK), (rows.moved, _MOVED)):
        leave(None, cancels=[shown])
        gone = leave(None, [current], [current, left], js=script)
        gone.then(events.row, [left, search], [item], trigger_mode="multiple", **quiet)
    # One item into the list as it is at that moment: it may have been drawn anew meanwhile.
    item.change(None, [item, rows], [rows], js="(item, rows) => [asr.withItem(rows, item)]")
    # What shows the row shows its end, too.
    detail.cancel(events.cancel, [current], None, **quiet)
    detail.again(events.again, [current], [goto], **quiet)
    goto.change(None, [goto], None, js="id => { if (id) location.href = './?r=' + encodeURIComponent(id); }")
    detail.spoken(events.spoken, [current], [detail], **quiet)
    # The list behind the detail shows the names too.
    for named, change in ((detail.rename, events.rename), (detail.swap, events.swap)):
        named(change, [current, search], [detail, item], **quiet)
    for removed in (bar.remove, detail.remove):
        removed(events.remove, [current], [current], **quiet).success(events.first_page, filters, page, **quiet)
    made = [
        asked.export(exports.export, filters, [exported], trigger_mode="multiple", **quiet)
        for asked in (bar, everything)
    ]
    exported.stop(None, None, [exported], js="() => ['']", cancels=made, **quiet)
    on_load(None, None, [current, zone], js=_TIME_ZONE).then(events.first_page, filters, page, **quiet)


def _filters() -> tuple[gr.Textbox, gr.Dropdown, gr.Radio, gr.Radio]:
    search = gr.Textbox(
        label=label("history_search_label"),
        placeholder=label("history_search"),
        show_label=False,
        container=False,
        elem_id="asr-search",
    )
    with gr.Row(elem_classes="asr-filters"):
        when = _choice("when", "history_when_label", TIME_FILTERS, "any")
        whose = _choice("whose", "history_whose_label", WHOSE_FILTERS, "all")
        status = gr.Dropdown(
            [(label(text), value) for value, (text, _) in STATUS_FILTERS.items()],
            value="all",
            label=label("history_status_label"),
            show_label=False,
            container=False,
            filterable=False,
            elem_id="asr-status",
        )
    return search, status, when, whose


def _choice(name: str, label_key: str, offered: dict[str, str], value: str) -> gr.Radio:
    return gr.Radio(
        [(label(text), choice) for choice, text in offered.items()],
        value=value,
        label=label(label_key),
        show_label=False,
        container=False,
        elem_id=f"asr-{name}",
    )


def _selection_bar(context: PageContext) -> str:
    catalogue = context.catalogue
    return (
        f"<asr-selection><span data-count></span>{export_menu(catalogue, 'export')}"
        '<button type="button" class="asr-button danger" data-event="remove" '
        f'data-confirm="history_confirm_many">{bilingual(catalogue, "history_delete")}</button>'
        f'<button type="button" class="asr-button quiet" data-clear>{bilingual(catalogue, "history_clear")}</button>'
        "</asr-selection>"
    )
