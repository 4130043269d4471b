"""What is said: clauses of units, each unit one spoken character or word."""

import re
from dataclasses import dataclass

#: How a mark looks between the clauses of one breath, by the mark that ends a sentence.
_INNER = {"。": "，", ".": ","}


@dataclass(frozen=True, slots=True)
class Clause:
    """Chinese characters and English words, each one unit, and the mark after them."""

    units: tuple[str, ...]
    mark: str

    def marked(self, long_pause: bool) -> str:
        """The mark as written: within a breath a full stop becomes a comma."""
        return self.mark if long_pause else _INNER.get(self.mark, self.mark)


@dataclass(frozen=True, slots=True)
class Name:
    """A name of which others are spoken alike; ``usual`` is how it is written when nothing else is asked for."""

    usual: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recording's text. ``language``: zh or en; ``name`` stands in it in its usual spelling."""

    language: str
    clauses: tuple[Clause, ...]
    name: Name | None = None


def is_english(unit: str) -> bool:
    """Whether the unit is an English word."""
    return unit[0].isascii()


def clause(text: str, mark: str) -> Clause:
    """A clause of Chinese characters, English words, or both; English words stand between spaces."""
    units: list[str] = []
    for piece in text.split():
        units += [piece] if is_english(piece) else list(piece)
    return Clause(tuple(units), mark)


def joined(units: list[str]) -> str:
    """The units as text: a space before an English word, none before Chinese or a mark."""
    return "".join(f" {unit}" if unit[0].isalpha() and is_english(unit) else unit for unit in units).strip()


def says(text: str, word: str) -> bool:
    """Whether the word stands in the text: an English one as a whole word (Nic is not in Nick)."""
    return bool(re.search(rf"\b{re.escape(word)}\b", text)) if is_english(word) else word in text
