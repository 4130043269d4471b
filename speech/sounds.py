"""What a recording is written as for the recogniser: one sound, or one for each of its two channels."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from domain.options import Channels
from speech.channels import ChannelMeter
from speech.downmix import Downmix, Samples
from speech.echo import silence_echoes
from speech.wav_file import WavWriter

#: The loudest sample that is still digital silence: dither and lossy codecs leave ±2 of 32,768.
_SILENT_PEAK = 2


@dataclass(frozen=True, slots=True)
class Sound:
    """A 16 kHz mono s16 WAV file. ``channel``: 0 or 1 of a recording that was split, else ``None``."""

    path: Path
    channel: int | None = None


class SoundWriter:
    """Writes the sound while it is decoded; the files appear only when all went well.

    ``mix``, or a file that does not have two channels: ``out`` holds all channels as one. ``split``: ``out`` with
    ``-0`` and ``-1`` at its name holds a channel each. ``auto``: all three, until it is known what the channels hold.
    ``telephone``: only telephone systems record so; a channel is a side, also if nobody was heard there.
    """

    def __init__(self, out: Path, channels: Channels, *, stereo: bool, telephone: bool = False) -> None:
        self._splits, self._decides = stereo and channels != "mix", stereo and channels == "auto"
        numbers = (0, 1) if self._splits else ()
        paths = {number: out.with_stem(f"{out.stem}-{number}") for number in numbers}
        self._telephone = telephone
        self._paths: dict[int | None, Path] = {**paths, **({} if self._splits and not self._decides else {None: out})}
        self._writers = {channel: WavWriter(path) for channel, path in self._paths.items()}
        self._peaks = dict.fromkeys(self._paths, 0)
        self._meter = ChannelMeter()
        self._downmix: Downmix | None = None
        self._columns = 0
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            for writer in self._writers.values():
                opening.enter_context(writer)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def write(self, block: Samples) -> None:
        """Appends ``block``, (samples, channels); the number of channels may change in mid-file."""
        mono = self._mixed(block) if None in self._writers or block.shape[1] != 2 else None
        if self._splits:
            pair = block if mono is None or block.shape[1] == 2 else np.stack([mono, mono], 1)
            self._meter.add(pair)
            for channel in (0, 1):
                self._append(channel, np.ascontiguousarray(pair[:, channel]))
        if mono is not None and None in self._writers:
            self._append(None, mono)

    @property
    def silent(self) -> bool:
        """Whether there is no sound at all in any channel."""
        return max(self._peaks.values()) <= _SILENT_PEAK

    def chosen(self, check: Callable[[], None]) -> tuple[Sound, ...]:
        """The files to recognise, once all is written; the others are removed. A silent channel has none.

        Two channels that hold the same are one sound, of no channel; so is the only channel with sound, where it was to
        be decided here and no telephone system recorded it. Where both are recognised, neither holds the other's echo.
        ``check`` is called now and then, to end it by raising.
        """
        chosen = [Sound(self._paths[channel], named) for channel, named in self._choice()]
        if len(chosen) > 1:
            try:
                silence_echoes((chosen[0].path, chosen[1].path), self._meter.levels, check)
            except BaseException:
                for path in self._paths.values():
                    path.unlink()
                raise
        for path in self._paths.values():
            if path not in [sound.path for sound in chosen]:
                path.unlink()
        return tuple(chosen)

    def _choice(self) -> list[tuple[int | None, int | None]]:
        """Which file, and the channel that it is called."""
        if not self._splits:
            return [(None, None)]
        contents = self._meter.contents()
        heard = [channel for channel in (0, 1) if self._peaks[channel] > _SILENT_PEAK]
        guesses = self._decides and not self._telephone
        if contents.same or not heard or (guesses and len(heard) == 1):
            return [(contents.louder, None)]
        if self._decides and not (contents.apart if self._telephone else contents.two_people):
            return [(None, None)]
        return [(channel, channel) for channel in heard]

    def _mixed(self, block: Samples) -> Samples:
        columns = block.shape[1]
        if columns == 1:
            return block[:, 0]
        if self._downmix is None or columns != self._columns:
            self._downmix, self._columns = Downmix(columns), columns
        return self._downmix.mix(block)

    def _append(self, channel: int | None, samples: Samples) -> None:
        self._writers[channel].write(samples.data)
        self._peaks[channel] = max(self._peaks[channel], -int(samples.min()), int(samples.max()))
