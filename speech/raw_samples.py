"""Samples without a header: how a file that holds nothing else was probably written, and the command that mends it."""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from domain.errors import BadAudio, StorageUnavailable

#: Extensions of such files, with FFmpeg's words for what they usually hold. ``None``: several things, so it is looked.
EXTENSIONS = {
    ".pcm": None,
    ".raw": None,
    ".s16": "-f s16le -ar 16000 -ac 1",
    ".sln": "-f s16le -ar 8000 -ac 1",
    ".sln16": "-f s16le -ar 16000 -ac 1",
    ".vox": "-f u8 -c:a adpcm_ima_oki -ar 8000 -ac 1",
    ".ul": "-f mulaw -ar 8000 -ac 1",
    ".ulaw": "-f mulaw -ar 8000 -ac 1",
    ".al": "-f alaw -ar 8000 -ac 1",
    ".alaw": "-f alaw -ar 8000 -ac 1",
    ".gsm": "-f gsm -ar 8000 -ac 1",
}
#: Bytes from the middle that are looked at.
_LOOKED_AT_BYTES = 256 * 1024
_LEAST_SAMPLES = 1_000
#: Speech at 8 kHz correlates with itself one sample later at 0.7 and above; compressed and random data near 0.
_SMOOTH_CORRELATION = 0.6
_LINEAR = "-f s16le -ar 16000 -ac 1"

Sound = npt.NDArray[np.float64]


def headerless(path: Path, suffix: str) -> BadAudio:
    """The refusal of ``path``; ``details['command']`` makes a WAV file of it, if rate and channels are right.

    Raises :class:`StorageUnavailable` where it cannot be read.
    """
    suffix = suffix if suffix in EXTENSIONS else ".pcm"
    arguments = EXTENSIONS[suffix] or _most_like_speech(_middle(path))
    command = f"ffmpeg {arguments} -i recording{suffix} recording.wav"
    return BadAudio(
        "the file holds raw samples without a header, so their rate and format are unknown; "
        f"convert it first, with the rate it was recorded at: {command}",
        reason="headerless_pcm",
        command=command,
    )


def looks_like_samples(path: Path) -> bool:
    """Whether the bytes are as smooth as sound when read as numbers of 16 bits."""
    return _smoothness(_linear(_middle(path))) > _SMOOTH_CORRELATION


def _most_like_speech(data: bytes) -> str:
    """Telephone systems write the bytes of G.711 into such files as readily as numbers of 16 bits."""
    codes = np.frombuffer(data, np.uint8)
    smoothness = {_LINEAR: _smoothness(_linear(data))}
    for law in ("mulaw", "alaw"):
        smoothness[f"-f {law} -ar 8000 -ac 1"] = _smoothness(_values(law)[codes])
    best = max(smoothness, key=lambda arguments: smoothness[arguments])
    return best if smoothness[best] > _SMOOTH_CORRELATION else _LINEAR


def _middle(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size // 2 - _LOOKED_AT_BYTES // 2) & ~1)
            return file.read(_LOOKED_AT_BYTES)
    except OSError as error:
        raise StorageUnavailable(f"the recording cannot be read: {error.strerror or error}") from error


def _linear(data: bytes) -> Sound:
    return np.frombuffer(data[: len(data) & ~1], "<i2").astype(np.float64)


def _smoothness(samples: Sound) -> float:
    """Correlation with itself one sample later."""
    if len(samples) < _LEAST_SAMPLES:
        return 0.0
    samples = samples - samples.mean()
    energy = float(samples @ samples)
    return float(samples[1:] @ samples[:-1]) / energy if energy > 0 else 0.0


@cache
def _values(law: str) -> Sound:
    """What each of the 256 codes of ITU-T G.711 stands for."""
    codes = np.arange(256) ^ (0xFF if law == "mulaw" else 0x55)
    exponent, mantissa = (codes >> 4) & 7, codes & 15
    if law == "mulaw":
        size, is_negative = ((2 * mantissa + 33) << exponent) - 33, codes >= 128
    else:
        size, is_negative = (2 * mantissa + 1 + 32 * (exponent > 0)) << np.maximum(exponent - 1, 0), codes < 128
    return np.where(is_negative, -size, size).astype(np.float64)
