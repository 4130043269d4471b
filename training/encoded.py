"""What the encoder makes of a set: computed once, because the Nano's training leaves the encoder as it is."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from training import datasets, folders
from training.batches import Features, masked
from training.crew import Crew
from training.datasets import Dataset
from training.features import read_statistics


def encode_all(crew: Crew, work: Path, folder: Path, name: str) -> None:
    """Writes what the encoder makes of the set ``name``: ``(all frames, size)`` float16, a share by each worker."""
    model, dataset = folders.load_nano(folder), datasets.load(work, name)
    features = Features(dataset, *read_statistics(folder / "am.mvn"))
    size = model.audio_encoder.output_size()
    path = work / f"{name}.encoded.f16"
    if crew.leads:
        np.memmap(path, "<f2", "w+", shape=(int(dataset.offsets[-1]), size)).flush()
    crew.meet()
    encoded = np.memmap(path, "<f2", "r+", shape=(int(dataset.offsets[-1]), size))
    order = sorted(range(len(dataset.recordings)), key=dataset.frames)
    dice = np.random.default_rng(crew.rank)
    for places in [order[start : start + 24] for start in range(24 * crew.rank, len(order), 24 * crew.size)]:
        inputs, lengths = features.batch(places)
        # The encoder knows these recordings by heart: masks let it err as it will with new ones.
        if name == "train":
            inputs = masked(inputs, dice)
        with torch.no_grad():
            found, _ = model.encode(inputs, lengths)
        for place, row, length in zip(places, found, lengths, strict=True):
            start = int(dataset.offsets[place])
            encoded[start : start + int(length)] = row[: int(length)].half().numpy()
    encoded.flush()
    crew.meet()


def open_encoded(work: Path, name: str, model: Any) -> np.ndarray:
    """What :func:`encode_all` wrote."""
    path = work / f"{name}.encoded.f16"
    return np.memmap(path, "<f2", "r").reshape(-1, model.audio_encoder.output_size())


def sound_of(dataset: Dataset, encoded: np.ndarray, place: int) -> torch.Tensor:
    """``(frames, size)`` float32."""
    rows = encoded[dataset.offsets[place] : dataset.offsets[place + 1]]
    return torch.from_numpy(np.array(rows, np.float32))
