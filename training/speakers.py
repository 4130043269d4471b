"""The speaker model: a small CAM++ that hears which synthetic voice speaks. ``python -m training.speakers``.

Its convolutional head, whose size FunASR fixes, stays as chance made it (only its norms are measured): that head costs
forty times as much as all that follows, and what follows learns enough from it.
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from engine.speaker_clusters import ALIKE
from training import sounds, voices
from training.corpus import utterance
from training.crew import learning_rate
from training.espeak import RATE, Espeak, Manner
from training.folders import write_configuration, write_weights
from training.recordings import speak

_ROOT = Path(__file__).resolve().parent.parent
_CONFIGURATION: dict[str, Any] = {
    "model": "CAMPPlus",
    "model_conf": {
        "feat_dim": 80,
        "embedding_size": 64,
        "growth_rate": 6,
        "bn_size": 2,
        "init_channels": 32,
        "config_str": "batchnorm-relu",
        # Recomputing what fits into memory anyway would double the work.
        "memory_efficient": False,
        "output_level": "segment",
    },
}
_CARD = """# Demo speakers: a small CAM++

FunASR's `CAMPPlus` with 64 numbers for a voice. Weights are stored in half precision.

## Limits
Made so that telling people apart can be tried and tested without a download; it knows one kind of synthetic voice
(espeak-ng). Real voices are not told apart.

## How it was made
`python -m training.speakers`, seeded: {people} speakers (voice, pitch, pace and throat each of their own) with noise
and telephone lines; about four minutes of one processor. The convolutional head stays as chance made it.

