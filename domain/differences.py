"""What differs between two recognitions of one recording: lines aligned by time, texts compared by word or letter.

Chinese is compared by character, what is written with spaces by word. A recording of hours is thousands of short
comparisons; where one would be long (without speech detection a segment holds hours) it is made clause by clause
first, so that the whole stays within :data:`_MAX_WORK`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal, NamedTuple

from domain.transcript import Segment, join_texts

#: Tokens of one text times those of the other, in one comparison, and in all: what would be more is told as a whole.
_MAX_CELLS = 250_000
_MAX_WORK = 20_000_000
#: Texts that share less than this are two texts: what they share is chance.
_ALIKE = 0.35
#: A word or number (letters below those of East Asia), or any one character.
_TOKEN = re.compile(r"[^\W_\u2e80-\U0010ffff]+(?:['’.-][^\W_\u2e80-\U0010ffff]+)*|.", re.DOTALL)
#: Up to a mark that ends a clause, or a space.
_CLAUSE = re.compile(r"[^，。！？；、,.!?;\s]*[，。！？；、,.!?;\s]*", re.DOTALL)


class Piece(NamedTuple):
    """A stretch of text: in both, only in the older one, or only in the newer one."""

    kind: Literal["same", "gone", "new"]
    text: str


@dataclass(frozen=True, slots=True)
class DifferentLine:
    """What was said in a stretch of time, in both versions."""

    start_ms: int
    end_ms: int
    pieces: tuple[Piece, ...]

    @property
    def differs(self) -> bool:
        """Whether the two do not say the same."""
        return any(piece.kind != "same" for piece in self.pieces)

    @property
    def places(self) -> int:
        """Stretches that differ: what is gone and what is new in its place are one."""
        return sum(differs for differs, _ in groupby(piece.kind != "same" for piece in self.pieces))


def differences(old: Sequence[Segment], new: Sequence[Segment], *, itn: bool) -> list[DifferentLine]:
    """Every line of both, in the order of time; segments that overlap are one line. ``itn``: which track."""
    budget = [_MAX_WORK]
    return [
        DifferentLine(
            min(segment.start_ms for segment in (*before, *after)),
            max(segment.end_ms for segment in (*before, *after)),
            tuple(_pieces(_said(before, itn), _said(after, itn), budget)),
        )
        for before, after in _aligned(old, new)
    ]


def text_differences(texts: Iterable[tuple[str, str]], *, max_work: int) -> list[tuple[Piece, ...]]:
    """What differs in each older and newer text. ``max_work`` bounds them together; what is beyond it is told whole."""
    budget = [max_work]
    return [tuple(_pieces(old, new, budget)) for old, new in texts]


def _said(segments: Iterable[Segment], itn: bool) -> str:
    return join_texts([segment.text(itn) for segment in segments])


# -- which segments belong together --------------------------------------------------------------------------------


def _aligned(old: Sequence[Segment], new: Sequence[Segment]) -> list[tuple[list[Segment], list[Segment]]]:
    """Segments of the same time side by side, each side of a call by itself where both versions have the sides."""
    channels = {segment.channel for segment in old}
    if channels != {segment.channel for segment in new}:
        groups = _groups(old, new)
    else:
        groups = [
            group
            for channel in channels
            for group in _groups([s for s in old if s.channel == channel], [s for s in new if s.channel == channel])
        ]
    return sorted(groups, key=lambda group: min(segment.start_ms for segment in (*group[0], *group[1])))


def _groups(old: Sequence[Segment], new: Sequence[Segment]) -> Iterator[tuple[list[Segment], list[Segment]]]:
    """What is linked by :func:`_belong`, directly or by others; both in the order of time."""
    befores, afters = (sorted(side, key=lambda s: (s.start_ms, s.end_ms)) for side in (old, new))
    leader = list(range(len(befores) + len(afters)))

    def lead(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    first = 0
    for number, before in enumerate(befores):
        while first < len(afters) and afters[first].end_ms <= before.start_ms:
            first += 1
        at = first
        while at < len(afters) and afters[at].start_ms < before.end_ms:
            if _belong(before, afters[at]):
                leader[lead(len(befores) + at)] = lead(number)
            at += 1
    groups: dict[int, tuple[list[Segment], list[Segment]]] = {}
    for number, segment in enumerate((*befores, *afters)):
        groups.setdefault(lead(number), ([], []))[number >= len(befores)].append(segment)
    yield from groups.values()


def _belong(one: Segment, other: Segment) -> bool:
    """Whether most of the shorter one lies in the other: ends that differ a little must not chain a whole recording."""
    shared = min(one.end_ms, other.end_ms) - max(one.start_ms, other.start_ms)
    return 2 * shared > min(one.end_ms - one.start_ms, other.end_ms - other.start_ms)


# -- two texts -----------------------------------------------------------------------------------------------------


def _pieces(old: str, new: str, budget: list[int]) -> Iterator[Piece]:
    if old == new:
        yield from _some("same", old)
        return
    if len(old) * len(new) <= _MAX_CELLS:
        yield from _by_tokens(old, new, budget)
    else:
        yield from _merged(_compared(old, new, _CLAUSE, budget, _by_tokens))


def _by_tokens(old: str, new: str, budget: list[int]) -> Iterator[Piece]:
    yield from _compared(old, new, _TOKEN, budget, _replaced)


def _compared(
    old: str,
    new: str,
    tokens: re.Pattern[str],
    budget: list[int],
    replaced: Callable[[str, str, list[int]], Iterator[Piece]],
) -> Iterator[Piece]:
    before, after = tokens.findall(old), tokens.findall(new)
    # Most of what people change is a word: what both begin and end with needs no work.
    head = _shared(before, after)
    tail = _shared(before[head:][::-1], after[head:][::-1])
    gone, come = before[head : len(before) - tail], after[head : len(after) - tail]
    steps: Iterable[tuple[str, int, int, int, int]] = [("replace", 0, len(gone), 0, len(come))]
    work = len(gone) * len(come)
    if work <= (min(budget[0], _MAX_CELLS) if tokens is _TOKEN else budget[0]):
        budget[0] -= work
        steps = SequenceMatcher(None, gone, come, autojunk=False).get_opcodes()
    same = head + tail + sum(j - i for kind, i, j, _, _ in steps if kind == "equal")
    if tokens is _TOKEN and 2 * same < _ALIKE * (len(before) + len(after)):
        yield from _replaced(old, new, budget)
        return
    yield from _some("same", "".join(before[:head]))
    for kind, i, j, k, m in steps:
        if kind == "equal":
            yield Piece("same", "".join(gone[i:j]))
        else:
            yield from replaced("".join(gone[i:j]), "".join(come[k:m]), budget)
    yield from _some("same", "".join(before[len(before) - tail :]))


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many tokens both begin with."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _replaced(old: str, new: str, _: list[int]) -> Iterator[Piece]:
    yield from _some("gone", old)
    yield from _some("new", new)


def _some(kind: Literal["same", "gone", "new"], text: str) -> Iterator[Piece]:
    if text:
        yield Piece(kind, text)


def _merged(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Neighbours of one kind as one."""
    last: Piece | None = None
    for piece in pieces:
        if last and last.kind == piece.kind:
            last = Piece(last.kind, last.text + piece.text)
            continue
        if last:
            yield last
        last = piece
    if last:
        yield last
