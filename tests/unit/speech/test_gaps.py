"""Gaps in a recording's clock are silence of their length: what comes after them keeps its time."""

import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from domain.errors import AudioTooLong, DeadlineExceeded, RecognitionCancelled
from speech.container import open_audio
from speech.decode import Decoded, decode_to_wav
from speech.gaps import without_gaps
from speech.packets import Damage, Deadline, read_frames
from tests.helpers.sounds import ffmpeg, read_sound, tone, write_sound

FORMATS = {
    "x.webm": "-c:a libopus",
    "x.mka": "-c:a flac",
    "x.mp4": "-c:a aac",
    "x.ts": "-c:a aac",
    "x.flv": "-c:a aac -ar 44100",
    "x.wma": "-c:a wmav2",
}


def _remuxed(source: Path, out: Path, shift: Callable[[float], float | None]) -> Path:
    """Writes the packets of ``source`` with other times; ``shift`` gets the second and gives it anew, or drops it."""
    with av.open(str(source)) as reader, av.open(str(out), "w") as writer:
        stream = reader.streams.audio[0]
        copy = writer.add_stream_from_template(stream)
        first: float | None = None
        for packet in reader.demux(stream):
            if packet.pts is None or packet.dts is None:
                continue
            base = packet.time_base or Fraction(1, 1000)
            second = float(packet.pts * base)
            first = second if first is None else first
            moved = shift(second - first)
            if moved is None:
                continue
            packet.pts = packet.dts = round((moved + first) / base)
            packet.stream = copy
            writer.mux(packet)
    return out


def _with_a_hole(second: float) -> float | None:
    """From 2 s to 5 s there is nothing."""
    return None if 2 <= second < 5 else second


def _source(tmp_path: Path, name: str) -> Path:
    """Three seconds of 440 Hz, then three of 1000 Hz."""
    path = tmp_path / f"source{Path(name).suffix}"
    sound = np.concatenate([tone(3), tone(3, hertz=1000)])
    ffmpeg("-i", write_sound(tmp_path / "source.wav", sound), *FORMATS[name].split(), path)
    return path


def _decode(path: Path, max_seconds: float = 60) -> tuple[Decoded, np.ndarray]:
    decoded = decode_to_wav(path, path.with_name("out.wav"), max_seconds=max_seconds)
    return decoded, read_sound(path.with_name("out.wav"))


def _loudness(sound: np.ndarray, start: float, end: float) -> float:
    return float(np.abs(sound[round(start * 16_000) : round(end * 16_000)].astype(float)).mean())


@pytest.mark.parametrize("name", FORMATS)
def test_what_comes_after_a_gap_keeps_its_time(name: str, tmp_path: Path) -> None:
    decoded, sound = _decode(_remuxed(_source(tmp_path, name), tmp_path / name, _with_a_hole))
    assert decoded.info.seconds == pytest.approx(6, abs=0.15) and decoded.warnings == ()
    assert _loudness(sound, 0.2, 1.8) > 3000
    assert _loudness(sound, 2.2, 4.8) < 1
    assert _loudness(sound, 5.2, 5.8) > 3000


def test_many_small_gaps_do_not_add_up(tmp_path: Path) -> None:
    """A conference that drops packets: every fifth is missing, 20 ms each."""
    count = iter(range(10_000))
    path = _remuxed(
        _source(tmp_path, "x.webm"), tmp_path / "x.webm", lambda second: None if next(count) % 5 == 4 else second
    )
    decoded, _ = _decode(path)
    assert decoded.info.seconds == pytest.approx(6, abs=0.15)


def test_the_same_file_without_gaps_is_not_touched(tmp_path: Path) -> None:
    for name in FORMATS:
        source = _source(tmp_path, name)
        decoded, sound = _decode(source)
        assert decoded.info.seconds == pytest.approx(6, abs=0.15), name
        assert _loudness(sound, 0.1, 5.9) > 3000, name


