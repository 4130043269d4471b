"""Sound whose right text is known without a model: a digest of the samples, so that a wrong, swapped or doubled answer
shows. Nodes of :mod:`benchmarks.sleeping_node` answer with it.
"""

import hashlib
from pathlib import Path

import numpy as np

from domain.transcript import join_texts
from engine.samples import MIN_MODEL_SAMPLES, RATE, stretch
from tests.helpers.sounds import write_sound

#: Length of a segment where nobody says another one: about a sentence.
SEGMENT_MS = 5_000
#: No word of any language and no digit: the rules of written text leave it alone.
_LETTERS = "bcdfghjklmnpqrstvwxz"
_WORD_LETTERS = 12
#: Each half second: so much that is loud, then so much that is nearly silent. Even noise would not pass for speech.
_LOUD_SAMPLES, _QUIET_SAMPLES = RATE * 3 // 10, RATE // 5


def made_sound(seconds: float, seed: int) -> np.ndarray:
    """``(samples,)`` int16 at 16 kHz, another recording for each seed."""
    chance = np.random.default_rng(seed)
    count = round(seconds * RATE)
    level = np.tile(np.repeat([8_000, 20], [_LOUD_SAMPLES, _QUIET_SAMPLES]), count // (RATE // 2) + 1)[:count]
    return (chance.uniform(-1, 1, count) * level).astype(np.int16)


def write_made(path: Path, seconds: float, seed: int) -> Path:
    """The recording as a wav file."""
    return write_sound(path, made_sound(seconds, seed))


def heard_in(samples: np.ndarray) -> str:
    """The text of one segment, ``(samples,)`` int16."""
    number = int.from_bytes(hashlib.blake2b(np.ascontiguousarray(samples).tobytes(), digest_size=8).digest())
    letters: list[str] = []
    for _ in range(_WORD_LETTERS):
        number, place = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[place])
    return "".join(letters)


def places_in(samples: np.ndarray, segment_ms: int = SEGMENT_MS) -> list[tuple[int, int]]:
    """The segments, in ms: as long as each other, but for the last."""
    end_ms = len(samples) * 1000 // RATE
    places = [(start, min(start + segment_ms, end_ms)) for start in range(0, end_ms, segment_ms)]
    # Less than that is no word: it never reaches a model.
    return [(start, end) for start, end in places if (end - start) * RATE // 1000 >= MIN_MODEL_SAMPLES]


def text_of(samples: np.ndarray, segment_ms: int = SEGMENT_MS) -> str:
    """The right text of a recording."""
    return join_texts([heard_in(stretch(samples, *place)) for place in places_in(samples, segment_ms)])
