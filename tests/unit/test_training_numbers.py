"""The parts of the training that compute: frames, statistics, batches, gradients of several workers."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from training import crew, evaluate, sounds
from training.batches import batches, masked
from training.clock import Clock
from training.features import frames_of, read_statistics, write_statistics

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_frames_lie_in_their_spans_and_none_is_empty() -> None:
    assert frames_of(((0, 130), (130, 140), (140, 400)), 7) == [range(2), range(2, 3), range(3, 7)]
    assert frames_of(((900, 950),), 4) == [range(3, 4)]


def test_statistics_are_read_as_they_were_written(tmp_path: Path) -> None:
    mean, deviation = np.linspace(-3, 9, 560), np.linspace(0.5, 4, 560)
    write_statistics(tmp_path / "am.mvn", mean, deviation)
    read = read_statistics(tmp_path / "am.mvn")
    assert np.allclose(read[0], mean, atol=1e-4) and np.allclose(read[1], deviation, rtol=1e-3)


def test_workers_share_the_batches_of_one_order() -> None:
    lengths = [int(n) for n in np.random.default_rng(0).integers(5, 90, 400)]
    whole = list(islice(batches(lengths, 600, seed=1), 60))
    halves = [list(islice(batches(lengths, 600, 1, rank, 2), 30)) for rank in (0, 1)]
    assert [batch for pair in zip(*halves, strict=True) for batch in pair] == whole
    assert all(len(batch) * max(lengths[i] for i in batch) <= 600 for batch in whole)


def test_every_item_comes_once_in_a_round() -> None:
    lengths = [10] * 100
    feed, seen = batches(lengths, 40, seed=0), []
    while len(seen) < 100:
        seen += next(feed)
    assert sorted(seen) == list(range(100))


def _average(worker: crew.Crew, results: "torch.Tensor") -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    (weight * float(worker.rank + 1)).sum().backward()
    worker.average_gradients([weight])
    assert weight.grad is not None
    results[worker.rank] = weight.grad


def _fail(worker: crew.Crew) -> None:
    if worker.rank == 1:
        raise ValueError("it fails")
    worker.meet()


def test_workers_average_their_gradients() -> None:
    results = torch.zeros(2, 3).share_memory_()
    crew.run(_average, 2, 3, results)
    assert results.tolist() == [[1.5] * 3] * 2


def test_a_worker_that_fails_ends_them_all(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError):
        crew.run(_fail, 2, 1)
    assert "it fails" in capfd.readouterr().err


def test_the_rate_rises_and_falls() -> None:
    rates = [crew.learning_rate(step, 100, 1.0) for step in range(100)]
    assert max(rates) == pytest.approx(1.0, abs=0.01) and rates[0] < 0.2 and rates[-1] < 0.02


def test_masks_take_something_away_and_no_more() -> None:
    kept = masked(torch.ones(40, 50, 560), np.random.default_rng(0)).mean()
    assert 0.85 < float(kept) < 0.99


@pytest.mark.parametrize("snr", [5.0, 20.0])
def test_noise_has_the_asked_strength(snr: float) -> None:
    dice = np.random.default_rng(0)
    tone = np.sin(np.arange(32_000) / 20).astype(np.float32)
    added = sounds.with_noise(dice, tone, snr) - tone
    assert 10 * np.log10(np.mean(tone**2) / np.mean(added**2)) == pytest.approx(snr, abs=0.5)


def test_a_telephone_takes_the_high_half_and_keeps_the_length() -> None:
    noise = np.random.default_rng(0).standard_normal(16_001).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(sounds.by_telephone(noise)))
    assert len(sounds.by_telephone(noise)) == 16_001
    assert spectrum[4_500:].mean() < 0.02 * spectrum[:3_500].mean()


def test_errors_are_counted_without_spaces_and_marks() -> None:
    assert evaluate.char_errors("今天 好。", "今天好") == evaluate.Errors(0, 3)
    assert evaluate.char_errors("今天好。", "今天好？", marks=True) == evaluate.Errors(1, 4)
    assert evaluate.word_errors("turn on light.", "turn on the light.") == evaluate.Errors(1, 4)


def test_a_step_that_ended_is_not_run_again(tmp_path: Path) -> None:
    ran: list[int] = []
    for _ in range(2):
        Clock(tmp_path / "times.json").run("step", lambda: ran.append(1))
    assert ran == [1]
    assert set(Clock(tmp_path / "times.json").minutes()) == {"step"}
