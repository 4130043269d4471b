"""Slots out of measurements."""

import asyncio

import pytest

from domain.errors import NodeBusy, NodeUnreachable
from services.calibration import ROUNDS, Measurement, measured, proposed_slots


def found(*speeds: float) -> list[Measurement]:
    return [Measurement(2**n, speed, 100, refused=not speed) for n, speed in enumerate(speeds)]


@pytest.mark.parametrize(
    ("speeds", "slots"),
    [
        ((10.0, 10.5, 10.6, 10.4), 1),
        ((10.0, 19.0, 30.0, 31.0), 4),
        ((10.0, 20.0, 40.0, 80.0), 8),
        ((10.0, 20.0, 0.0), 2),
        ((), 1),
    ],
)
def test_the_fewest_that_reach_most_of_the_best(speeds: tuple[float, ...], slots: int) -> None:
    assert proposed_slots(found(*speeds)) == slots


async def test_so_many_at_once_and_all_their_sound_counts() -> None:
    now, most, done = 0, 0, 0

    async def recognise() -> tuple[float, float]:
        nonlocal now, most, done
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        done += 1
        return 5.0, 0.5

    measurement = await measured(4, recognise)
    assert (most, done) == (4, 4 * ROUNDS)
    assert measurement == Measurement(4, 40.0, 500)


async def test_what_is_too_many_is_told_and_what_fails_is_raised() -> None:
    async def busy() -> tuple[float, float]:
        raise NodeBusy

    async def lost() -> tuple[float, float]:
        raise NodeUnreachable("gone")

    assert await measured(8, busy) == Measurement(8, 0.0, 0, refused=True)
    with pytest.raises(NodeUnreachable):
        await measured(2, lost)
