"""What the two channels of a recording hold: the same sound, two people, or one sound heard from two places.

Measured on frames of 50 ms, while the sound is decoded. A frame counts for a channel when that channel is *active*:
well above its own background and no more than 18 dB below the other one, now and shortly before (less is the other
side's echo, which :mod:`speech.echo` silences).

``two_people``, as in telephone calls, where each is by itself in its channel: the channels are rarely active together,
each is active alone for a while, and the waves do not resemble each other. Levels are compared, not waves: a delay
between two microphones makes the waves of one voice unlike, but not its levels. ``docs/decisions.md`` has the figures.

``same``: one channel is the other one times a number, below zero for opposite phase.
"""

from array import array
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speech.downmix import Samples
from speech.wav_file import SAMPLE_RATE

#: A frame: 50 ms, some four in a syllable.
FRAME_SAMPLES = SAMPLE_RATE // 20
#: Frames that are compared together, wave against wave: half a second.
_BLOCK_FRAMES = 10

#: Activity, in dB: above the channel's background (its 10th percentile), below its loudest frame, below the other
#: channel, and of 16-bit samples at all (their mean square; 25 dB is ±18 of 32,768).
_ABOVE_BACKGROUND, _BELOW_LOUDEST, _BELOW_OTHER, _LEAST = 10.0, 40.0, 18.0, 25.0
#: An echo comes no more than so many frames later (0.3 s).
ECHO_FRAMES = 6
#: Two people: both active in no more than this part of the active frames (calls 0.1, rooms 0.35 and more) …
_MAX_TOGETHER = 0.3
#: … each alone in this part of them and for so many frames (half a second) …
_MIN_ALONE, _MIN_ALONE_FRAMES = 0.01, 10
#: … and waves that resemble each other no more than this (calls 0.16, music 0.41 and more).
_MAX_CORRELATION = 0.3

#: The same sound: what is left of a block without the other channel is this part of its energy (-10 dB), …
_SAME_REST = 0.1
#: … or this part of the loudest block's (-30 dB): the noise of converters and codecs in the pauses. The number is the
#: same everywhere, give or take 12 dB: in a call without delay each echo is the other channel times a number as well.
_SAME_REST_OF_LOUDEST, _SAME_NUMBER = 1e-3, 16.0

Energies = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contents:
    """The verdict, and what it rests on (parts of the active frames; correlation -1 to 1)."""

    same: bool
    #: What is said is said on one channel or the other: two people, or a call in which only one of them spoke.
    apart: bool
    two_people: bool
    together: float
    alone: tuple[float, float]
    correlation: float
    #: The channel with more energy.
    louder: int


class ChannelMeter:
    """Takes the sound of two channels in pieces. It keeps 12 bytes a frame: 3.5 MB for four hours."""

    def __init__(self) -> None:
        self._sums = array("f")
        self._rest: Samples = np.zeros((0, 2), np.int16)

    def add(self, sound: Samples) -> None:
        """Takes ``sound``, (samples, 2) at 16 kHz."""
        if len(self._rest):
            sound = np.concatenate([self._rest, sound])
        count = len(sound) // FRAME_SAMPLES
        self._rest = sound[count * FRAME_SAMPLES :].copy()
        frames = sound[: count * FRAME_SAMPLES].astype(np.float32).reshape(count, FRAME_SAMPLES, 2)
        sums = np.empty((count, 3), np.float32)
        sums[:, :2] = np.einsum("nfc,nfc->nc", frames, frames)
        sums[:, 2] = np.einsum("nf,nf->n", frames[..., 0], frames[..., 1])
        self._sums.frombytes((sums / FRAME_SAMPLES).tobytes())

    @property
    def levels(self) -> Energies:
        """(whole frames, 2), in dB of 16-bit samples."""
        return level_of(self._frames()[:, :2])

    def _frames(self) -> Energies:
        return np.frombuffer(self._sums, np.float32).astype(np.float64).reshape(-1, 3)

    def contents(self) -> Contents:
        """What was heard so far; of no whole frame nothing can be said."""
        sums = self._frames()
        if not len(sums):
            return Contents(False, False, False, 0.0, (0.0, 0.0), 0.0, 0)
        active = _active(sums[:, :2])
        left, right = active[:, 0] & ~active[:, 1], active[:, 1] & ~active[:, 0]
        any_frames = max(1, int(active.any(1).sum()))
        together = float(active.all(1).sum()) / any_frames
        alone = (float(left.sum()) / any_frames, float(right.sum()) / any_frames)
        left_energy, right_energy = (float(value) for value in sums[:, :2].sum(0))
        correlation = _correlation(sums, active)
        apart = together <= _MAX_TOGETHER and abs(correlation) <= _MAX_CORRELATION
        two_people = apart and min(alone) >= max(_MIN_ALONE, _MIN_ALONE_FRAMES / any_frames)
        louder = int(right_energy > left_energy)
        return Contents(_are_same(sums), apart, two_people, together, alone, correlation, louder)


def lately(levels: Energies) -> Energies:
    """The loudest of each frame and the few before it, channel by channel."""
    first = np.zeros((ECHO_FRAMES, levels.shape[1]))
    return np.lib.stride_tricks.sliding_window_view(np.concatenate([first, levels]), ECHO_FRAMES + 1, 0).max(2)


def level_of(energies: Energies) -> Energies:
    """Mean squares of 16-bit samples in dB; silence is 0."""
    return 10 * np.log10(energies + 1)


def _active(energies: Energies) -> npt.NDArray[np.bool_]:
    """(frames, 2): whether the channel is active in the frame."""
    levels = level_of(energies)
    background, loudest = np.percentile(levels, 10, axis=0), levels.max(0)
    enough = np.maximum(np.maximum(background + _ABOVE_BACKGROUND, loudest - _BELOW_LOUDEST), _LEAST)
    return (levels > enough) & (levels > lately(levels[:, ::-1]) - _BELOW_OTHER)


def _correlation(sums: Energies, active: npt.NDArray[np.bool_]) -> float:
    """Of the channels' waves where they are active: the other side's echo is no likeness."""
    energies = (sums[:, :2] * active).sum(0)
    return float(sums[active.all(1), 2].sum() / max(1e-9, energies.prod() ** 0.5))


def _are_same(sums: Energies) -> bool:
    blocks = np.add.reduceat(sums, np.arange(0, len(sums), _BLOCK_FRAMES))
    energies, common = blocks[:, :2], blocks[:, 2]
    loudest = energies.max(0)
    if not loudest.min() > 0:
        return False
    both = energies.prod(1)
    rest = 1 - np.divide(common**2, both, out=np.ones_like(both), where=both > 0)
    # A block without any sound in a channel is all rest where the other one has sound.
    rest[(energies.min(1) == 0) & (energies.max(1) > 0)] = 1
    audible = (energies > _SAME_REST_OF_LOUDEST * loudest).any(1)
    numbers = energies[audible, 0] / np.maximum(energies[audible, 1], 1e-9)
    if numbers.max() > _SAME_NUMBER * numbers.min():
        return False
    allowed = np.maximum(_SAME_REST, _SAME_REST_OF_LOUDEST * (loudest / np.maximum(energies, 1e-9)).min(1))
    return bool((rest <= allowed).all())
