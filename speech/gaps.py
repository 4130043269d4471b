"""Gaps in a recording's clock become silence, so that what comes after them keeps its time.

Browsers and conference servers write nothing while somebody is muted, and packets get lost on the way; a video may
begin before its sound. A player waits there. Without the silence, texts and subtitles would be early from then on.
"""

from collections.abc import Callable, Iterable, Iterator

import av
from av.audio.frame import AudioFrame

from speech.container import OpenAudio

#: Containers that give each packet its own time. The others count, or guess from the bit rate.
_TIMED = {"webm", "mp4", "mpegts", "mpeg", "flv", "asf"}
#: A difference that is no gap, in seconds: time stamps are rounded, to a millisecond or to a frame.
_TOLERANCE_SECONDS = 0.1
#: A leap that is another clock and no pause, in seconds: files that were joined, broadcasts.
_LEAP_SECONDS = 3600.0
#: All silence that is filled in, in seconds, and for each second of sound before it: somebody may be muted for the
#: first half-hour, or speak for a fifth of a meeting. What asks for more is another clock too: a time stamp costs a few
#: bytes, its silence an hour's work.
_SILENCE_SECONDS, _SILENCE_PER_SOUND = 1830.0, 4.0
#: A step back that is another clock.
_STEP_BACK_SECONDS = 1.0


def without_gaps(
    audio: OpenAudio, frames: Iterable[AudioFrame], keep_going: Callable[[], None]
) -> Iterator[AudioFrame]:
    """``frames`` with silence where the file's clock says that there was none, a second at most in each frame.

    ``keep_going`` is called before each second of silence and may raise to stop.
    """
    if audio.info.container not in _TIMED:
        yield from frames
        return
    start = audio.container.start_time
    origin = None if start is None else start / av.time_base
    given = sound = 0.0
    for frame in frames:
        if frame.pts is not None and frame.time_base:
            time = float(frame.pts * frame.time_base)
            origin = time if origin is None else origin
            missing = time - origin - given
            most = min(_LEAP_SECONDS, _SILENCE_SECONDS + _SILENCE_PER_SOUND * sound - (given - sound))
            # A gap within the tolerance is none, however much silence there was.
            if missing > max(most, _TOLERANCE_SECONDS) or missing < -_STEP_BACK_SECONDS:
                origin = time - given
            elif missing > _TOLERANCE_SECONDS:
                for silence in _silence(frame, missing):
                    keep_going()
                    given += silence.samples / silence.sample_rate
                    yield silence
        if frame.sample_rate:
            given += frame.samples / frame.sample_rate
            sound += frame.samples / frame.sample_rate
        yield frame


def silent_frame(format: str, layout: str, sample_rate: int, samples: int) -> AudioFrame:
    """Silence in this format."""
    frame = AudioFrame(format, layout, samples)
    frame.sample_rate = sample_rate
    for plane in frame.planes:
        # The middle of unsigned samples is not zero.
        plane.update((b"\x80" if format in ("u8", "u8p") else b"\0") * plane.buffer_size)
    return frame


def _silence(like: AudioFrame, seconds: float) -> Iterator[AudioFrame]:
    left = round(seconds * like.sample_rate)
    while left > 0:
        count = min(left, like.sample_rate)
        yield silent_frame(like.format.name, like.layout.name, like.sample_rate, count)
        left -= count
