"""A long recording in parts: where somebody speaks in it, and which stretches of it are recognised by themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from domain.plain import as_number, as_object, as_whole

#: A shorter recording is not worth it: several nodes would save a person seconds.
LONG_RECORDING_SECONDS = 300.0
#: A part is about so long, in ms. Short enough that nodes of any speed end together and a lost node costs little; long
#: enough that the two messages of a part are nothing beside its recognition.
PART_MS = 60_000

#: A stretch, ``(start_ms, end_ms)``.
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Detection:
    """The answer of a node's ``/detect_speech``: the stretches with speech, in order and without overlap.

    ``noise_db``: the level of what is always there, in dBFS, by which a doubtful text is judged.
    """

    places: tuple[Place, ...]
    noise_db: float
    audio_seconds: float
    model: str
    fingerprint: str

    def to_json(self) -> dict[str, Any]:
        """Plain data, for the node protocol and the cache."""
        return {
            "segments": [list(place) for place in self.places],
            "noise_db": self.noise_db,
            "audio_seconds": self.audio_seconds,
            "model": self.model,
            "fingerprint": self.fingerprint,
        }

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The inverse of :meth:`to_json`. Raises ``KeyError``, ``TypeError`` or ``ValueError`` on garbage."""
        data = as_object(data)
        places = tuple((as_whole(start), as_whole(end)) for start, end in data["segments"])
        edges = [0, *(edge for place in places for edge in place)]
        if any(later < earlier for earlier, later in pairwise(edges)):
            raise ValueError("the stretches are not in order")
        return cls(
            places,
            as_number(data["noise_db"]),
            as_number(data["audio_seconds"]),
            str(data["model"]),
            str(data["fingerprint"]),
        )


@dataclass(frozen=True, slots=True)
class Part:
    """A run of whole stretches of speech, in ms of the whole recording."""

    places: tuple[Place, ...]

    @property
    def start_ms(self) -> int:
        """Where its first stretch begins."""
        return self.places[0][0]

    @property
    def end_ms(self) -> int:
        """Where its last stretch ends."""
        return self.places[-1][1]

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end_ms - self.start_ms) / 1000

    @property
    def own_places(self) -> tuple[Place, ...]:
        """Its stretches in ms of its own sound, which begins with the first of them."""
        return tuple((start - self.start_ms, end - self.start_ms) for start, end in self.places)


def divided(places: Sequence[Place], part_ms: int = PART_MS) -> list[Part]:
    """Parts of at most ``part_ms``, or of one longer stretch; the same places are always divided alike."""
    runs: list[list[Place]] = []
    for place in places:
        if runs and place[1] - runs[-1][0][0] <= part_ms:
            runs[-1].append(place)
        else:
            runs.append([place])
    return [Part(tuple(run)) for run in runs]
