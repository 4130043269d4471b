"""Which recording is this? Three digests, cheapest first, all computed on the server.

``file:`` the bytes. ``packets:`` the coded sound without the tags around it. ``samples:`` the sound itself, for
lossless codecs (a WAV file equals its FLAC). Decoded samples of lossy codecs differ between FFmpeg builds and
processors, so nothing is keyed on them (FACTS).
"""

import struct
import threading
from dataclasses import dataclass
from pathlib import Path

import blake3
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.packet import Packet

from domain.errors import RecognitionCancelled, SpeechError, StorageUnavailable
from speech.container import OpenAudio, open_audio
from speech.packets import Damage, Deadline, frames_of, read_packets

#: Sound that is decoded at most for ``samples:``; a longer recording has the first two digests only.
MAX_SAMPLE_SECONDS = 3600.0
#: Time for one digest; whoever takes longer has none.
DIGEST_SECONDS = 60.0

_FILE = "file:"
#: Below this, starting threads costs more than it saves.
_THREADED_BYTES = 1 << 20
_LOSSLESS = {"flac", "alac", "wavpack", "tta", "ape", "tak", "mlp", "truehd", "shorten", "wmalossless"}
#: Frames are hashed together up to this many bytes.
_BATCH_BYTES = 1 << 18


class RunningDigest:
    """What :func:`file_digest` says, of bytes that come one after another."""

    def __init__(self) -> None:
        self._hash = blake3.blake3()

    def update(self, data: bytes | bytearray) -> None:
        """Takes the next bytes; others may compute meanwhile."""
        self._hash.update(data)

    @property
    def value(self) -> str:
        """Of all that came so far."""
        return _FILE + self._hash.hexdigest()


def file_digest(path: Path) -> str:
    """``file:<hex>`` of the whole file. Raises :class:`StorageUnavailable`."""
    try:
        threads = blake3.blake3.AUTO if path.stat().st_size >= _THREADED_BYTES else 1
        digest = blake3.blake3(max_threads=threads)
        digest.update_mmap(path)
    except OSError as error:
        raise StorageUnavailable(f"the recording cannot be read: {error.strerror or error}") from error
    return _FILE + digest.hexdigest()


@dataclass(frozen=True, slots=True)
class ContentDigests:
    """What is in a file, whatever lies around it.

    ``packets``: ``packets:<hex>`` of the coded sound, which changed tags leave alone; ``None`` when it cannot be read.
    In it: packet payloads with their lengths, what the decoder is told to skip, codec, rate, channels, extradata, first
    time stamp and duration. Not in it: tags, pictures, other tracks, the container.

    ``samples``: ``samples:<hex>`` of the sound at its own rate, for lossless codecs; else, and beyond the limit,
    ``None``. Whole numbers are compared by their value, so that 16 bits kept in 24 are the same sound.

    ``hides_samples``: whether ``samples`` would be there if it had been decoded.
    """

    packets: str | None
    samples: str | None
    hides_samples: bool = False


def content_digests(
    path: Path,
    filename: str = "",
    *,
    decode: bool = False,
    max_seconds: float = MAX_SAMPLE_SECONDS,
    stop: threading.Event | None = None,
) -> ContentDigests:
    """Reads the file once. ``filename`` is the visitor's name for it.

    The samples of PCM cost nothing; those of other lossless codecs are looked at only with ``decode``, which takes
    longer. Raises :class:`BadAudio` and :class:`StorageUnavailable` where the file cannot be opened as sound, and
    :class:`RecognitionCancelled` within a packet of ``stop`` being set.
    """
    with open_audio(path, filename) as audio:
        is_pcm, is_lossless = audio.info.codec.startswith("pcm_"), audio.info.codec in _LOSSLESS
        packets, samples = _Packets(), _Samples(max_seconds) if is_pcm or (is_lossless and decode) else None
        damage, deadline = Damage(), Deadline(DIGEST_SECONDS, stop=stop)
        try:
            for packet in read_packets(audio, damage, deadline):
                packets.add(packet)
                if samples and samples.is_one:
                    for frame in frames_of(audio, packet, damage):
                        samples.add(audio, frame)
        except RecognitionCancelled:
            raise
        except SpeechError:
            return ContentDigests(None, None)
        return ContentDigests(
            packets.digest(audio), samples.digest(audio, damage) if samples else None, is_lossless and not decode
        )


