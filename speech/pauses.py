"""The pauses of AMR, the sound of telephones: FFmpeg cannot decode them, and they are no damage.

Who does not speak sends frames of comfort noise and empty ones (RFC 4867 §4.3, 3GPP TS 26.101 and 26.201).
Each is 20 ms of silence here, so that what comes after it keeps its place in time.
"""

from collections.abc import Sequence
from fractions import Fraction

from av.audio.frame import AudioFrame
from av.packet import Packet
from av.subtitles.subtitle import SubtitleSet
from av.video.frame import VideoFrame

from speech.container import OpenAudio
from speech.gaps import silent_frame

#: Bytes of a frame with its first byte, by frame type; a type that is missing does not exist.
_FRAME_BYTES = {
    "amr_nb": dict(zip((*range(12), 15), (13, 14, 16, 18, 20, 21, 27, 32, 6, 7, 6, 6, 1), strict=True)),
    "amr_wb": dict(zip((*range(10), 14, 15), (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1), strict=True)),
}
#: Frame types without speech: comfort noise, lost speech (wide band) and no data.
_PAUSES = {"amr_nb": {8, 9, 10, 11, 15}, "amr_wb": {9, 14, 15}}
#: Bits of the first byte that are always 0; noise that only looks like pauses has them set.
_PADDING = 0x83
_FRAME_SECONDS = Fraction(1, 50)


def decode_packet(audio: OpenAudio, packet: Packet) -> Sequence[AudioFrame | VideoFrame | SubtitleSet]:
    """The frames in ``packet``, pauses among them as silence. Raises what ``packet.decode()`` raises."""
    codec = audio.info.codec
    if codec not in _PAUSES or not packet.size:
        return packet.decode()
    # 3GP files keep several frames in one packet.
    pieces = _pieces(bytes(packet), _FRAME_BYTES[codec])
    is_pause = [_frame_type(piece[0]) in _PAUSES[codec] for piece in pieces]
    if not any(is_pause):
        return packet.decode()
    frames: list[AudioFrame] = []
    for piece, pause in zip(pieces, is_pause, strict=True):
        frames += [_silence(audio)] if pause else audio.stream.codec_context.decode(Packet(piece))
    return frames


def _pieces(data: bytes, frame_bytes: dict[int, int]) -> list[bytes]:
    """The frames that ``data`` consists of; none when it is anything else than whole frames."""
    pieces: list[bytes] = []
    at = 0
    while at < len(data):
        size = 0 if data[at] & _PADDING else frame_bytes.get(_frame_type(data[at]), 0)
        if not size or at + size > len(data):
            return []
        pieces.append(data[at : at + size])
        at += size
    return pieces


def _frame_type(first_byte: int) -> int:
    return first_byte >> 3 & 15


def _silence(audio: OpenAudio) -> AudioFrame:
    """One frame of it, in the decoder's own format, so that the converter goes on."""
    context = audio.stream.codec_context
    samples = int(context.sample_rate * _FRAME_SECONDS)
    return silent_frame(context.format.name, context.layout.name, context.sample_rate, samples)
