"""What a row of the history tells: name, length, door, and to administrators whose it is."""

from dataclasses import replace

import pytest

from domain.access import Visitor
from domain.node import Availability, Health, NodeIntent, NodeReport, NodeStatus
from domain.recognition import AudioInfo, Recognition, Source, Status
from domain.transcript import Transcript
from services.nodes import serves_alone
from tests.helpers.web_api import a_row
from webui.components.history_detail import detail_view
from webui.components.origin import recording_name, source_badge, user_name
from webui.components.progress import progress_view
from webui.components.result import result_view
from webui.components.rows import history_rows, recent_view
from webui.components.units import length_clock, length_text
from webui.i18n import Catalogue, Words

ZH, EN = Words(Catalogue(), "zh"), Words(Catalogue(), "en")
EVIL = "visitor:<b>\"'&"


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0.04, "0.1 秒", "0.1 s"),
        (0.5, "0.5 秒", "0.5 s"),
        (0.99, "1 秒", "1 s"),
        (6.5, "7 秒", "7 s"),
        (7.5, "8 秒", "8 s"),
        (32.2, "32 秒", "32 s"),
        (59.5, "1 分 0 秒", "1 min 0 s"),
        (59.6, "1 分 0 秒", "1 min 0 s"),
        (845, "14 分 5 秒", "14 min 5 s"),
        (3599.7, "1 小时 0 分", "1 h 0 min"),
        (7_199, "2 小时 0 分", "2 h 0 min"),
        (7_350, "2 小时 3 分", "2 h 3 min"),
        (37_380, "10 小时 23 分", "10 h 23 min"),
    ],
)
def test_a_length_is_told_in_words(seconds: float, zh: str, en: str) -> None:
    assert (length_text(seconds, ZH), length_text(seconds, EN)) == (zh, en)


def test_a_clock_rounds_halves_as_the_player_does() -> None:
    assert [length_clock(seconds) for seconds in (0.2, 6.5, 7.5, 59.5)] == ["00:01", "00:07", "00:08", "01:00"]


@pytest.mark.parametrize("source", Source)
def test_every_door_has_a_word(source: Source) -> None:
    row = a_row(source=source)
    for words in (ZH, EN):
        word = words(f"source_{source.value}")
        assert f">{word}</span>" in source_badge(row, words) and word in history_rows([row], words)
        assert word in detail_view(row, words)


def test_users_are_named_as_people_would() -> None:
    users = ("visitor:oD4OGibn", "address:ab12cd34", "api:call-centre", "local", "somebody")
    names = [user_name(user, ZH) for user in users]
    assert names == ["访客 oD4O", "访客 ab12", "call-centre", "本机", "somebody"]


@pytest.mark.parametrize("view", [lambda row, viewer: history_rows([row], ZH, viewer=viewer), None])
def test_whose_a_row_is_only_administrators_are_told(view) -> None:
    view = view or (lambda row, viewer: detail_view(row, ZH, viewer=viewer))
    row = a_row(user=EVIL)
    assert "asr-user" not in view(row, None) and "asr-user" not in view(row, Visitor(EVIL))
    told = view(row, Visitor("visitor:root", is_admin=True))
    assert "访客 &lt;b&gt;" in told and '<b>"' not in told and "visitor:&lt;b&gt;" in told
    assert ">我</span>" in view(row, Visitor(EVIL, is_admin=True))


def test_an_unnamed_recording_is_called_so_wherever_it_is_shown() -> None:
    def everywhere(row: Recognition) -> list[str]:
        views = [history_rows([row], ZH), recent_view([row], ZH), detail_view(row, ZH)]
        return [*views, result_view(row, ZH), progress_view(row, ZH)]

    assert all("未命名录音" in html for html in everywhere(a_row(filename="audio")))
    assert all("未命名录音" not in html for html in everywhere(a_row(filename="audio.wav")))
    assert recording_name("audio", EN) == "Unnamed recording"
    assert recording_name("blob", EN) == "blob"
    assert 'data-name="未命名录音"' in history_rows([a_row(filename="audio")], ZH)


def test_an_unknown_length_leaves_no_trace() -> None:
    row = a_row(audio=AudioInfo())
    assert "时长" not in history_rows([row], ZH) and "0.1 秒" not in detail_view(row, ZH)
    assert 'title="时长 00:02"' in history_rows([a_row()], ZH)


def node(url: str, availability: Availability = Availability.READY, model: str = "demo") -> NodeStatus:
    return NodeStatus(NodeIntent(url, url), availability, NodeReport(Health.READY, model))


@pytest.mark.parametrize(
    ("others", "last"),
    [
        ([], True),
        ([node("b")], False),
        ([node("b", Availability.BUSY)], False),
        ([node("b", Availability.LOADING), node("c", Availability.DRAINING)], True),
        ([node("b", Availability.UNREACHABLE), node("c", Availability.QUARANTINED)], True),
        ([node("b", model="another")], True),
        ([replace(node("b"), report=None)], False),
    ],
)
def test_the_last_node_is_the_one_without_which_recognitions_wait(others: list[NodeStatus], last: bool) -> None:
    one = node("a")
    assert serves_alone(one, [one, *others]) is last


def test_a_row_without_a_word_says_so() -> None:
    row = a_row(transcript=Transcript((), "zh"))
    assert "<span>没有人声</span>" in history_rows([row], ZH) and "<span>No speech</span>" in recent_view([row], EN)
    assert "没有人声" not in history_rows([replace(row, status=Status.RUNNING)], ZH)


def test_a_row_says_that_its_file_was_not_whole() -> None:
    cut = a_row(transcript=Transcript(a_row().transcript.segments, "zh", ("truncated", "suspect")))
    assert ">文件不完整</i>" in history_rows([cut], ZH) and ">Incomplete file</i>" in recent_view([cut], EN)
    assert ">文件有损坏</i>" in history_rows([a_row(transcript=Transcript((), "zh", ("damaged",)))], ZH)
    assert "asr-damage" not in history_rows([a_row()], ZH)


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
def test_an_open_row_that_is_under_way_can_be_cancelled_and_a_finished_one_deleted(status: Status) -> None:
    running, done = detail_view(a_row(status=status), ZH), detail_view(a_row(), ZH)
    assert 'data-event="cancel">取消</button>' in running and 'data-event="remove"' not in running
    assert 'data-event="remove"' in done and 'data-event="cancel"' not in done
