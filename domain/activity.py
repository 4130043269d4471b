"""What the cluster did in each minute of the last hour, for the charts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

#: Minutes that are shown.
MINUTES = 60
#: What is added up in a minute. ``load:{name of a node}`` besides.
DONE, KNOWN, ANSWERED, QUEUE, SAMPLES, LOAD = "done", "known", "answered", "queue", "samples", "load:"


class ActivityLog(Protocol):
    """Sums by minute (Unix time), of all replicas. Never raises."""

    async def add(self, minute: int, amounts: Mapping[str, float]) -> None:
        """Adds the amounts to the sums of the minute."""
        ...

    async def since(self, minute: int) -> dict[int, dict[str, float]]:
        """The sums from this minute on; minutes in which nothing was added may be missing."""
        ...


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute. ``None`` where nobody looked, or nothing was asked.

    ``done``: recordings that got their text. ``hit_rate``: share of them that needed no recognition. ``queue``: mean
    number that waited. ``load``: share of a node's slots that was taken, by its name.
    """

    at: int
    done: int = 0
    hit_rate: float | None = None
    queue: float | None = None
    load: Mapping[str, float] = field(default_factory=dict[str, float])


def minutes(sums: Mapping[int, Mapping[str, float]], newest: int) -> list[Minute]:
    """The last hour up to the minute ``newest``, oldest first."""
    return [_minute(at, sums.get(at, {})) for at in range(newest - MINUTES + 1, newest + 1)]


def _minute(at: int, sums: Mapping[str, float]) -> Minute:
    answered, samples = sums.get(ANSWERED, 0.0), sums.get(SAMPLES, 0.0)
    return Minute(
        at,
        round(sums.get(DONE, 0.0)),
        sums.get(KNOWN, 0.0) / answered if answered else None,
        sums.get(QUEUE, 0.0) / samples if samples else None,
        {key.removeprefix(LOAD): value / samples for key, value in sums.items() if key.startswith(LOAD) and samples},
    )
