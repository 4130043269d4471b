"""The pauses of telephone recordings: silence of the right length, not damage."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from domain.errors import BadAudio
from speech.decode import Decoded, decode_to_wav
from tests.helpers.sounds import Sound, ffmpeg, noise, read_sound, sox, tone, write_sound

#: Bytes of a speech frame as sox writes them (NB, 4.75 kbit/s) and of one at 6.6 kbit/s (WB).
NB_BYTES, WB_BYTES = 13, 18
NB_COMFORT_NOISE, NB_NO_DATA = b"\x44" + bytes(5), b"\x7c"
WB_COMFORT_NOISE, WB_LOST, WB_NO_DATA = b"\x4c" + bytes(5), b"\x74", b"\x7c"
FRAME_SAMPLES = 320


def _decode(path: Path) -> tuple[Decoded, Sound]:
    out = path.with_name("out.wav")
    return decode_to_wav(path, out, max_seconds=60), read_sound(out)


def _loud_from(sound: Sound, after_seconds: float) -> float:
    """Seconds at which it gets loud for the first time after a moment."""
    start = round(after_seconds * 16_000)
    return (start + int(np.argmax(np.abs(sound[start:].astype(int)) > 3000))) / 16_000


def _speech_frames(tmp_path: Path, sound: Sound) -> list[bytes]:
    """Narrow-band frames without a pause: 20 ms each."""
    path = tmp_path / "speech.amr-nb"
    sox(write_sound(tmp_path / "speech.wav", sound, 8000), path)
    data = path.read_bytes()[6:]
    frames = [data[at : at + NB_BYTES] for at in range(0, len(data), NB_BYTES)]
    assert {frame[0] for frame in frames} == {0x04}
    return frames


def _conversation(tmp_path: Path) -> Path:
    """Two seconds of sound, three of pause, two of sound, as a telephone writes it."""
    path = tmp_path / "x.amr-nb"
    sound = np.concatenate([tone(2, 8000), np.zeros(3 * 8000, np.int16), tone(2, 8000, 600)])
    sox(write_sound(tmp_path / "x.wav", sound, 8000), path)
    assert path.stat().st_size < 6 + 240 * NB_BYTES
    return path


def _as_it_is(path: Path) -> Path:
    return path


def _as_3gp(path: Path) -> Path:
    ffmpeg("-i", path, "-c", "copy", path.with_suffix(".3gp"))
    return path.with_suffix(".3gp")


def _as_3gp_with_five_frames_in_a_packet(path: Path) -> Path:
    path = _as_3gp(path)
    data = bytearray(path.read_bytes())
    sizes, times, chunks = (data.index(name) + 8 for name in (b"stsz", b"stts", b"stsc"))
    (count,) = struct.unpack_from(">I", data, sizes + 4)
    one_by_one = struct.unpack_from(f">{count}I", data, sizes + 8)
    packets = [sum(one_by_one[at : at + 5]) for at in range(0, count, 5)]
    assert count % 5 == 0 and struct.unpack_from(">4I", data, chunks) == (1, 1, count, 1)
    struct.pack_into(f">{len(packets) + 1}I", data, sizes + 4, len(packets), *packets)
    struct.pack_into(">3I", data, times, 1, len(packets), 800)
    struct.pack_into(">3I", data, chunks, 1, 1, len(packets))
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("container", [_as_it_is, _as_3gp, _as_3gp_with_five_frames_in_a_packet])
def test_a_pause_keeps_its_length(container: Callable[[Path], Path], tmp_path: Path) -> None:
    decoded, sound = _decode(container(_conversation(tmp_path)))
    assert decoded.warnings == ()
    assert decoded.info.seconds == pytest.approx(7.0, abs=0.04)
    assert len(sound) == pytest.approx(7 * 16_000, abs=640)
    # The encoder sends the end of the first sound as speech for a while.
    assert np.abs(sound[int(2.5 * 16_000) : int(4.9 * 16_000)]).max() < 300
    assert _loud_from(sound, 2.5) == pytest.approx(5.0, abs=0.04)


@pytest.mark.parametrize(
    "pause",
    [96 * NB_COMFORT_NOISE, 96 * NB_NO_DATA, 12 * (NB_COMFORT_NOISE + 7 * NB_NO_DATA)],
    ids=["comfort noise", "no data", "both"],
)
def test_a_recording_may_begin_and_end_with_a_pause(pause: bytes, tmp_path: Path) -> None:
    speech = b"".join(_speech_frames(tmp_path, noise(1, 8000)))
    path = tmp_path / "x.amr"
    path.write_bytes(b"#!AMR\n" + pause + speech + pause)
    decoded, sound = _decode(path)
    assert decoded.warnings == ()
    assert decoded.info.seconds == pytest.approx(2 * 96 * 0.02 + 1, abs=0.04)
    assert _loud_from(sound, 0) == pytest.approx(96 * 0.02, abs=0.04)
    assert np.abs(sound[-90 * FRAME_SAMPLES :]).max() == 0


@pytest.mark.parametrize("pause", [WB_COMFORT_NOISE, WB_LOST, WB_NO_DATA], ids=["comfort noise", "lost", "no data"])
def test_wide_band(pause: bytes, tmp_path: Path) -> None:
    # No encoder is at hand; any bits are speech of some kind.
    rng = np.random.default_rng(0)
    speech = b"".join(b"\x04" + rng.bytes(WB_BYTES - 1) for _ in range(50))
    (tmp_path / "x.amr").write_bytes(b"#!AMR-WB\n" + speech + pause * 100 + speech)
    decoded, sound = _decode(tmp_path / "x.amr")
    assert (decoded.info.codec, decoded.info.sample_rate, decoded.warnings) == ("amr_wb", 16_000, ())
    assert decoded.info.seconds == 4.0
    assert np.abs(sound[50 * FRAME_SAMPLES + 200 : 150 * FRAME_SAMPLES - 200]).max() == 0
    assert _loud_from(sound, 1.1) == pytest.approx(3.0, abs=0.06)


def test_nothing_but_a_pause_is_silent(tmp_path: Path) -> None:
    (tmp_path / "x.amr").write_bytes(b"#!AMR\n" + NB_NO_DATA * 100)
    decoded, sound = _decode(tmp_path / "x.amr")
    assert decoded.warnings == ("silent",) and len(sound) == 100 * FRAME_SAMPLES


def test_damage_among_pauses_is_still_named(tmp_path: Path) -> None:
    data = bytearray(_conversation(tmp_path).read_bytes())
    # Frame type 13 does not exist.
    data[6 + 20 * NB_BYTES] = 0x6C
    (tmp_path / "x.amr").write_bytes(data)
    assert "damaged" in _decode(tmp_path / "x.amr")[0].warnings


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_are_no_pauses(seed: int, tmp_path: Path) -> None:
    """Many random frame types are those of pauses, but not the bits beside them: taken for pauses, 27 % were bad."""
    speech = 13 * b"".join(_speech_frames(tmp_path, noise(0.5, 8000)))
    (tmp_path / "x.amr").write_bytes(b"#!AMR\n" + speech + np.random.default_rng(seed).bytes(20_000) + speech)
    with pytest.raises(BadAudio) as caught:
        _decode(tmp_path / "x.amr")
    assert caught.value.details["reason"] == "too_damaged"


def test_random_bytes_in_wide_band_are_damage(tmp_path: Path) -> None:
    (tmp_path / "x.amr").write_bytes(b"#!AMR-WB\n" + np.random.default_rng(0).bytes(20_000))
    assert "damaged" in _decode(tmp_path / "x.amr")[0].warnings
