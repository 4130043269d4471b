"""SubRip and WebVTT: escaping, cutting, times."""

import html
import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.words import Word
from speech.cues import MAX_COLUMNS, MAX_CUE_MS, MIN_CUE_MS, Cue, columns, readable
from speech.subtitles import to_srt, to_vtt

LONG = "今天下午三点半我们在二号会议室开会，请大家带好资料，不要迟到。如果有问题请提前联系我，谢谢大家的配合，再见。"


def test_srt_has_numbers_times_and_labels() -> None:
    assert to_srt([Cue(0, 1500, "你好"), Cue(3_661_007, 3_662_000, "hello", "X")]) == (
        "1\n00:00:00,000 --> 00:00:01,500\n你好\n\n2\n01:01:01,007 --> 01:01:02,000\nX: hello\n\n"
    )


def test_vtt_escapes_and_names_the_voice() -> None:
    text = to_vtt([Cue(0, 1000, "a --> b <c> & d", "<A&B>")])
    assert text == "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v &lt;A&amp;B&gt;>a --&gt; b &lt;c&gt; &amp; d\n\n"


def test_text_cannot_end_its_own_cue() -> None:
    cues = [Cue(0, 1000, "one\n\n00:00:05.000 --> 00:00:06.000\ntwo", "a\n\nb")]
    for text in (to_srt(cues), to_vtt(cues)):
        assert text.count("-->") == len(re.findall(r"^\d\d:\d\d:\d\d[.,]\d{3} --> ", text, re.MULTILINE))
        body = text.removeprefix("WEBVTT\n\n")
        assert all(block.count("\n") <= 2 for block in body.strip().split("\n\n"))


def test_empty_text_gives_no_cue() -> None:
    assert to_srt([Cue(0, 1000, " \n ")]) == ""
    assert to_vtt([]) == "WEBVTT\n\n"


def test_a_long_segment_is_cut_at_its_marks() -> None:
    pieces = readable([Cue(0, 12_000, LONG)])
    assert [piece.text for piece in pieces] == [
        "今天下午三点半我们在二号会议室开会，",
        "请大家带好资料，不要迟到。",
        "如果有问题请提前联系我，",
        "谢谢大家的配合，再见。",
    ]
    assert pieces[0].start_ms == 0 and pieces[-1].end_ms == 12_000


def test_a_cut_takes_the_time_of_the_words() -> None:
    words = tuple(Word(char, 1000 + 100 * i, 1100 + 100 * i) for i, char in enumerate("今天天气很好")) + tuple(
        Word(char, 9000 + 100 * i, 9100 + 100 * i) for i, char in enumerate("我们出去走走")
    )
    pieces = readable([Cue(900, 9700, "今天天气很好，我们出去走走。", "", words)])
    assert [(piece.start_ms, piece.end_ms) for piece in pieces] == [(900, 1600), (9000, 9700)]


def test_no_piece_of_a_line_is_too_short_to_be_read() -> None:
    # A correction of many letters over words that were said at the very end.
    words = (Word("嗯", 0, 5000), Word("好", 5000, 5020))
    pieces = readable([Cue(0, 5020, LONG, "", words)])
    assert len(pieces) > 3 and all(piece.end_ms - piece.start_ms >= MIN_CUE_MS for piece in pieces)
    assert all(one.end_ms <= other.start_ms for one, other in pairwise(pieces)) and pieces[-1].end_ms == 5020
    # Where the line itself is shorter, they share its time.
    assert {piece.end_ms - piece.start_ms for piece in readable([Cue(0, 400, LONG)])} <= {100, 101}


def test_numbers_and_words_are_not_cut() -> None:
    text = "It costs 3.14 dollars and $25,000 for everybody who was there yesterday, said the man."
    assert " ".join(piece.text for piece in readable([Cue(0, 20_000, text)])) == text


def test_two_speakers_may_overlap_but_one_may_not() -> None:
    pieces = readable([Cue(0, 3000, "一", "A"), Cue(1000, 2000, "二", "B"), Cue(2000, 4000, "三", "A")])
    assert [(piece.start_ms, piece.end_ms) for piece in pieces] == [(0, 2000), (1000, 2000), (2000, 4000)]


_TEXT = st.text(alphabet="今天好，。 ab3.<>&-\n", max_size=200)
_CUES = st.lists(
    st.builds(
        lambda start, length, text, label: Cue(start, start + length, text, label),
        st.integers(0, 100_000), st.integers(0, 30_000), _TEXT, st.sampled_from(["", "A", "B"]),
    ),
    max_size=6,
)  # fmt: skip


@given(_CUES)
def test_times_never_go_back_and_no_text_is_lost(cues: list[Cue]) -> None:
    pieces = readable(cues)
    starts = [piece.start_ms for piece in pieces]
    assert starts == sorted(starts)
    assert all(piece.end_ms > piece.start_ms and piece.text for piece in pieces)

    def letters(texts: list[str]) -> list[str]:
        return sorted("".join("".join(texts).split()))

    assert letters([piece.text for piece in pieces]) == letters([cue.text for cue in cues])
    assert html.unescape(to_vtt(cues)).count(" --> ") >= len(pieces)


@given(st.text(alphabet="今天好，。", min_size=1, max_size=300))
def test_pieces_fit_on_a_line(text: str) -> None:
    pieces = readable([Cue(0, len(text) * 250, text)])
    # Marks that follow each other are never torn off their text.
    assert all(columns(piece.text.rstrip("，。")) <= MAX_COLUMNS for piece in pieces) or re.search("[，。]{8}", text)
    assert all(piece.end_ms - piece.start_ms <= MAX_CUE_MS for piece in pieces) or re.search("[，。]{4}", text)
