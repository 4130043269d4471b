"""Any recording to 16 kHz mono s16, streaming: bounded in time and memory whatever the file claims."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from domain.errors import AudioTooLong, BadAudio, StorageUnavailable
from domain.options import Channels
from domain.recognition import AudioInfo
from speech.container import OpenAudio, open_audio
from speech.downmix import Samples
from speech.gaps import without_gaps
from speech.packets import Damage, Deadline, read_frames
from speech.sniff import check_sane
from speech.sounds import Sound, SoundWriter
from speech.truncation import is_truncated
from speech.wav_file import SAMPLE_RATE

#: Less sound than this cannot be recognised, and 0 samples crash the model (FACTS).
MIN_AUDIO_MS = 100
#: More bad packets than this part of all, and what is left is no recording any more.
MAX_BAD_RATIO = 0.3
#: Time in which one file must be decoded: 4 hours of Vorbis take 40 s.
DECODE_SECONDS = 300.0

#: Samples a second, at the most, in what telephone systems record; cameras and recorders with two channels have more.
_TELEPHONE_RATE = 8000
#: Samples in which channels are mixed: half a second.
_BLOCK_SAMPLES = SAMPLE_RATE // 2


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came out. ``info.seconds`` is what was decoded, not what the header says.

    ``warnings``: ``damaged`` (parts could not be decoded), ``truncated`` (shorter than declared), ``silent``.
    The field ``silent`` means that there is no sound at all in it. ``sounds``: what is to be recognised.
    """

    info: AudioInfo
    warnings: tuple[str, ...]
    silent: bool
    sounds: tuple[Sound, ...]


def decode_to_wav(
    path: Path,
    out: Path,
    *,
    max_seconds: float,
    channels: Channels = "mix",
    deadline_seconds: float | None = DECODE_SECONDS,
    filename: str = "",
    clock: Callable[[], float] = time.monotonic,
    stop: threading.Event | None = None,
) -> Decoded:
    """Decodes ``path`` into ``out``, a 16 kHz mono s16 WAV file, which appears only when all went well.

    Unless ``channels`` is ``mix``, a recording of two channels may become a file for each beside ``out``
    (:class:`SoundWriter`); the files to use are ``sounds`` of the answer. More channels than two are always mixed.

    ``stop`` ends it from another thread, within a packet. Raises :class:`BadAudio`, :class:`AudioTooLong` (decoded
    seconds count, not declared ones), :class:`DeadlineExceeded`, :class:`RecognitionCancelled` (``stop`` was set)
    and :class:`StorageUnavailable`.
    """
    damage, deadline = Damage(), Deadline(deadline_seconds, clock, stop)
    samples = 0
    with open_audio(path, filename) as audio:
        telephone = 0 < audio.info.sample_rate <= _TELEPHONE_RATE
        writer = SoundWriter(out, channels, stereo=audio.info.channels == 2, telephone=telephone)
        try:
            with writer:
                for block in _blocks(audio, damage, deadline, max_seconds):
                    writer.write(block)
                    samples += len(block)
                seconds = samples / SAMPLE_RATE
                _check_outcome(seconds, damage)
            sounds = writer.chosen(deadline.check)
        except av.error.FFmpegError as error:
            # PyAV's errors are OSErrors too, but this one is the file's fault.
            raise BadAudio("the sound cannot be converted", reason="too_damaged") from error
        except OSError as error:
            raise StorageUnavailable(f"the decoded sound cannot be stored: {error.strerror or error}") from error
        findings = {
            "damaged": damage.inside + damage.holes > 0,
            "truncated": is_truncated(audio, seconds),
            "silent": writer.silent,
        }
        warnings = tuple(name for name, found in findings.items() if found)
        return Decoded(replace(audio.info, seconds=round(seconds, 3)), warnings, writer.silent, sounds)


def _check_outcome(seconds: float, damage: Damage) -> None:
    if damage.ratio > MAX_BAD_RATIO or (damage.bad and not seconds):
        raise BadAudio(
            f"{damage.bad} of {damage.packets} pieces of the file cannot be decoded",
            reason="too_damaged",
            bad=damage.bad,
            packets=damage.packets,
        )
    if seconds * 1000 < MIN_AUDIO_MS:
        raise BadAudio(
            f"the recording holds {seconds * 1000:.0f} ms of sound; at least {MIN_AUDIO_MS} ms are needed",
            reason="too_short",
            got_ms=round(seconds * 1000),
            limit_ms=MIN_AUDIO_MS,
        )


def _blocks(audio: OpenAudio, damage: Damage, deadline: Deadline, max_seconds: float) -> Iterator[Samples]:
    """Blocks of sound at 16 kHz, (samples, channels).

    The format may change in mid-file (joined MP3s, AAC): each run has its converter.
    """
    converter: _Converter | None = None
    decoded_seconds = 0.0
    for frame in without_gaps(audio, read_frames(audio, damage, deadline), deadline.check):
        decoded_seconds += frame.samples / frame.sample_rate if frame.sample_rate else math.inf
        # The sum of many fractions is not exact.
        if decoded_seconds > max_seconds + 1e-3:
            raise AudioTooLong(f"the recording is longer than {max_seconds:g} seconds", limit_seconds=max_seconds)
        if converter is None or not converter.takes(frame):
            if converter is not None:
                yield from converter.convert(None)
            converter = _Converter(frame)
        yield from converter.convert(frame)
    if converter is not None:
        yield from converter.convert(None)


class _Converter:
    """Resamples frames of one format."""

    def __init__(self, frame: AudioFrame) -> None:
        channels = frame.layout.nb_channels
        check_sane(frame.sample_rate, channels)
        self._format = _format_of(frame)
        # FFmpeg knows how to weigh the channels of 5.1; of "12 channels" it knows nothing.
        known = channels > 2 and "channels" not in frame.layout.name
        layout = "stereo" if known else frame.layout.name
        self._channels = 2 if known else channels
        self._resampler = AudioResampler("s16", layout, SAMPLE_RATE, frame_size=_BLOCK_SAMPLES)

    def takes(self, frame: AudioFrame) -> bool:
        """Whether ``frame`` has the format of the first one."""
        return _format_of(frame) == self._format

    def convert(self, frame: AudioFrame | None) -> Iterator[Samples]:
        """Whole blocks as they become ready; ``None`` brings the rest."""
        if frame is not None:
            # The file's clock may jump; the recogniser's time is the count of samples.
            frame.pts = None
        for ready in self._resampler.resample(frame):
            if not ready.samples:
                continue
            plane = memoryview(ready.planes[0])[: ready.samples * self._channels * 2]
            yield np.frombuffer(plane, np.int16).reshape(-1, self._channels)


def _format_of(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate
