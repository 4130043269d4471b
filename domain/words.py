"""Words with their times, in columns: what is read from the cache is checked at once and made into words when asked."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self, cast, overload


class Word(NamedTuple):
    """A word (or Chinese character) with its time in the recording. A tuple: long recordings have tens of thousands."""

    text: str
    start_ms: int
    end_ms: int


_STR, _INT = frozenset((str,)), frozenset((int,))


class Words(Sequence[Word]):
    """Words that lie in three columns. Equal to any sequence of the same words.

    Whoever gets a hit waits for all words of the recording; few hits show one. A check of three columns takes a
    fifth of the time that it takes to make the words.
    """

    __slots__ = ("_ends_ms", "_starts_ms", "_texts")

    def __init__(self, texts: Sequence[str], starts_ms: Sequence[int], ends_ms: Sequence[int]) -> None:
        self._texts, self._starts_ms, self._ends_ms = texts, starts_ms, ends_ms

    @classmethod
    def from_json(cls, columns: Sequence[Any]) -> Self:
        """The inverse of :func:`word_columns`. Raises ``TypeError`` or ``ValueError`` on garbage."""
        texts, starts_ms, ends_ms = columns
        # By type: ``True`` is an int to ``isinstance``, and no time.
        if not type(texts) is type(starts_ms) is type(ends_ms) is list:
            raise ValueError("words are three columns")
        times = cast("list[object]", starts_ms + ends_ms)
        if not (_STR.issuperset(map(type, cast("list[object]", texts))) and _INT.issuperset(map(type, times))):
            raise ValueError("words are texts with two whole numbers each")
        if not len(texts) == len(starts_ms) == len(ends_ms):
            raise ValueError("the columns of the words are not equally long")
        return cls(texts, starts_ms, ends_ms)

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, index: int) -> Word: ...
    @overload
    def __getitem__(self, index: slice) -> "Words": ...
    def __getitem__(self, index: int | slice) -> "Word | Words":
        if isinstance(index, slice):
            return Words(self._texts[index], self._starts_ms[index], self._ends_ms[index])
        return Word(self._texts[index], self._starts_ms[index], self._ends_ms[index])

    def __iter__(self) -> Iterator[Word]:
        return map(Word, self._texts, self._starts_ms, self._ends_ms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(cast("Sequence[object]", other))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


def word_columns(words: Sequence[Word]) -> list[list[Any]]:
    """``[texts, starts_ms, ends_ms]``, as JSON keeps them; an empty list where there are no words."""
    return [list(column) for column in zip(*words, strict=True)]
