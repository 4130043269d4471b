"""Windows into turns, and segments divided where the speaker changes."""

import itertools

from domain.transcript import ModelSegment
from domain.words import Word
from engine.speaker_turns import Turn, divide, turns_of, windows_of


def spoken(text: str, start_ms: int, gaps: dict[int, int] | None = None, each_ms: int = 200) -> ModelSegment:
    """One word per character that is no mark; ``gaps``: silence in ms before the word of that number."""
    words: list[Word] = []
    now = start_ms
    for char in text:
        if char in "，。？":
            continue
        now += (gaps or {}).get(len(words), 0)
        words.append(Word(char, now, now + each_ms))
        now += each_ms
    return ModelSegment(start_ms, now, text, tuple(words), channel=None, suspect="cut_off")


def test_windows_cover_a_stretch_and_end_with_it() -> None:
    assert windows_of(1_000, 1_600) == [(1_000, 1_600)]
    assert windows_of(0, 1_500) == [(0, 1_500)]
    assert windows_of(0, 4_000) == [(0, 1_500), (750, 2_250), (1_500, 3_000), (2_250, 3_750), (2_500, 4_000)]
    assert windows_of(5, 5) == []


def test_overlaps_are_divided_in_the_middle() -> None:
    windows = [(0, 1_500), (750, 2_250), (1_500, 3_000), (2_250, 3_750)]
    assert turns_of(windows, [0, 0, 1, 1]) == [Turn(0, 1_875, 0), Turn(1_875, 3_750, 1)]


def test_one_window_between_others_is_a_mistake() -> None:
    windows = windows_of(0, 6_000)
    assert turns_of(windows, [0, 0, 0, 1, 0, 0, 0]) == [Turn(0, 6_000, 0)]
    assert len(turns_of(windows, [0, 0, 1, 1, 1, 0, 0])) == 3


def test_a_segment_of_two_is_cut_at_the_pause_between_them() -> None:
    segment = spoken("今天天气怎么样？明天会下雨。", 0, {7: 500})
    first, second = divide(segment, [Turn(0, 1_700, 0), Turn(1_700, 3_000, 1)])
    assert (first.text, first.speaker, second.text, second.speaker) == ("今天天气怎么样？", "1", "明天会下雨。", "2")
    assert [word.text for word in second.words] == list("明天会下雨")
    assert (first.start_ms, first.end_ms, second.start_ms, second.end_ms) == (0, 1_650, 1_650, segment.end_ms)
    assert first.suspect == second.suspect == "cut_off"


def test_nothing_of_the_text_is_lost() -> None:
    segment = spoken("你好，请问您是谁？我是小明。好的。", 500, {2: 300, 7: 100, 11: 400})
    parts = divide(segment, [Turn(500, 1_200, 0), Turn(1_200, 2_600, 1), Turn(2_600, segment.end_ms, 0)])
    assert "".join(part.text for part in parts) == segment.text
    assert [word for part in parts for word in part.words] == list(segment.words)
    assert parts[0].start_ms == segment.start_ms
    assert parts[-1].end_ms == segment.end_ms
    assert all(a.end_ms == b.start_ms for a, b in itertools.pairwise(parts))


def test_english_words_keep_their_spaces() -> None:
    words = tuple(Word(word, n * 400, n * 400 + 300) for n, word in enumerate("can you hear me yes I can".split()))
    segment = ModelSegment(0, 2_800, "can you hear me? yes, I can.", words)
    parts = divide(segment, [Turn(0, 1_600, 0), Turn(1_600, 2_800, 1)])
    assert [part.text for part in parts] == ["can you hear me?", "yes, I can."]


def test_without_word_times_the_one_who_speaks_longest_has_it() -> None:
    segment = ModelSegment(0, 5_000, "今天天气怎么样明天会下雨")
    assert [part.speaker for part in divide(segment, [Turn(0, 1_000, 0), Turn(1_000, 5_000, 1)])] == ["2"]
    # Three short stretches of one person outweigh a long one of another.
    turns = [Turn(0, 1_500, 0), Turn(1_500, 3_500, 1), Turn(3_500, 5_000, 0)]
    assert [part.speaker for part in divide(segment, turns)] == ["1"]


def test_a_word_is_not_torn_for_a_moment_that_sounds_like_somebody_else() -> None:
    segment = spoken("今天天气怎么样", 0)
    [whole] = divide(segment, [Turn(0, 500, 0), Turn(500, 1_400, 1)])
    assert (whole.text, whole.speaker) == ("今天天气怎么样", "2")
    # Two who hardly let each other finish: long turns are believed.
    long = spoken("今天天气怎么样呢你说" * 4, 0)
    assert [part.speaker for part in divide(long, [Turn(0, 4_000, 0), Turn(4_000, 8_000, 1)])] == ["1", "2"]


def test_words_that_are_not_in_the_text_divide_nothing() -> None:
    segment = ModelSegment(0, 3_000, "二十五", (Word("2", 0, 900), Word("5", 2_000, 3_000)))
    assert len(divide(segment, [Turn(0, 1_500, 0), Turn(1_500, 3_000, 1)])) == 1
