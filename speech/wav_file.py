"""16 kHz mono s16 WAV, which is what the recogniser reads: writing it, and cutting a piece out of it."""

import struct
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

#: What the recogniser hears.
SAMPLE_RATE = 16_000

HEADER_BYTES = 44
_MAX_DATA_BYTES = 0xFFFF_FFFF - 36
_BYTES_PER_MS = SAMPLE_RATE * 2 // 1000
_BLOCK_BYTES = 1 << 18


class WavWriter:
    """Writes beside ``path`` and puts the file in its place only when all went well: nothing half-written stays."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._file: BinaryIO | None = None
        self._bytes = 0

    def __enter__(self) -> Self:
        self._file = self._part.open("wb")
        self._file.write(bytes(HEADER_BYTES))
        return self

    def write(self, samples: bytes | memoryview) -> None:
        """Appends little-endian 16 bit samples. Raises ``OSError``, for instance when the disk is full."""
        assert self._file
        self._bytes += self._file.write(samples)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file
        with self._file:
            if kind is None:
                self._file.seek(0)
                self._file.write(_header(self._bytes))
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)


def cut_wav(whole: Path, piece: Path, start_ms: int, end_ms: int) -> None:
    """Writes what ``whole``, a file of :class:`WavWriter`, holds between two times. Raises ``OSError``."""
    with whole.open("rb") as source, WavWriter(piece) as out:
        source.seek(HEADER_BYTES + start_ms * _BYTES_PER_MS)
        left = (end_ms - start_ms) * _BYTES_PER_MS
        while left > 0 and (block := source.read(min(left, _BLOCK_BYTES))):
            out.write(block)
            left -= len(block)


def _header(data_bytes: int) -> bytes:
    size = min(data_bytes, _MAX_DATA_BYTES)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * 2, 2, 16, b"data", size,
    )  # fmt: skip
