"""Recordings of utterances: the speech of clauses with pauses, its text with times."""

import random
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from training import sounds
from training.espeak import RATE, Espeak, Manner
from training.sentences import Name, Utterance, is_english, joined

#: Pauses at or above this end a sentence, shorter ones are commas.
LONG_PAUSE_SECONDS = 0.45
_SHORT_PAUSES, _LONG_PAUSES = (0.14, 0.3), (0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Recording:
    """``units``: characters, words and marks in order; ``spans_ms``: where each is, marks where the pause is.

    ``language``: zh or en, or "" for a recording without speech.
    """

    language: str
    units: tuple[str, ...]
    spans_ms: tuple[tuple[float, float], ...]
    name: Name | None = None

    def text(self, marks: bool = True) -> str:
        """As a model should write it."""
        return joined([unit for unit in self.units if marks or not is_mark(unit)])

    def to_json(self) -> dict[str, Any]:
        """For a file; times rounded to a millisecond."""
        return {
            "language": self.language,
            "units": list(self.units),
            "spans_ms": [[round(start), round(end)] for start, end in self.spans_ms],
            "name": [self.name.usual, *self.name.others] if self.name else [],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Recording":
        """What :meth:`to_json` wrote."""
        names = data["name"]
        return cls(
            data["language"],
            tuple(data["units"]),
            tuple((start, end) for start, end in data["spans_ms"]),
            Name(names[0], tuple(names[1:])) if names else None,
        )


#: A recording without speech, of any length.
NO_SPEECH = Recording("", (), ())


def is_mark(unit: str) -> bool:
    """Whether the unit is punctuation."""
    return unit in "，。？,.?"


def speak(espeak: Espeak, dice: random.Random, utterance: Utterance, manner: Manner) -> tuple[np.ndarray, Recording]:
    """The clauses one after the other with pauses: clean sound that starts and ends with silence."""
    pieces, units, spans = [_silence(dice.uniform(0.03, 0.5))], [], []
    for place, clause in enumerate(utterance.clauses):
        ending = clause.mark if dice.random() < 0.5 else ""
        for english, group in groupby(clause.units, is_english):
            part = tuple(group)
            speech = espeak.say(part, english, manner, ending)
            offset = sum(map(len, pieces)) * 1_000 / RATE
            units += part
            spans += [(offset + start, offset + end) for start, end in speech.spans_ms]
            pieces += [speech.samples, _silence(0.03)]
        is_last = place == len(utterance.clauses) - 1
        pause = dice.uniform(0.05, 0.5) if is_last else dice.uniform(*dice.choice((_SHORT_PAUSES, _LONG_PAUSES)))
        units.append(clause.marked(is_last or pause >= LONG_PAUSE_SECONDS))
        spans.append((spans[-1][1], spans[-1][1] + min(pause, 0.12) * 1_000))
        pieces.append(_silence(pause))
    return np.concatenate(pieces), Recording(utterance.language, tuple(units), tuple(spans), utterance.name)


def snippet(dice: np.random.Generator, sound: np.ndarray) -> np.ndarray:
    """20 to 60 ms out of the sound: too short for a word."""
    length = int(RATE * dice.uniform(0.02, 0.06))
    start = int(dice.integers(0, max(1, len(sound) - length)))
    return sounds.at_level(sound[start : start + length] + np.float32(1e-6), dice.uniform(*sounds.PEAKS_DB))


def _silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)
