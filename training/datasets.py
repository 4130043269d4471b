"""The three sets: what is recorded for each, made by several processes, kept as features in files."""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import cast

import numpy as np

from training import sounds, voices
from training.corpus import utterance
from training.espeak import RATE, Espeak
from training.features import FEATURES, Frontend
from training.recordings import NO_SPEECH, Recording, snippet, speak

_PER_JOB = 250
#: Clauses in a recording, and how often.
_CLAUSES, _CLAUSE_WEIGHTS = (1, 2, 3, 5, 8), (66, 14, 10, 6, 4)
_NO_SPEECH_SHARE = 0.09


@dataclass(frozen=True, slots=True)
class Job:
    """One stretch of a set: what a process makes at a time."""

    name: str
    seed: int
    count: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """``features``: ``(all frames, 560)`` float16, mapped; recording ``i`` is ``offsets[i]:offsets[i + 1]``."""

    recordings: tuple[Recording, ...]
    offsets: np.ndarray
    features: np.ndarray

    def frames(self, which: int) -> int:
        """How long recording ``which`` is."""
        return int(self.offsets[which + 1] - self.offsets[which])

    def of(self, which: int) -> np.ndarray:
        """Its features: ``(frames, 560)`` float32."""
        return self.features[self.offsets[which] : self.offsets[which + 1]].astype(np.float32)


def make(directory: Path, name: str, count: int, seed: int, processes: int) -> None:
    """Writes the set ``name`` of ``count`` recordings, unless it is there."""
    if (directory / f"{name}.json").exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    jobs = [Job(name, seed * 100_000 + start, min(_PER_JOB, count - start)) for start in range(0, count, _PER_JOB)]
    recordings, offsets = [], [0]
    with (directory / f"{name}.f16").open("wb") as file, ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for made in pool.map(_run, jobs):
            for recording, features in made:
                recordings.append(recording.to_json())
                offsets.append(offsets[-1] + len(features))
                file.write(features.astype("<f2").tobytes())
    index = {"offsets": offsets, "recordings": recordings}
    (directory / f"{name}.json").write_text(json.dumps(index, ensure_ascii=False), encoding="utf-8")


def load(directory: Path, name: str) -> Dataset:
    """The set that :func:`make` wrote."""
    index = json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
    features = np.memmap(directory / f"{name}.f16", "<f2", "r").reshape(-1, FEATURES)
    return Dataset(tuple(map(Recording.from_json, index["recordings"])), np.array(index["offsets"]), features)


def training_sounds(job: Job) -> Iterator[tuple[Recording, np.ndarray]]:
    """What the models learn from: speech as it comes, long and short, and sound without speech."""
    espeak, dice, noise_dice = Espeak(), random.Random(job.seed), np.random.default_rng(job.seed)
    variants = voices.CHOOSE if job.name == "choose" else voices.TRAIN
    for _ in range(job.count):
        spoken, recording = speak(
            espeak, dice, utterance(dice, dice.choices(_CLAUSES, _CLAUSE_WEIGHTS)[0]), voices.manner(dice, variants)
        )
        if dice.random() >= _NO_SPEECH_SHARE:
            yield recording, sounds.changed(noise_dice, spoken)
        elif dice.random() < 0.25:
            yield NO_SPEECH, snippet(noise_dice, spoken)
        else:
            length = RATE * noise_dice.choice([noise_dice.uniform(0.03, 0.5), noise_dice.uniform(0.5, 6)])
            yield NO_SPEECH, sounds.without_speech(noise_dice, int(length))


def _run(job: Job) -> list[tuple[Recording, np.ndarray]]:
    import torch

    torch.set_num_threads(1)
    frontend = Frontend()
    return [(recording, frontend(cast(np.ndarray, sound))) for recording, sound in training_sounds(job)]
