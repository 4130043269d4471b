"""Two replicas on one history and one Redis: identical work is done once, and nobody is left without, come what may."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from domain.history import HistoryQuery
from domain.recognition import CacheOutcome, Recognition, Stage, Status
from services import shared_work
from tests.helpers.faulty_proxy import FaultyProxy, faulty_proxy
from tests.helpers.house import ME, House, house, until_recognising
from tests.helpers.redis_server import RedisServer, running_redis, running_sentinel
from tests.helpers.scripted import ScriptedPool
from tests.helpers.sounds import tone, write_sound

ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def replicas(folder: Path, url: str, count: int = 2, lease_seconds: float = 15) -> AsyncIterator[list[House]]:
    async with AsyncExitStack() as life:
        yield [
            await life.enter_async_context(
                house(folder, ScriptedPool(), f"replica {number}", redis_url=url, lease_seconds=lease_seconds)
            )
            for number in range(count)
        ]


def jobs(houses: list[House]) -> int:
    return sum(len(it.pool.jobs) for it in houses)


def stage(house: House, row: Recognition) -> Stage | None:
    live = house.transcription.runner.live(row.id)
    return live.progress.stage if live else None


async def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


async def end_of(house: House, row: Recognition) -> Recognition:
    return await house.transcription.wait(row.id, visitor=ME, timeout_seconds=90)


async def test_200_identical_requests_on_two_replicas_cause_one_recognition(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    path = write_sound(tmp_path / "a.wav", tone())
    async with replicas(tmp_path, redis_server.url()) as houses:
        for it in houses:
            it.pool.gate.clear()
        asked = [(houses[number % 2], houses[number % 2].submit(path)) for number in range(200)]
        rows = list(zip((it for it, _ in asked), await asyncio.gather(*(row for _, row in asked)), strict=True))
        await until(lambda: all(stage(it, row) in (Stage.JOINED, Stage.RECOGNISING) for it, row in rows))
        assert jobs(houses) == 1
        # Whoever waits keeps no decoded sound; the leader has his.
        await until(lambda: len(list(tmp_path.glob("*/audio.wav"))) == 1)
        for it in houses:
            it.pool.gate.set()
        done = await asyncio.gather(*(end_of(it, row) for it, row in rows))
        assert {row.text for row in done} == {"今天是3月5号"}
        assert Counter(row.cache for row in done) == {CacheOutcome.MISS: 1, CacheOutcome.SHARED: 199}
        assert jobs(houses) == 1
        # Whoever comes later, anywhere, is answered at the door.
        assert [(await it.submit(path)).cache for it in houses] == [CacheOutcome.HIT] * 2


async def test_when_the_work_lands_others_hear_of_it_soon(tmp_path: Path, redis_server: RedisServer) -> None:
    path = write_sound(tmp_path / "a.wav", tone())
    async with replicas(tmp_path, redis_server.url()) as (one, other):
        one.pool.gate.clear()
        leader = await one.submit(path)
        await until_recognising(one, leader)
        waiter = await other.submit(path)
        await until(lambda: stage(other, waiter) is Stage.JOINED)
        cancelled = await one.transcription.cancel(leader.id, visitor=ME)
        # Its lease would last for 15 s more.
        done = await asyncio.wait_for(end_of(other, waiter), 14)
        assert (cancelled.status, done.status, done.cache) == (Status.CANCELLED, Status.SUCCEEDED, CacheOutcome.MISS)


LEADER = """
import asyncio, sys
from pathlib import Path
from services import shared_work
from tests.helpers.house import house, until_recognising
from tests.helpers.scripted import ScriptedPool

shared_work.RENEW_SECONDS = 0.3

