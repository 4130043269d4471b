"""The untouched test: what the test voices say, clean and as it arrives over bad lines. Read once, at the end."""

import random
from dataclasses import dataclass
from enum import Enum

import numpy as np

from training import sounds, voices
from training.corpus import utterance
from training.espeak import RATE, Espeak
from training.names import name_clause
from training.recordings import Recording, speak
from training.sentences import Utterance

_SEED = 9_000_000
_CLAUSES, _CLAUSE_WEIGHTS = (1, 2, 4), (75, 17, 8)
_PEAK_DB, _NOISE_DB = -6.0, 15.0
#: A recording is never quite silent between the words.
_FLOOR = 1e-4


class Line(Enum):
    """How the sound arrives."""

    CLEAN = "clean"
    NOISY = "15 dB"
    TELEPHONE = "8 kHz"


@dataclass(frozen=True, slots=True)
class Question:
    """``sounds``: by line, ``(samples,)`` int16 at 16 kHz."""

    recording: Recording
    sounds: dict[Line, np.ndarray]


def sentences(count: int, seed: int = _SEED) -> list[Question]:
    """Utterances of one to four clauses."""
    espeak, dice = Espeak(), random.Random(seed)
    return [_question(espeak, dice, utterance(dice, dice.choices(_CLAUSES, _CLAUSE_WEIGHTS)[0])) for _ in range(count)]


def names(count: int) -> list[Question]:
    """One clause each, with a name that can be written in several ways; a fifth of them English."""
    espeak, dice = Espeak(), random.Random(_SEED + 1)
    asked: list[Question] = []
    for place in range(count):
        language = "en" if place % 5 == 0 else "zh"
        clause, name = name_clause(dice, language)
        asked.append(_question(espeak, dice, Utterance(language, (clause,), name)))
    return asked


def without_speech(count: int, seconds: float) -> list[np.ndarray]:
    """Noise, tones and clicks, none of it digital silence: ``(samples,)`` int16."""
    dice, found = np.random.default_rng(_SEED), []
    while len(found) < count:
        sound = as_int16(sounds.without_speech(dice, int(seconds * RATE)))
        if sound.min() < sound.max():
            found.append(sound)
    return found


def as_int16(sound: np.ndarray) -> np.ndarray:
    """Floats in [-1, 1] as samples of 16 bits."""
    return np.round(np.clip(sound, -1, 1) * 32_767).astype(np.int16)


def _question(espeak: Espeak, dice: random.Random, said: Utterance) -> Question:
    spoken, recording = speak(espeak, dice, said, voices.manner(dice, voices.TEST))
    noise_dice = np.random.default_rng(dice.getrandbits(32))
    level = sounds.at_level(spoken, _PEAK_DB)
    clean = level + noise_dice.standard_normal(len(level)).astype(np.float32) * np.float32(_FLOOR)
    lines = {
        Line.CLEAN: clean,
        Line.NOISY: sounds.with_noise(noise_dice, level, _NOISE_DB),
        Line.TELEPHONE: sounds.by_telephone(clean),
    }
    return Question(recording, {line: as_int16(sound) for line, sound in lines.items()})
