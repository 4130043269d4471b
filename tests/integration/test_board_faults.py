"""Boards on a real Redis behind a real network, and what may happen to both: tickets go on, and none has two slots."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from cluster.board_records import KEYS
from cluster.redis_board import RedisBoard
from domain.redis_url import parse_redis_url
from domain.ticket import Grant, Waiting
from settings import Settings
from storage import redis_link as link_module
from storage.redis_link import RedisLink
from tests.helpers.boards import a_node, a_ticket, granted
from tests.helpers.counts import Counts
from tests.helpers.faulty_proxy import FaultyProxy, faults, faulty_proxy
from tests.helpers.redis_server import RedisServer, running_redis, running_sentinel
from wiring import build

META, _, SLOTS, _, _ = KEYS
FAULTS = faults(cut_after_bytes=30)


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest) -> Callable[[FaultyProxy], None]:
    return FAULTS[request.param]


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[FaultyProxy]:
    with faulty_proxy(redis_server.port) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "PROBE_PAUSES", (0.05, 0.1))
    monkeypatch.setattr(link_module, "LISTEN_AGAIN_SECONDS", 0.05)


@asynccontextmanager
async def board_on(url: str, counts: Counts | None = None) -> AsyncIterator[RedisBoard]:
    link = RedisLink(parse_redis_url(url), observer=counts)
    board = RedisBoard(link, observer=counts)
    try:
        yield board
    finally:
        await board.close()
        await link.close()


async def until_slots(server: RedisServer, count: int) -> None:
    async with asyncio.timeout(60):
        while server.command("HLEN", SLOTS) != count:
            await asyncio.sleep(0.02)


def is_primary(server: RedisServer) -> bool:
    try:
        return server.command("INFO", "replication")["role"] == "master"
    except RedisError:  # it closes connections when it becomes one
        return False


async def test_a_fault_costs_half_a_second_once_and_each_goes_on_by_himself(
    redis_server: RedisServer, proxy: FaultyProxy, fault: Callable[[FaultyProxy], None]
) -> None:
    counts = Counts()
    async with board_on(redis_server.url(port=proxy.port), counts) as one, board_on(redis_server.url()) as other:
        for it in (one, other):
            await it.observe([a_node("a", 2), a_node("b", 2)])
        await one.post(a_ticket("runs"))
        await other.post(a_ticket("runs there"))
        held = await granted(one, "runs")
        fault(proxy)
        began = time.monotonic()
        await asyncio.gather(*(one.post(a_ticket(f"t{number}")) for number in range(5)))
        await one.release("t4")
        assert time.monotonic() - began < 2.5, "half a second for each of them"
        began = time.monotonic()
        for _ in range(100):
            await one.load()
        assert time.monotonic() - began < 20, "it was asked again"
        # By itself it knows of its own ticket alone, and fills the other three slots.
        alone = await granted(one, *(f"t{number}" for number in range(4)))
        assert len(alone) == 3
        assert await granted(one, "runs") == held
        assert counts.counted["asr_board_fallbacks_total",] == 1
        # Others still see what it had, and perhaps who waited there: they are passed over.
        await other.post(a_ticket("comes"))
        assert isinstance(await other.wait("comes", 60), Grant)
        proxy.heal()
        await until_slots(redis_server, 6)
        assert await granted(one, "runs", "t0", "t1", "t2", "t3") == {**held, **alone}
        # More in flight than slots, until they end: nobody gets another one before that.
        for name in alone:
            await one.release(name)
        waits = next(name for name in ("t0", "t1", "t2", "t3") if name not in alone)
        assert isinstance(await one.wait(waits, 20), Grant)
        assert redis_server.command("HLEN", SLOTS) == 4


async def test_a_killed_redis_that_comes_back_empty_gets_everything_again() -> None:
    with running_redis() as server:
        async with board_on(server.url()) as one, board_on(server.url()) as other:
            for it in (one, other):
                await it.observe([a_node("a")])
            await one.post(a_ticket("runs"))
            await other.post(a_ticket("waits"))
            server.kill()
            await one.post(a_ticket("waits too"))
            assert await granted(one, "runs", "waits too") == {"runs": "a"}
            # By itself it does not know of the slot, and the node has the last word.
            assert await granted(other, "waits") == {"waits": "a"}
            server.start()
            await until_slots(server, 2)
            await other.release("waits")
            await until_slots(server, 1)
            assert await granted(one, "waits too") == {}
            await other.post(a_ticket("next"))
            assert isinstance(await other.wait("next", 0), Waiting)
            await one.release("runs")
            assert isinstance(await one.wait("waits too", 20), Grant)
            assert server.command("HLEN", SLOTS) == 1


async def test_a_redis_that_hangs_and_goes_on_is_put_right(redis_server: RedisServer) -> None:
    async with board_on(redis_server.url()) as one, board_on(redis_server.url()) as other:
        for it in (one, other):
            await it.observe([a_node("a"), a_node("b")])
        redis_server.pause()
        try:
            # It will read this when it goes on, long after it was decided without it.
            await one.post(a_ticket("t"))
            held = await granted(one, "t")
            await one.release("t")
            await one.post(a_ticket("u"))
        finally:
            redis_server.go_on()
        await until_slots(redis_server, 1)
        await asyncio.sleep(0.6)
        assert {url: taken for url, (taken, _) in (await other.load()).items()}[f"http://{held['t']}"] <= 1
        assert redis_server.command("HLEN", SLOTS) == 1
        assert len(await granted(one, "u")) == 1


async def test_another_primary_takes_over() -> None:
    with running_sentinel() as (primary, replica, url):
        async with board_on(url) as one, board_on(url) as other:
            for it in (one, other):
                await it.observe([a_node("a")])
            await one.post(a_ticket("runs"))
            await other.post(a_ticket("waits"))
            primary.kill()
            async with asyncio.timeout(60):
                while not (is_primary(replica) and await one.load() and replica.command("HLEN", SLOTS)):
                    await asyncio.sleep(0.1)
            state = await other.wait("waits", 0)
            await one.release("runs")
            assert isinstance(state, Grant) or isinstance(await other.wait("waits", 20), Grant)
            await until_slots(replica, 1)


async def test_a_web_ui_with_a_redis_has_its_board_there(redis_server: RedisServer, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, redis_url=redis_server.url(), nodes=["http://127.0.0.1:9"])
    async with build(settings).running():
        assert redis_server.command("HEXISTS", META, "epoch")
