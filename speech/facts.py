"""What a file is, told right after it was chosen: rate, channels, length."""

from dataclasses import dataclass, replace
from pathlib import Path

from domain.errors import DeadlineExceeded
from domain.recognition import AudioInfo
from speech.container import OpenAudio, open_audio
from speech.packets import Damage, Deadline, read_packets
from speech.truncation import is_truncated

#: Time for finding out the length of a file that does not say it.
COUNT_SECONDS = 2.0

#: FFmpeg guesses the length of these from the bit rate.
_GUESSED = {"aac", "amr", "mp3"}


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file is, and whether it is known to be cut off: some formats tell only when they are read to their end."""

    info: AudioInfo
    is_truncated: bool = False


def file_facts(path: Path, filename: str = "") -> FileFacts:
    """What ``path`` is; ``seconds`` is 0.0 where that cannot be found out quickly.

    Browsers' recordings (webm) do not say how long they are: their packets are read, not decoded. ``filename`` is the
    visitor's name for the file. Raises :class:`BadAudio` and :class:`StorageUnavailable`.
    """
    with open_audio(path, filename) as audio:
        seconds = audio.info.seconds
        if not seconds or audio.info.container in _GUESSED:
            try:
                seconds = _counted_seconds(audio)
            except DeadlineExceeded:
                return FileFacts(audio.info)
        return FileFacts(replace(audio.info, seconds=seconds), is_truncated(audio, seconds))


def _counted_seconds(audio: OpenAudio) -> float:
    first, last = None, 0.0
    for packet in read_packets(audio, Damage(), Deadline(COUNT_SECONDS)):
        if packet.pts is not None and packet.time_base:
            start = float(packet.pts * packet.time_base)
            first = start if first is None else first
            last = max(last, start + float((packet.duration or 0) * packet.time_base))
    return round(max(0.0, last - (first or 0.0)), 3)