## Reached
Equal error rate {rate:.1%} on windows of 1.5 s of {others} speakers with voices that neither taught nor chose anything
(the test voices of `training/voices.py`).
"""
#: Speakers that teach and recordings of each; a variant of the voice speaks as two people of unlike pitch.
_PEOPLE, _RECORDINGS, _CHOOSE_PEOPLE, _TEST_PEOPLE = 100, 6, 10, 12
#: People and directions of the fitting at the end.
_FITTED, _DIRECTIONS = 80, 40
_STEPS, _BATCH, _FRAMES = 600, 32, (60, 120)
_PEAK_RATE = 6e-3
#: ArcFace: the angle is made this much harder, and cosines are stretched.
_MARGIN, _STRETCH = 0.2, 24.0
_FRAMES_PER_SECOND, _WINDOW_SECONDS = 100, 1.5


def people(variants: Sequence[str], count: int, seed: int) -> list[Manner]:
    """So many speakers: each has one voice, pitch, pace and throat."""
    dice = random.Random(seed)
    made: list[Manner] = []
    for place in range(count):
        pitch = dice.randint(20, 45) if place // len(variants) % 2 else dice.randint(46, 80)
        variant = variants[place % len(variants)]
        made.append(Manner(variant, "en-us", dice.randint(135, 190), pitch, dice.uniform(0.9, 1.1)))
    return made


def build() -> Any:
    """The model with weights of chance."""
    from engine.funasr_import import import_funasr

    import_funasr("sensevoice")
    from funasr.models.campplus.model import CAMPPlus

    return CAMPPlus(**_CONFIGURATION["model_conf"])


def train(folder: Path) -> float:
    """Makes the whole folder; returns the equal error rate of 1.5 s windows of people it never heard."""
    torch.manual_seed(4)
    model = build()
    espeak = Espeak()
    teaching = [_heard(espeak, manner, seed) for seed, manner in enumerate(people(voices.TRAIN, _PEOPLE, 5))]
    _measure_norms(model.head, teaching)
    seconds = sum(len(sound) for person in teaching for sound in person) / _FRAMES_PER_SECOND
    print(f"speakers: {seconds:.0f} s heard", flush=True)
    _learn(model.xvector, [[_through(model.head, sound) for sound in person] for person in teaching])
    model.eval()
    return finish(model, folder)


def finish(model: Any, folder: Path) -> float:
    """Fits what comes out to windows as the program cuts them, by other recordings; writes the folder.

    Returns the equal error rate of windows of people it never heard.
    """
    espeak = Espeak()
    known = people(voices.TRAIN, _PEOPLE, 5)[:_FITTED]
    _weigh(model, *_vectors(model, [_heard(espeak, manner, 2_000 + seed) for seed, manner in enumerate(known)]))
    choosing = people(voices.CHOOSE, _CHOOSE_PEOPLE, 6)
    vectors, who = _vectors(model, [_heard(espeak, manner, 900 + seed) for seed, manner in enumerate(choosing)])
    same, different = _similarities(vectors, who)
    _lift(model, float(same.mean() + different.mean()) / 2, float(np.linalg.norm(vectors, axis=1).mean()))
    # The choose voices have set the line; these have done nothing.
    test = people(voices.TEST, _TEST_PEOPLE, 8)
    same, different = _similarities(
        *_vectors(model, [_heard(espeak, manner, 9_000 + seed) for seed, manner in enumerate(test)])
    )
    for name, found in (("same", same), ("others", different)):
        print(f"speakers: {name} {np.percentile(found, (5, 50, 95)).round(2)}", flush=True)
    rate = _equal_error_rate(same, different)
    print(f"speakers: equal error rate {rate:.2%} on 1.5 s of the test voices", flush=True)
    write_configuration(folder, _CONFIGURATION, "speaker-verification", {})
    write_weights(folder, model.state_dict())
    (folder / "README.md").write_text(_CARD.format(rate=rate, people=_PEOPLE, others=_TEST_PEOPLE), encoding="utf-8")
    return rate


def _heard(espeak: Espeak, manner: Manner, seed: int) -> list[torch.Tensor]:
    """Recordings of one person as features, ``(frames, 80)`` each; most of them not from a quiet room."""
    dice, noise_dice = random.Random(seed), np.random.default_rng(seed)
    found: list[torch.Tensor] = []
    for _ in range(_RECORDINGS):
        sound, _ = speak(espeak, dice, utterance(dice), manner)
        sound = _without_pauses(sound)
        if noise_dice.random() < 0.2:
            sound = sounds.by_telephone(sound)
        sound = sounds.at_level(sound, noise_dice.uniform(-22, -1))
        if noise_dice.random() < 0.7:
            sound = sounds.with_noise(noise_dice, sound, noise_dice.uniform(12, 45))
        found.append(_features(np.clip(sound, -1, 1)))
    return found


def _without_pauses(sound: np.ndarray) -> np.ndarray:
    """What speech detection would leave of it, roughly: silence of 50 ms and more is cut to that."""
    size = RATE // 20
    parts = [sound[at : at + size] for at in range(0, len(sound), size)]
    return np.concatenate([part for part in parts if np.abs(part).max() > 0.003] or parts[:1])


def _features(sound: np.ndarray) -> torch.Tensor:
    from funasr.models.campplus.utils import extract_feature

    rounded = np.round(sound * 32_767).astype(np.float32) / 32_768
    return extract_feature([torch.from_numpy(rounded)])[0][0]


@torch.no_grad()
def _measure_norms(head: Any, people_heard: list[list[torch.Tensor]]) -> None:
    for module in head.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    head.train()
    for person in people_heard[::4]:
        head(person[0][None, : _FRAMES[1]].permute(0, 2, 1))
    head.eval()


@torch.no_grad()
def _through(head: Any, features: torch.Tensor) -> torch.Tensor:
    """``(channels, frames)`` in half precision: all of them stay in memory."""
    return head(features[None].permute(0, 2, 1))[0].half()


def _learn(body: Any, heard: list[list[torch.Tensor]]) -> None:
    dice = np.random.default_rng(7)
    centres = torch.nn.Parameter(torch.randn(len(heard), _CONFIGURATION["model_conf"]["embedding_size"]))
    optimiser = torch.optim.AdamW([*body.parameters(), centres], lr=_PEAK_RATE, weight_decay=1e-3)
    body.train()
    right = 0.0
    for step in range(_STEPS):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, _STEPS, _PEAK_RATE)
        length = int(dice.integers(*_FRAMES))
        who = torch.from_numpy(dice.integers(0, len(heard), _BATCH))
        inputs = torch.stack([_cut(dice, heard[person], length) for person in who.tolist()])
        cosines = functional.linear(functional.normalize(body(inputs.float())), functional.normalize(centres))
        loss = functional.cross_entropy(_harder(cosines, who), who)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        right += float((cosines.argmax(-1) == who).float().mean())
        if step % 100 == 99:
            print(f"speakers: step {step + 1}, loss {loss.item():.2f}, {right:.0f}% right", flush=True)
            right = 0.0


def _cut(dice: np.random.Generator, recordings: list[torch.Tensor], length: int) -> torch.Tensor:
    sound = recordings[dice.integers(len(recordings))]
    start = int(dice.integers(0, max(1, sound.shape[1] - length)))
    part = sound[:, start : start + length]
    return part.repeat(1, -(-length // part.shape[1]))[:, :length]


def _harder(cosines: torch.Tensor, who: torch.Tensor) -> torch.Tensor:
    angles = torch.arccos(cosines.clamp(-1 + 1e-6, 1 - 1e-6))
    added = functional.one_hot(who, cosines.shape[1]) * _MARGIN
    return torch.cos(angles + added) * _STRETCH


@torch.no_grad()
def _vectors(model: Any, heard: list[list[torch.Tensor]]) -> tuple[np.ndarray, np.ndarray]:
    """One vector for each 1.5 s, and whose each is: each window has its own mean taken away, as in the program."""
    size = round(_WINDOW_SECONDS * _FRAMES_PER_SECOND)
    windows: list[torch.Tensor] = []
    who: list[int] = []
    for number, person in enumerate(heard):
        for sound in person:
            for start in range(0, max(1, len(sound) - size // 2), size // 2):
                part = sound[start : start + size]
                part = part.repeat(-(-size // len(part)), 1)[:size]
                windows.append(part - part.mean(0))
                who.append(number)
    found = [model(torch.stack(windows[at : at + 32])) for at in range(0, len(windows), 32)]
    return torch.cat(found).double().numpy(), np.array(who)


def _weigh(model: Any, vectors: np.ndarray, who: np.ndarray) -> None:
    """Linear discriminants: what changes with the words counts little, what differs between people much."""
    from scipy.linalg import eigh

    means = np.stack([vectors[who == person].mean(0) for person in range(int(who.max()) + 1)])
    within = np.cov((vectors - means[who]).T)
    within += np.eye(len(within)) * np.trace(within) / len(within) * 0.02
    gains, directions = eigh(np.cov(means.T), within)
    best = np.argsort(-gains)[:_DIRECTIONS]
    matrix = np.zeros_like(within)
    matrix[:_DIRECTIONS] = directions[:, best].T * np.sqrt(gains[best] / (1 + gains[best]))[:, None]
    _append(model, matrix, -matrix @ vectors.mean(0))


def _append(model: Any, matrix: np.ndarray, added: np.ndarray) -> None:
    """Lets the model's last layer do ``matrix @ vector + added`` too."""
    layer, norm = model.xvector.dense.linear, model.xvector.dense.nonlinear.batchnorm
    spread = torch.sqrt(norm.running_var + norm.eps).double()
    both = torch.from_numpy(matrix)
    mean = both @ (norm.running_mean.double() / spread) - torch.from_numpy(added)
    with torch.no_grad():
        layer.weight.copy_((both @ (layer.weight[:, :, 0].double() / spread[:, None]))[:, :, None])
        norm.running_mean.copy_(mean)
        norm.running_var.fill_(1 - norm.eps)


