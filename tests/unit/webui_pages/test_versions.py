"""Corrected lines and versions on the pages."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest

from domain.access import Visitor
from domain.corrections import Correction, corrected
from domain.differences import differences
from domain.errors import InvalidOptions, NotFound, Overtaken
from domain.options import RecognitionOptions
from domain.recognition import CacheOutcome, Recognition, Source, Status
from domain.transcript import Segment, Transcript
from services.versions import Comparison
from tests.helpers.steps import steps_of
from webui.components.history_detail import detail_view
from webui.components.patch import patch
from webui.components.result import result_view
from webui.components.rows import history_rows
from webui.components.transcript import lines
from webui.components.versions import MAX_LISTED, comparison_view, versions_view
from webui.i18n import Catalogue, Words
from webui.pages.correcting import corrected as correct
from webui.pages.history_events import HistoryEvents
from webui.sentences import sentence

ZH, EN = Words(Catalogue(), "zh"), Words(Catalogue(), "en")
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ME, ADMIN = Visitor("me"), Visitor("root", is_admin=True)
HELLO = (Segment(0, 900, "二号好", "2号好"), Segment(900, 1800, "天器<b>", "天器<b>", suspect="repetition"))
ROW = Recognition(
    "0192f0c1-0000-7000-8000-000000000001",
    "me",
    Source.WEB,
    "会议.wav",
    RecognitionOptions(language="zh", hotwords=("空调",)),
    Status.SUCCEEDED,
    audio_key="2026/11/x",
    transcript=Transcript(HELLO, "zh"),
    cache=CacheOutcome.MISS,
    model="demo",
    created_at=AT,
)


def written(*changes: tuple[int, str | None], user: str = "me") -> Recognition:
    log = tuple(Correction(number, text, user, AT) for number, text in changes)
    return ROW.with_changes(corrections=log, transcript=Transcript(corrected(HELLO, log), "zh"))


def version(number: int, **changes: Any) -> Recognition:
    return ROW.with_changes(id=ROW.id[:-1] + str(number), version=number, version_of=ROW.id, **changes)


# Lines


def test_a_corrected_line_says_what_was_recognised_and_is_no_longer_suspect() -> None:
    html = result_view(written((1, "天气 --> <i>")), ZH)
    assert "天气 --&gt; &lt;i&gt;" in html and "识别原文：天器&lt;b&gt;" in html and "<i>" not in html
    assert html.count("data-restore") == 1 and "已修改" in html and 'class="asr-suspect"' not in html
    assert 'class="asr-suspect"' in result_view(written((1, "x"), (1, None)), ZH)
    assert '<template data-text="written">2号好天气 --&gt; &lt;i&gt;</template>' in html
    assert "Recognised: 天器" in result_view(written((1, "x")), EN)


def test_a_line_that_says_nothing_can_still_be_clicked() -> None:
    html = result_view(written((0, "")), ZH)
    assert html.count('data-nothing="（没有文字）"></span>') == 2


def test_only_a_whole_text_can_be_written_in() -> None:
    assert result_view(ROW, ZH).count("data-edit") == 4
    failed = ROW.with_changes(status=Status.CANCELLED, error={"code": "cancelled"})
    assert "data-edit" not in result_view(failed, ZH) and "点击文字可修改" not in result_view(failed, ZH)
    assert "data-edit" not in detail_view(ROW.with_changes(status=Status.RUNNING), ZH)


def test_search_marks_the_new_words() -> None:
    html = lines(written((1, "天气")).transcript.segments, ZH, search="天气")
    assert "<mark>天气</mark>" in html and html.count("data-found") == 1
    assert "data-found" not in lines(written((1, "天气")).transcript.segments, ZH, search="天器")


def test_what_stood_before_a_correction_is_text() -> None:
    row = written((1, '<img src=x onerror="x">'), (1, "天气"))
    html = versions_view(row, [row], ZH, ME)
    assert "<img" not in html and 'data-text="&lt;img src=x onerror=&quot;x&quot;&gt;"' in html


def test_any_corrections_are_shown_in_little_time() -> None:
    draw = random.Random(1)
    texts = ["".join(draw.choices(("嗯，", "啊，", "好，"), k=1_000)) for _ in range(MAX_LISTED)]
    row = written(*((0, text) for text in texts), (1, "天气"))
    views: list[str] = []
    # Compared in full they would be a hundred times as many.
    assert steps_of(lambda: views.append(versions_view(row, [row], ZH, ME))) < 200_000
    [html] = views
    # One long comparison leaves room for the short ones.
    assert "<del>天器&lt;b&gt;</del><ins>天气</ins>" in html
    row = written((1, "天气"), (1, "天器"), *((0, text) for text in texts[2:]))
    assert "天<del>气</del><ins>器</ins>" in versions_view(row, [row], ZH, ME)


def test_a_track_that_nobody_can_make_any_more_is_not_offered() -> None:
    written_only = Transcript((Segment(0, 900, None, "2号好"),), "zh")
    row = ROW.with_changes(transcript=written_only)
    assert 'data-event="spoken"' in result_view(row, ZH)
    for gone in (row.with_changes(audio_key=None), row.with_changes(audio_key=None, no_trace=True)):
        assert 'data-event="spoken"' not in result_view(gone, ZH) and "asr-switch" not in result_view(gone, ZH)


def test_of_a_long_text_what_is_near_its_change_is_listed() -> None:
    long = "一二三四五六七八九十" * 1_000
    html = versions_view(row := written((0, f"{long}好{long}"), (0, f"{long}坏{long}")), [row], ZH, ME)
    assert "…" + long[-40:] + "<del>好</del><ins>坏</ins>" + long[:40] + "…</span>" in html


# Patches


def test_a_patch_holds_the_changed_lines_and_what_is_copied() -> None:
    row = written((1, "天气"))
    data = json.loads(patch(row, ZH, lines=[1, 99], search="气"))
    assert list(data["lines"]) == ["1"]
    assert data["lines"]["1"] in lines(row.transcript.segments, ZH, search="气")
    assert data["texts"] == {"written": "2号好天气", "spoken": "二号好天气"}
    assert patch(row, ZH) != patch(row, ZH), "the same again is news"


class Services:
    """Corrections that are taken, or refused."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.given: dict[int, str | None] = {}
        self.row = written((1, "天气"))

    async def correct(
        self, recognition_id: str, given: dict[int, str | None], *, based_on: int | None, **_: Any
    ) -> Recognition:
        if self.error:
            raise self.error
        self.given = given
        return self.row

    async def get(self, recognition_id: str, **_: Any) -> Recognition:
        return self.row


