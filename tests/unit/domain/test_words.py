"""Words in columns: as good as a tuple of them, and no garbage in."""

from typing import Any

import pytest

from domain.words import Word, Words, word_columns

WORDS = (Word("今天", 0, 400), Word("二号", 400, 900), Word("好", 900, 1_000))


def test_columns_are_read_as_the_same_words() -> None:
    read = Words.from_json(word_columns(WORDS))
    assert read == WORDS
    assert read == WORDS
    assert hash(read) == hash(WORDS)
    assert (len(read), read[1], list(read[1:])) == (3, WORDS[1], list(WORDS[1:]))
    assert word_columns(read) == word_columns(WORDS)
    assert read != WORDS[:2]
    assert read != "今天"


def test_no_words_are_no_columns() -> None:
    assert word_columns(()) == []


@pytest.mark.parametrize(
    "columns",
    [
        [["今天"], [0], [True]],
        [["今天"], [0.0], [400]],
        [[1], [0], [400]],
        [["今天"], [0], []],
        [["今天"], [0]],
        [["今天"], [0], [400], [1]],
        ["今", [0], [400]],
        [{"今": 0}, [0], [400]],
        [["今天", 0, 400]],
    ],
)
def test_garbage_is_refused(columns: list[Any]) -> None:
    with pytest.raises(ValueError):
        Words.from_json(columns)
