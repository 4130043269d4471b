"""Every format that telephones, browsers and recorders make, and what is said about a file beside its sound."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from domain.errors import AudioTooLong, BadAudio, DeadlineExceeded, RecognitionCancelled, StorageUnavailable
from domain.recognition import AudioInfo
from speech.container import open_audio
from speech.decode import decode_to_wav
from tests.helpers.sounds import ffmpeg, noise, read_sound, sox, tone, wav_bytes, write_sound
from tests.helpers.speech import say, write_wav
from tests.helpers.stopping import SetFromAnotherThread

FFMPEG_FORMATS = {
    "alaw.wav": ("wav", "pcm_alaw", 8000, "-ar 8000 -c:a pcm_alaw"),
    "mulaw.wav": ("wav", "pcm_mulaw", 8000, "-ar 8000 -c:a pcm_mulaw"),
    "adpcm.wav": ("wav", "adpcm_ima_wav", 8000, "-ar 8000 -c:a adpcm_ima_wav"),
    "ms.wav": ("wav", "adpcm_ms", 8000, "-ar 8000 -c:a adpcm_ms"),
    "s24.wav": ("wav", "pcm_s24le", 48000, "-ar 48000 -c:a pcm_s24le"),
    "u8.wav": ("wav", "pcm_u8", 11025, "-ar 11025 -c:a pcm_u8"),
    "float.wav": ("wav", "pcm_f32le", 44100, "-ar 44100 -c:a pcm_f32le"),
    "x.w64": ("w64", "pcm_s16le", 16000, "-c:a pcm_s16le"),
    "x.flac": ("flac", "flac", 16000, "-c:a flac"),
    "x.mp3": ("mp3", "mp3", 16000, "-c:a libmp3lame -b:a 64k"),
    "x.aac": ("aac", "aac", 16000, "-c:a aac"),
    "x.m4a": ("mp4", "aac", 16000, "-c:a aac"),
    "alac.m4a": ("mp4", "alac", 16000, "-c:a alac"),
    "x.ogg": ("ogg", "vorbis", 16000, "-c:a libvorbis"),
    "x.opus": ("ogg", "opus", 48000, "-c:a libopus"),
    "x.webm": ("webm", "opus", 48000, "-c:a libopus"),
    "x.mka": ("webm", "flac", 16000, "-c:a flac"),
    "x.au": ("au", "pcm_mulaw", 8000, "-ar 8000 -c:a pcm_mulaw"),
    "x.aiff": ("aiff", "pcm_s16be", 16000, "-c:a pcm_s16be"),
    "x.caf": ("caf", "pcm_s16le", 16000, "-c:a pcm_s16le"),
    "x.wma": ("asf", "wmav2", 16000, "-c:a wmav2"),
    "x.avi": ("avi", "mp3", 16000, "-c:a libmp3lame"),
    "x.ts": ("mpegts", "aac", 16000, "-c:a aac"),
    "x.flv": ("flv", "mp3", 44100, "-ar 44100 -c:a libmp3lame"),
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sound(tmp_path_factory.mktemp("source") / "source.wav", tone(2.0))


def _loudest_hertz(sound: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(sound.astype(float))).argmax() * 16_000 / len(sound))


@pytest.mark.parametrize("name", FFMPEG_FORMATS)
def test_format(name: str, source: Path, tmp_path: Path) -> None:
    container, codec, rate, arguments = FFMPEG_FORMATS[name]
    path, out = tmp_path / name, tmp_path / "out.wav"
    ffmpeg("-i", source, *arguments.split(), path)
    decoded = decode_to_wav(path, out, max_seconds=60)
    info = decoded.info
    assert (info.container, info.codec, info.sample_rate, info.channels) == (container, codec, rate, 1)
    assert info.seconds == pytest.approx(2.0, abs=0.15)
    assert decoded.warnings == () and not decoded.silent
    sound = read_sound(out)
    assert np.abs(sound).max() / 32768 == pytest.approx(0.3, abs=0.07)
    assert len(sound) == pytest.approx(info.seconds * 16_000, abs=16)
    assert _loudest_hertz(sound) == pytest.approx(440, abs=3)


@pytest.mark.parametrize(("name", "codec"), [("x.amr-nb", "amr_nb"), ("gsm.wav", "gsm_ms")], ids=["amr", "gsm"])
def test_telephone_format(name: str, codec: str, source: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    sox(source, "-r", "8000", *(["-e", "gsm-full-rate"] if codec == "gsm_ms" else []), path)
    decoded = decode_to_wav(path, tmp_path / "out.wav", max_seconds=60)
    assert (decoded.info.codec, decoded.info.sample_rate, decoded.warnings) == (codec, 8000, ())
    assert _loudest_hertz(read_sound(tmp_path / "out.wav")) == pytest.approx(440, abs=3)


def test_sixteen_kilohertz_mono_is_copied_exactly(source: Path, tmp_path: Path) -> None:
    decode_to_wav(source, tmp_path / "out.wav", max_seconds=60)
    assert (tmp_path / "out.wav").read_bytes() == source.read_bytes()


def test_the_sound_of_a_video(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", "color=size=64x64:rate=5:duration=4", "-i", source, "-c:v", "mpeg4", "-c:a", "aac", path
    )
    decoded = decode_to_wav(path, tmp_path / "out.wav", max_seconds=60)
    assert decoded.info.codec == "aac"
    assert decoded.info.seconds == pytest.approx(2.0, abs=0.1)
    # The picture goes on for two seconds more: that is no missing sound.
    assert decoded.warnings == ()


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=size=64x64:rate=5:duration=1", "-c:v", "mpeg4", path)
    _refused("no_audio_track", path, tmp_path)


@pytest.mark.parametrize(
    "name", ["录音😀 (1)；$HOME `x`.wav", "http:x.wav", "concat:a|b.wav", "..wav", "-i.wav", "%d.wav"]
)
def test_a_name_is_only_a_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_sound(tmp_path / name, tone(0.5))
    assert decode_to_wav(Path(name), tmp_path / "out", max_seconds=60).info.seconds == 0.5


def test_the_header_says_what_a_file_is(tmp_path: Path) -> None:
    write_sound(tmp_path / "call.wav", np.stack([tone(1.5, 8000), tone(1.5, 8000)], 1), 8000)
    with open_audio(tmp_path / "call.wav") as audio:
        assert audio.info == AudioInfo("wav", "pcm_s16le", 8000, 2, 1.5)


# Channels


def _decoded(sound: np.ndarray, tmp_path: Path, rate: int = 16_000) -> np.ndarray:
    decode_to_wav(write_sound(tmp_path / "in.wav", sound, rate), tmp_path / "out.wav", max_seconds=60)
    return read_sound(tmp_path / "out.wav").astype(int)


def test_stereo_is_the_mean(tmp_path: Path) -> None:
    left, right = tone(2), tone(2, hertz=600)
    mixed = _decoded(np.stack([left, right], 1), tmp_path)
    assert np.abs(mixed - (left.astype(int) + right) / 2).max() <= 1


def test_one_silent_channel_leaves_the_other(tmp_path: Path) -> None:
    left = tone(2)
    mixed = _decoded(np.stack([left, np.zeros_like(left)], 1), tmp_path)
    assert np.abs(mixed - left.astype(int) / 2).max() <= 1


def test_opposite_phase_is_not_silence(tmp_path: Path) -> None:
    left = tone(2)
    assert np.array_equal(_decoded(np.stack([left, -left], 1), tmp_path), left)


def test_opposite_phase_in_a_part_is_heard_without_a_click(tmp_path: Path) -> None:
    left = tone(4)
    right = np.concatenate([left[:32_000], -left[32_000:]])
    mixed = _decoded(np.stack([left, right], 1), tmp_path)
    error = np.abs(mixed - left)
    # The mean is faded out where it has become silence: 10 ms, without a jump that the sine does not have.
    assert error[:32_000].max() <= 1 and error[32_160:].max() <= 1
    assert np.abs(np.diff(mixed)).max() <= np.abs(np.diff(left.astype(int))).max() + 100


def test_opposite_phase_at_another_rate(tmp_path: Path) -> None:
    left = tone(2, 44_100)
    mixed = _decoded(np.stack([left, -left], 1), tmp_path, 44_100)
    assert np.abs(mixed[8000:16_000]).max() == pytest.approx(0.3 * 32767, rel=0.02)


def test_six_channels_and_unnamed_ones(tmp_path: Path) -> None:
    speech = tone(1)
    for channels in (6, 12):
        sound = np.zeros((len(speech), channels), np.int16)
        sound[:, 2] = speech
        assert np.abs(_decoded(sound, tmp_path)).max() > 1000


# Warnings


def test_digital_silence(tmp_path: Path) -> None:
    decoded = decode_to_wav(write_sound(tmp_path / "s.wav", np.zeros(16_000, np.int16)), tmp_path / "o", max_seconds=9)
    assert decoded.silent and decoded.warnings == ("silent",)


@pytest.mark.parametrize(
    "name", ["x.mp3", "vbr.mp3", "x.wav", "x.flac", "x.ogg", "x.opus", "x.webm", "x.au", "fast.m4a"]
)
def test_a_cut_file_gives_its_text_and_a_warning(name: str, source: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    options = {"vbr.mp3": ["-q:a", "4"], "fast.m4a": ["-movflags", "faststart"]}.get(name, [])
    ffmpeg("-stream_loop", "4", "-i", source, *options, path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    decoded = decode_to_wav(path, tmp_path / "out.wav", max_seconds=60)
    assert "truncated" in decoded.warnings
    assert 2 < decoded.info.seconds < 9


def test_a_wav_from_a_pipe_is_not_cut(tmp_path: Path) -> None:
    for claimed in (0, 0xFFFFFFFF, 0x7FFFFFFF):
        (tmp_path / "x.wav").write_bytes(wav_bytes(tone().tobytes(), claimed_bytes=claimed & 0xFFFFFFDB))
        decoded = decode_to_wav(tmp_path / "x.wav", tmp_path / "out.wav", max_seconds=60)
        assert decoded.info.seconds == 1.0 and decoded.warnings == ()


@pytest.mark.parametrize("name", ["x.flac", "x.mp3", "x.ogg", "x.opus", "x.m4a"])
def test_damage_in_the_middle_does_not_end_the_sound(name: str, source: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    ffmpeg("-stream_loop", "9", "-i", source, path)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 1500] = np.random.default_rng(1).bytes(1500)
    path.write_bytes(data)
    decoded = decode_to_wav(path, tmp_path / "out.wav", max_seconds=60)
    assert "damaged" in decoded.warnings
    assert 12 < decoded.info.seconds <= 20.1


# Refusals


def _refused(reason: str, path: Path, tmp_path: Path, filename: str = "") -> BadAudio:
    before = set(tmp_path.iterdir())
    with pytest.raises(BadAudio) as caught:
        decode_to_wav(path, tmp_path / "out.wav", max_seconds=60, filename=filename)
    assert caught.value.details["reason"] == reason
    assert set(tmp_path.iterdir()) == before
    return caught.value


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "x.wav").touch()
    _refused("empty", tmp_path / "x.wav", tmp_path)


def test_a_header_without_sound_and_twenty_milliseconds(tmp_path: Path) -> None:
    _refused("too_short", write_sound(tmp_path / "x.wav", tone(0.02)), tmp_path)
    (tmp_path / "y.wav").write_bytes(wav_bytes(b""))
    _refused("too_short", tmp_path / "y.wav", tmp_path)


@pytest.mark.parametrize("text", ["hello\n" * 500, "你好，世界。" * 400, "#!/bin/sh\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_text_named_wav(text: str, encoding: str, tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(text.encode(encoding))
    _refused("not_audio", tmp_path / "x.wav", tmp_path)


@pytest.mark.parametrize("name", ["x.wav", "x.mp3", "x.m4a", "x"])
@pytest.mark.parametrize("size", [1, 10, 5000, 300_000])
def test_random_bytes(name: str, size: int, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(np.random.default_rng(size).bytes(size))
    with pytest.raises(BadAudio) as caught:
        decode_to_wav(tmp_path / name, tmp_path / "out.wav", max_seconds=60)
    assert caught.value.details["reason"] in ("not_audio", "too_damaged")


def test_bytes_that_only_start_like_sound(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.m4a"
    ffmpeg("-i", source, path)
    path.write_bytes(path.read_bytes()[:3000])
    _refused("too_damaged", path, tmp_path)


def test_mostly_damaged(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.m4a"
    ffmpeg("-stream_loop", "9", "-i", source, path)
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(3)
    for at in range(2000, len(data) - 4000, 40):
        data[at : at + 6] = rng.bytes(6)
    path.write_bytes(data)
    _refused("too_damaged", path, tmp_path)


@pytest.mark.parametrize("secret", ["other.wav", "/etc/passwd"])
@pytest.mark.parametrize("script", ["ffconcat version 1.0\nfile '{}'\n", "#EXTM3U\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"])
@pytest.mark.parametrize("tail", [b"", b"\x00\xff\x01" * 50], ids=["text", "binary"])
def test_a_script_that_names_another_file(script: str, secret: str, tail: bytes, tmp_path: Path) -> None:
    write_sound(tmp_path / "other.wav", tone())
    (tmp_path / "x.wav").write_bytes(script.format(secret).encode() + tail)
    _refused("not_audio", tmp_path / "x.wav", tmp_path)


@pytest.mark.parametrize(
    ("rate", "channels"),
    [(4_000_000_000, 1), (2_000_000_000, 1), (16_000, 65_535), (16_000, 65), (0, 1), (16_000, 0), (999, 1)],
)
def test_a_header_that_no_recording_has(rate: int, channels: int, tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(wav_bytes(bytes(64_000), rate, channels))
    _refused("bad_header", tmp_path / "x.wav", tmp_path)
    (tmp_path / "x.au").write_bytes(
        b".snd" + b"".join(value.to_bytes(4, "big") for value in (24, 64_000, 3, rate, channels)) + bytes(64_000)
    )
    _refused("bad_header", tmp_path / "x.au", tmp_path)


@pytest.mark.parametrize("suffix", [".pcm", ".raw", ".vox", ".sln", ".ul", ".wav", ""])
def test_raw_samples_are_named_with_the_command_that_helps(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(tone(3, 8000).tobytes())
    error = _refused("headerless_pcm", path, tmp_path)
    command = error.details["command"].split()
    assert command[0] == "ffmpeg" and command[-1] == "recording.wav"
    source, out = tmp_path / command[-2], tmp_path / "recording.wav"
    path.rename(source)
    ffmpeg(*(str(source) if word == command[-2] else word for word in command[1:-1]), out)
    assert decode_to_wav(out, tmp_path / "o", max_seconds=60).info.seconds > 0.5


def test_the_visitors_name_tells_raw_samples(tmp_path: Path) -> None:
    (tmp_path / "0199").write_bytes(np.random.default_rng(0).bytes(5000))
    assert "mulaw" in _refused("headerless_pcm", tmp_path / "0199", tmp_path, "call.ul").details["command"]


@pytest.mark.parametrize(("written", "rate"), [("s16le", 16000), ("s16le", 8000), ("mulaw", 8000), ("alaw", 8000)])
def test_the_command_for_a_pcm_file_names_the_encoding_that_is_in_it(written: str, rate: int, tmp_path: Path) -> None:
    speech = write_wav(tmp_path / "speech.wav", say("今天天气怎么样"))
    ffmpeg("-i", speech, "-f", written, "-ar", str(rate), "-ac", "1", tmp_path / "x.pcm")
    command = _refused("headerless_pcm", tmp_path / "x.pcm", tmp_path).details["command"]
    assert f" -f {written} -ar " in command


def test_a_wav_named_pcm_is_a_wav(tmp_path: Path) -> None:
    with open_audio(write_sound(tmp_path / "x.pcm", tone())) as audio:
        assert audio.info.container == "wav"


def test_a_film_is_looked_into_until_its_sound_is_found(tmp_path: Path) -> None:
    write_sound(tmp_path / "x.wav", np.stack([tone(2), tone(2)], 1))
    picture = ("-f", "lavfi", "-i", "testsrc=size=640x360:rate=5:duration=2")  # one picture is 460 kB
    ffmpeg(*picture, "-i", tmp_path / "x.wav", "-c:v", "rawvideo", "-c:a", "ac3", tmp_path / "x.avi")
    with open_audio(tmp_path / "x.avi") as audio:
        assert (audio.info.container, audio.info.codec, audio.stream.codec_context.layout.name) == (
            "avi",
            "ac3",
            "stereo",
        )


def test_a_missing_file_and_a_folder_that_cannot_be_written(source: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable), open_audio(tmp_path / "none.wav"):
        pass
    with pytest.raises(StorageUnavailable):
        decode_to_wav(source, tmp_path / "none" / "out.wav", max_seconds=60)


# Limits


def test_decoded_seconds_count_not_declared_ones(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "x.wav", noise(10))
    with pytest.raises(AudioTooLong) as caught:
        decode_to_wav(path, tmp_path / "out.wav", max_seconds=9)
    assert caught.value.details == {"limit_seconds": 9}
    assert not list(tmp_path.glob("out*"))
    assert decode_to_wav(path, tmp_path / "out.wav", max_seconds=10).info.seconds == 10


def _bomb(path: Path, hours: float) -> Path:
    ffmpeg(
        "-f", "lavfi", "-i", f"anullsrc=r=8000:cl=mono:d={hours * 3600}", "-c:a", "flac", "-frame_size", "65535", path
    )
    return path


def test_a_small_flac_that_unpacks_to_hours(tmp_path: Path) -> None:
    path = _bomb(tmp_path / "x.flac", 3)
    assert path.stat().st_size < 200_000
    with pytest.raises(AudioTooLong):
        decode_to_wav(path, tmp_path / "out.wav", max_seconds=600)
    assert not list(tmp_path.glob("out*"))


@pytest.mark.long
def test_a_small_flac_that_unpacks_to_a_day(tmp_path: Path) -> None:
    with pytest.raises(AudioTooLong):
        decode_to_wav(_bomb(tmp_path / "x.flac", 24), tmp_path / "out.wav", max_seconds=4 * 3600)


def test_the_deadline_ends_the_work(tmp_path: Path) -> None:
    ticks = itertools.count()
    with pytest.raises(DeadlineExceeded) as caught:
        decode_to_wav(
            write_sound(tmp_path / "x.wav", noise(60)), tmp_path / "out.wav",
            max_seconds=60, deadline_seconds=20, clock=lambda: float(next(ticks)),
        )  # fmt: skip
    assert caught.value.details == {"limit_seconds": 20}
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.mp3"])
def test_another_thread_stops_the_work_at_the_next_packet(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    ffmpeg("-i", write_sound(tmp_path / "source.wav", noise(60)), path)
    part = tmp_path / "out.wav.part"
    was_there: list[bool] = []
    with SetFromAnotherThread(packet=20, before=lambda: was_there.append(part.exists())) as stop:
        with pytest.raises(RecognitionCancelled):
            decode_to_wav(path, tmp_path / "out.wav", max_seconds=60, stop=stop)
        # The twentieth of hundreds was the last.
        assert stop.packets == 20
    assert was_there == [True]
    assert not list(tmp_path.glob("out*"))


def test_the_format_may_change_in_mid_file(tmp_path: Path) -> None:
    parts = []
    for rate in (16_000, 44_100):
        ffmpeg(
            "-f",
            "lavfi",
            "-i",
            f"sine=frequency=440:sample_rate={rate}:duration=2",
            "-write_xing",
            "0",
            tmp_path / f"{rate}.mp3",
        )
        parts.append((tmp_path / f"{rate}.mp3").read_bytes())
    (tmp_path / "x.mp3").write_bytes(b"".join(parts))
    decoded = decode_to_wav(tmp_path / "x.mp3", tmp_path / "out.wav", max_seconds=60)
    assert decoded.info.seconds == pytest.approx(4, abs=0.3)
    assert _loudest_hertz(read_sound(tmp_path / "out.wav")) == pytest.approx(440, abs=3)
