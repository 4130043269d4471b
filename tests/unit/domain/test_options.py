import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidOptions
from domain.options import MAX_HOTWORDS, RecognitionOptions, VadOptions


def test_hotwords_are_trimmed_sorted_and_without_repeats() -> None:
    options = RecognitionOptions.of(hotwords=" 空调，北京\n 北京 ; new   york, ,")
    assert options.hotwords == ("new york", "北京", "空调")


@pytest.mark.parametrize(
    "word",
    [
        "http://a/b",
        "FILE:///etc/passwd",
        "/etc/passwd",
        "../x",
        "~/x",
        "C:\\x",
        "\\\\host\\share",
        "words.txt",
        "a\x00b",
    ],
)
def test_addresses_and_paths_are_no_hotwords(word: str) -> None:
    with pytest.raises(InvalidOptions) as caught:
        RecognitionOptions.of(hotwords=[word])
    assert caught.value.details["reason"] == "not_a_word"


@pytest.mark.parametrize("word", ["TCP/IP", "C++", "3.14", "O'Neil", "AT&T", "node.js", "空调 2"])
def test_odd_words_are_hotwords(word: str) -> None:
    assert RecognitionOptions.of(hotwords=[word]).hotwords == (word,)


def test_too_many_or_too_long_hotwords_are_refused_with_numbers() -> None:
    with pytest.raises(InvalidOptions) as caught:
        RecognitionOptions.of(hotwords=[f"词{i}" for i in range(10_000)])
    assert caught.value.details == {"field": "hotwords", "reason": "too_many", "limit": MAX_HOTWORDS}
    with pytest.raises(InvalidOptions, match="61 characters"):
        RecognitionOptions.of(hotwords=["长" * 61])
    with pytest.raises(InvalidOptions):
        RecognitionOptions.of(hotwords=[1])  # type: ignore[list-item]


@pytest.mark.parametrize("ms", [999, 60_001, -1, float("nan"), 1e12, "many", 1500.5])
def test_segment_lengths_outside_the_range_are_refused(ms: object) -> None:
    with pytest.raises(InvalidOptions) as caught:
        RecognitionOptions.of(max_segment_ms=ms)  # type: ignore[arg-type]
    assert caught.value.details["field"] == "max_segment_ms"


@pytest.mark.parametrize("ms", [1_000, 60_000, 30_000.0])
def test_segment_lengths_at_the_ends_are_taken(ms: float) -> None:
    assert RecognitionOptions.of(max_segment_ms=ms).vad.max_segment_ms == ms


@pytest.mark.parametrize("language", ["../zh", "中文", "z", "zh; rm", ""])
def test_languages_are_codes(language: str) -> None:
    if not language:
        assert RecognitionOptions.of(language=language).language == "auto"
        return
    with pytest.raises(InvalidOptions):
        RecognitionOptions.of(language=language)


@given(
    st.lists(st.text(st.characters(whitelist_categories=("Lu", "Ll", "Lo")), min_size=1, max_size=8), max_size=9),
    st.booleans(),
    st.booleans(),
    st.integers(1000, 60_000),
)
def test_json_round_trip(words: list[str], itn: bool, vad: bool, ms: int) -> None:
    options = RecognitionOptions.of(language="ZH", hotwords=words, itn=itn, vad=vad, max_segment_ms=ms)
    assert RecognitionOptions.from_json(options.to_json()) == options
    assert RecognitionOptions.of(hotwords=list(reversed(options.hotwords))).hotwords == options.hotwords


def test_options_are_frozen_and_checked_when_changed() -> None:
    options = RecognitionOptions()
    with pytest.raises(AttributeError):
        options.language = "en"  # type: ignore[misc]
    with pytest.raises(InvalidOptions):
        VadOptions(end_silence_ms=10)