async def main():
    folder, url = Path(sys.argv[1]), sys.argv[2]
    async with house(folder, ScriptedPool(), "killed", redis_url=url, lease_seconds=2) as it:
        it.pool.gate.clear()
        row = await it.submit(folder / "a.wav")
        await until_recognising(it, row)
        print(row.id, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_when_the_leading_replica_is_killed_a_waiter_takes_over(
    tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_work, "RENEW_SECONDS", 0.3)
    path = write_sound(tmp_path / "a.wav", tone())
    command = [sys.executable, "-c", LEADER, str(tmp_path), redis_server.url()]
    leader = await asyncio.to_thread(subprocess.Popen, command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert leader.stdout
        led = (await asyncio.to_thread(leader.stdout.readline)).strip()
        async with replicas(tmp_path, redis_server.url(), lease_seconds=2) as houses:
            asked = [(houses[number % 2], await houses[number % 2].submit(path)) for number in range(10)]
            await until(lambda: all(stage(it, row) is Stage.JOINED for it, row in asked))
            assert jobs(houses) == 0
            os.kill(leader.pid, signal.SIGKILL)
            done = await asyncio.gather(*(end_of(it, row) for it, row in asked))
            assert {row.status for row in done} == {Status.SUCCEEDED}
            # The killed one's row is taken up, too, and answered by the same recognition.
            taken_up = await houses[0].transcription.wait(led, visitor=ME, timeout_seconds=90)
            assert (taken_up.status, taken_up.attempt) == (Status.SUCCEEDED, 2)
            assert jobs(houses) == 1, "one in the process that was killed, and one here"
    finally:
        leader.kill()
        leader.communicate()


@pytest.mark.parametrize("fault", ["refuse", "blackhole", "delay", "cut", "flush", "garbage", "full", "kill"])
async def test_whatever_happens_to_redis_every_request_succeeds(tmp_path: Path, fault: str) -> None:
    """It happens while one is recognised and another one waits for it, and stays for the next two."""
    with running_redis() as server, faulty_proxy(server.port) as proxy:
        async with replicas(tmp_path, server.url(port=proxy.port)) as (one, other):
            path = write_sound(tmp_path / "a.wav", tone())
            one.pool.gate.clear()
            leader = await one.submit(path)
            await until_recognising(one, leader)
            waiter = await other.submit(path)
            await until(lambda: stage(other, waiter) is Stage.JOINED)
            break_it(fault, proxy, server)
            one.pool.gate.set()
            next_ones = [await it.submit(write_sound(tmp_path / "b.wav", tone(1.5))) for it in (one, other)]
            rows = [(one, leader), (other, waiter), *zip((one, other), next_ones, strict=True)]
            done = [await end_of(it, row) for it, row in rows]
            assert [row.status for row in done] == [Status.SUCCEEDED] * 4, [row.error for row in done]
            # In one process identical work meets all the same.
            one.pool.gate.clear()
            before, third = len(one.pool.jobs), write_sound(tmp_path / "c.wav", tone(2))
            same = await asyncio.gather(*(one.submit(third) for _ in range(5)))
            await until(lambda: all(stage(one, row) in (Stage.JOINED, Stage.RECOGNISING) for row in same))
            one.pool.gate.set()
            assert {(await end_of(one, row)).status for row in same} == {Status.SUCCEEDED}
            assert len(one.pool.jobs) == before + 1
            # Every request is a row, and none is two.
            asked = [row.id for _, row in rows] + [row.id for row in same]
            kept = (await one.store.page(HistoryQuery(user=None, limit=50))).rows
            assert sorted(row.id for row in kept) == sorted(asked)


async def test_a_failover_is_not_noticed_by_those_who_ask(tmp_path: Path) -> None:
    with running_sentinel() as (primary, replica, url):
        async with replicas(tmp_path, url) as (one, other):
            known = write_sound(tmp_path / "a.wav", tone())
            assert (await one.recognise(known)).cache is CacheOutcome.MISS
            assert (await other.submit(known)).cache is CacheOutcome.HIT
            primary.kill()
            for number in range(5):
                path = write_sound(tmp_path / f"{number}.wav", tone(1 + number / 10))
                for it in (one, other):
                    assert (await it.recognise(path)).status is Status.SUCCEEDED
            async with asyncio.timeout(60):
                while (await other.submit(known)).cache is not CacheOutcome.HIT:
                    await asyncio.sleep(0.2)
            assert replica.command("ROLE")[0] == b"master"


def break_it(fault: str, proxy: FaultyProxy, server: RedisServer) -> None:
    if fault == "delay":
        proxy.delay(2.0)
    elif fault == "cut":
        proxy.cut(3)
    elif fault == "flush":
        server.command("FLUSHALL")
    elif fault == "kill":
        server.kill()
    elif fault == "full":
        server.command("CONFIG", "SET", "maxmemory", "1")
    elif fault == "garbage":
        for key in server.command("KEYS", "*"):
            server.command("DEL", key)
            if key.startswith(b"asr:flight:"):
                server.command("SET", key, "a lead without an end")
            else:
                server.command("RPUSH", key, "garbage")
    else:
        getattr(proxy, fault)()
