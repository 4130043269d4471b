"""Silences in each channel of a call what is only the other side's echo, so that nothing is written for both.

An echo is far below the other channel. Somebody may speak there all the same, more quietly, or while the other one
speaks: that is what the echo's way (:mod:`speech.echo_path`) does not explain, and it stays, with what is around it.
Where nothing was silenced the files are untouched. ``docs/decisions.md`` has the figures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from speech.channels import ECHO_FRAMES, FRAME_SAMPLES, lately, level_of
from speech.echo_path import EARLY_FRAMES, LATE_FRAMES, PIECE_FRAMES, EchoFinder, EchoPath, Marks, Wave
from speech.wav_file import HEADER_BYTES, SAMPLE_RATE

Levels = npt.NDArray[np.float64]
T = TypeVar("T", bound=np.generic)

#: So far below what the other channel held lately a frame may be its echo, in dB.
_FAR = 14.0
#: A channel's background is the level that this part (%) of its frames does not reach, but no less than a few units of
#: 16 bits; so far above it a frame is heard at all, and so far it may be somebody.
_BACKGROUND_PART, _LEAST_BACKGROUND, _HEARD, _SOMEBODY = 10, 15.0, 3.0, 7.0
#: What remains of an echo, at the least, in dB of the echo …
_LEAST_REST = -10.0
#: … and what usually remains: so much above the median of the rests while the other one speaks, since one is silent
#: for more than half of that.
_SPREAD = 8.0
#: An echo that its way does not explain (a codec changed it) is told by its level, so far below the other one, where
#: for so many frames (3 s) what remains is loud when the other one is. Two people who speak correlate by 0.2, by chance
#: also by 0.5: it must be so much more than at delays that no echo has, from 0.7 to 3 s, before and after. And an echo
#: lies steadily below (a standard deviation of 5 to 7 dB), a person does not (9 dB).
_UNEXPLAINED, _LEAST_COMPARED, _FOLLOWS, _MORE, _STEADY = -24.0, 60, 0.4, 0.1, 8.0
_NO_ECHO = (*range(-60, -13), *range(14, 61))
#: Frames that are kept before and after what somebody says, where more than the background remains.
_BEFORE, _AFTER = 2, 4
#: Echoes no more frames apart are one.
_BETWEEN = 6
#: The way may change (a call is put through, a clock drifts): it is measured anew for each 20 s, or taken from before …
_RUN_FRAMES = 30 * PIECE_FRAMES
#: … where fewer frames tell of it, those in which this channel is so far below what the other one held lately, in dB.
_LEAST_TELLING, _TELLING = 5, 10.0
#: Frames that are looked at around a run: what was said before it is heard in it.
_BEFORE_RUN, _AROUND_RUN = PIECE_FRAMES + EARLY_FRAMES, PIECE_FRAMES + EARLY_FRAMES + LATE_FRAMES
#: Samples in which the sound goes to silence and comes back: 10 ms.
_RAMP = SAMPLE_RATE // 100
#: Samples of silence that are written at once: an echo may last for hours.
_ZEROS = 60 * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Side:
    """One channel, in dB, frame by frame."""

    levels: Levels
    #: What the other channel holds now, what it held lately, and whether this one is far below that.
    now: Levels
    other: Levels
    far: Marks
    background: float
    #: The echo that is expected, and what remains of the sound without it.
    echo: Levels
    rest: Levels

    @property
    def heard(self) -> Marks:
        """Whether there is more than the background."""
        return self.levels > self.background + _HEARD


def silence_echoes(paths: tuple[Path, Path], levels: Levels, check: Callable[[], None]) -> None:
    """Takes the echoes out of the 16 kHz files of a call's two channels; ``levels``: (frames, 2), in dB.

    ``check`` is called between parts of the work, to end it by raising.
    """
    if not len(levels):
        return
    held = lately(levels)
    sides = [_side(levels[:, channel], levels[:, 1 - channel], held[:, 1 - channel]) for channel in (0, 1)]
    _explain(paths, sides, check)
    # Both are looked at before one is changed.
    for path, marks in list(zip(paths, [_only_echo(side) for side in sides], strict=True)):
        _silence(path, marks, check)


def _side(levels: Levels, now: Levels, other: Levels) -> Side:
    background = max(_LEAST_BACKGROUND, float(np.percentile(levels, _BACKGROUND_PART)))
    return Side(levels, now, other, levels < other - _FAR, background, np.zeros(len(levels)), levels.copy())


def _only_echo(side: Side) -> Marks:
    """The frames that hold nothing but the other side's echo."""
    echoes = side.far & side.heard
    # Where the other one speaks now, and it is not only their background that is louder.
    compared = side.far & (side.now > side.background + _FAR + _SOMEBODY)
    if not echoes.any() or not compared.any():
        return np.zeros(len(echoes), np.bool_)
    by_way = _usual((side.rest - side.echo)[compared & (side.echo > side.background + _HEARD)])
    limit = np.maximum(side.background + _SOMEBODY, side.echo + np.clip(by_way, _LEAST_REST, 0))
    if _rest_follows(side, compared):
        limit = np.maximum(limit, side.other + min(_UNEXPLAINED, _usual((side.rest - side.other)[compared])))
    somebody = np.where(side.far, side.rest > limit, side.levels > side.background + _SOMEBODY)
    # No word is as short as a frame.
    somebody &= np.convolve(somebody, np.ones(3))[1:-1] > 1.5
    kept = _widened(somebody, _BEFORE, _AFTER) & ~(side.far & (side.rest < side.background + _HEARD))
    joined = ~_widened(~_widened(echoes & ~kept, 0, _BETWEEN), _BETWEEN, 0)
    return _widened(joined, 1, 1) & ~kept


