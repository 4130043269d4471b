"""Who speaks: keys, names, and the text by turns."""

import pytest

from domain.errors import InvalidOptions
from domain.labels import (
    checked_key,
    checked_name,
    default_name,
    key_of,
    keys_of,
    name_of,
    names_by_line,
    names_of_sides,
    plain_text,
    said_by,
    speaker_of,
    tells_who,
    usual_bearer,
)
from domain.transcript import Segment


def line(text: str, speaker: str | None = None, channel: int | None = None) -> Segment:
    return Segment(0, 1_000, f"{text}说", text, channel, speaker)


CALL = (line("您好。", channel=0), line("请问几点？", channel=0), line("三点。", channel=1))
TALK = (line("你好。", "1"), line("hello.", "2"), line("I am here.", "2"), line("再见。", "1"))


def test_a_key_names_the_speaker_else_the_channel() -> None:
    assert [key_of(item) for item in (*CALL, line("x"))] == ["channel0", "channel0", "channel1", None]
    assert key_of(line("x", "2", 1)) == "speaker2"
    assert key_of(line("x", "channel1", 0)) == "channel1"
    assert keys_of(TALK) == ["speaker1", "speaker2"]


@pytest.mark.parametrize("key", ["channel0", "channel1", "speaker1", "speaker12"])
def test_a_line_that_is_given_a_key_has_it(key: str) -> None:
    assert key_of(line("x", speaker_of(checked_key(key)), 0)) == key


def test_the_two_sides_are_the_same_however_often_a_recording_is_recognised() -> None:
    labels = {"channel0": "客户", "speaker1": "王", "channel1": "坐席"}
    assert names_of_sides(labels) == {"channel0": "客户", "channel1": "坐席"}


def test_who_has_no_name_has_a_usual_one() -> None:
    keys = ("channel0", "channel1", "speaker3")
    assert [default_name(key) for key in keys] == ["坐席", "客户", "说话人 3"]
    assert [default_name(key, "en") for key in keys] == ["Agent", "Customer", "Speaker 3"]


def test_names_are_shown_where_there_are_two_or_somebody_was_named() -> None:
    alone = TALK[:1]
    assert not tells_who(alone, {})
    assert names_by_line(alone, {}) == [""]
    assert names_by_line(alone, {"speaker1": "王经理"}) == ["王经理"]
    assert names_by_line((*CALL, line("谁？")), {"channel1": "李女士"}) == ["坐席", "坐席", "李女士", ""]


def test_the_text_has_a_line_for_each_turn() -> None:
    assert plain_text(CALL, {}, "written") == "坐席：您好。请问几点？\n客户：三点。"
    assert plain_text(CALL, {}, "spoken") == "坐席：您好。说请问几点？说\n客户：三点。说"
    assert plain_text(TALK, {"speaker2": "Ann"}, "written", "en").splitlines() == [
        "Speaker 1: 你好。",
        "Ann: hello. I am here.",
        "Speaker 1: 再见。",
    ]


def test_without_names_the_text_is_one() -> None:
    assert plain_text((line("你好。", "1"), line("再见。", "1")), {}, "written") == "你好。再见。"
    assert plain_text((), {}, "written") == ""


def test_the_colon_is_that_of_the_names_script() -> None:
    assert [said_by("坐席", "hi"), said_by("Ann", "你好"), said_by("", "你好")] == ["坐席：hi", "Ann: 你好", "你好"]


def test_a_name_is_one_short_visible_line() -> None:
    assert checked_name("  王\n经理\x00 ") == "王 经理"
    assert checked_name("a\u202eb") == "a b"
    assert checked_name("<b>&") == "<b>&", "what is shown is escaped, what is kept is not changed"
    assert checked_name(" \t") == ""
    assert len(checked_name("长" * 40)) == 40
    with pytest.raises(InvalidOptions, match="40 characters"):
        checked_name("长" * 41)


@pytest.mark.parametrize(
    "key", ["", "speaker", "speaker0", "speaker100", "channel2", "speaker\u0661", "speaker1 ", "王"]
)
def test_nobody_else_can_be_named(key: str) -> None:
    with pytest.raises(InvalidOptions, match="nobody called"):
        checked_key(key)


def test_what_is_far_too_long_is_not_looked_at() -> None:
    assert checked_name(" " * 900 + "王") == "王"
    with pytest.raises(InvalidOptions, match="has 1001"):
        checked_name(" " * 1_000 + "王")


def test_two_people_of_one_name_speak_in_turns_and_silence_is_no_turn() -> None:
    talk = (line("你好。", "1"), line("您好。", "2"), Segment(0, 1, "", "", None, "3"), line("再见。", "2"))
    labels = {"speaker1": "王", "speaker2": "王"}
    assert plain_text(talk, labels, "written") == "王：你好。\n王：您好。再见。"


@pytest.mark.parametrize(
    ("name", "key"),
    [("坐席", "channel0"), ("Customer", "channel1"), ("Speaker 12", "speaker12"), ("说话人 1", "speaker1")],
)
def test_a_usual_name_is_known_in_every_language(name: str, key: str) -> None:
    assert usual_bearer(name) == key
    assert name_of("speaker9", {"speaker9": name}, "en") == default_name(key, "en")


@pytest.mark.parametrize("name", ["王经理", "Speaker 0", "Speaker 100", "speaker1", "客户二"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert usual_bearer(name) is None
    assert name_of("speaker9", {"speaker9": name}, "en") == name
