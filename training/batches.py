"""Batches of recordings of like length, the same for every worker, in an order that a seed decides."""

import random
from collections.abc import Iterator

import numpy as np
import torch

from training.datasets import Dataset

_POOL = 1_500


def batches(lengths: list[int], budget: int, seed: int, rank: int = 0, size: int = 1) -> Iterator[list[int]]:
    """Endless: places of items whose padded lengths sum up to at most ``budget`` (one item may exceed it)."""
    dice = random.Random(seed)
    places = list(range(len(lengths)))
    turn = 0
    while True:
        dice.shuffle(places)
        for start in range(0, len(places), _POOL):
            made = _packed(sorted(places[start : start + _POOL], key=lengths.__getitem__), lengths, budget)
            dice.shuffle(made)
            for batch in made:
                if turn % size == rank:
                    yield batch
                turn += 1


def _packed(places: list[int], lengths: list[int], budget: int) -> list[list[int]]:
    made: list[list[int]] = []
    batch: list[int] = []
    for place in places:
        if batch and (len(batch) + 1) * lengths[place] > budget:
            made.append(batch)
            batch = []
        batch.append(place)
    return [*made, batch]


class Features:
    """Features of a set as padded, normalised batches."""

    def __init__(self, dataset: Dataset, mean: np.ndarray, deviation: np.ndarray) -> None:
        self._dataset = dataset
        self._mean = torch.from_numpy(mean.astype(np.float32))
        self._scale = torch.from_numpy((1 / deviation).astype(np.float32))

    def batch(self, places: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """``(items, frames, 560)`` with zeros behind the ends, and the lengths."""
        items = [(torch.from_numpy(self._dataset.of(place)) - self._mean) * self._scale for place in places]
        lengths = torch.tensor([len(item) for item in items])
        return torch.nn.utils.rnn.pad_sequence(items, batch_first=True), lengths


def masked(features: torch.Tensor, dice: np.random.Generator) -> torch.Tensor:
    """Some bands and some moments taken away (SpecAugment), so that nothing is learnt from one place alone."""
    items, frames, _ = features.shape
    bands = features.view(items, frames, 7, 80)
    for item in range(items):
        if dice.random() < 0.5:
            width, start = int(dice.integers(1, 14)), int(dice.integers(0, 80))
            bands[item, :, :, start : start + width] = 0
        if dice.random() < 0.5:
            width, start = int(dice.integers(1, 4)), int(dice.integers(0, frames))
            bands[item, start : start + width] = 0
    return features
