"""What happens to speech on its way: rooms, telephones, noise, loudness. And sound without speech.

All sounds: ``(samples,)`` float32 at 16 kHz.
"""

import numpy as np
import soxr

from training.espeak import RATE

#: How loud recordings are: their peaks, in dB of full scale.
PEAKS_DB = (-50, -1)
#: Slopes of the noise spectrum: white, pink, brown, and the hiss of blue noise.
_COLOURS = (0.0, -0.5, -1.0, 0.4)


def noise(dice: np.random.Generator, count: int) -> np.ndarray:
    """Coloured noise of unit power, some of it with a hum."""
    # A power of two: the transform of an odd length takes many times as long.
    size = 1 << max(10, (count - 1).bit_length())
    spectrum = np.fft.rfft(dice.standard_normal(size, np.float32))
    spectrum *= np.maximum(np.arange(len(spectrum)) / len(spectrum), 50 / RATE) ** dice.choice(_COLOURS)
    made = np.fft.irfft(spectrum, size)[:count].astype(np.float32)
    made /= made.std() + np.float32(1e-9)
    time = np.arange(count, dtype=np.float32) * np.float32(2 * np.pi / RATE)
    if dice.random() < 0.2:
        made += np.float32(1.5) * np.sin(np.float32(dice.uniform(45, 400)) * time)
    if dice.random() < 0.2:
        made *= 1 + np.float32(0.8) * np.sin(np.float32(dice.uniform(0.3, 4)) * time)
    return made / (made.std() + np.float32(1e-9))


def with_noise(dice: np.random.Generator, sound: np.ndarray, snr_db: float) -> np.ndarray:
    """Noise so many dB below the sound's mean power."""
    power = float(np.mean(sound**2)) + 1e-12
    return sound + noise(dice, len(sound)) * np.float32(np.sqrt(power / 10 ** (snr_db / 10)))


def in_a_room(dice: np.random.Generator, sound: np.ndarray) -> np.ndarray:
    """A small room's echo, of the same length."""
    count = int(RATE * dice.uniform(0.05, 0.3))
    echo = dice.standard_normal(count) * np.exp(-np.arange(count) / count * 6) * dice.uniform(0.03, 0.15)
    echo[0] = 1
    size = 1 << (len(sound) + count).bit_length()
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(echo, size), size)[: len(sound)].astype(np.float32)


def by_telephone(sound: np.ndarray) -> np.ndarray:
    """What 8 kHz leave of it."""
    narrow = soxr.resample(soxr.resample(sound, RATE, 8_000, "MQ"), 8_000, RATE, "MQ").astype(np.float32)
    return np.pad(narrow, (0, max(0, len(sound) - len(narrow))))[: len(sound)]


def at_level(sound: np.ndarray, peak_db: float) -> np.ndarray:
    """Scaled so that its loudest sample is at ``peak_db`` below full scale."""
    return sound * np.float32(10 ** (peak_db / 20) / (float(np.abs(sound).max()) + 1e-9))


def changed(dice: np.random.Generator, sound: np.ndarray) -> np.ndarray:
    """As a recording may have come about: any of the above, of the same length."""
    if dice.random() < 0.3:
        tilt = dice.uniform(-0.5, 0.5)
        sound = np.append(sound[:1], sound[1:] - np.float32(tilt) * sound[:-1])
    if dice.random() < 0.25:
        sound = in_a_room(dice, sound)
    sound = at_level(sound, dice.uniform(*PEAKS_DB))
    if dice.random() < 0.7:
        sound = with_noise(dice, sound, dice.uniform(5, 35))
    if dice.random() < 0.12:
        sound = by_telephone(sound)
    return np.clip(sound, -1, 1)


def without_speech(dice: np.random.Generator, count: int) -> np.ndarray:
    """Silence, noise, tones, clicks: nothing to transcribe."""
    kind = dice.random()
    if kind < 0.1:
        return np.full(count, dice.choice([0.0, 0.0, 0.01]), np.float32)
    if kind < 0.6:
        return noise(dice, count) * np.float32(10 ** dice.uniform(-5, -1))
    if kind < 0.85:
        return tones(dice, count) * np.float32(10 ** dice.uniform(-3, -0.7))
    clicks = np.zeros(count, np.float32)
    clicks[dice.integers(0, count, max(1, count // RATE * 3))] = dice.uniform(-0.5, 0.5)
    return clicks + noise(dice, count) * np.float32(10 ** dice.uniform(-5, -2))


def tones(dice: np.random.Generator, count: int) -> np.ndarray:
    """Chords that change a few times a second, as music does; peak at most 1."""
    made = np.zeros(count, np.float32)
    place = 0
    while place < count:
        length = min(count - place, int(RATE * dice.uniform(0.15, 0.8)))
        time = np.arange(length) / RATE
        for pitch in 220 * 2 ** (dice.integers(-12, 24, dice.integers(1, 4)) / 12):
            made[place : place + length] += np.sin(2 * np.pi * pitch * time) * np.exp(-time * dice.uniform(0, 5))
        place += length
    return made / np.float32(4)