def test_sound_that_begins_later_than_the_picture(tmp_path: Path) -> None:
    for name in ("x.mp4", "x.ts", "x.mkv"):
        path = tmp_path / name
        ffmpeg(
            "-f", "lavfi", "-i", "color=size=64x64:rate=5:duration=6", "-itsoffset", "2",
            "-i", write_sound(tmp_path / "s.wav", tone(3)), "-c:v", "mpeg4", "-c:a", "aac", path,
        )  # fmt: skip
        decoded, sound = _decode(path)
        assert decoded.info.seconds == pytest.approx(5, abs=0.15), name
        assert _loudness(sound, 0, 1.8) < 1 and _loudness(sound, 2.2, 4.8) > 3000, name


def test_another_clock_is_no_pause(tmp_path: Path) -> None:
    """Joined files: the clock leaps by hours, or begins anew."""
    source = _source(tmp_path, "x.ts")
    leap = _remuxed(source, tmp_path / "leap.ts", lambda second: second + (20_000 if second >= 3 else 0))
    assert _decode(leap)[0].info.seconds == pytest.approx(6, abs=0.15)
    (tmp_path / "twice.ts").write_bytes(source.read_bytes() * 2)
    assert _decode(tmp_path / "twice.ts")[0].info.seconds == pytest.approx(12, abs=0.3)


def test_a_gap_counts_against_the_longest_recording(tmp_path: Path) -> None:
    path = _remuxed(_source(tmp_path, "x.webm"), tmp_path / "x.webm", lambda s: s + (1800 if s >= 3 else 0))
    with pytest.raises(AudioTooLong):
        _decode(path, max_seconds=600)
    assert _decode(path, max_seconds=3600)[0].info.seconds == pytest.approx(1806, abs=0.15)


def test_silence_of_unsigned_samples_is_silence(tmp_path: Path) -> None:
    source = tmp_path / "source.mka"
    ffmpeg("-i", write_sound(tmp_path / "s.wav", tone(6)), "-c:a", "pcm_u8", source)
    _, sound = _decode(_remuxed(source, tmp_path / "x.mka", _with_a_hole))
    assert _loudness(sound, 2.2, 4.8) < 1


def _hourly_leaps(second: float) -> float:
    """Each second is followed by half an hour and more of nothing."""
    return second + 2_000 * int(second)


def test_a_few_bytes_do_not_ask_for_hours_of_silence(tmp_path: Path) -> None:
    path = _remuxed(_source(tmp_path, "x.webm"), tmp_path / "x.webm", _hourly_leaps)
    assert _decode(path, max_seconds=40_000)[0].info.seconds == pytest.approx(6, abs=0.15)
    twice = _remuxed(_source(tmp_path, "x.webm"), tmp_path / "y.webm", lambda s: s + 1_500 * min(2, int(s)))
    assert _decode(twice, max_seconds=40_000)[0].info.seconds == pytest.approx(1_506, abs=0.15)


def test_who_speaks_for_a_fifth_of_the_time_keeps_it(tmp_path: Path) -> None:
    """Ten minutes of sound allow forty of silence more than half an hour."""
    talk = tmp_path / "talk.webm"
    ffmpeg("-i", write_sound(tmp_path / "talk.wav", tone(600)), "-c:a", "libopus", "-b:a", "16k", talk)
    path = _remuxed(talk, tmp_path / "x.webm", lambda s: s + (3_500 if s >= 590 else 0))
    assert _decode(path, max_seconds=40_000)[0].info.seconds == pytest.approx(4_100, abs=0.2)


@pytest.mark.parametrize("error", [DeadlineExceeded, RecognitionCancelled])
def test_silence_too_ends_with_its_deadline_and_its_stop(tmp_path: Path, error: type[Exception]) -> None:
    path = _remuxed(_source(tmp_path, "x.webm"), tmp_path / "x.webm", lambda s: s + (1800 if s >= 3 else 0))
    stop = threading.Event()
    with open_audio(path) as audio:
        now = 0.0
        deadline = Deadline(10, lambda: now, stop)
        frames = without_gaps(audio, list(read_frames(audio, Damage(), deadline)), deadline.check)
        for frame in frames:
            if frame.samples == frame.sample_rate:
                break
        now = 11.0 if error is DeadlineExceeded else now
        if error is RecognitionCancelled:
            stop.set()
        with pytest.raises(error):
            next(frames)
