"""重新识别 in the 历史: what its form asks, and what is asked then."""

import pytest

from domain.errors import InvalidOptions
from domain.options import RecognitionOptions
from domain.presets import Capabilities
from tests.helpers.web_api import a_row
from webui.components.again_form import again_form
from webui.i18n import Catalogue, Words
from webui.pages.asked import asked_again

ZH, EN = Words(Catalogue(), "zh"), Words(Catalogue(), "en")
ROW = a_row(model="demo")


def test_the_form_asks_what_the_model_can_do_as_it_was_asked_before() -> None:
    able = Capabilities(("auto", "zh", "en"), hotwords=True)
    asked = RecognitionOptions(language="zh", hotwords=("</textarea>",))
    html = again_form(ROW.with_changes(options=asked), {"demo": able}, ZH)
    assert "&lt;/textarea&gt;</textarea>" in html and '<option value="zh" selected>中文' in html
    assert 'name="itn" checked' in html
    plain = again_form(ROW.with_changes(options=RecognitionOptions(itn=False)), {"demo": Capabilities()}, ZH)
    assert "hotwords" not in plain and "<select" not in plain and "checked" not in plain


def test_the_form_offers_the_models_that_there_are() -> None:
    offered = {"demo": Capabilities(("zh",)), "big<": Capabilities(("zh", "en"), hotwords=True)}
    html = again_form(ROW.with_changes(model="big<"), offered, ZH)
    assert (
        '<option value="demo" data-no-hotwords>demo</option><option value="big&lt;" selected>big&lt;</option>' in html
    )
    assert 'name="hotwords"' in html and '<option value="en">' in html, "one of them can"
    assert asked_again(RecognitionOptions(), {"model": "demo"}).model == "demo"


def test_what_the_form_does_not_ask_stays_as_before() -> None:
    before = RecognitionOptions.of(language="zh", hotwords="空调", max_segment_ms=5_000, speakers=2, channels="mix")
    assert asked_again(before, {}) == before
    given = asked_again(before, {"hotwords": "北京、上海\n", "itn": False, "language": "en"})
    assert given == before.with_changes(hotwords=given.hotwords, itn=False, language="en")
    assert set(given.hotwords) == {"北京", "上海"}
    assert asked_again(before, {"hotwords": ""}).hotwords == ()
    with pytest.raises(InvalidOptions):
        asked_again(before, {"hotwords": "/etc/passwd"})


def test_a_model_that_takes_no_hotwords_says_so_where_it_can_be_chosen() -> None:
    takes, takes_none = Capabilities(hotwords=True), Capabilities(hotwords=False)
    html = again_form(ROW, {"demo": takes, "plain": takes_none}, EN)
    assert "The chosen model takes no hotwords." in html
    assert '<option value="plain" data-no-hotwords>plain</option>' in html and html.count("data-no-hotwords") == 1
    assert "takes no hotwords" not in again_form(ROW, {"demo": takes, "other": takes}, EN)
