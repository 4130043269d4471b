"""The sound that a node works on: 16 kHz mono s16, mapped from the file and never copied whole."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from domain.errors import BadAudio

#: Samples per second that every model here wants.
RATE = 16_000
#: Less than one analysis window (25 ms) is no sound at all.
MIN_SAMPLES = RATE * 25 // 1000
#: FunASR divides by zero, or dies, on less than this; it is also too short for a word.
MIN_MODEL_SAMPLES = RATE // 10
#: Samples that never differ by more than dither's last bit are digital silence: models hear words in it.
_SILENT_RANGE = 2
#: Where a stretch may be cut without speech detection: the quietest window in its last part.
_CUT_WINDOW_SAMPLES = RATE // 10
_CUT_SEARCH_SHARE = 0.3

_PCM, _EXTENSIBLE = 1, 0xFFFE


class _Format(NamedTuple):
    codec: int
    channels: int
    rate: int
    bits: int


def open_samples(path: Path) -> np.ndarray:
    """The samples of a 16 kHz mono s16 wav: ``(samples,)`` int16, read-only, backed by the file.

    Raises :class:`BadAudio` for anything else, and for less than 25 ms.
    """
    try:
        with path.open("rb") as file:
            shape, offset, length = _find_data(file)
    except (OSError, struct.error, EOFError) as error:
        raise BadAudio(f"the audio cannot be read: {error}", reason="not_audio") from error
    if shape.codec not in (_PCM, _EXTENSIBLE) or (shape.channels, shape.rate, shape.bits) != (1, RATE, 16):
        raise BadAudio(
            "a node takes 16 kHz mono 16-bit wav only", reason="bad_header", rate=shape.rate, channels=shape.channels
        )
    count = length // 2
    if count < MIN_SAMPLES:
        raise BadAudio("there is less than 25 ms of sound", reason="too_short", samples=count)
    return np.memmap(path, dtype="<i2", mode="r", offset=offset, shape=(count,))


def is_silent(samples: np.ndarray) -> bool:
    """Whether ``(samples,)`` int16 hold nothing but digital silence."""
    return len(samples) == 0 or int(samples.max()) - int(samples.min()) <= _SILENT_RANGE


def can_be_heard(samples: np.ndarray) -> bool:
    """Whether ``(samples,)`` int16 may reach a model: it breaks on less, and invents words for digital silence."""
    return len(samples) >= MIN_MODEL_SAMPLES and not is_silent(samples)


def as_floats(samples: np.ndarray) -> np.ndarray:
    """``(samples,)`` int16 as float32 in [-1, 1), a copy."""
    return samples.astype(np.float32) / 32_768


def stretch(samples: np.ndarray, start_ms: int, end_ms: int) -> np.ndarray:
    """The part between two times."""
    return samples[start_ms * RATE // 1000 : end_ms * RATE // 1000]


def duration_ms(samples: np.ndarray) -> int:
    """The length in ms, rounded down."""
    return len(samples) * 1000 // RATE


def cut_evenly(samples: np.ndarray, max_segment_ms: int) -> list[tuple[int, int]]:
    """Stretches of at most ``max_segment_ms`` that cover all samples, in ms.

    Without speech detection the whole recording goes to the model, but a model silently drops the end of an
    over-long pass (FunASR PR 3033). Each cut is made in the middle of the quietest 100 ms within the last 30 % of
    its stretch, where it is least likely to divide a word.
    """
    return list(_cuts(samples, max_segment_ms * RATE // 1000))


def quietest_cut(samples: np.ndarray) -> int:
    """Where to divide ``(samples,)`` in two: the middle of the quietest 100 ms in its middle half."""
    quarter = len(samples) // 4
    return quarter + _quietest(samples[quarter : len(samples) - quarter])


def _cuts(samples: np.ndarray, limit: int) -> Iterator[tuple[int, int]]:
    start, end = 0, len(samples)
    while end - start > limit:
        cut = start + limit - _samples_after_quietest(samples[start : start + limit])
        yield start * 1000 // RATE, cut * 1000 // RATE
        start = cut
    yield start * 1000 // RATE, end * 1000 // RATE


def _samples_after_quietest(part: np.ndarray) -> int:
    tail = part[-max(_CUT_WINDOW_SAMPLES, int(len(part) * _CUT_SEARCH_SHARE)) :]
    return len(tail) - _quietest(tail)


def _quietest(part: np.ndarray) -> int:
    """The middle of the quietest 100 ms."""
    sound = part.astype(np.float64)
    energy = np.concatenate(([0.0], np.cumsum(sound * sound)))
    window = min(_CUT_WINDOW_SAMPLES, len(sound))
    return int(np.argmin(energy[window:] - energy[:-window])) + window // 2


def _find_data(file: BinaryIO) -> tuple[_Format, int, int]:
    header = file.read(12)
    if len(header) < 12 or header[:4] != b"RIFF" or header[8:] != b"WAVE":
        raise EOFError("it is no wav file")
    size = file.seek(0, 2)
    position, shape = 12, None
    while position + 8 <= size:
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"fmt ":
            codec, channels, rate, _, _, bits = struct.unpack("<HHIIHH", file.read(16))
            shape = _Format(codec, channels, rate, bits)
        elif name == b"data":
            if shape is None:
                raise EOFError("the wav file has no format")
            # A writer that did not know the length, or a file that was cut off: what is there counts.
            return shape, position + 8, min(length, size - position - 8)
        position += 8 + length + length % 2
    raise EOFError("the wav file has no samples")