def _rest_follows(side: Side, compared: Marks) -> bool:
    """Whether what remains is loud when the other one is, or was shortly before."""
    frames = np.flatnonzero(compared)
    if len(frames) < _LEAST_COMPARED or (side.rest - side.other)[frames].std() > _STEADY:
        return False

    def alike(late: int) -> float:
        """How the rest correlates with what the other one said so many frames ago."""
        within = frames[(frames >= late) & (frames < len(side.now) + late)]
        if len(within) < _LEAST_COMPARED:
            return 0.0
        rest, said = side.rest[within], side.now[within - late]
        spread = float(rest.std() * said.std())
        return float(((rest - rest.mean()) * (said - said.mean())).mean()) / spread if spread else 0.0

    echo = max(map(alike, range(ECHO_FRAMES)))
    return echo > _FOLLOWS and echo > max(map(alike, _NO_ECHO)) + _MORE


def _usual(rests: Levels) -> float:
    return float(np.median(rests)) + _SPREAD if len(rests) else _LEAST_REST


def _widened(marks: Marks, before: int, after: int) -> Marks:
    """The marked frames, and so many before and after each."""
    return np.convolve(marks, np.ones(before + after + 1))[before : before + len(marks)] > 0.5


def _explain(paths: tuple[Path, Path], sides: list[Side], check: Callable[[], None]) -> None:
    """Fills ``echo`` and ``rest`` in the runs where there may be an echo."""
    ways: list[EchoPath | None] = [None, None]
    for start in range(0, len(sides[0].levels), _RUN_FRAMES):
        check()
        run = slice(start, start + _RUN_FRAMES)
        wanted = [number for number, side in enumerate(sides) if (side.far & side.heard)[run].any()]
        if not wanted:
            continue
        waves = [_read(path, start - _BEFORE_RUN, _AROUND_RUN + _RUN_FRAMES) for path in paths]
        for number in wanted:
            side, near, far = sides[number], waves[number], waves[1 - number]
            telling = _telling(side, sides[1 - number], start - _BEFORE_RUN, _AROUND_RUN + _RUN_FRAMES)
            finder = EchoFinder(near, far)
            way = finder.find(telling) if telling.sum() >= _LEAST_TELLING else ways[number]
            if way is None:
                continue
            ways[number], echo = way, finder.echo(way)
            within = slice(_BEFORE_RUN, _BEFORE_RUN + len(side.levels[run]))
            side.echo[run] = _levels_of(echo)[within]
            side.rest[run] = np.minimum(side.levels[run], _levels_of(near - echo)[within])


def _telling(side: Side, other: Side, start: int, count: int) -> Marks:
    """The frames from ``start`` on in which the other side speaks and this one is well below it."""
    telling = (side.levels < side.other - _TELLING) & (side.other > other.background + _SOMEBODY)
    return _cut(telling, start, count)


def _levels_of(wave: Wave) -> Levels:
    return level_of((wave.reshape(-1, FRAME_SAMPLES) ** 2).mean(1, dtype=np.float64))


def _read(path: Path, start: int, count: int) -> Wave:
    """``count`` frames of a file from ``start`` on; silence before its beginning and after its end."""
    first = max(0, start)
    samples = (start + count - first) * FRAME_SAMPLES
    sound = np.fromfile(path, np.int16, samples, offset=HEADER_BYTES + 2 * first * FRAME_SAMPLES)
    return _cut(sound.astype(np.float32), (start - first) * FRAME_SAMPLES, count * FRAME_SAMPLES)


def _cut(items: npt.NDArray[T], start: int, count: int) -> npt.NDArray[T]:
    """``count`` items from ``start`` on; nothing before the beginning and after the end."""
    inside = items[max(0, start) : max(0, start + count)]
    piece = np.zeros(count, items.dtype)
    at = max(0, -start)
    piece[at : at + len(inside)] = inside
    return piece


def _silence(path: Path, marks: Marks, check: Callable[[], None]) -> None:
    edges = np.flatnonzero(np.diff(marks, prepend=False, append=False)).reshape(-1, 2) * FRAME_SAMPLES
    if not len(edges):
        return
    ramp = np.linspace(1, 0, _RAMP)
    with path.open("r+b") as file:
        for start, end in edges.tolist():
            for at, gains in ((start, ramp), (end - _RAMP, ramp[::-1])):
                file.seek(HEADER_BYTES + 2 * at)
                sound = np.frombuffer(file.read(2 * _RAMP), np.int16)
                file.seek(HEADER_BYTES + 2 * at)
                file.write((sound * gains).astype(np.int16).tobytes())
            file.seek(HEADER_BYTES + 2 * (start + _RAMP))
            for at in range(start + _RAMP, end - _RAMP, _ZEROS):
                check()
                file.write(bytes(2 * min(_ZEROS, end - _RAMP - at)))
