import itertools
from pathlib import Path

import numpy as np
import pytest

from domain.errors import BadAudio
from engine.samples import RATE, cut_evenly, is_silent, open_samples, stretch
from tests.helpers.speech import noise, silence, write_wav


def test_a_wav_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = noise(0.5)
    assert np.array_equal(open_samples(write_wav(tmp_path / "a.wav", written)), written)


def test_a_wav_that_was_cut_off_gives_what_is_there(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", noise(1.0))
    path.write_bytes(path.read_bytes()[:-10_001])
    assert len(open_samples(path)) == RATE - 5_001


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "not_audio"), (b"hello, I am text", "not_audio"), (b"RIFF\x00\x00\x00\x00WAVE", "not_audio")],
)
def test_what_is_no_wav_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(BadAudio) as caught:
        open_samples(path)
    assert caught.value.details["reason"] == reason


def test_other_rates_and_channels_are_refused(tmp_path: Path) -> None:
    for path in (
        write_wav(tmp_path / "a.wav", noise(1.0), rate=48_000),
        write_wav(tmp_path / "b.wav", noise(1.0).reshape(-1, 2)),
    ):
        with pytest.raises(BadAudio) as caught:
            open_samples(path)
        assert caught.value.details["reason"] == "bad_header"


@pytest.mark.parametrize("samples", [0, 1, 399])
def test_less_than_a_window_is_refused(tmp_path: Path, samples: int) -> None:
    with pytest.raises(BadAudio) as caught:
        open_samples(write_wav(tmp_path / "a.wav", np.ones(samples, np.int16)))
    assert caught.value.details["reason"] == "too_short"


def test_digital_silence() -> None:
    assert is_silent(silence(1))
    assert is_silent(silence(1) + 700)
    assert is_silent(np.random.default_rng(0).integers(0, 2, 1000).astype(np.int16))
    assert not is_silent(noise(1, 10))
    assert is_silent(silence(0))


def test_cuts_cover_everything_and_fall_into_the_pause() -> None:
    loud = noise(4.5, 5000)
    sound = np.concatenate([loud, silence(0.3), loud, silence(0.3), loud])
    cuts = cut_evenly(sound, 5_000)
    assert cuts[0][0] == 0
    assert cuts[-1][1] == len(sound) * 1000 // RATE
    assert all(left[1] == right[0] for left, right in itertools.pairwise(cuts))
    assert all(end - start <= 5_000 for start, end in cuts)
    assert 4_500 <= cuts[0][1] <= 4_800
    assert 9_300 <= cuts[1][1] <= 9_600


def test_what_is_short_enough_is_not_cut() -> None:
    assert cut_evenly(noise(3), 5_000) == [(0, 3_000)]


def test_a_stretch_is_what_its_times_say() -> None:
    assert np.array_equal(stretch(np.arange(RATE), 250, 500), np.arange(4_000, 8_000))
