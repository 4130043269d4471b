"""How fast each node is: ``seconds ≈ overhead + audio_seconds × rtf``, learned from what finished.

One real-time factor (rtf: seconds of work per second of sound) is kept per node, model and length class, because
short and long recordings batch differently. Everything is a value: learning returns new ``Speeds``.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median

#: What one call costs whatever its length, in seconds.
OVERHEAD_SECONDS = 0.2
#: The rtf assumed while nothing at all has been measured.
FIRST_RTF = 0.2
#: A node that was never measured is taken to be this much slower than the others of its class.
NEW_NODE_FACTOR = 1.3
#: How much one observation moves the average.
LEARNING_RATE = 0.25
#: An observation counts as at most this many times faster or slower than what was known.
CLIP_FACTOR = 3.0
#: Upper ends of the length classes, in seconds of sound; one open class follows.
LENGTH_CLASS_ENDS = (10.0, 60.0, 600.0)

#: Node URL, model, length class.
SpeedKey = tuple[str, str, int]


def length_class(audio_seconds: float) -> int:
    """The class of recordings that this one is compared with: 0 (shortest) to 3."""
    return bisect_left(LENGTH_CLASS_ENDS, audio_seconds)


@dataclass(frozen=True, slots=True)
class Speeds:
    """The measured rtf by node, model and length class."""

    rtf: Mapping[SpeedKey, float] = field(default_factory=dict[SpeedKey, float])

    def seconds(self, url: str, model: str, audio_seconds: float) -> float:
        """Expected seconds of work on this node, without waiting."""
        return OVERHEAD_SECONDS + audio_seconds * self.rtf_of(url, model, length_class(audio_seconds))

    def rtf_of(self, url: str, model: str, wanted: int) -> float:
        """The node's own figure (its nearest length class if need be), else the prior for a new node."""
        known = self.rtf.get((url, model, wanted))
        if known is not None:
            return known
        own = [(abs(cls - wanted), cls, rtf) for cls, rtf in self._classes_of(url, model)]
        return min(own)[2] if own else self._prior(model, wanted)

    def learn(self, url: str, model: str, audio_seconds: float, node_seconds: float) -> "Speeds":
        """After a job of ``audio_seconds`` of sound took ``node_seconds`` of the node's time."""
        if audio_seconds <= 0 or node_seconds < 0:
            return self
        key = (url, model, length_class(audio_seconds))
        seen = max(node_seconds - OVERHEAD_SECONDS, node_seconds * 0.1) / audio_seconds
        known = self.rtf.get(key)
        if known is None:
            # The first job of a process also pays for warming up: believe it within the clip around the guess.
            known = self.rtf_of(*key)
            value = _clipped(seen, known)
        else:
            value = known + LEARNING_RATE * (_clipped(seen, known) - known)
        return Speeds({**self.rtf, key: max(value, 1e-6)})

    def real_time_speed(self, url: str) -> float | None:
        """Seconds of sound recognised per second of work, as measured; ``None`` before the first job."""
        own = [rtf for (node, _, _), rtf in self.rtf.items() if node == url]
        return 1 / median(own) if own else None

    def _classes_of(self, url: str, model: str) -> Iterator[tuple[int, float]]:
        return ((cls, rtf) for (node, its_model, cls), rtf in self.rtf.items() if node == url and its_model == model)

    def _prior(self, model: str, wanted: int) -> float:
        others = [rtf for (_, its_model, cls), rtf in self.rtf.items() if its_model == model and cls == wanted]
        others = others or [rtf for (_, its_model, _), rtf in self.rtf.items() if its_model == model]
        return (median(others) if others else FIRST_RTF) * NEW_NODE_FACTOR


def _clipped(value: float, around: float) -> float:
    return min(max(value, around / CLIP_FACTOR), around * CLIP_FACTOR)
