"""The way on which one side of a call reaches the other side's channel: how late it comes, and how it sounds there.

Found by least squares as a short filter that makes the one wave of the other. What the filter explains is echo; what
somebody says there remains, however quiet, also while both speak.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from speech.channels import ECHO_FRAMES, FRAME_SAMPLES

Wave = npt.NDArray[np.float32]
Marks = npt.NDArray[np.bool_]
Spectra = npt.NDArray[np.complexfloating[Any, Any]]

#: The echo comes up to 0.3 s later, or up to 50 ms earlier, where the recorder holds the sides apart.
EARLY_FRAMES, LATE_FRAMES = 1, ECHO_FRAMES
#: Waves are compared in pieces: so many frames of the far one, and of the near one all in which their echo may be.
PIECE_FRAMES = 13
_SIZE = 16_384
#: The filter's length: 20 ms, about as much as a telephone line spreads its echo.
_TAPS = 320
#: Parts of the greatest energy that stand for it where a band is empty: for the rough filter and for the fine one.
_ROUGH, _FINE = 1e-3, 1e-4

_EARLY = EARLY_FRAMES * FRAME_SAMPLES
_PIECE = PIECE_FRAMES * FRAME_SAMPLES
_HEARD = _EARLY + _PIECE + LATE_FRAMES * FRAME_SAMPLES


@dataclass(frozen=True, slots=True)
class EchoPath:
    """``taps``: the filter, that begins so many samples (``lag``) after the earliest echo."""

    lag: int
    taps: Wave


class EchoFinder:
    """A stretch of one channel (``near``) and of the other (``far``).

    Both begin ``EARLY_FRAMES`` before the first piece and end ``LATE_FRAMES`` after the last one.
    """

    def __init__(self, near: Wave, far: Wave) -> None:
        self._near, self._far = near, far
        self._sent = self._pieces(far)

    def find(self, marks: Marks) -> EchoPath:
        """How ``far`` is heard in the frames of ``near`` that are marked."""
        mask = np.repeat(marks, FRAME_SAMPLES)
        windows = np.lib.stride_tricks.sliding_window_view(self._near * mask, _HEARD)[::_PIECE]
        heard = np.fft.rfft(windows, _SIZE)
        power = _power(self._sent)
        rough = np.fft.irfft(_common(self._sent, heard) / (power + _ROUGH * power.max()), _SIZE)
        lag = int(np.convolve(rough[: _HEARD - _PIECE] ** 2, np.ones(_TAPS), "valid").argmax())
        # The same stretches of both: those of the far wave that came to what is marked.
        came = np.zeros(len(mask), np.float32)
        shift = lag - _EARLY
        came[max(0, -shift) : len(mask) - max(0, shift)] = mask[max(0, shift) : len(mask) + min(0, shift)]
        sent = self._pieces(self._far * came)
        own, cross = np.fft.irfft(_power(sent), _SIZE)[:_TAPS], np.fft.irfft(_common(sent, heard), _SIZE)
        own[0] = own[0] * (1 + _FINE) + 1
        places = np.abs(np.subtract.outer(np.arange(_TAPS), np.arange(_TAPS)))
        return EchoPath(lag, np.linalg.solve(own[places], cross[lag : lag + _TAPS]).astype(np.float32))

    def echo(self, path: EchoPath) -> Wave:
        """What is heard of ``far`` in ``near``."""
        taps = np.zeros(_SIZE, np.float32)
        taps[path.lag : path.lag + _TAPS] = path.taps
        parts = np.fft.irfft(self._sent * np.fft.rfft(taps), _SIZE)[:, :_HEARD]
        echo = np.zeros(len(self._near), np.float32)
        for number, part in enumerate(parts):
            echo[number * _PIECE : number * _PIECE + _HEARD] += part
        return echo

    def _pieces(self, far: Wave) -> Spectra:
        count = (len(far) - _HEARD) // _PIECE + 1
        return np.fft.rfft(far[_EARLY : _EARLY + count * _PIECE].reshape(count, _PIECE), _SIZE)


def _power(spectra: Spectra) -> npt.NDArray[np.float64]:
    return (np.abs(spectra) ** 2).sum(0, dtype=np.float64)


def _common(sent: Spectra, heard: Spectra) -> Spectra:
    return (np.conj(sent) * heard).sum(0, dtype=np.complex128)
