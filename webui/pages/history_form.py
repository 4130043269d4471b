"""The fields above the list of the 历史 page: search, filters, and 更多筛选 folded below them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from domain.presets import PRESETS
from domain.recognition import CacheOutcome, Source
from webui.components.export import export_menu
from webui.i18n import Catalogue, I18nData, bilingual, label
from webui.pages.context import view
from webui.pages.history_filters import STATUS_FILTERS, TIME_FILTERS, WHOSE_FILTERS


@dataclass(frozen=True)
class HistoryForm:
    """``fields``: in the order of ``Looked``, but for what the browser says of itself."""

    fields: list[Component]
    nodes: gr.Dropdown
    models: gr.Dropdown
    more: gr.Accordion
    #: Empties the fields of 更多筛选; there only while one of them is in use.
    clear: gr.Button
    #: 导出全部结果.
    everything: gr.HTML
    #: 全部删除.
    remove_found: gr.HTML

    @property
    def extra(self) -> list[Component]:
        """The fields of 更多筛选."""
        return self.fields[4:]


def history_form(catalogue: Catalogue) -> HistoryForm:
    """Lays the fields out."""
    search = gr.Textbox(
        label=label("history_search_label"),
        placeholder=label("history_search"),
        show_label=False,
        container=False,
        elem_id="asr-search",
    )
    with gr.Row(elem_classes="asr-filters"):
        when = _radio("when", "history_when_label", TIME_FILTERS, "any")
        whose = _radio("whose", "history_whose_label", WHOSE_FILTERS, "all")
        status = gr.Dropdown(
            [(label(text), value) for value, (text, _) in STATUS_FILTERS.items()],
            value="all",
            label=label("history_status_label"),
            show_label=False,
            container=False,
            filterable=False,
            elem_id="asr-status",
        )
    # One line, and what it unfolds below it.
    with gr.Column(elem_id="asr-list-line"):
        with gr.Row(elem_classes="asr-list-tools"):
            clear = gr.Button(label("filters_clear"), visible=False, size="sm", elem_id="asr-clear-filters")
            everything = view(export_menu(catalogue, "export_all"), events=("export",), elem_id="asr-export-all")
            remove_found = view(
                f'<button type="button" class="asr-button danger" data-event="ask">'
                f"{bilingual(catalogue, 'history_delete_all')}</button>",
                events=("ask",),
                elem_id="asr-delete-all",
            )
        with (
            gr.Accordion(
                label("filters_more"), open=False, elem_classes="asr-advanced", elem_id="asr-more-filters"
            ) as more,
            gr.Row(),
        ):
            nodes = _several("nodes", "detail_node", (), allow_custom_value=True)
            models = _several("models", "detail_model", (), allow_custom_value=True)
            heard = _several("heard", "language_label", ((f"language_{code}", code) for code in _languages()))
            speaker = gr.Textbox(
                label=label("filters_speaker"), placeholder=label("filters_speaker_hint"), elem_id="asr-speaker"
            )
            caches = _several("caches", "filters_cache", ((f"badge_{one}", one.value) for one in CacheOutcome))
            sources = _several("sources", "filters_source", ((f"source_{one}", one.value) for one in Source))
            first = _day("first-day", "filters_first_day")
            last = _day("last-day", "filters_last_day")
            held = gr.Checkbox(label=label("filters_held"), min_width=0, elem_id="asr-held")
    fields = [search, status, when, whose, nodes, models, heard, speaker, caches, sources, first, last, held]
    return HistoryForm(fields, nodes, models, more, clear, everything, remove_found)


def _radio(name: str, label_key: str, offered: dict[str, str], value: str) -> gr.Radio:
    return gr.Radio(
        [(label(text), choice) for choice, text in offered.items()],
        value=value,
        label=label(label_key),
        show_label=False,
        container=False,
        elem_id=f"asr-{name}",
    )


def _several(name: str, label_key: str, offered: Iterable[tuple[str, str]], **more: Any) -> gr.Dropdown:
    choices: list[tuple[str | I18nData, str | int | float]] = [(label(text), value) for text, value in offered]
    return gr.Dropdown(choices, multiselect=True, label=label(label_key), min_width=0, elem_id=f"asr-{name}", **more)


def _day(name: str, label_key: str) -> gr.DateTime:
    return gr.DateTime(include_time=False, type="string", label=label(label_key), min_width=0, elem_id=f"asr-{name}")


def _languages() -> list[str]:
    """Every language that a model may hear."""
    codes = dict.fromkeys(code for preset in PRESETS.values() for code in preset.capabilities.languages)
    return [code for code in codes if code != "auto"]
