"""Which recording is this? Three digests, cheapest first, all computed on the server.

``file:`` the bytes. ``packets:`` the coded sound without the tags around it. ``samples:`` the sound itself, for
lossless codecs (a WAV file equals its FLAC). Decoded samples of lossy codecs differ between FFmpeg builds and
processors, so nothing is keyed on them (FACTS).
"""

import struct
import threading
from pathlib import Path

import blake3
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.packet import Packet

from domain.errors import RecognitionCancelled, SpeechError, StorageUnavailable
from speech.container import OpenAudio, open_audio
from speech.packets import Damage, Deadline, read_frames, read_packets

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


def packet_digest(path: Path, *, stop: threading.Event | None = None) -> str | None:
    """``packets:<hex>`` of the coded sound, which changed tags leave alone; ``None`` when it cannot be read.

    Raises :class:`RecognitionCancelled` within a packet of ``stop`` being set.

    In it: packet payloads with their lengths, what the decoder is told to skip, codec, rate, channels, extradata,
    first time stamp and duration. Not in it: tags, pictures, other tracks, the container.
    """
    try:
        with open_audio(path) as audio:
            return _hash_packets(audio, stop)
    except RecognitionCancelled:
        raise
    except SpeechError:
        return None


def sample_digest(
    path: Path, max_seconds: float = MAX_SAMPLE_SECONDS, *, stop: threading.Event | None = None
) -> str | None:
    """``samples:<hex>`` of the sound at its own rate, for lossless codecs; else, or beyond the limit, ``None``.

    Whole numbers are compared by their value, so that 16 bits kept in 24 are the same sound. Raises
    :class:`RecognitionCancelled` within a packet of ``stop`` being set.
    """
    try:
        with open_audio(path) as audio:
            if not (audio.info.codec in _LOSSLESS or audio.info.codec.startswith("pcm_")):
                return None
            return _hash_samples(audio, max_seconds, stop)
    except RecognitionCancelled:
        raise
    except SpeechError:
        return None


def _hash_packets(audio: OpenAudio, stop: threading.Event | None) -> str | None:
    digest, lengths = blake3.blake3(), blake3.blake3()
    damage, deadline = Damage(), Deadline(DIGEST_SECONDS, stop=stop)
    first_pts, duration = None, 0
    for packet in read_packets(audio, damage, deadline):
        if not packet.size:
            continue
        first_pts = packet.pts if first_pts is None else first_pts
        duration += packet.duration or 0
        digest.update(memoryview(packet))
        lengths.update(struct.pack("<IB", packet.size, packet.is_discard))
        if packet.has_sidedata("skip_samples"):
            lengths.update(_skipped(packet))
    if damage.packets == damage.bad:
        return None
    info, context, base = audio.info, audio.stream.codec_context, audio.stream.time_base
    facts = (info.codec, info.sample_rate, info.channels, context.layout.name, first_pts, duration, str(base))
    digest.update(lengths.digest())
    digest.update(_without_tags(info.codec, context.extradata or b""))
    digest.update(repr(facts).encode())
    return "packets:" + digest.hexdigest()


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


def _hash_samples(audio: OpenAudio, max_seconds: float, stop: threading.Event | None) -> str | None:
    digest, damage, deadline = blake3.blake3(), Damage(), Deadline(DIGEST_SECONDS, stop=stop)
    samples, kind, batch = 0, "", bytearray()
    for frame in read_frames(audio, damage, deadline):
        values = _values(frame)
        samples += frame.samples
        kind = kind or values.dtype.kind
        if frame.sample_rate != audio.info.sample_rate or values.dtype.kind != kind:
            return None
        if samples > max_seconds * frame.sample_rate:
            return None
        batch += values.tobytes()
        if len(batch) >= _BATCH_BYTES:
            digest.update(batch)
            batch.clear()
    if damage.bad or not samples:
        return None
    digest.update(batch)
    # Beyond stereo the arrangement of the channels decides how they are mixed.
    layout = audio.stream.codec_context.layout.name if audio.info.channels > 2 else ""
    digest.update(repr((audio.info.sample_rate, audio.info.channels, layout, kind, samples)).encode())
    return "samples:" + digest.hexdigest()


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
