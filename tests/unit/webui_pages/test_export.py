"""导出 on the page: the menu, how far it is, and the file."""

from datetime import UTC, datetime

import pytest

from services.exports import MANY_FORMATS, ExportProgress
from webui.components.export import export_menu, failed_view, ready_view, running_view
from webui.i18n import Catalogue, Language, Words

WORDS = Words(Catalogue(), "zh")


def test_the_menu_offers_every_format_in_both_languages() -> None:
    menu = export_menu(Catalogue(), "export_all")
    assert [f'data-format="{name}"' in menu for name in MANY_FORMATS] == [True] * 6
    assert "导出全部结果" in menu and "Export all results" in menu


def test_progress_of_a_selection_has_its_end_and_that_of_a_search_how_far_back_it_is() -> None:
    half = running_view(ExportProgress(total=12, done=6), WORDS)
    assert "正在导出：6 / 12 条" in half and "width:50.0%" in half and 'data-event="stop"' in half
    march = datetime(2026, 3, 5, tzinfo=UTC)
    search = running_view(ExportProgress(done=1200, reached=march), WORDS)
    assert "1,200 条 · 已到 <asr-time" in search and "unknown" in search
    assert "正在导出：0 条" in running_view(ExportProgress(), WORDS)


@pytest.mark.parametrize(("language", "told"), [("zh", "3 条没有文字"), ("en", "Without text, left out: 3")])
def test_the_file_is_fetched_and_what_is_missing_is_told(language: Language, told: str) -> None:
    words = Words(Catalogue(), language)
    shown = ready_view(ExportProgress(done=9, without_text=3), "to/ken", '"><b>.zip', words)
    assert "./v1/exports/to%2Fken" in shown or "./v1/exports/to/ken" in shown
    assert told in shown and "<b>" not in shown
    assert told not in ready_view(ExportProgress(done=9), "t", "a.zip", words)
    assert "&lt;i&gt;" in failed_view("<i>", words)
