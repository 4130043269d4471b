"""What differs between two versions of one recording."""

import random

import pytest

from domain import differences as module
from domain.differences import DifferentLine, Piece, differences, text_differences
from domain.transcript import Segment


def said(*texts: str, start_ms: int = 0, **more: object) -> list[Segment]:
    """A second each, one after the other."""
    return [
        Segment(start_ms + n * 1_000, start_ms + (n + 1) * 1_000, text, text, **more)  # type: ignore[arg-type]
        for n, text in enumerate(texts)
    ]


def shown(line: DifferentLine) -> str:
    signs = {"same": "{}", "gone": "[-{}]", "new": "[+{}]"}
    return "".join(signs[piece.kind].format(piece.text) for piece in line.pieces)


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("今天天器很好", "今天天气很好", "今天天[-器][+气]很好"),
        ("今天很好", "今天天气很好", "今天[+天气]很好"),
        ("please open the door", "please open that door", "please open [-the][+that] door"),
        ("costs 3.5 euros", "costs 3.7 euros", "costs [-3.5][+3.7] euros"),
        ("打开Wi-Fi吧", "打开WiFi吧", "打开[-Wi-Fi][+WiFi]吧"),
        ("好的", "好的", "好的"),
        ("今天天气很好", "请打开空调吧", "[-今天天气很好][+请打开空调吧]"),
        ("好", "", "[-好]"),
        ("", "好", "[+好]"),
        ("", "", ""),
        ("<ins>甲</ins>", "<ins>乙</ins>", "<ins>[-甲][+乙]</ins>"),
    ],
)
def test_texts_differ_by_character_or_by_word(old: str, new: str, wanted: str) -> None:
    [line] = differences(said(old), said(new), itn=True)
    assert shown(line) == wanted
    assert line.differs == (old != new)


@pytest.mark.parametrize(
    ("old", "new", "places"),
    [
        ("今天天器很好", "今天天气很好", 1),
        ("今天很好", "今天天气很好", 1),
        ("今天天气很好", "今天很好", 1),
        ("今天天器很号啊", "今日天气很好", 3),
        ("turn of the light please", "turn on the lights please", 2),
        ("今天天气很好", "请打开空调吧", 1),
        ("好", "", 1),
        ("好的", "好的", 0),
        ("", "", 0),
    ],
)
def test_each_stretch_that_differs_is_one_place(old: str, new: str, places: int) -> None:
    [line] = differences(said(old), said(new), itn=True)
    assert line.places == places


def test_what_is_gone_and_new_side_by_side_is_one_place() -> None:
    kinds = "gone new same new gone new same same gone"
    pieces = tuple(Piece(kind, "好") for kind in kinds.split())  # type: ignore[arg-type]
    assert DifferentLine(0, 1, pieces).places == 3


def test_what_a_person_wrote_is_compared_and_the_track_that_is_asked_for() -> None:
    old = [Segment(0, 1_000, "二号", "2号"), Segment(1_000, 2_000, "天器", "天器", corrected_text="天气")]
    new = [Segment(0, 1_000, "三号", "3号"), Segment(1_000, 2_000, "天气", "天气")]
    assert [shown(line) for line in differences(old, new, itn=True)] == ["[-2][+3]号", "天气"]
    assert [shown(line) for line in differences(old, new, itn=False)] == ["[-二][+三]号", "天气"]


def test_lines_are_aligned_by_time_however_they_were_cut() -> None:
    old = [Segment(0, 9_800, "一二三四", "一二三四"), Segment(10_000, 15_000, "五六", "五六")]
    new = [
        Segment(0, 4_000, "一二", "一二"),
        Segment(4_200, 10_100, "三四", "三四"),  # a little longer than before: the next line is another one
        Segment(10_300, 15_000, "五七", "五七"),
        Segment(20_000, 21_000, "嗯", "嗯"),
    ]
    lines = differences(old, new, itn=True)
    assert [(line.start_ms, line.end_ms, shown(line)) for line in lines] == [
        (0, 10_100, "一二三四"),
        (10_000, 15_000, "五[-六][+七]"),
        (20_000, 21_000, "[+嗯]"),
    ]


