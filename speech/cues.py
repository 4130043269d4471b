"""Cutting segments into pieces that one can read while they are spoken."""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from domain.words import Word

#: A line on a screen, in columns: a Chinese character takes two.
MAX_COLUMNS = 42
#: The longest time that one subtitle stays (the industry's seven-second rule).
MAX_CUE_MS = 7_000
#: The shortest time that a piece of a line stays, where the line has it.
MIN_CUE_MS = 500

#: Pieces narrower than this are not cut for their time only: they are slow speech.
_MIN_COLUMNS = 12
_SENTENCE_ENDS, _CLAUSE_ENDS = "。！？!?…；;.", "，、,：:"
#: What a cut costs beside its distance from the middle (0 to 0.5): a full stop may be far off, a plain space not.
_COST_SENTENCE, _COST_CLAUSE, _COST_PLAIN = 0.0, 0.1, 0.6


@dataclass(frozen=True, slots=True)
class Cue:
    """Text with its time. ``label`` is who speaks (a speaker or channel), ``words`` the times of words if known."""

    start_ms: int
    end_ms: int
    text: str
    label: str = ""
    words: Sequence[Word] = ()


def readable(cues: Iterable[Cue]) -> list[Cue]:
    """Cues in the order of their start, none empty, each at most ``MAX_COLUMNS`` wide and, where it can be, 7 s long.

    Starts never go back, ends lie behind their starts, and cues of the same label do not overlap.
    """
    pieces = [
        piece
        for cue in sorted(cues, key=lambda cue: (cue.start_ms, cue.end_ms))
        if (text := " ".join(cue.text.split()))
        for piece in _lasting(list(_cut(replace(cue, start_ms=max(0, cue.start_ms), text=text))))
    ]
    pieces.sort(key=lambda cue: cue.start_ms)
    return _in_order(pieces)


def columns(text: str) -> int:
    """Width of ``text`` on a screen."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _in_order(pieces: Sequence[Cue]) -> list[Cue]:
    done: list[Cue] = []
    last: dict[str, int] = {}
    for piece in pieces:
        before = last.get(piece.label)
        if before is not None and done[before].end_ms > piece.start_ms:
            start = max(piece.start_ms, done[before].start_ms + 1)
            done[before] = replace(done[before], end_ms=start)
            piece = replace(piece, start_ms=start)
        if done and piece.start_ms < done[-1].start_ms:
            piece = replace(piece, start_ms=done[-1].start_ms)
        last[piece.label] = len(done)
        done.append(replace(piece, end_ms=max(piece.end_ms, piece.start_ms + 1)))
    return done


def _cut(cue: Cue) -> Iterator[Cue]:
    clock = _Clock(cue)
    pending = [(0, len(cue.text))]
    while pending:
        start, end = pending.pop()
        text = cue.text[start:end]
        wide = columns(text)
        slow = clock.end(end) - clock.start(start) > MAX_CUE_MS and wide > _MIN_COLUMNS
        at = _best_cut(text) if wide > MAX_COLUMNS or slow else None
        if at is None:
            yield Cue(clock.start(start), max(clock.end(end), clock.start(start)), text.strip(), cue.label)
        else:
            pending += [(start + at, end), (start, start + at)]


def _lasting(pieces: Sequence[Cue]) -> Iterator[Cue]:
    """The pieces of one line, none too short to be read: a corrected text has the times of other words."""
    end = max(piece.end_ms for piece in pieces)
    least = min(MIN_CUE_MS, max(0, end - pieces[0].start_ms) // len(pieces))
    starts = [pieces[0].start_ms]
    for left, piece in zip(range(len(pieces) - 1, 0, -1), pieces[1:], strict=True):
        starts.append(min(max(piece.start_ms, starts[-1] + least), end - left * least))
    for piece, start, following in zip(pieces, starts, [*starts[1:], end], strict=True):
        yield replace(piece, start_ms=start, end_ms=min(max(piece.end_ms, start + least), following))


def _best_cut(text: str) -> int | None:
    """Where to cut ``text`` in two: near the middle, after a mark if there is one; never inside a word or number."""
    best, best_cost = None, 9.0
    first, last = len(text) - len(text.lstrip()) + 1, len(text.rstrip())
    for at in range(first, last):
        before, after = text[at - 1], text[at]
        if after in _SENTENCE_ENDS + _CLAUSE_ENDS:
            continue
        inside = _joins(before) and _joins(after)
        mark = before in _SENTENCE_ENDS + _CLAUSE_ENDS and not (before in ".,:" and not after.isspace())
        if (inside or (before in ".,:" and after.isdigit())) and not mark:
            continue
        cost = _COST_PLAIN if not mark else _COST_SENTENCE if before in _SENTENCE_ENDS else _COST_CLAUSE
        cost += abs(at / len(text) - 0.5)
        if cost < best_cost:
            best, best_cost = at, cost
    if best is None and len(text) > MAX_COLUMNS:
        return len(text) // 2
    return best


def _joins(char: str) -> bool:
    return (char.isalnum() and ord(char) < 0x2E80) or char in "'-_%$€."


class _Clock:
    """When a place in the text is spoken: from the words' times where given, else in proportion."""

    def __init__(self, cue: Cue) -> None:
        self._cue = cue
        #: Letters before each place: marks and spaces take no time.
        self._letters = [0]
        for char in cue.text:
            self._letters.append(self._letters[-1] + char.isalnum())
        self._words = [word for word in cue.words if any(map(str.isalnum, word.text))]
        self._ends: list[int] = []
        for word in self._words:
            self._ends.append((self._ends[-1] if self._ends else 0) + sum(map(str.isalnum, word.text)))

    def start(self, at: int) -> int:
        """When the first letter at or after ``at`` begins."""
        return self._time(self._letters[at], True)

    def end(self, at: int) -> int:
        """When the last letter before ``at`` ends."""
        return self._time(self._letters[at], False)

    def _time(self, letter: int, starting: bool) -> int:
        cue, total = self._cue, self._letters[-1]
        if letter <= 0 or not total:
            return cue.start_ms if starting or total else cue.end_ms
        if letter >= total:
            return cue.end_ms
        if not self._words:
            return cue.start_ms + (cue.end_ms - cue.start_ms) * letter // total
        # Written text may have fewer letters than was spoken (2025年): scaled to the words' count.
        place = letter * self._ends[-1] / total
        index = min(bisect_right(self._ends, place if starting else place - 1e-6), len(self._words) - 1)
        word, first = self._words[index], self._ends[index - 1] if index else 0
        part = (place - first) / (self._ends[index] - first)
        return min(max(round(word.start_ms + (word.end_ms - word.start_ms) * part), cue.start_ms), cue.end_ms)