def context(services: Services, words: Words = ZH) -> Any:
    return SimpleNamespace(
        services=SimpleNamespace(corrections=services, history=services),
        visitor=lambda _request: ME,
        words=lambda _request: words,
        sentence=lambda error, _request: sentence(error, "zh"),
    )


async def test_what_was_typed_is_saved_in_the_row_in_which_it_was_typed() -> None:
    services = Services()
    event = gr.EventData(None, {"id": ROW.id, "lines": {"1": "天气", "0": None}, "shown": "written"})
    row, changed = await correct(context(services), event, cast(Any, None))
    assert row is not None
    assert services.given == {1: "天气", 0: None}
    data = json.loads(changed)
    assert set(data["lines"]) == {"0", "1"}
    assert (sorted(data["saved"]), data["overtaken"], data["seen"]) == ([0, 1], [], 1)


async def test_what_others_wrote_meanwhile_comes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda text, **_: told.append(text))
    services = Services()
    services.row = written((1, "天气"), (0, "三号好"))
    event = gr.EventData(None, {"id": ROW.id, "lines": {"0": "三号好"}, "based_on": 0})
    data = json.loads((await correct(context(services), event, cast(Any, None)))[1])
    assert (set(data["lines"]), data["saved"], data["overtaken"], data["seen"]) == ({"0", "1"}, [0], [], 2)
    # Of two lines that are sent one is somebody else's by now: it is told whose, and neither is saved.
    services.error = Overtaken("x", line=1, text="天气<b>", user="ann")
    event = gr.EventData(None, {"id": ROW.id, "lines": {"0": "四号好", "1": "x"}, "based_on": 1})
    services.row = written((0, "三号好"), (1, "天气"))
    row, changed = await correct(context(services), event, cast(Any, None))
    data = json.loads(changed)
    assert row == services.row and not data.get("refused")
    assert (data["saved"], data["overtaken"], data["seen"]) == ([], [1], 2)
    assert "天气" in data["lines"]["1"]
    assert told == ["这一句刚被改过（管理员）：“天气&lt;b&gt;”；您写的没有保存，留在这一句下面。"]


