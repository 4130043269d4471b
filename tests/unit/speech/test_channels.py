"""What two channels hold: two people are told from one sound heard twice, whatever the line, the room or the codec."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from domain.options import Channels
from speech.channels import ChannelMeter, Contents
from speech.decode import Decoded, decode_to_wav
from tests.helpers.calls import as_int16, call, later, music, room, two_people
from tests.helpers.sounds import ffmpeg, noise, read_sound, tone, write_sound

TWO_PEOPLE: dict[str, Callable[[], np.ndarray]] = {
    "a call": two_people,
    "a long call": lambda: call(0, turns=20),
    "they talk over each other": lambda: call(1, gap_seconds=(-1.0, 0.2)),
    "one hardly speaks": lambda: call(2, turns=20, right_share=0.1),
    "noisy lines": lambda: call(3, line_noise=500),
    "lines without any noise": lambda: call(4, line_noise=0),
    "an echo 25 dB down": lambda: call(5, leak_db=-25),
    "an echo 20 dB down": lambda: call(5, leak_db=-20, leak_ms=80),
    "an echo 20 dB down and at once, nobody interrupts": lambda: two_people(leak_db=-20),
    "an echo 26 dB down and at once, lines without noise": lambda: two_people(line_noise=0, leak_db=-26),
    "an echo 20 dB down, as loud as the other one, who is that quiet": lambda: two_people(
        leak_db=-20, right_gain_db=-20
    ),
    "the same while they talk over each other": lambda: two_people(-0.6, leak_db=-26, right_gain_db=-20),
    "an echo 200 ms late while they talk over each other": lambda: two_people(-0.6, leak_db=-20, leak_ms=200),
    "one is 25 dB quieter": lambda: call(6, right_gain_db=-25),
}
ONE_SOUND: dict[str, Callable[[], np.ndarray]] = {
    "a room": lambda: room(0),
    "a room, 15 ms between the microphones": lambda: room(1, delay_ms=15),
    "a room, 40 ms and no echo": lambda: room(2, delay_ms=40, echo=0),
    "a table with a microphone each": lambda: room(3, level_db=9),
    "a long table": lambda: room(3, level_db=15),
    "two recorders 200 ms apart": lambda: np.stack([mono(4), later(mono(4), 3200)], 1),
    "music": lambda: music(5),
    "music from hard left to hard right": lambda: music(6, width=1.0),
    "an echo only 12 dB down": lambda: call(7, leak_db=-12),
    "dual mono": lambda: np.stack([mono(8), mono(8)], 1),
    "opposite phase": lambda: np.stack([mono(8), -mono(8)], 1),
    "a channel of noise": lambda: np.stack([mono(9), noise(len(mono(9)) / 16_000) // 200], 1),
    "a channel of hum": lambda: np.stack([mono(9), tone(len(mono(9)) / 16_000, hertz=50, level=0.01)], 1),
    "a silent channel": lambda: np.stack([mono(9), np.zeros_like(mono(9))], 1),
    "silence": lambda: np.zeros((16_000, 2), np.int16),
    "less than a frame": lambda: np.zeros((100, 2), np.int16),
}


def mono(seed: int) -> np.ndarray:
    return as_int16(call(seed).astype(float).sum(1))


def contents(sound: np.ndarray, piece: int = 8000) -> Contents:
    meter = ChannelMeter()
    for at in range(0, len(sound), piece):
        meter.add(sound[at : at + piece])
    return meter.contents()


@pytest.mark.parametrize("name", TWO_PEOPLE)
def test_two_people(name: str) -> None:
    found = contents(TWO_PEOPLE[name]())
    assert found.two_people and not found.same, found


@pytest.mark.parametrize("name", ONE_SOUND)
def test_one_sound(name: str) -> None:
    found = contents(ONE_SOUND[name]())
    assert not found.two_people, found
    assert found.same == (name in ("dual mono", "opposite phase")), found


def test_the_pieces_in_which_it_comes_do_not_matter() -> None:
    sound = call(0, turns=4)
    assert contents(sound, 8000) == contents(sound, 777) == contents(sound, len(sound))


def test_another_voice_on_one_side_only_is_not_the_same_sound() -> None:
    both = np.stack([mono(8), mono(8)], 1).astype(float)
    guest = call(9, turns=2).astype(float)[:, 1]
    both[20_000 : 20_000 + len(guest), 1] += guest[: len(both) - 20_000] * 0.5
    assert not contents(as_int16(both)).same


CODECS = {
    "x.mp3": "-joint_stereo 0 -b:a 32k",
    "x.ogg": "-c:a libvorbis -q 0",
    "x.opus": "-b:a 24k",
    "x.m4a": "-b:a 48k",
    "x.wma": "-c:a wmav2 -b:a 48k",
    "mulaw.wav": "-ar 8000 -c:a pcm_mulaw",
    "adpcm.wav": "-ar 8000 -c:a adpcm_ima_wav",
}


@pytest.mark.parametrize("name", CODECS)
def test_codecs_do_not_change_the_verdict(name: str, tmp_path: Path) -> None:
    for kind, sound in (("call", two_people()), ("dual", np.stack([mono(8), mono(8)], 1))):
        ffmpeg("-i", write_sound(tmp_path / "in.wav", sound), *CODECS[name].split(), tmp_path / name)
        wanted = [0, 1] if kind == "call" else [None]
        for channels in ("auto", "split"):
            assert _channels(_decode(tmp_path / name, channels)) == wanted, (kind, channels)


# What is written


def _decode(path: Path, channels: Channels) -> Decoded:
    return decode_to_wav(path, path.with_name("out.wav"), max_seconds=600, channels=channels)


def _channels(decoded: Decoded) -> list[int | None]:
    return [sound.channel for sound in decoded.sounds]


def _written(sound: np.ndarray, folder: Path, channels: Channels) -> tuple[Decoded, list[np.ndarray]]:
    decoded = _decode(write_sound(folder / "in.wav", sound), channels)
    wavs = sorted(path.name for path in folder.glob("out*"))
    assert wavs == sorted(sound.path.name for sound in decoded.sounds), "nothing else stays"
    return decoded, [read_sound(sound.path) for sound in decoded.sounds]


@pytest.mark.parametrize("channels", ["auto", "split"])
def test_each_channel_of_a_call_is_a_file(channels: Channels, tmp_path: Path) -> None:
    sound = two_people()
    decoded, (left, right) = _written(sound, tmp_path, channels)
    assert _channels(decoded) == [0, 1] and not decoded.silent
    assert np.array_equal(left, sound[:, 0]) and np.array_equal(right, sound[:, 1])


@pytest.mark.parametrize("channels", ["auto", "split", "mix"])
def test_opposite_phase_is_heard_once_and_loud(channels: Channels, tmp_path: Path) -> None:
    voice = mono(8)
    decoded, (heard,) = _written(np.stack([voice // 2, -voice], 1), tmp_path, channels)
    assert _channels(decoded) == [None]
    assert np.abs(heard.astype(int)).max() >= np.abs(voice.astype(int)).max() // 2


def test_a_silent_channel_has_no_sound_and_the_other_keeps_its_number(tmp_path: Path) -> None:
    voice = mono(9)
    sound = np.stack([np.zeros_like(voice), voice], 1)
    decoded, (heard,) = _written(sound, tmp_path, "split")
    assert _channels(decoded) == [1] and np.array_equal(heard, voice)
    decoded, (heard,) = _written(sound, tmp_path, "auto")
    assert _channels(decoded) == [None] and np.array_equal(heard, voice)


def _at(rate: int, sound: np.ndarray, folder: Path) -> Path:
    ffmpeg("-i", write_sound(folder / "at-16000.wav", sound), "-ar", str(rate), folder / "in.wav")
    return folder / "in.wav"


@pytest.mark.parametrize("customer", ["silent", "±2", "line noise", "echo"])
@pytest.mark.parametrize(("rate", "wanted"), [(8000, 0), (48_000, None)], ids=["telephone", "camera"])
def test_who_spoke_alone_is_named_where_a_telephone_system_recorded_it(
    customer: str, rate: int, wanted: int | None, tmp_path: Path
) -> None:
    sound = two_people(line_noise=0)
    sound[:, 1] = {
        "silent": np.zeros(len(sound)),
        "±2": np.random.default_rng(0).integers(-1, 2, len(sound)),
        "line noise": np.random.default_rng(0).normal(0, 30, len(sound)),
        "echo": later(sound[:, 0], 1280) / 20 + np.random.default_rng(0).normal(0, 30, len(sound)),
    }[customer]
    assert _channels(_decode(_at(rate, sound, tmp_path), "auto"))[:1] == [wanted]


@pytest.mark.parametrize("made", [lambda: room(0), lambda: np.stack([mono(8), mono(8)], 1)], ids=["room", "dual mono"])
def test_a_telephone_system_that_records_one_sound_on_both_sides(
    made: Callable[[], np.ndarray], tmp_path: Path
) -> None:
    assert _channels(_decode(_at(8000, made(), tmp_path), "auto")) == [None]


@pytest.mark.parametrize("channels", ["auto", "split", "mix"])
def test_silence_on_both_channels_is_one_silent_sound(channels: Channels, tmp_path: Path) -> None:
    decoded, _ = _written(np.zeros((16_000, 2), np.int16), tmp_path, channels)
    assert decoded.silent and decoded.warnings == ("silent",) and _channels(decoded) == [None]


@pytest.mark.parametrize("count", [1, 6])
@pytest.mark.parametrize("channels", ["auto", "split"])
def test_mono_and_more_than_two_channels_are_mixed(channels: Channels, count: int, tmp_path: Path) -> None:
    sound = np.stack([mono(8)] * count, 1)
    decoded, _ = _written(sound, tmp_path, channels)
    assert _channels(decoded) == [None]


def test_a_part_in_mono_is_on_both_channels(tmp_path: Path) -> None:
    """Joined MP3s: the format changes in mid-file."""
    voice = mono(8)[: 4 * 16_000]
    parts: list[bytes] = []
    for name, sound in (("stereo", two_people()[: 8 * 16_000]), ("mono", voice)):
        path = tmp_path / f"{name}.mp3"
        ffmpeg("-i", write_sound(tmp_path / "in.wav", sound), "-write_xing", "0", "-b:a", "64k", path)
        parts.append(path.read_bytes())
    (tmp_path / "x.mp3").write_bytes(b"".join(parts))
    decoded = _decode(tmp_path / "x.mp3", "split")
    left, right = (read_sound(sound.path).astype(float) for sound in decoded.sounds)
    assert len(left) == len(right)
    tail = slice(-2 * 16_000, None)
    assert np.corrcoef(left[tail], right[tail])[0, 1] > 0.99
    assert abs(np.corrcoef(left[: 7 * 16_000], right[: 7 * 16_000])[0, 1]) < 0.1
