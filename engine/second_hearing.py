"""A doubtful text is heard again: without hotwords, then in two halves; what is still odd is kept and marked.

The rules, by what was doubted at first, are in docs/decisions.md.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from domain.transcript import Doubt, join_texts
from domain.words import Word
from engine.doubts import doubt_of, has_speech_energy, units
from engine.families import Decoding, Heard
from engine.samples import RATE, can_be_heard, quietest_cut

#: ``kept``: the first text was right after all; ``replaced``: the one without hotwords was taken; ``split``: that of
#: the two halves; ``dropped``: nothing was said; ``suspect``: still odd, and shown so.
Outcome = Literal["kept", "replaced", "split", "dropped", "suspect"]

#: A shorter segment is not split: half a second has hardly two words.
_MIN_SPLIT_SAMPLES = RATE
#: Two texts are about as long when they differ by no more than one character, or a quarter of the longer; one
#: character is not about as long as two: in noise a model hears 嗯.
_LIKE_SHARE = 0.25
#: So doubted, somebody did speak: that nothing is heard the second time is odd as well.
_SPOKEN: frozenset[Doubt] = frozenset(("repetition", "cut_off"))

#: Decodes one stretch, ``(samples,)`` int16, and waits for its text. Raises what stops the job.
Hear = Callable[[np.ndarray, Decoding], Heard]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a segment is believed to say; ``suspect`` where that is still odd."""

    heard: Heard
    suspect: Doubt | None = None


class HearingCounts:
    """How often what was doubted, and how it ended; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[Doubt, Outcome], int] = {}

    def add(self, reason: Doubt, outcome: Outcome) -> None:
        """Counts one second hearing."""
        with self._lock:
            self._counts[reason, outcome] = self._counts.get((reason, outcome), 0) + 1

    def all(self) -> dict[tuple[Doubt, Outcome], int]:
        """The counts so far."""
        with self._lock:
            return dict(self._counts)


def settle(
    samples: np.ndarray, noise_db: float, first: Heard, decoding: Decoding, hear: Hear, counts: HearingCounts
) -> Settled:
    """The text to believe of ``(samples,)`` int16 that the model heard as ``first``.

    ``noise_db``: of the whole recording (:func:`engine.doubts.noise_level`). Nothing is heard again unless ``first`` is
    doubtful. Raises what ``hear`` raises.
    """
    doubt = doubt_of(samples, noise_db, first.text, decoding.hotwords, cut_off=first.cut_off)
    if doubt is None:
        return Settled(first)
    settled, outcome = _Second(samples, noise_db, replace(decoding, hotwords=()), hear).settle(
        first, doubt, had_hotwords=bool(decoding.hotwords)
    )
    counts.add(doubt, outcome)
    return settled


class _Second:
    """The second hearing of one segment."""

    def __init__(self, samples: np.ndarray, noise_db: float, plain: Decoding, hear: Hear) -> None:
        self._samples = samples
        self._noise_db = noise_db
        self._plain = plain
        self._hear = hear

    def settle(self, first: Heard, doubt: Doubt, *, had_hotwords: bool) -> tuple[Settled, Outcome]:
        odd = [Settled(first, doubt)]
        if had_hotwords:
            whole = self._heard_again(self._samples)
            if _is_believed(whole, odd):
                return self._chosen(first, whole.heard, doubt)
            # Where nothing was said, nothing speaks for the hotwords.
            odd = [whole] if doubt == "no_speech" else [*odd, whole]
        halves = self._in_halves(doubt)
        if halves is not None:
            # What its halves say as well was said: a loop never comes out the same.
            if doubt == "repetition" and _alike(first, halves.heard):
                return Settled(first), "kept"
            if _is_believed(halves, odd):
                settled, outcome = self._chosen(first, halves.heard, doubt)
                return settled, "split" if outcome == "replaced" else outcome
            odd.append(halves)
        # Inventions are long: the shortest text holds the fewest of them. None at all would hide what was said.
        return min(filter(_has_words, odd), key=lambda one: len(units(one.heard.text))), "suspect"

    def _chosen(self, first: Heard, plain: Heard, doubt: Doubt) -> tuple[Settled, Outcome]:
        """Between a doubtful text and one without hotwords that is not."""
        if doubt == "only_hotwords" and _as_long(first, plain):
            return Settled(first), "kept"
        return Settled(plain), "replaced" if plain.text else "dropped"

    def _in_halves(self, doubt: Doubt) -> Settled | None:
        """The segment as two, divided where it is quietest; ``None`` where it is too short.

        Where the first text had no end, half of it missing is as odd.
        """
        if len(self._samples) < _MIN_SPLIT_SAMPLES:
            return None
        cut = quietest_cut(self._samples)
        parts = (self._samples[:cut], self._samples[cut:])
        halves = [self._heard_again(part) for part in parts]
        both = _joined(halves[0].heard, halves[1].heard, cut * 1000 // RATE)
        odd = halves[0].suspect or halves[1].suspect or self._judged(self._samples, both).suspect
        if odd is None and doubt == "cut_off" and any(map(self._is_missing, parts, halves)):
            odd = doubt
        return Settled(both, odd)

    def _is_missing(self, part: np.ndarray, half: Settled) -> bool:
        return not _has_words(half) and has_speech_energy(part, self._noise_db)

    def _heard_again(self, samples: np.ndarray) -> Settled:
        # A half may be silence where the whole is not.
        return self._judged(samples, self._hear(samples, self._plain) if can_be_heard(samples) else Heard(""))

    def _judged(self, samples: np.ndarray, heard: Heard) -> Settled:
        return Settled(heard, doubt_of(samples, self._noise_db, heard.text, cut_off=heard.cut_off))


def _has_words(one: Settled) -> bool:
    return bool(units(one.heard.text))


def _is_believed(again: Settled, odd: list[Settled]) -> bool:
    """Whether a second hearing that follows ``odd`` ones is not odd itself."""
    return again.suspect is None and (_has_words(again) or not any(one.suspect in _SPOKEN for one in odd))


def _as_long(first: Heard, plain: Heard) -> bool:
    """Whether hotwords stand where the model hears words of their length without them.

    Hotwords that it hears by itself, among other words, need no help: the whole sentence is better.
    """
    left, right = "".join(units(first.text)), "".join(units(plain.text))
    if left in right:
        return left == right
    short, long = sorted((len(left), len(right)))
    return long - short <= max(1, _LIKE_SHARE * long) and 2 * short > long


def _alike(one: Heard, other: Heard) -> bool:
    return units(one.text) == units(other.text)


def _joined(left: Heard, right: Heard, offset_ms: int) -> Heard:
    later = tuple(Word(word.text, word.start_ms + offset_ms, word.end_ms + offset_ms) for word in right.words)
    return Heard(
        join_texts((left.text, right.text)),
        left.words + later,
        left.language or right.language,
        left.cut_off or right.cut_off,
    )
