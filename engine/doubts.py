"""What makes a recognised text doubtful: no energy of speech under it, only hotwords, a loop, more than can be said.

LLM recognisers write text into silence, repeat the hotwords of their prompt, and loop (FunASR issues 26 and 3718).
Every rule here would rather miss an invention than doubt what somebody said; docs/decisions.md has the measurements.
"""

import re
from collections.abc import Collection

import numpy as np

from domain.transcript import Doubt
from engine.samples import RATE

#: Level is measured by frames of 20 ms.
_FRAME = RATE // 50
#: Speech stands out of the noise by this much in its loud frames. Steady noise of any colour strays by less: the
#: level of white noise by 1 dB, of pink noise by 5; a sentence at 0 dB signal to noise still has 180 ms above it.
_ABOVE_NOISE_DB = 6.0
#: Below this nothing is speech, dBFS: 10 steps of 16 bits. A call 50 dB too quiet still has vowels of -65.
_QUIETEST_SPEECH_DB = -70.0
#: Speech has so many loud frames at least: a click has one or two, the shortest word (啊, spoken fast) four.
_LOUD_FRAMES = 3
#: The level that a tenth of the frames does not reach is noise: even without a pause speech has its gaps.
_NOISE_PERCENTILE = 10
#: Frames below this (one step of 16 bits) are the zeros that gates and codecs put between words, and tell of no noise.
_DIGITAL_SILENCE_DB = -90.0
#: Frames looked at for the noise of a whole recording (200 s of sound), spread over it.
_NOISE_FRAMES = 10_000

#: Times that a run of so many characters or words comes one after the other before it is a loop. People do say
#: 零零零零零零零零, 对对对对对, 好的好的好的 and no no no, and read 4111 1111 1111 1111 from a card.
_LOOPS = {1: 20, 2: 10, 3: 7}
#: The same for anything longer, where a sentence said three times over is still a person's.
_LONG_LOOP = 5
#: The longest run that is looked for.
_LOOP_UNITS = 40

#: Characters (or words) in a second that nobody says; fast Chinese has 8, fast English 5.
_UNITS_PER_SECOND = 12.0
#: Allowed on top, for what is written longer than it is said, and for words that the segment's edges cut.
_SPARE_UNITS = 8

# One character of a script without spaces, a word, or a digit; marks are nothing.
_UNIT = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\d|[^\W\d_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_NUMBER = re.compile(r"\d[\d.,:/%-]*")


def doubt_of(
    samples: np.ndarray, noise_db: float, text: str, hotwords: Collection[str] = (), *, cut_off: bool = False
) -> Doubt | None:
    """Why ``text`` should not be believed of ``(samples,)`` int16, or ``None``.

    ``noise_db``: the recording's :func:`noise_level`. ``hotwords``: those that the model was given. ``cut_off``:
    whether it stopped at its limit of tokens. An empty text is never doubtful.
    """
    spoken = units(text)
    if not spoken:
        return None
    if not has_speech_energy(samples, noise_db):
        return "no_speech"
    if is_loop(spoken):
        return "repetition"
    if cut_off or is_too_dense(text, len(samples) / RATE):
        return "cut_off"
    if is_only_hotwords(text, hotwords):
        return "only_hotwords"
    return None


def units(text: str) -> list[str]:
    """The characters, words and digits of a text in lower case, without marks."""
    return _UNIT.findall(text.lower())


def noise_level(samples: np.ndarray) -> float:
    """The level of what is always there, in dBFS; of a long recording a sample is looked at."""
    count = len(samples) // _FRAME
    step = max(1, -(-count // _NOISE_FRAMES))
    return _noise(_levels(samples[: count * _FRAME].reshape(-1, _FRAME)[::step]))


def has_speech_energy(samples: np.ndarray, noise_db: float) -> bool:
    """Whether something stands out of the noise of the recording, or out of the segment's own.

    The recording's is too high where loud music surrounds a quiet voice, the segment's where it is one long vowel.
    """
    count = len(samples) // _FRAME
    levels = _levels(samples[: count * _FRAME].reshape(-1, _FRAME))
    bar = max(_QUIETEST_SPEECH_DB, min(noise_db, _noise(levels)) + _ABOVE_NOISE_DB)
    return int(np.count_nonzero(levels > bar)) >= _LOUD_FRAMES


def is_loop(spoken: list[str]) -> bool:
    """Whether the same units come one after the other more often than anybody says them."""
    for length in range(1, min(_LOOP_UNITS, len(spoken) // 2) + 1):
        needed = length * (_LOOPS.get(length, _LONG_LOOP) - 1)
        matches = 0
        for unit, before in zip(spoken[length:], spoken, strict=False):
            matches = matches + 1 if unit == before else 0
            if matches >= needed:
                return True
    return False


def is_too_dense(text: str, seconds: float) -> bool:
    """Whether nobody could say so much in the time. A number counts as one: 100000000 is two syllables (一亿)."""
    return len(units(_NUMBER.sub("0", text))) > _SPARE_UNITS + _UNITS_PER_SECOND * seconds


def is_only_hotwords(text: str, hotwords: Collection[str]) -> bool:
    """Whether the text without its marks and spaces is hotwords one after the other, and nothing else."""
    whole = "".join(units(text))
    words = {word for word in ("".join(units(item)) for item in hotwords) if word and word in whole}
    if not whole or not words:
        return False
    ends = [True] + [False] * len(whole)
    for at in range(len(whole)):
        if ends[at]:
            for word in words:
                if whole.startswith(word, at):
                    ends[at + len(word)] = True
    return ends[-1]


def _levels(frames: np.ndarray) -> np.ndarray:
    """The level of each of ``(frames, samples)``, in dBFS, whatever its offset."""
    return 20 * np.log10(frames.astype(np.float32).std(axis=1) / 32_768 + 1e-6)


def _noise(levels: np.ndarray) -> float:
    heard = levels[levels > _DIGITAL_SILENCE_DB]
    return float(np.percentile(heard, _NOISE_PERCENTILE)) if len(heard) else _DIGITAL_SILENCE_DB
