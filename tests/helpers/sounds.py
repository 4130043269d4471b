"""Sound files of many kinds, made on the spot from tones."""

import struct
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.int16]


def tone(seconds: float = 1.0, rate: int = 16_000, hertz: float = 440.0, level: float = 0.3) -> Sound:
    """A sine: (samples,) in 16 bit."""
    time = np.arange(round(seconds * rate)) / rate
    return (level * 32767 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def noise(seconds: float = 1.0, rate: int = 16_000, seed: int = 0) -> Sound:
    """White noise, the same for the same seed."""
    return np.random.default_rng(seed).integers(-8000, 8000, round(seconds * rate)).astype(np.int16)


def wav_bytes(
    samples: bytes, rate: int = 16_000, channels: int = 1, bits: int = 16, claimed_bytes: int | None = None
) -> bytes:
    """A WAV file whose header says what it is told to, possible or not."""
    align = channels * bits // 8 & 0xFFFF
    size = len(samples) if claimed_bytes is None else claimed_bytes
    fmt = struct.pack("<HHIIHH", 1, channels, rate, rate * align & 0xFFFFFFFF, align, bits)
    return (
        b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<I", 16) + fmt
        + b"data" + struct.pack("<I", size) + samples
    )  # fmt: skip


def write_sound(path: Path, sound: Sound, rate: int = 16_000) -> Path:
    """Writes (samples,) or (samples, channels) as WAV."""
    path.write_bytes(wav_bytes(sound.tobytes(), rate, 1 if sound.ndim == 1 else sound.shape[1]))
    return path


def read_sound(path: Path) -> Sound:
    """The samples of a 44-byte-header WAV file."""
    return np.frombuffer(path.read_bytes()[44:], np.int16)


def ffmpeg(*arguments: str | Path) -> None:
    """Runs ffmpeg; the last argument is the file to write."""
    subprocess.run(
        ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *map(str, arguments)],
        check=True,
        timeout=60,
        capture_output=True,
    )


def sox(*arguments: str | Path) -> None:
    """Runs sox, which writes AMR and GSM where ffmpeg only reads them."""
    subprocess.run(["sox", *map(str, arguments)], check=True, timeout=60, capture_output=True)
