"""Several channels to one, without losing what they hold.

The plain mean of a stereo recording whose channels have opposite phase is silence. So each block of sound is looked
at: where the mean has lost the energy, the louder channel is taken.
"""

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

#: A mean with less than this part of the loudest channel's energy has cancelled out (one silent channel leaves 0.25).
_LOST = 0.05
#: The channel taken in the block before is kept while it has this part of the loudest one's energy.
_STICKY = 0.25
#: Samples over which the gains move from one block's to the next, against clicks.
_FADE_SAMPLES = 160


class Downmix:
    """Mixes block after block; the gains of one block lead over to the next."""

    def __init__(self, channels: int) -> None:
        self._mean = np.full(channels, 1 / channels, np.float32)
        self._gains: npt.NDArray[np.float32] | None = None

    def mix(self, block: Samples) -> Samples:
        """``block`` (samples, channels) → (samples,), 16 bit."""
        sound = block.astype(np.float32)
        gains = self._choose(sound)
        before, self._gains = gains if self._gains is None else self._gains, gains
        mono = sound @ gains
        if not np.array_equal(before, gains):
            count = min(_FADE_SAMPLES, len(sound))
            ramp = np.linspace(0, 1, count, endpoint=False, dtype=np.float32)
            mono[:count] = mono[:count] * ramp + (sound[:count] @ before) * (1 - ramp)
        return np.clip(np.rint(mono), -32768, 32767).astype(np.int16)

    def _choose(self, sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        energies = np.einsum("ij,ij->j", sound, sound)
        loudest = float(energies.max())
        mean = sound @ self._mean
        if float(mean @ mean) >= _LOST * loudest:
            return self._mean
        if self._gains is not None and self._gains is not self._mean:
            kept = int(self._gains.argmax())
            if energies[kept] >= _STICKY * loudest:
                return self._gains
        gains = np.zeros_like(self._mean)
        gains[int(energies.argmax())] = 1
        return gains