class _Packets:
    """The coded sound, packet by packet."""

    def __init__(self) -> None:
        self._payload, self._lengths = blake3.blake3(), blake3.blake3()
        self._first_pts: int | None = None
        self._count = self._duration = 0

    def add(self, packet: Packet) -> None:
        if not packet.size:
            return
        self._count += 1
        self._first_pts = packet.pts if self._first_pts is None else self._first_pts
        self._duration += packet.duration or 0
        self._payload.update(memoryview(packet))
        self._lengths.update(struct.pack("<IB", packet.size, packet.is_discard))
        if packet.has_sidedata("skip_samples"):
            self._lengths.update(_skipped(packet))

    def digest(self, audio: OpenAudio) -> str | None:
        if not self._count:
            return None
        info, context, base = audio.info, audio.stream.codec_context, audio.stream.time_base
        layout, times = context.layout.name, (self._first_pts, self._duration, str(base))
        digest = self._payload
        digest.update(self._lengths.digest())
        digest.update(_without_tags(info.codec, context.extradata or b""))
        digest.update(repr((info.codec, info.sample_rate, info.channels, layout, *times)).encode())
        return "packets:" + digest.hexdigest()


class _Samples:
    """The sound itself, frame by frame, for as long as it ``is_one``: of one rate and kind, no longer than wanted."""

    def __init__(self, max_seconds: float) -> None:
        self._max_seconds = max_seconds
        self._hash, self._batch = blake3.blake3(), bytearray()
        self._count, self._kind = 0, ""
        self.is_one = True

    def add(self, audio: OpenAudio, frame: AudioFrame) -> None:
        values = _values(frame)
        self._count += frame.samples
        self._kind = self._kind or values.dtype.kind
        is_alike = frame.sample_rate == audio.info.sample_rate and values.dtype.kind == self._kind
        self.is_one = self.is_one and is_alike and self._count <= self._max_seconds * frame.sample_rate
        self._batch += values.tobytes()
        if len(self._batch) >= _BATCH_BYTES:
            self._hash.update(self._batch)
            self._batch.clear()

    def digest(self, audio: OpenAudio, damage: Damage) -> str | None:
        if damage.bad or not self._count or not self.is_one:
            return None
        self._hash.update(self._batch)
        # Beyond stereo the arrangement of the channels decides how they are mixed.
        layout = audio.stream.codec_context.layout.name if audio.info.channels > 2 else ""
        facts = (audio.info.sample_rate, audio.info.channels, layout, self._kind, self._count)
        self._hash.update(repr(facts).encode())
        return "samples:" + self._hash.hexdigest()


def _skipped(packet: Packet) -> bytes:
    return b"".join(bytes(data) for data in packet.iter_sidedata() if data.data_type == "skip_samples")


def _without_tags(codec: str, extradata: bytes) -> bytes:
    """Vorbis keeps its tags between two headers in the extradata (Xiph lacing); every other codec keeps none there."""
    if codec != "vorbis" or extradata[:1] != b"\x02":
        return extradata
    at, sizes = 1, [0, 0]
    for index in range(2):
        while at < len(extradata):
            sizes[index] += extradata[at]
            at += 1
            if extradata[at - 1] < 255:
                break
    return extradata[at : at + sizes[0]] + extradata[at + sum(sizes) :]


def _values(frame: AudioFrame) -> npt.NDArray[np.int32 | np.float64]:
    """Interleaved samples: whole numbers aligned to the top of 32 bits, others as double."""
    array = frame.to_ndarray()
    if frame.format.is_planar:
        array = array.T
    flat = np.ascontiguousarray(array).reshape(-1)
    if flat.dtype == np.uint8:
        return (flat.astype(np.int32) - 128) << 24
    if flat.dtype == np.int16:
        return flat.astype(np.int32) << 16
    return flat.astype(np.int32 if flat.dtype == np.int32 else np.float64, copy=False)
