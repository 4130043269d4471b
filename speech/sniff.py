"""What the first bytes of a file say, read before any decoder sees them.

FFmpeg answers most broken files with "invalid data". People need to know which of a dozen reasons it was, and a
header that asks for four billion samples a second must be refused before anybody allocates for it.
"""

import struct
from dataclasses import dataclass
from pathlib import Path, PurePath

from domain.errors import BadAudio, StorageUnavailable
from speech import raw_samples

#: Sample rates of recordings, in Hz: the telephone's predecessors to studio gear.
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 1_000, 768_000
#: More channels than any recorder has.
MAX_CHANNELS = 64

#: Bytes read from the start.
_HEAD_BYTES = 64 * 1024

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"RIFF", "riff"),
    (0, b"RIFX", "riff"),
    (0, b"RF64", "riff"),
    (0, b"riff\x2e\x91\xcf\x11", "w64"),
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"ID3", "mp3"),
    (0, b".snd", "au"),
    (0, b"caff", "caf"),
    (0, b"FORM", "aiff"),
    (0, b"#!AMR", "amr"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (0, b"FLV\x01", "flv"),
    (0, b"\x00\x00\x01\xba", "mpeg"),
    (4, b"ftyp", "mp4"),
    (4, b"moov", "mp4"),
    (4, b"mdat", "mp4"),
)
#: Uncompressed pictures are as smooth as sound.
_PICTURES = (b"BM", b"II*\x00", b"MM\x00*", b"P5", b"P6", b"\x89PNG", b"\xff\xd8\xff", b"GIF8")


@dataclass(frozen=True, slots=True)
class Head:
    """The start of a file. ``kind`` is the container it starts like, or ``""``."""

    data: bytes
    kind: str
    size_bytes: int


def read_head(path: Path, filename: str = "") -> Head:
    """Reads the start of ``path`` and refuses what needs no decoder to be refused.

    ``filename`` is the visitor's name for the file, where ``path`` is a key of the store.
    Raises :class:`BadAudio` (empty, not_audio, headerless_pcm, bad_header) and :class:`StorageUnavailable`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_HEAD_BYTES)
        size_bytes = path.stat().st_size
    except OSError as error:
        raise StorageUnavailable(f"the recording cannot be read: {error.strerror or error}") from error
    if not data:
        raise BadAudio("the file is empty", reason="empty")
    kind = next((name for offset, magic, name in _MAGIC if data.startswith(magic, offset)), "")
    suffix = PurePath(filename or path.name).suffix.lower()
    if not kind and suffix in raw_samples.EXTENSIONS:
        raise raw_samples.headerless(path, suffix)
    if not kind and _is_text(data):
        raise BadAudio("the file is text, not sound", reason="not_audio", looks_like="text")
    if (claim := _claimed(kind, data)) is not None:
        check_sane(*claim)
    return Head(data, kind, size_bytes)


def check_sane(sample_rate: int, channels: int) -> None:
    """Refuses a sample rate or a number of channels that no recording has. Raises :class:`BadAudio`, bad_header."""
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise BadAudio(
            f"the header claims {sample_rate} samples a second; {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} are possible",
            reason="bad_header",
            sample_rate=sample_rate,
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise BadAudio(
            f"the header claims {channels} channels; 1 to {MAX_CHANNELS} are possible",
            reason="bad_header",
            channels=channels,
        )


def unreadable(head: Head, path: Path) -> BadAudio:
    """Why a file that FFmpeg found no sound in was refused."""
    if head.kind:
        return BadAudio(
            f"the file starts like {head.kind} but cannot be read; it may be cut off or damaged",
            reason="too_damaged",
            container=head.kind,
        )
    if not head.data.startswith(_PICTURES) and raw_samples.looks_like_samples(path):
        return raw_samples.headerless(path, "")
    return BadAudio("the file holds no sound in a format that is known", reason="not_audio")


def _claimed(kind: str, data: bytes) -> tuple[int, int] | None:
    if kind == "au" and len(data) >= 24:
        return struct.unpack_from(">II", data, 16)
    if kind != "riff" or data[8:12] != b"WAVE":
        return None
    order, at = (">" if data.startswith(b"RIFX") else "<"), 12
    while at + 16 <= len(data):
        name, length = data[at : at + 4], struct.unpack_from(order + "I", data, at + 4)[0]
        if name == b"fmt ":
            channels, sample_rate = struct.unpack_from(order + "HI", data, at + 10)
            return sample_rate, channels
        at += 8 + length + length % 2
    return None


def _is_text(data: bytes) -> bool:
    sample = data[:4096]
    if any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in sample):
        return False
    for encoding in ("utf-8", "gb18030"):
        # The cut may have split a character of up to four bytes.
        for cut in range(4):
            try:
                sample[: len(sample) - cut].decode(encoding)
                return True
            except UnicodeDecodeError:
                continue
    return False