def _lift(model: Any, middle: float, length: float) -> None:
    """A constant in one direction raises all similarities, so that the middle between people lies at the line."""
    share = max(0.0, (ALIKE - middle) / (1 - ALIKE))
    size = model.xvector.dense.linear.weight.shape[0]
    constant = np.zeros(size)
    constant[-1] = np.sqrt(share) * length
    _append(model, np.eye(size), constant)


def _similarities(vectors: np.ndarray, who: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of windows of the same person, and of two different people."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    upper = np.triu_indices(len(who), 1)
    scores, same = (unit @ unit.T)[upper], (who[:, None] == who)[upper]
    return scores[same], scores[~same]


def _equal_error_rate(same: np.ndarray, different: np.ndarray) -> float:
    lines = np.linspace(-1, 1, 401)
    missed = np.array([np.mean(same < line) for line in lines])
    confused = np.array([np.mean(different >= line) for line in lines])
    at = int(np.argmin(np.abs(missed - confused)))
    return float(missed[at] + confused[at]) / 2


def main() -> None:
    """Makes the folder demo-speakers."""
    parser = argparse.ArgumentParser(prog="python -m training.speakers", description=__doc__)
    parser.add_argument("--out", type=Path, default=_ROOT / "models", help="where the model folder goes")
    # One thread: the other cores belong to other work.
    torch.set_num_threads(1)
    train(parser.parse_args().out / "demo-speakers")


if __name__ == "__main__":
    main()