@pytest.mark.parametrize("restored_text", [None, "天七"], ids=["recognised", "an earlier correction"])
@pytest.mark.parametrize(
    ("words", "sentence_told"),
    [
        (ZH, "这一句刚被改过（管理员）：“天气&lt;b&gt;”；因此没有还原。"),
        (EN, "This line was changed meanwhile (Administrator): “天气&lt;b&gt;”. Nothing was taken back."),
    ],
    ids=["zh", "en"],
)
async def test_who_takes_a_line_back_that_others_changed_is_told_that_it_was_not(
    words: Words, sentence_told: str, restored_text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda text, **_: told.append(text))
    services = Services(Overtaken("x", line=1, text="天气<b>", user="ann"))
    services.row = written((1, "天七"), (1, "天气<b>"))
    # 还原 at the line itself, or in the list of corrections, where it names the text that comes back.
    sent = {"id": ROW.id, "lines": {"1": restored_text}, "restored": [1], "based_on": 1}
    row, changed = await correct(context(services, words), gr.EventData(None, sent), cast(Any, None))
    data = json.loads(changed)
    assert row == services.row and "天气&lt;b&gt;" in data["lines"]["1"]
    assert (data["saved"], data["overtaken"], data["seen"]) == ([], [1], 2)
    assert told == [sentence_told]
    # What was typed into that line is kept, whatever else is taken back along with it.
    for restored in ([0], None, 1, {"1": 1}):
        event = gr.EventData(None, {**sent, "lines": {"0": None, "1": "x"}, "restored": restored})
        await correct(context(services, words), event, cast(Any, None))
    assert told[1:] == [words.html("correction_overtaken", who=words("user_admin"), text="天气<b>")] * 4


@pytest.mark.parametrize("data", [None, [], {}, {"lines": "x"}, {"lines": {"0": 7}}, {"lines": {"x": "y"}}])
async def test_what_the_browser_never_sends_is_refused(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda text, **_: told.append(text))
    row, changed = await correct(context(Services()), gr.EventData(None, data), cast(Any, None))
    assert row is None and json.loads(changed)["refused"] and len(told) == 1


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (NotFound("gone"), "找不到这条记录"),
        (InvalidOptions("long", field="lines", reason="text_too_long", limit=9), "这一句太长：最多 9 个字。"),
        (InvalidOptions("often", field="lines", reason="too_many_corrections"), "修改的次数太多"),
    ],
)
async def test_a_refusal_is_told_and_gives_the_text_back(
    error: Exception, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda text, **_: told.append(text))
    event = gr.EventData(None, {"id": ROW.id, "lines": {"0": "x"}})
    row, changed = await correct(context(Services(error)), event, cast(Any, None))
    assert row is None and text in told[0]
    assert json.loads(changed)["refused"] and json.loads(changed)["id"] == ROW.id


# Versions


def test_one_version_as_recognised_needs_no_list() -> None:
    assert versions_view(ROW, [ROW], ZH, ME) == versions_view(ROW, [], ZH, ME) == ""


def test_the_versions_say_what_was_asked_for_otherwise() -> None:
    second = version(2, options=replace(ROW.options, hotwords=("<王>",), itn=False), model="nano")
    third = version(3, status=Status.RUNNING, transcript=Transcript(), cache=None, model=None)
    html = versions_view(second, [ROW, second, third], ZH, ME)
    assert html.index("第 3 版") < html.index("第 2 版") < html.index("第 1 版")
    assert "热词：&lt;王&gt;" in html and "不做文本规整" in html and "热词：空调" in html
    assert html.count('aria-current="true"') == 1 and html.count('data-event="open"') == 2
    # What has no text yet cannot be compared, nor compares what is under way with others.
    assert html.count('data-event="compare"') == 1 and f'data-with="{ROW.id}"' in html
    assert 'data-event="compare"' not in versions_view(third, [ROW, second, third], ZH, ME)
    assert "识别中" in html and "nano" in html


def test_the_list_says_which_rows_are_versions() -> None:
    html = history_rows([version(2), ROW], ZH)
    assert html.count("asr-version") == 1 and "第 2 版" in html
    assert "Version 2" in detail_view(version(2), EN)


def test_corrections_are_listed_newest_first_and_can_be_undone() -> None:
    row = written((1, "天气"), (0, ""), (1, "天气很好"), (0, None))
    html = versions_view(row, [row], ZH, ME)
    assert "修改记录 · 4" in html
    assert html.index("很好") < html.rindex("<del>")
    # Of each what stood there before can come back, but where it stands there by now.
    assert html.count("data-restore=") == 3
    assert 'data-restore="1" data-text="天气"' in html and 'data-restore="0" data-text=""' in html
    assert "<del>天器&lt;b&gt;</del><ins>天气</ins>" in html, "they share too little"


