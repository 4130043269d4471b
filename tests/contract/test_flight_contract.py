"""What every flight must do, whoever keeps it."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from domain.ports import Flight
from domain.redis_url import parse_redis_url
from storage.flight import LocalFlight
from storage.redis_flight import RedisFlight
from storage.redis_link import RedisLink
from tests.helpers.redis_server import RedisServer


class Clock:
    """Seconds that pass when a test says so, for everything that counts them."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.also: list[Callable[[float], None]] = []

    def __call__(self) -> float:
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds
        for elsewhere in self.also:
            elsewhere(seconds)


class Replicas:
    """One flight made of several processes' parts: a token always speaks through the same one; the last one waits."""

    def __init__(self, *parts: RedisFlight) -> None:
        self._parts = parts

    async def lead(self, key: str, token: str) -> bool:
        return await self._of(token).lead(key, token)

    async def land(self, key: str, token: str) -> None:
        await self._of(token).land(key, token)

    async def wait(self, key: str, timeout_seconds: float) -> None:
        await self._parts[-1].wait(key, timeout_seconds)

    def _of(self, token: str) -> RedisFlight:
        return self._parts[sum(token.encode()) % len(self._parts)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["local", "redis", "redis replicas"])
async def flight(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Flight]:
    if request.param == "local":
        yield LocalFlight(clock)
        return
    server: RedisServer = request.getfixturevalue("redis_server")
    clock.also.append(server.let_pass)
    count = 3 if request.param == "redis replicas" else 1
    links = [RedisLink(parse_redis_url(server.url())) for _ in range(count)]
    parts = [RedisFlight(link, local=LocalFlight(clock)) for link in links]
    yield Replicas(*parts)
    for closing in (*parts, *links):
        await closing.close()


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
    await asyncio.wait_for(asyncio.gather(*waiters), 50)
    assert await flight.lead("k", "b")


async def test_a_leader_that_says_nothing_loses_the_lead(flight: Flight, clock: Clock) -> None:
    assert await flight.lead("k", "a")
    clock.pass_by(14)
    assert not await flight.lead("k", "b")
    clock.pass_by(1.1)
    await flight.wait("k", 60)
    assert await flight.lead("k", "b")
    assert not await flight.lead("k", "a")


async def test_a_leader_renews(flight: Flight, clock: Clock) -> None:
    assert await flight.lead("k", "a")
    for _ in range(5):
        clock.pass_by(10)
        assert await flight.lead("k", "a")
        assert not await flight.lead("k", "b")


async def test_who_lost_the_lead_cannot_land(flight: Flight, clock: Clock) -> None:
    await flight.lead("k", "a")
    clock.pass_by(16)
    assert await flight.lead("k", "b")
    await flight.land("k", "a")
    await flight.land("unknown", "a")
    assert not await flight.lead("k", "c")


async def test_waiting_ends_at_its_timeout(flight: Flight) -> None:
    await flight.lead("k", "a")
    await flight.wait("k", 0)
    assert not await flight.lead("k", "b")


async def test_nobody_waits_for_nothing(flight: Flight) -> None:
    await asyncio.wait_for(flight.wait("k", 60), 50)


async def test_a_waiter_leads_when_the_leader_has_died() -> None:
    flight = LocalFlight(lease_seconds=0.05)
    assert await flight.lead("k", "dead")
    await asyncio.wait_for(flight.wait("k", 60), 50)
    assert await flight.lead("k", "waiter")


@pytest.mark.parametrize(
    "garbage",
    [("SET", "asr:flight:k", "x"), ("SET", "asr:flight:k", "x", "EX", "9999"), ("RPUSH", "asr:flight:k", "x")],
)
async def test_garbage_under_the_key_is_no_lead(redis_server: RedisServer, garbage: tuple[str, ...]) -> None:
    redis_server.command(*garbage)
    link = RedisLink(parse_redis_url(redis_server.url()))
    one, other = RedisFlight(link), RedisFlight(link)
    assert await one.lead("k", "a")
    assert not await other.lead("k", "b")
    await one.land("k", "a")
    await asyncio.wait_for(other.wait("k", 60), 50)
    assert await other.lead("k", "b")
    for closing in (one, other, link):
        await closing.close()
