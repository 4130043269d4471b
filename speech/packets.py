"""Reading a damaged file to its end.

``container.decode()`` stops at the first bad packet (FACTS: 1.9 s of 600); here bad ones are skipped and counted.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av.error
from av.audio.frame import AudioFrame
from av.packet import Packet

from domain.errors import DeadlineExceeded, RecognitionCancelled
from speech.container import OpenAudio
from speech.pauses import decode_packet

#: FLAC and Ogg count samples, so a hole in their time is a piece that was skipped silently for a wrong checksum.
_COUNTED_CONTAINERS = {"flac", "ogg"}
_HOLE_SECONDS = 0.05
#: Errors of the demuxer in a row after which nothing more will come.
_MAX_DEMUX_ERRORS = 50


@dataclass(slots=True)
class Damage:
    """What was met on the way. ``inside``: bad packets that good ones came after; ``holes``: missing pieces."""

    packets: int = 0
    bad: int = 0
    inside: int = 0
    holes: int = 0

    @property
    def ratio(self) -> float:
        """Bad packets among all of them, 0 to 1."""
        return self.bad / self.packets if self.packets else 0.0


class Deadline:
    """A limit in monotonic seconds, and an event that ends the work before it; checked between packets."""

    def __init__(
        self,
        seconds: float | None,
        clock: Callable[[], float] = time.monotonic,
        stop: threading.Event | None = None,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._stop = stop
        self._end = None if seconds is None else clock() + seconds

    def check(self) -> None:
        """Raises :class:`RecognitionCancelled` once the event is set, :class:`DeadlineExceeded` once the time is up."""
        if self._stop and self._stop.is_set():
            raise RecognitionCancelled("the reading of the file was stopped")
        if self._end is not None and self._clock() > self._end:
            raise DeadlineExceeded(
                f"the file could not be read within {self._seconds:g} seconds", limit_seconds=self._seconds
            )


def read_packets(audio: OpenAudio, damage: Damage, deadline: Deadline) -> Iterator[Packet]:
    """The packets of the sound track, in the file's order; the last, empty one flushes the decoder."""
    errors, expected_pts = 0, None
    counted = audio.info.container in _COUNTED_CONTAINERS
    while True:
        try:
            for packet in audio.container.demux(audio.stream):
                deadline.check()
                errors = 0
                damage.packets += 1 if packet.size else 0
                if counted and packet.pts is not None:
                    damage.holes += _is_hole(packet, expected_pts)
                    expected_pts = packet.pts + (packet.duration or 0)
                yield packet
            return
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            deadline.check()
            errors += 1
            damage.packets += 1
            damage.bad += 1
            if errors >= _MAX_DEMUX_ERRORS:
                return


def _is_hole(packet: Packet, expected_pts: int | None) -> bool:
    return expected_pts is not None and float((packet.pts or 0) - expected_pts) * packet.time_base > _HOLE_SECONDS


def read_frames(audio: OpenAudio, damage: Damage, deadline: Deadline) -> Iterator[AudioFrame]:
    """The decoded frames, in the file's order, past packets that cannot be decoded."""
    for packet in read_packets(audio, damage, deadline):
        yield from frames_of(audio, packet, damage)


def frames_of(audio: OpenAudio, packet: Packet, damage: Damage) -> Iterator[AudioFrame]:
    """The decoded frames of one packet; none where it cannot be decoded."""
    try:
        frames = decode_packet(audio, packet)
    except (av.error.FFmpegError, ValueError):
        # An empty packet is the flush at the end: nothing of the file is lost with it.
        damage.bad += 1 if packet.size else 0
        return
    for frame in frames:
        if isinstance(frame, AudioFrame) and frame.samples:
            damage.inside = damage.bad
            yield frame
