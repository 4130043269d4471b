"""Recordings of two channels, as telephones, rooms and music make them: ``(samples, 2)`` int16 at 16 kHz."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from tests.helpers.speech import RATE, SENTENCES, say

#: What the two people of ``two_people`` say, in the order of their turns: channel, sentence, what the model hears.
TURNS = (
    (0, "今天天气怎么样", "今天天气怎么样？"),
    (1, "打开空调", "打开空调。"),
    (0, "会议现在开始", "会议现在开始。"),
    (1, "请检查网络", "请检查网络。"),
    (0, "服务器已经启动", "服务器已经启动。"),
    (1, "任务已经完成", "任务已经完成。"),
)
VOICES = ("f3", "m6")


@cache
def _said(text: str, language: str, voice: str) -> np.ndarray:
    return say(text, language, voice)


def two_people(
    gap_seconds: float = 1.0,
    line_noise: float = 30.0,
    *,
    leak_db: float | None = None,
    leak_ms: float = 0.0,
    narrow: bool = False,
    right_gain_db: float = 0.0,
) -> np.ndarray:
    """The agent on the left, the customer on the right, one after the other; each channel has its own line noise.

    ``leak_db``, ``leak_ms``, ``narrow``: :func:`with_echo`.
    """
    pieces = [(channel, _said(text, "zh", VOICES[channel])) for channel, text, _ in TURNS]
    sound = _laid_out(pieces, [gap_seconds] * len(pieces))
    sound[:, 1] *= 10 ** (right_gain_db / 20)
    if leak_db is not None:
        sound = with_echo(sound, leak_db, leak_ms, narrow=narrow)
    return _noisy(sound, line_noise)


def call(
    seed: int,
    *,
    turns: int = 12,
    gap_seconds: tuple[float, float] = (-0.4, 1.5),
    right_share: float = 0.5,
    line_noise: float = 30.0,
    leak_db: float | None = None,
    leak_ms: float = 0.0,
    narrow: bool = False,
    right_gain_db: float = 0.0,
) -> np.ndarray:
    """A longer telephone call. A negative gap is people talking over each other; ``leak_db``, ``leak_ms``, ``narrow``:
    :func:`with_echo`; ``right_share``: how many of the turns are the customer's."""
    rng = np.random.default_rng(seed)
    pieces: list[tuple[int, np.ndarray]] = []
    for turn in range(turns):
        channel = int(rng.random() < right_share) if right_share != 0.5 else turn % 2
        language, text, _ = SENTENCES[int(rng.integers(len(SENTENCES)))]
        pieces.append((channel, _said(text, language, VOICES[channel])))
    pieces[1] = (1, _said("打开空调", "zh", VOICES[1]))
    sound = _laid_out(pieces, list(rng.uniform(*gap_seconds, turns))).astype(np.float64)
    sound[:, 1] *= 10 ** (right_gain_db / 20)
    if leak_db is not None:
        sound = with_echo(sound, leak_db, leak_ms, narrow=narrow)
    return _noisy(sound, line_noise, seed)


def with_echo(sound: np.ndarray, level_db: float, delay_ms: float = 0.0, *, narrow: bool = False) -> np.ndarray:
    """Each side also on the other's channel, so much lower and later; ``narrow``: of that only 300 to 3400 Hz."""
    leak = 10 ** (level_db / 20) * later(sound.astype(np.float64), round(delay_ms * RATE / 1000))[:, ::-1]
    if narrow:
        spectrum = np.fft.rfft(leak, axis=0)
        hertz = np.fft.rfftfreq(len(leak), 1 / RATE)
        spectrum[(hertz < 300) | (hertz > 3400)] = 0
        leak = np.fft.irfft(spectrum, len(leak), axis=0)
    return sound + leak


def room(
    seed: int, *, delay_ms: float = 1.5, level_db: float = 0.0, echo: float = 0.3, noise: float = 30.0
) -> np.ndarray:
    """Two people in a room before two microphones: each is heard on both, on one ``delay_ms`` later and ``level_db``
    lower (which one changes with the speaker), with an own echo for each microphone."""
    rng = np.random.default_rng(seed)
    dry = call(seed, gap_seconds=(0.1, 1.0), line_noise=0.0).astype(np.float64)
    delay, gain = round(delay_ms * RATE / 1000), 10 ** (-level_db / 20)
    near = np.stack([later(dry[:, 0], 0), later(dry[:, 0], delay) * gain], 1)
    far = np.stack([later(dry[:, 1], delay) * gain, later(dry[:, 1], 0)], 1)
    wet = near + far
    for channel in range(2):
        tail = rng.normal(0, 1, RATE // 4) * np.exp(-np.arange(RATE // 4) / (RATE / 16))
        tail *= echo / np.sqrt((tail**2).sum())
        wet[:, channel] += np.convolve(wet[:, channel], tail)[: len(wet)]
    return _noisy(wet, noise, seed)


def music(seed: int, *, seconds: float = 20.0, width: float = 0.6) -> np.ndarray:
    """Notes with decaying overtones, each panned somewhere (``width`` 1: from hard left to hard right), and a beat."""
    rng = np.random.default_rng(seed)
    sound = np.zeros((round(seconds * RATE), 2))
    for start in np.arange(0, seconds - 1, 0.25):
        length = round(float(rng.choice([0.4, 0.8, 1.6])) * RATE)
        time = np.arange(length) / RATE
        hertz = 220 * 2 ** (int(rng.integers(0, 24)) / 12)
        note = sum(np.sin(2 * np.pi * hertz * n * time + rng.uniform(0, 6)) / n for n in (1, 2, 3)) * np.exp(-4 * time)
        pan = 0.5 + width * (rng.random() - 0.5)
        at = round(start * RATE)
        end = min(len(sound), at + length)
        sound[at:end] += 3000 * note[: end - at, None] * np.array([np.cos(pan * np.pi / 2), np.sin(pan * np.pi / 2)])
    for start in np.arange(0, seconds - 1, 0.5):
        at, drum = round(start * RATE), rng.normal(0, 3000, RATE // 10) * np.exp(-np.arange(RATE // 10) / 300)
        sound[at : at + len(drum)] += drum[:, None]
    return _noisy(sound, 20.0, seed)


def later(sound: np.ndarray, samples: int) -> np.ndarray:
    """The sound, so many samples later and no longer than before."""
    silence = np.zeros((samples, *sound.shape[1:]), sound.dtype)
    return np.concatenate([silence, sound[: len(sound) - samples]]) if samples else sound


def as_int16(sound: np.ndarray) -> np.ndarray:
    """Rounded and clipped to 16 bits."""
    return np.clip(np.rint(sound), -32_768, 32_767).astype(np.int16)


def _laid_out(pieces: Sequence[tuple[int, np.ndarray]], gaps_seconds: Sequence[float]) -> np.ndarray:
    at, placed = RATE // 2, list[tuple[int, int, np.ndarray]]()
    for (channel, sound), gap in zip(pieces, gaps_seconds, strict=True):
        placed.append((max(0, at), channel, sound))
        at += len(sound) + round(float(gap) * RATE)
    whole = np.zeros((max(start + len(sound) for start, _, sound in placed) + RATE // 2, 2))
    for start, channel, sound in placed:
        whole[start : start + len(sound), channel] += sound
    return whole


def _noisy(sound: np.ndarray, level: float, seed: int = 0) -> np.ndarray:
    return as_int16(sound + np.random.default_rng(seed + 1).normal(0, level, sound.shape))
