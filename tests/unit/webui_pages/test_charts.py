"""The last hour, drawn."""

import re

from domain.activity import Minute
from webui.components.charts import MAX_LINES, charts_view
from webui.i18n import Catalogue, Words

ZH = Words(Catalogue(), "zh")


def test_the_newest_whole_minute_is_told_and_gaps_are_left_open() -> None:
    hour = [Minute(0, 3, 0.5, 2.0), Minute(1), Minute(2, 6, 0.25, 4.0), Minute(3, 1, 1.0, 9.0)]
    html = charts_view(hour, ZH)
    assert "每分钟完成的录音<b>6</b>" in html and "排队<b>9</b>" in html and "命中率<b>100%</b>" in html
    queue = re.findall(r' d="([^"]*)"', html)[1]
    assert queue.count("M") == 2


def test_an_hour_without_anything_is_drawn() -> None:
    html = charts_view([Minute(at) for at in range(60)], ZH)
    assert "排队<b>–</b>" in html and "nan" not in html


def test_each_node_has_a_line_and_its_name_is_text() -> None:
    names = {f"<b>{n}</b>": 0.1 * n for n in range(10)} | {"local": 1.0}
    html = charts_view([Minute(0, load=names), Minute(1, load=names)], ZH)
    assert "本机" in html and "&lt;b&gt;9&lt;/b&gt;" in html
    assert "<b>9</b></li>" not in html and "&lt;b&gt;1&lt;" not in html
    assert html.count("<li ") == MAX_LINES
