"""The CTC Viterbi alignment, against the definition: every path tried."""

import itertools

import numpy as np
import pytest
import torch

from engine.forced_align import best_path, forced_align

BLANK = 0


def spelled(path: tuple[int, ...]) -> list[int]:
    return [token for token, _ in itertools.groupby(path) if token != BLANK]


def best_by_trying(log_probs: np.ndarray, targets: list[int]) -> float:
    frames, tokens = log_probs.shape
    scores = [
        sum(log_probs[frame, token] for frame, token in enumerate(path))
        for path in itertools.product(range(tokens), repeat=frames)
        if spelled(path) == targets
    ]
    return max(scores)


@pytest.mark.parametrize("targets", [[], [1], [1, 2], [1, 1], [2, 1, 2], [1, 1, 2]])
@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_best_of_all_paths(targets: list[int], seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=(6, 3))
    log_probs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    path = best_path(log_probs, np.array(targets, dtype=np.int64), BLANK)
    assert spelled(tuple(path)) == targets
    assert log_probs[np.arange(6), path].sum() == pytest.approx(best_by_trying(log_probs, targets))


@pytest.mark.parametrize("targets", [[1, 2, 1, 2], [1, 1, 1]])
def test_targets_that_do_not_fit_are_refused(targets: list[int]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        best_path(np.zeros((3, 3)), np.array(targets), BLANK)


def test_it_has_torchaudios_shapes() -> None:
    log_probs = torch.log_softmax(torch.eye(4)[[0, 1, 0, 2]] * 9, dim=-1)[None]
    tokens, scores = forced_align(log_probs, torch.tensor([[1, 2]]), blank=0)
    assert tokens.tolist() == [[0, 1, 0, 2]]
    assert scores.shape == (1, 4)
    assert torch.allclose(scores[0], log_probs[0, range(4), [0, 1, 0, 2]])


def test_a_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="batch of one"):
        forced_align(torch.zeros(2, 3, 3), torch.ones(2, 1, dtype=torch.int64))
