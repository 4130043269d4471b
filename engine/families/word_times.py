"""From the timed pieces of a tokenizer to words with times."""

import re
import unicodedata
from collections.abc import Iterable

from domain.words import Word

#: A piece with its start and end in ms.
Piece = tuple[str, int, int]
# Scripts that are written without spaces are timed by the character.
_UNIT = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
#: A piece that is not found within so many characters is not in the text: the LLM and the aligner disagree there.
_REACH_CHARS = 12


def words_of(text: str, pieces: Iterable[Piece]) -> tuple[Word, ...]:
    """The words (or Chinese characters) of ``text`` whose pieces have times, without punctuation, in order."""
    times = _time_characters(text, pieces)
    words: list[Word] = []
    for match in _UNIT.finditer(text):
        start, end = _without_marks(text, *match.span())
        spans = [span for span in times[start:end] if span is not None]
        if spans:
            words.append(Word(text[start:end], min(s for s, _ in spans), max(e for _, e in spans)))
    return tuple(words)


def _time_characters(text: str, pieces: Iterable[Piece]) -> list[tuple[int, int] | None]:
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = text
    times: list[tuple[int, int] | None] = [None] * len(text)
    cursor = 0
    for piece, start_ms, end_ms in pieces:
        token = piece.replace("▁", " ").strip().lower()
        found = lowered.find(token, cursor, cursor + _REACH_CHARS + len(token)) if token else -1
        if found < 0:
            continue
        times[found : found + len(token)] = [(start_ms, end_ms)] * len(token)
        cursor = found + len(token)
    return times


def _without_marks(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and not _is_spoken(text[start]):
        start += 1
    while end > start and not _is_spoken(text[end - 1]):
        end -= 1
    return start, end


def _is_spoken(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNM" or char in "%℃$€¥"
