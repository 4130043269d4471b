"""What every flight must do, whoever keeps it."""

import asyncio
from collections.abc import Callable

import pytest

from domain.ports import Flight
from storage.flight import LocalFlight


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["local"])
def flight(request: pytest.FixtureRequest, clock: Clock) -> Flight:
    make: dict[str, Callable[[], Flight]] = {"local": lambda: LocalFlight(clock)}
    return make[request.param]()


async def test_one_leads_and_the_others_do_not(flight: Flight) -> None:
    led = await asyncio.gather(*(flight.lead("k", f"token-{number}") for number in range(200)))
    assert led.count(True) == 1
    assert await flight.lead("other", "token-x")


async def test_landing_wakes_who_waits_and_frees_the_lead(flight: Flight) -> None:
    assert await flight.lead("k", "a")
    waiters = [asyncio.create_task(flight.wait("k", 60)) for _ in range(20)]
    await asyncio.sleep(0)
    assert not any(waiter.done() for waiter in waiters)
    await flight.land("k", "a")
    await asyncio.wait_for(asyncio.gather(*waiters), 10)
    assert await flight.lead("k", "b")


async def test_a_leader_that_says_nothing_loses_the_lead(flight: Flight, clock: Clock) -> None:
    assert await flight.lead("k", "a")
    clock.seconds += 14.9
    assert not await flight.lead("k", "b")
    clock.seconds += 0.2
    await flight.wait("k", 60)
    assert await flight.lead("k", "b")
    assert not await flight.lead("k", "a")


async def test_a_leader_renews(flight: Flight, clock: Clock) -> None:
    assert await flight.lead("k", "a")
    for _ in range(5):
        clock.seconds += 10
        assert await flight.lead("k", "a")
        assert not await flight.lead("k", "b")


async def test_who_lost_the_lead_cannot_land(flight: Flight, clock: Clock) -> None:
    await flight.lead("k", "a")
    clock.seconds += 16
    assert await flight.lead("k", "b")
    await flight.land("k", "a")
    await flight.land("unknown", "a")
    assert not await flight.lead("k", "c")


async def test_waiting_ends_at_its_timeout(flight: Flight) -> None:
    await flight.lead("k", "a")
    await flight.wait("k", 0)
    assert not await flight.lead("k", "b")


async def test_nobody_waits_for_nothing(flight: Flight) -> None:
    await asyncio.wait_for(flight.wait("k", 60), 10)


async def test_a_waiter_leads_when_the_leader_has_died() -> None:
    flight = LocalFlight(lease_seconds=0.05)
    assert await flight.lead("k", "dead")
    await asyncio.wait_for(flight.wait("k", 60), 10)
    assert await flight.lead("k", "waiter")
