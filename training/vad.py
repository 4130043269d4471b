"""The speech detector: FSMN VAD, taught frame by frame where the synthetic speech is."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from training import sounds, voices
from training.corpus import utterance
from training.crew import learning_rate
from training.espeak import RATE, Espeak
from training.features import VAD_FRONTEND, Frontend, read_statistics, write_statistics
from training.folders import build_vad, write_vad_configuration, write_weights
from training.recordings import speak

_TALKS, _TEST_SEED = 360, 9_000_000
_STEPS, _BATCH, _WINDOW = 1_500, 16, 400
#: The filter's memory: the first frames of a window have not seen enough.
_SETTLED = 40
_PEAK_RATE = 3e-3
_FRAME_SAMPLES, _HALF_WINDOW = RATE // 100, RATE * 25 // 2_000
#: Of the talks, so many hold sounds that are no speech in their pauses.
_OTHER_SOUND_SHARE = 0.3
#: Of the talks, so many are digital silence between the words.
_SILENT_SHARE = 0.2
#: How much more quiet than the loudest a sentence of the same talk may be.
_QUIETER_DB = 12
#: Of the talks, so many hold a sentence within the noise and no louder: nobody could write it down.
_BURIED_SHARE = 0.5
#: Of the talks, so many come over a telephone, noise and all: what lies above 4 kHz must not tell speech from noise.
_TELEPHONE_SHARE = 0.3


def make_talk(espeak: Espeak, seed: int, variants: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Some 20 s of clauses, pauses and noise: ``(samples,)`` float32, and ``(samples,)`` bool: where speech is."""
    dice, noise_dice = random.Random(seed), np.random.default_rng(seed)
    pieces: list[np.ndarray] = []
    speech: list[np.ndarray] = []
    loudest_db = dice.uniform(*sounds.PEAKS_DB)
    for _ in range(dice.randint(2, 5)):
        pause = np.zeros(int(RATE * dice.uniform(0.2, 2.5)), np.float32)
        if dice.random() < _OTHER_SOUND_SHARE:
            pause += sounds.without_speech(noise_dice, len(pause)) * np.float32(0.3)
        sound, recording = speak(espeak, dice, utterance(dice), voices.manner(dice, variants))
        inside = np.zeros(len(sound), bool)
        start, end = recording.spans_ms[0][0], recording.spans_ms[-2][1]
        inside[int(start * RATE / 1_000) : int(end * RATE / 1_000)] = True
        pieces += [pause, sounds.at_level(sound, loudest_db - dice.uniform(0, _QUIETER_DB))]
        speech += [np.zeros(len(pause), bool), inside]
    pieces.append(np.zeros(int(RATE * dice.uniform(0.2, 2)), np.float32))
    speech.append(np.zeros(len(pieces[-1]), bool))
    whole = np.concatenate(pieces)
    if dice.random() >= _SILENT_SHARE:
        noise = sounds.with_noise(noise_dice, whole, dice.uniform(5, 45)) - whole
        if dice.random() < _BURIED_SHARE:
            buried, _ = speak(espeak, dice, utterance(dice), voices.manner(dice, variants))
            buried = buried[: len(whole)] * np.float32(
                noise.std() / (buried.std() + 1e-9) * 10 ** (-dice.uniform(0, 20) / 20)
            )
            start = dice.randint(0, len(whole) - len(buried))
            noise[start : start + len(buried)] += buried
        whole = whole + noise
    if dice.random() < _TELEPHONE_SHARE:
        whole = sounds.by_telephone(whole)
    return np.clip(whole, -1, 1), np.concatenate(speech)


def train(folder: Path) -> None:
    """Makes the whole folder."""
    torch.manual_seed(3)
    frontend, espeak = Frontend(VAD_FRONTEND), Espeak()
    teaching = [_framed(frontend, *make_talk(espeak, seed, voices.TRAIN)) for seed in range(_TALKS)]
    everything = np.concatenate([features for features, _ in teaching])
    mean, deviation = everything.mean(0), everything.std(0) + 1e-3
    write_vad_configuration(folder)
    write_statistics(folder / "am.mvn", mean, deviation)
    model = build_vad()
    model.encoder.use_softmax = False
    _learn(model.encoder, [((features - mean) / deviation, labels) for features, labels in teaching])
    write_weights(folder, model.state_dict())


@torch.no_grad()
def measure(folder: Path, talks: int) -> dict[str, dict[str, float]]:
    """Of the frames of 10 ms of so many talks of the test voices: the share that is right, missed, taken for speech."""
    model, (mean, deviation) = build_vad(), read_statistics(folder / "am.mvn")
    model.load_state_dict(torch.load(folder / "model.pt"))
    frontend, espeak = Frontend(VAD_FRONTEND), Espeak()
    heard, meant = [], []
    for seed in range(talks):
        features, labels = _framed(frontend, *make_talk(espeak, _TEST_SEED + seed, voices.TEST))
        inputs = torch.from_numpy(((features - mean) / deviation).astype(np.float32))
        heard.append(model.encoder(inputs[None], {})[0].argmax(-1).numpy())
        meant.append(labels)
    said, is_speech = np.concatenate(heard), np.concatenate(meant)
    return {
        "frames of talks": {
            "right": float((said == is_speech).mean()),
            "speech that was missed": float((said[is_speech == 1] == 0).mean()),
            "other sound taken for speech": float((said[is_speech == 0] == 1).mean()),
        }
    }


def _framed(frontend: Frontend, sound: np.ndarray, speech: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    features = frontend(sound)
    middles = np.arange(len(features)) * _FRAME_SAMPLES + _HALF_WINDOW
    return features, speech[np.minimum(middles, len(speech) - 1)].astype(np.int64)


def _learn(encoder: Any, talks: list[tuple[np.ndarray, np.ndarray]]) -> None:
    dice = np.random.default_rng(3)
    long_enough = [talk for talk in talks if len(talk[1]) > _WINDOW]
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=_PEAK_RATE)
    for step in range(_STEPS):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, _STEPS, _PEAK_RATE)
        inputs, labels = zip(
            *(_window(dice, *long_enough[dice.integers(len(long_enough))]) for _ in range(_BATCH)), strict=True
        )
        scores = encoder(torch.stack(inputs), {})[:, _SETTLED:]
        wanted = torch.stack(labels)[:, _SETTLED:]
        loss = functional.cross_entropy(scores.flatten(0, 1), wanted.flatten(), label_smoothing=0.02)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def _window(dice: np.random.Generator, features: np.ndarray, labels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    start = dice.integers(len(labels) - _WINDOW)
    part = slice(start, start + _WINDOW)
    return torch.from_numpy(features[part].astype(np.float32)), torch.from_numpy(labels[part])
