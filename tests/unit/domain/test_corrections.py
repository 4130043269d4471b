"""What a correction may be, and what it changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import corrections as limits
from domain.corrections import Correction, checked_text, corrected, new_corrections, steps
from domain.errors import InvalidOptions, Overtaken
from domain.options import RecognitionOptions
from domain.recognition import Recognition, Source, Status
from domain.transcript import Segment, Transcript

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
LINES = (Segment(0, 900, "二号好", "2号好"), Segment(900, 1800, "天器很好", "天器很好"))


def new(lines: dict[int, str | None], kept: tuple[Correction, ...] = ()) -> tuple[Correction, ...]:
    return new_corrections(lines, corrected(LINES, kept), kept, user="me", at=AT)


def texts(found: tuple[Correction, ...]) -> list[tuple[int, str | None]]:
    return [(item.segment, item.text) for item in found]


def test_the_newest_text_stands_on_both_tracks_and_the_recognised_one_stays() -> None:
    kept = new({1: "天七很好"}) + new({1: "天气很好"})
    row = Recognition(
        "id", "me", Source.WEB, "a.wav", RecognitionOptions(), Status.SUCCEEDED, corrections=kept
    ).with_changes(transcript=Transcript(corrected(LINES, kept), "zh"))
    assert row.text == "2号好天气很好"
    assert row.with_changes(options=RecognitionOptions(itn=False)).text == "二号好天气很好"
    data = row.to_json()
    assert (data["text"], data["raw_text"], data["normalized_text"]) == (row.text, "二号好天器很好", "2号好天器很好")
    assert [item["corrected_text"] for item in data["segments"]] == [None, "天气很好"]
    assert [Segment.from_json(item) for item in data["segments"]] == list(row.transcript.segments)
    assert [Correction.from_json(item) for item in data["corrections"]] == list(kept)
    assert row.to_json(with_segments=False)["text"] == row.text


def test_what_says_the_same_changes_nothing() -> None:
    assert new({1: " 天器很好 "}) == ()
    assert new({0: None, 1: None}) == ()
    kept = new({0: "三号好"})
    assert new({0: "三号好"}, kept) == ()
    # A line whose tracks differ reads differently afterwards, whichever of them it says.
    assert texts(new({0: "2号好"})) == [(0, "2号好")]
    # Taken back, then written again.
    kept += new({0: None}, kept)
    assert corrected(LINES, kept) == LINES
    assert texts(new({0: "三号好"}, kept)) == [(0, "三号好")]


def test_a_line_may_say_nothing() -> None:
    kept = new({0: "  "})
    assert texts(kept) == [(0, "")]
    assert Transcript(corrected(LINES, kept)).text(itn=True) == "天器很好"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("两行\n一行\r\n\t好\x00\x1b[31m", "两行 一行 好 [31m"),
        ("半个\ud83d字", "半个 字"),
        ("左\u202e右\ufeff\u200b边", "左右边"),
        ("नमस्\u200dते 👨\u200d👩", "नमस्\u200dते 👨\u200d👩"),
        ("全\u3000角  空\u2028格", "全 角 空 格"),
        ("<b>a --> b</b>", "<b>a --> b</b>"),
    ],
)
def test_a_text_is_one_line_that_can_be_seen_and_stored(given: str, kept: str) -> None:
    assert checked_text(given) == kept
    kept.encode()


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ({2: "x"}, "no_such_line"),
        ({-1: None}, "no_such_line"),
        ({0: "好", 1: "长" * (limits.MAX_TEXT_CHARS + 1)}, "text_too_long"),
    ],
)
def test_what_is_no_line_or_too_long_is_refused(lines: dict[int, str | None], reason: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        new(lines)
    assert refused.value.details["reason"] == reason


def test_a_line_that_was_corrected_since_is_not_written_over() -> None:
    def based(count: int, lines: dict[int, str | None]) -> list[tuple[int, str | None]]:
        segments = corrected(LINES, kept)
        return texts(new_corrections(lines, segments, kept, user="me", at=AT, based_on=count))

    kept = new({0: "三号好"}) + tuple(replace(one, user="ann") for one in new({1: "天气很好"}))
    assert based(2, {0: "四号好", 1: "x"}) == [(0, "四号好"), (1, "x")]
    # The other line is nobody's business, and what says the same is no quarrel.
    assert based(1, {0: "四号好"}) == [(0, "四号好")]
    assert based(0, {1: "天气很好"}) == []
    for lines in ({1: "x"}, {1: None}, {1: "x", 0: "四号好"}):
        with pytest.raises(Overtaken) as refused:
            based(1, dict(lines))
        assert refused.value.details == {"line": 1, "text": "天气很好", "user": "ann"}
    with pytest.raises(InvalidOptions) as wrong:
        based(3, {0: "x"})
    assert (wrong.value.details["field"], wrong.value.details["limit"]) == ("based_on", 2)


def test_a_row_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_KEPT_CHARS", 400)
    kept: tuple[Correction, ...] = ()
    for number in range(4):
        kept += new({0: str(number)}, kept)
    with pytest.raises(InvalidOptions) as refused:
        new({0: "5"}, kept)
    assert refused.value.details["reason"] == "too_many_corrections"
    assert new({0: "3"}, kept) == (), "it reads so already"


def test_each_step_knows_what_stood_there_before() -> None:
    kept = new({0: "甲"})
    for lines in ({1: "x"}, {0: "乙"}, {0: None}):
        kept += new({**lines}, kept)
    assert [(step.correction.segment, step.before, step.correction.text) for step in steps(kept)] == [
        (0, None, "甲"),
        (1, None, "x"),
        (0, "甲", "乙"),
        (0, "乙", None),
    ]


@pytest.mark.parametrize(
    "damage", [{"text": 7}, {"segment": "x"}, {"segment": None}, {"at": "soon"}, {"user": ...}, {"text": ...}]
)
def test_garbage_is_no_correction(damage: dict[str, Any]) -> None:
    data = {**Correction(0, "好", "me", AT).to_json(), **damage}
    with pytest.raises((KeyError, TypeError, ValueError)):
        Correction.from_json({name: value for name, value in data.items() if value is not ...})


def test_ten_thousand_lines_are_corrected_at_once() -> None:
    many = [replace(LINES[1], start_ms=n, end_ms=n + 1) for n in range(10_000)]
    kept = new_corrections({n: f"第{n}" for n in range(10_000)}, many, (), user="me", at=AT + timedelta(1))
    assert corrected(many, kept)[9_999].corrected_text == "第9999"
