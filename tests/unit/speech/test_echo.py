"""The other side's echo is silenced in each channel of a call, and nothing that anybody says."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from domain.errors import DeadlineExceeded
from domain.options import Channels
from speech import echo, sounds
from speech.channels import ChannelMeter, level_of
from speech.decode import decode_to_wav
from speech.echo import silence_echoes
from tests.helpers.calls import RATE, as_int16, call, two_people, with_echo
from tests.helpers.sounds import Sound, ffmpeg, read_sound, write_sound
from tests.helpers.speech import say

FRAME = RATE // 20


def frame_levels(sound: np.ndarray) -> np.ndarray:
    """(frames, channels) in dB of 16-bit samples."""
    count = len(sound) // FRAME
    return level_of((sound[: count * FRAME].astype(np.float64).reshape(count, FRAME, -1) ** 2).mean(1))


def loud_part(word: Sound) -> Sound:
    """Without the silence around it."""
    loud = np.flatnonzero(np.abs(word) > np.abs(word).max() // 10)
    return word[loud[0] : loud[-1]]


def cleaned(sound: Sound, folder: Path) -> Sound:
    meter = ChannelMeter()
    meter.add(sound)
    left, right = (
        write_sound(folder / f"{side}.wav", np.ascontiguousarray(sound[:, side])) for side in (0, 1)
    )  # fmt: skip
    silence_echoes((left, right), meter.levels, lambda: None)
    return np.stack([read_sound(left), read_sound(right)], 1)


def check(said: np.ndarray, recorded: Sound, folder: Path, *, left_at_most: float = 0.02) -> Sound:
    """What was ``said`` (both channels, without noise or echo) is all there; of the echoes only so large a part."""
    result = cleaned(recorded, folder)
    own, before, after = frame_levels(said), frame_levels(recorded), frame_levels(result)
    lost = (own > own.max(0) - 30) & (after < own - 6)
    assert not lost.any(), f"{lost.sum(0)} frames of speech were lost"
    noise = np.percentile(before, 10, axis=0)
    # What a word stands in is kept: 0.2 s around it.
    words = np.apply_along_axis(lambda marks: np.convolve(marks, np.ones(11), "same") > 0, 0, own > 25)
    echoes = ~words & (before > noise + 6)
    left = echoes & (after > noise + 6)
    assert left.sum() <= left_at_most * echoes.sum(), f"{left.sum(0)} of {echoes.sum(0)} frames of echo are left"
    changed = result != recorded
    assert (np.abs(result[changed].astype(int)) <= np.abs(recorded[changed].astype(int))).all()
    whole = frame_levels(changed.astype(np.int16) * 100) > 0
    assert not (whole & (own > own.max(0) - 30)).any(), "what was not silenced is untouched"
    return result


ECHOES = {
    "20 dB": {"leak_db": -20},
    "20 dB, 200 ms, narrow": {"leak_db": -20, "leak_ms": 200, "narrow": True},
    "26 dB, 80 ms, narrow": {"leak_db": -26, "leak_ms": 80, "narrow": True},
    "26 dB, 200 ms": {"leak_db": -26, "leak_ms": 200},
    "34 dB, 200 ms, narrow": {"leak_db": -34, "leak_ms": 200, "narrow": True},
    "40 dB, 80 ms": {"leak_db": -40, "leak_ms": 80},
}


@pytest.mark.parametrize("right_gain_db", [0.0, -20.0])
@pytest.mark.parametrize("name", ECHOES)
def test_echoes_go_and_words_stay(name: str, right_gain_db: float, tmp_path: Path) -> None:
    made = partial(two_people, right_gain_db=right_gain_db)
    check(made(line_noise=0), made(**ECHOES[name]), tmp_path)


@pytest.mark.parametrize("line_noise", [0, 300])
def test_whatever_the_line_noise(line_noise: int, tmp_path: Path) -> None:
    check(two_people(line_noise=0), two_people(line_noise=line_noise, leak_db=-26, leak_ms=80), tmp_path)


@pytest.mark.parametrize("right_gain_db", [0.0, -20.0])
@pytest.mark.parametrize("leak_db", [None, -26, -34])
def test_both_at_once(leak_db: float | None, right_gain_db: float, tmp_path: Path) -> None:
    made = partial(two_people, -0.9, right_gain_db=right_gain_db)
    check(made(line_noise=0), made(leak_db=leak_db, leak_ms=80), tmp_path, left_at_most=0.1)


@pytest.mark.parametrize("word_db", [-10, -20, -30])
@pytest.mark.parametrize("leak_db", [-20, -26, -40])
def test_a_quiet_word_while_the_other_one_speaks(word_db: float, leak_db: float, tmp_path: Path) -> None:
    """对, 好的: as quiet as the echo that it stands in, or more quiet, while the agent goes on."""
    said = two_people(line_noise=0).astype(np.float64)
    words = [(at, loud_part(say(word, "zh", "m6"))) for at, word in ((1.0, "对"), (5.6, "好的"))]
    for at, word in words:
        said[round(at * RATE) : round(at * RATE) + len(word), 1] += word * 10 ** (word_db / 20)
    noise = np.random.default_rng(1).normal(0, 30, said.shape)
    recorded = as_int16(with_echo(said, leak_db, 80) + noise)
    result = cleaned(recorded, tmp_path)
    for at, word in words:
        inside = slice(round(at * RATE), round(at * RATE) + len(word))
        assert np.array_equal(result[inside, 1], recorded[inside, 1]), f"the word at {at} s"


def test_a_long_call_of_which_the_delay_changes(tmp_path: Path) -> None:
    """As when it is put through: the way is another one after half the time."""
    said = call(3, turns=30, line_noise=0).astype(np.float64)
    half = len(said) // 2
    echoed = np.concatenate([with_echo(said[:half], -26, 40), with_echo(said[half:], -22, 160)])
    noise = np.random.default_rng(2).normal(0, 30, said.shape)
    check(said, as_int16(echoed + noise), tmp_path, left_at_most=0.05)


def test_an_echo_that_a_codec_changed(tmp_path: Path) -> None:
    """Its wave is not that of the other channel any more, its loudness is."""
    source = write_sound(tmp_path / "in.wav", two_people(leak_db=-30))
    ffmpeg("-i", source, "-c:a", "libmp3lame", "-b:a", "32k", tmp_path / "x.mp3")
    ffmpeg("-i", tmp_path / "x.mp3", "-ar", "16000", "-f", "s16le", tmp_path / "out.raw")
    recorded = np.frombuffer((tmp_path / "out.raw").read_bytes(), np.int16).reshape(-1, 2)
    said = two_people(line_noise=0)
    count = min(len(said), len(recorded))
    result = cleaned(recorded[:count], tmp_path)
    own, after = frame_levels(said[:count]), frame_levels(result)
    other_speaks = (own[:, ::-1] > own.max() - 30) & (own < 25)
    assert (after[other_speaks] < 40).mean() > 0.95


@pytest.mark.parametrize("right_gain_db", [0.0, -20.0, -26.0])
@pytest.mark.parametrize("gap_seconds", [1.0, -0.6, -1.2])
def test_without_an_echo_no_word_is_touched(gap_seconds: float, right_gain_db: float, tmp_path: Path) -> None:
    made = partial(two_people, gap_seconds, right_gain_db=right_gain_db)
    said, recorded = made(line_noise=0), made()
    changed = cleaned(recorded, tmp_path) != recorded
    assert not (changed & (np.abs(said) > 200)).any()
    assert gap_seconds < 0 or not changed.any(), "and where they speak in turn nothing at all"


@pytest.mark.parametrize("turns", [6, 10])
@pytest.mark.parametrize("seed", [1, 11, 13])
def test_a_quiet_caller_who_talks_over_the_other_is_no_echo(seed: int, turns: int, tmp_path: Path) -> None:
    """What two people say goes up and down together by chance as well, in a short call."""
    made = partial(call, seed, turns=turns, gap_seconds=(-1.5, -0.8), right_gain_db=-24)
    check(made(line_noise=0), made(line_noise=10), tmp_path)


def test_an_echo_for_minutes_is_silenced_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = two_people(leak_db=-26, leak_ms=80)
    whole = cleaned(recorded, tmp_path)
    monkeypatch.setattr(echo, "_ZEROS", 1_000)
    assert np.array_equal(cleaned(recorded, tmp_path), whole)


def test_each_is_the_others_mirror(tmp_path: Path) -> None:
    recorded = two_people(leak_db=-26, leak_ms=80)
    swapped = cleaned(np.ascontiguousarray(recorded[:, ::-1]), tmp_path)
    assert np.array_equal(swapped[:, ::-1], cleaned(recorded, tmp_path))


def test_sound_shorter_than_a_frame_and_silence(tmp_path: Path) -> None:
    for sound in (np.zeros((100, 2), np.int16), np.zeros((3 * RATE, 2), np.int16), np.full((900, 2), 3, np.int16)):
        assert np.array_equal(cleaned(sound, tmp_path), sound)


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_a_few_frames_with_an_echo(frames: int, tmp_path: Path) -> None:
    loud = loud_part(say("今天天气怎么样"))[: frames * FRAME + 400].astype(np.float64)
    recorded = as_int16(np.stack([loud, loud * 0.025], 1))
    recorded[:FRAME, 1] = 0
    assert np.array_equal(cleaned(recorded, tmp_path)[:, 0], recorded[:, 0])


# In the decoder


def decoded(sound: Sound, folder: Path, channels: Channels) -> list[Sound]:
    path = write_sound(folder / "in.wav", sound)
    answer = decode_to_wav(path, folder / "out.wav", max_seconds=600, channels=channels)
    return [read_sound(one.path) for one in answer.sounds]


@pytest.mark.parametrize("channels", ["auto", "split"])
def test_the_channels_of_a_call_are_recognised_without_echoes(channels: Channels, tmp_path: Path) -> None:
    recorded = two_people(leak_db=-26, leak_ms=80)
    files = decoded(recorded, tmp_path, channels)
    assert np.array_equal(np.stack(files, 1), cleaned(recorded, tmp_path))
    assert any(not np.array_equal(one, recorded[:, side]) for side, one in enumerate(files))


def test_one_sound_keeps_all_that_it_holds(tmp_path: Path) -> None:
    recorded = two_people(leak_db=-26)
    (mixed,) = decoded(recorded, tmp_path, "mix")
    assert np.abs(mixed - recorded.mean(1)).max() <= 1


def test_it_ends_when_the_time_is_up(tmp_path: Path) -> None:
    def late() -> None:
        raise DeadlineExceeded("too long", limit_seconds=1)

    recorded = two_people(leak_db=-26)
    left, right = (write_sound(tmp_path / f"{side}.wav", np.ascontiguousarray(recorded[:, side])) for side in (0, 1))
    with pytest.raises(DeadlineExceeded):
        silence_echoes((left, right), frame_levels(recorded), late)
    assert np.array_equal(read_sound(left), recorded[:, 0])


def test_nothing_is_left_of_a_call_that_took_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object) -> None:
        raise DeadlineExceeded("too long", limit_seconds=1)

    monkeypatch.setattr(sounds, "silence_echoes", late)
    with pytest.raises(DeadlineExceeded):
        decoded(two_people(leak_db=-26), tmp_path, "auto")
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


def test_the_runs_of_a_long_call_meet_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, recorded = call(5, line_noise=0), call(5, leak_db=-26, leak_ms=200)
    monkeypatch.setattr(echo, "_RUN_FRAMES", 4 * echo.PIECE_FRAMES)
    check(said, recorded, tmp_path, left_at_most=0.1)
