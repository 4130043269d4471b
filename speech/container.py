"""The one place that opens a file with FFmpeg (PyAV)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard

from domain.errors import BadAudio
from domain.recognition import AudioInfo
from speech.sniff import Head, check_sane, read_head, unreadable

#: Without these a script named .wav makes FFmpeg open other files (ffconcat, HLS, image sequences).
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "wav,w64,mp3,aac,flac,ogg,mov,matroska,webm,amr,aiff,caf,asf,avi,mpegts,mpeg,flv,au",
}
#: WAV files. What FFmpeg reads to see what is in one, in bytes: by itself it reads megabytes of samples, which takes
#: longer than all the rest; this is enough to find the sync words of DTS, which looks like PCM. And what a packet holds
#: of them: half a second or more, not a twentieth.
_WAV_OPTIONS = {"probesize": "32768", "max_size": "65536"}
#: A frame with more samples is an attack on memory: FLAC allows 65,535.
_MAX_FRAME_SAMPLES = 1 << 20
#: FFmpeg's names that are lists, in the word that people know.
_CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4", "matroska,webm": "webm"}


@dataclass(frozen=True, slots=True)
class OpenAudio:
    """An open file and the sound track that counts. ``info.seconds`` is what the header declares (0: nothing)."""

    path: Path
    head: Head
    container: InputContainer
    stream: AudioStream
    info: AudioInfo


@contextmanager
def open_audio(path: Path, filename: str = "") -> Iterator[OpenAudio]:
    """Opens ``path`` for reading its sound, and closes it. ``filename`` is the visitor's name for it.

    Raises :class:`BadAudio` (every reason but too_short) and :class:`StorageUnavailable`.
    """
    head = read_head(path, filename)
    try:
        # Absolute: a relative "http:x.wav" would be taken for an address.
        is_wav = head.kind == "riff" and head.data[8:12] == b"WAVE"  # and no film
        options = _OPTIONS | (_WAV_OPTIONS if is_wav else {})
        container = av.open(str(path.absolute()), options=options, metadata_errors="ignore")
    except (av.error.FFmpegError, ValueError) as error:
        raise unreadable(head, path) from error
    with container:
        yield _sound_of(path, head, container)


def _sound_of(path: Path, head: Head, container: InputContainer) -> OpenAudio:
    stream = container.streams.best("audio")
    if not isinstance(stream, AudioStream):
        if container.streams.video:
            raise BadAudio("the file is a picture or video without a sound track", reason="no_audio_track")
        raise unreadable(head, path)
    context = stream.codec_context
    if not context:
        raise BadAudio("the sound track has a codec that is not known", reason="not_audio")
    if context.sample_rate or context.channels:
        check_sane(context.sample_rate, context.channels)
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    context.options = {"max_samples": str(_MAX_FRAME_SAMPLES)}
    info = AudioInfo(
        container=_CONTAINERS.get(container.format.name, container.format.name),
        codec=context.codec.canonical_name,
        sample_rate=context.sample_rate,
        channels=context.channels,
        seconds=_header_seconds(container, stream),
    )
    return OpenAudio(path, head, container, stream, info)


def _header_seconds(container: InputContainer, stream: AudioStream) -> float:
    if stream.duration and stream.time_base:
        return max(0.0, float(stream.duration * stream.time_base))
    return max(0.0, (container.duration or 0) / av.time_base)
