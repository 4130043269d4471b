"""How long a recording says it is, so that a file cut off on its way is noticed.

FFmpeg clamps or guesses the length of a cut WAV, MP3 or Ogg file, so their own words are read here.
"""

import os
import re
import struct
from pathlib import Path

from speech.container import OpenAudio

#: Missing sound that counts: the larger of these.
_TOLERANCE_SECONDS, _TOLERANCE_RATIO = 0.5, 0.02
#: Lengths in a WAV header that mean "unknown" (written to a pipe); larger ones are near the limit for the same reason.
_UNKNOWN_WAV_BYTES = 0x7FFF_0000
#: Containers whose length FFmpeg guesses from the bit rate.
_GUESSED = {"aac", "amr", "mpegts", "mpeg", "mp3"}
#: Containers with one length for sound and pictures together.
_SHARED = {"webm", "flv", "avi", "asf"}
#: An Ogg page has at most 27 + 255 + 255 × 255 bytes (RFC 3533 §6).
_OGG_PAGE_BYTES = 65_307
_OGG_LAST_PAGE = 0x04

_MP3_HEADER_BYTES = 16 * 1024


def is_truncated(audio: OpenAudio, decoded_seconds: float) -> bool:
    """Whether clearly less came out of the file than it declares."""
    if audio.head.kind == "ogg":
        return _ogg_is_cut(audio.path, audio.head.size_bytes)
    declared = _declared_seconds(audio)
    return declared - decoded_seconds > max(_TOLERANCE_SECONDS, declared * _TOLERANCE_RATIO)


def _declared_seconds(audio: OpenAudio) -> float:
    container = audio.info.container
    if container == "wav":
        return _wav_seconds(audio.head.data, audio.head.size_bytes, audio.info.seconds)
    if container == "mp3":
        return _mp3_seconds(audio.path)
    if container in _GUESSED or (container in _SHARED and len(audio.container.streams) > 1):
        return 0.0
    return audio.info.seconds


def _wav_seconds(head: bytes, size_bytes: int, readable_seconds: float) -> float:
    """FFmpeg clamps the length to the file: scaled back up by what the data chunk claims."""
    at = head.find(b"data", 12)
    if at < 0 or at + 8 > len(head) or not head.startswith(b"RIFF"):
        return 0.0
    claimed, present = struct.unpack_from("<I", head, at + 4)[0], size_bytes - at - 8
    if not 0 < present < claimed < _UNKNOWN_WAV_BYTES:
        return 0.0
    return readable_seconds * claimed / present


def _mp3_seconds(path: Path) -> float:
    """From the count of frames in the Xing or Info header, which FFmpeg drops when it contradicts the file's size."""
    with path.open("rb") as file:
        start = file.read(10)
        skip = 0
        if start.startswith(b"ID3") and len(start) == 10:
            skip = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(start[6:], (21, 14, 7, 0), strict=True))
        file.seek(skip)
        data = file.read(_MP3_HEADER_BYTES)
    found = re.search(rb"\xff[\xe2-\xff]", data)
    if not found or found.start() + 4 > len(data):
        return 0.0
    version, index = data[found.start() + 1] >> 3 & 3, data[found.start() + 2] >> 2 & 3
    tag = re.compile(rb"Xing|Info").search(data, found.start(), found.start() + 64)
    if not tag or index == 3 or version == 1 or tag.end() + 8 > len(data):
        return 0.0
    flags, frames = struct.unpack_from(">II", data, tag.end())
    # MPEG 1 has 1,152 samples in a frame, MPEG 2 and 2.5 half of it (ISO 13818-3).
    rate = (44_100, 48_000, 32_000)[index] // {3: 1, 2: 2, 0: 4}[version]
    return frames * (1152 if version == 3 else 576) / rate if flags & 1 else 0.0


def _ogg_is_cut(path: Path, size_bytes: int) -> bool:
    """Whether the last page is not marked as the last, or is not there in full."""
    with path.open("rb") as file:
        file.seek(-min(size_bytes, 2 * _OGG_PAGE_BYTES), os.SEEK_END)
        data = file.read()
    at = data.rfind(b"OggS")
    if at < 0 or at + 27 > len(data):
        return True
    table = data[at + 27 : at + 27 + data[at + 26]]
    return not data[at + 5] & _OGG_LAST_PAGE or at + 27 + len(table) + sum(table) > len(data)
