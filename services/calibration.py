"""How many recordings a node should get at once: what it does with 1, 2, 4 and 8 of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from domain.errors import NodeBusy

#: Streams that are tried, and recordings one after the other in each.
STREAMS, ROUNDS = (1, 2, 4, 8), 3
#: Further slots have to be worth something: so much of the best throughput is enough.
ENOUGH = 0.9


@dataclass(frozen=True, slots=True)
class Measurement:
    """``streams`` recordings at once. ``speed``: seconds of sound per second; 0 where the node ``refused`` so many."""

    streams: int
    speed: float
    longest_ms: int
    refused: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain data, as the API returns it."""
        return {
            "streams": self.streams,
            "speed": round(self.speed, 2),
            "longest_ms": self.longest_ms,
            "refused": self.refused,
        }


async def measured(streams: int, recognise: Callable[[], Awaitable[tuple[float, float]]]) -> Measurement:
    """Has ``streams`` callers recognise without a pause; ``recognise`` returns the seconds of sound it was,
    and those that the node itself took: the way to it is no part of what it can do.

    Raises what ``recognise`` raises, except that the node may say that so many are too many.
    """
    sound, worked, longest = 0.0, 0.0, 0.0

    async def caller() -> None:
        nonlocal sound, worked, longest
        for _ in range(ROUNDS):
            seconds, took = await recognise()
            sound, worked, longest = sound + seconds, worked + took, max(longest, took)

    try:
        async with asyncio.TaskGroup() as callers:
            for _ in range(streams):
                callers.create_task(caller())
    except BaseExceptionGroup as errors:
        if errors.subgroup(NodeBusy):
            return Measurement(streams, 0.0, 0, refused=True)
        # One is enough to tell; a group would be a riddle to whoever asked.
        raise errors.exceptions[0] from None
    return Measurement(streams, sound * streams / max(worked, 1e-3), round(longest * 1000))


def proposed_slots(measurements: Sequence[Measurement]) -> int:
    """The fewest slots that reach most of the best throughput: more would only make each recording wait longer."""
    best = max((it.speed for it in measurements), default=0.0)
    return min((it.streams for it in measurements if it.speed and it.speed >= ENOUGH * best), default=1)