def test_the_sides_of_a_call_are_compared_each_by_itself() -> None:
    old = [*said("你好", "再见", channel=0), *said("您好呀", "拜拜", start_ms=100, channel=1)]
    new = [*said("你号", "再见", channel=0), *said("您好呀", "拜了", start_ms=100, channel=1)]
    assert [shown(line) for line in differences(old, new, itn=True)] == [
        "你[-好][+号]",
        "您好呀",
        "再见",
        "拜[-拜][+了]",
    ]
    # One of them mixed both sides: they are compared as one sound.
    mixed = said("你号您好呀", "再见拜了")
    assert [line.start_ms for line in differences(old, mixed, itn=True)] == [0, 1_000]


def test_nothing_in_one_of_them() -> None:
    assert [shown(line) for line in differences([], said("好"), itn=True)] == ["[+好]"]
    assert differences([], [], itn=True) == []


@pytest.mark.timeout(60)
def test_four_hours_without_speech_detection_take_little_time() -> None:
    draw = random.Random(1)
    texts = [
        "".join(draw.choices("的一是了我不在人有他这中大来上个国到说们为子和你地", k=24)) + "，" for _ in range(4_000)
    ]
    changed = [text.replace("的", "得") if n % 7 == 0 else text for n, text in enumerate(texts)]
    hours = 4 * 3_600_000
    old, new = [Segment(0, hours, "".join(side), "".join(side)) for side in (texts, changed)]
    [line] = differences([old], [new], itn=True)
    assert "".join(piece.text for piece in line.pieces if piece.kind != "gone") == new.raw_text
    assert {piece.text for piece in line.pieces if piece.kind == "new"} <= {"得", "得得", "得得得", "得得得得"}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("letters", ["啊", "啊哦", "的一是了我不在人有他"])
def test_the_worst_texts_are_bounded(letters: str) -> None:
    draw = random.Random(2)
    sides = [["".join(draw.choices(letters, k=490)) for _ in range(120)] for _ in range(2)]
    lines = differences(said(*sides[0]), said(*sides[1]), itn=True)
    for line, new in zip(lines, sides[1], strict=True):
        assert "".join(piece.text for piece in line.pieces if piece.kind != "gone") == new


@pytest.mark.timeout(60)
def test_ten_thousand_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (said(*(f"第{n}句说的话{mark}" for n in range(10_000))) for mark in "甲乙")
    lines = differences(old, new, itn=True)
    assert shown(lines[9_999]) == "第9999句说的话[-甲][+乙]"
    # Once its work is done, the rest is told as a whole.
    monkeypatch.setattr(module, "_MAX_WORK", 60)
    old, new = (said(*(f"{mark}第{n}句话{mark}" for n in range(3))) for mark in "甲乙")
    lines = differences(old, new, itn=True)
    assert [shown(line) for line in lines[:2]] == ["[-甲][+乙]第0句话[-甲][+乙]", "[-甲第1句话甲][+乙第1句话乙]"]


def test_a_clause_that_is_too_long_is_told_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [("甲一二三四五六七八乙", "丙一二三四五六七八丁")]
    assert {piece.kind for piece in text_differences(texts, max_work=1_000)[0]} == {"same", "gone", "new"}
    monkeypatch.setattr(module, "_MAX_CELLS", 60)
    assert [piece.kind for piece in text_differences(texts, max_work=1_000)[0]] == ["gone", "new"]


def test_a_word_in_a_text_of_hours_is_told_without_work() -> None:
    hours = "".join(f"第{n}句说的话，" for n in range(4_000))
    [pieces] = text_differences([(hours, hours.replace("第2000句说", "第2000句问"))], max_work=10)
    assert [piece for piece in pieces if piece.kind != "same"] == [Piece("gone", "说"), Piece("new", "问")]
    assert "".join(piece.text for piece in pieces if piece.kind != "new") == hours
    # What they share is at the ends alone, too little of it to be one text.
    [pieces] = text_differences([("好一二三四五六七八", "好九十百千万亿兆京")], max_work=1_000)
    assert [piece.kind for piece in pieces] == ["gone", "new"]