def test_who_corrected_is_told_as_far_as_one_may_know() -> None:
    by_admin = written((0, "x"), user="root")
    assert "管理员 <asr-time" in versions_view(by_admin, [by_admin], ZH, ME)
    assert "root" not in versions_view(by_admin, [by_admin], ZH, ME)
    assert "我 <asr-time" in versions_view(by_admin, [by_admin], ZH, ADMIN)
    by_me = written((0, "x"))
    assert "me <asr-time" in versions_view(by_me, [by_me], ZH, ADMIN)
    assert "已修改 1 句 · 我" in versions_view(by_me, [by_me, version(2)], ZH, ME)


def test_of_very_many_corrections_the_newest_are_listed() -> None:
    row = written(*((0, f"第{n}次") for n in range(MAX_LISTED + 5)))
    html = versions_view(row, [row], ZH, ME)
    assert html.count("<li>") == MAX_LISTED and "更早的 5 次修改没有列出" in html and "第0次" not in html


def test_a_comparison_marks_what_differs() -> None:
    newer = version(2, transcript=Transcript((HELLO[0], Segment(900, 1800, "天气<b>", "天气<b>")), "zh"))
    found = Comparison(ROW, newer, differences(HELLO, newer.transcript.segments, itn=True))
    html = comparison_view(found, ZH)
    assert "第 1 版 → 第 2 版" in html and "1 处不同" in html and "data-only-different>" in html
    assert "天<del>器</del><ins>气</ins>&lt;b&gt;" in html and html.count("data-differs") == 1
    same = Comparison(ROW, newer, differences(HELLO, HELLO, itn=True))
    assert "文字完全相同" in comparison_view(same, ZH) and "data-only-different" not in comparison_view(same, ZH)
    many = [Segment(n, n + 1, "好", "好") for n in range(60)]
    long = Comparison(ROW, newer, differences(many, [*many[:-1], Segment(59, 60, "坏", "坏")], itn=True))
    assert "data-only-different checked" in comparison_view(long, ZH)


def test_a_comparison_counts_places_not_lines() -> None:
    old, new = (
        [Segment(n * 900, n * 900 + 900, text, text) for n, text in enumerate(texts)]
        for texts in (
            ("今天天器很好啊", "turn of the light please", "好"),
            ("今日天气很好", "turn on the lights please", "好"),
        )
    )
    found = Comparison(ROW, version(2), differences(old, new, itn=True))
    assert found.count == 5
    assert "5 处不同" in comparison_view(found, ZH) and "Differences: 5" in comparison_view(found, EN)
    assert comparison_view(found, ZH).count("data-differs") == 2
    # Where some lines are the same they can be left out, however many places the others have.
    assert "data-only-different>" in comparison_view(found, ZH)
    without = Comparison(ROW, version(2), differences(old[:2], new[:2], itn=True))
    assert without.count == 5 and "data-only-different" not in comparison_view(without, ZH)


def test_the_question_before_a_version_goes_says_that_the_others_stay() -> None:
    assert 'data-confirm="history_confirm_one"' in detail_view(ROW, ZH, versions=[ROW])
    assert 'data-confirm="history_confirm_version"' in detail_view(ROW, ZH, versions=[ROW, version(2)])


def test_the_text_comes_before_its_versions_and_the_way_to_them_before_the_text() -> None:
    second = version(2)
    html = detail_view(ROW, ZH, versions=[ROW, second])
    assert html.index("data-to-versions>共 2 版</button>") < html.index("asr-lines") < html.index("asr-versions")
    assert "data-to-versions" not in detail_view(ROW, ZH, versions=[ROW])


async def test_the_list_shows_what_became_of_a_recording_in_all_its_versions() -> None:
    rows = [ROW, version(2)]

    class Stored:
        async def of(self, recognition_id: str, **_: Any) -> list[Recognition]:
            if recognition_id != ROW.id:
                raise NotFound("away")
            return rows

    stub = SimpleNamespace(
        services=SimpleNamespace(versions=Stored(), retention=None), visitor=lambda _: ME, words=lambda _: ZH
    )
    events = HistoryEvents(cast(Any, stub))
    items = await events.items(ROW, "", cast(Any, None))
    assert [f'data-select="{row.id}"' in items for row in rows] == [True, True]
    assert (await events.items(rows[1], "", cast(Any, None))).count("<li>") == 1
