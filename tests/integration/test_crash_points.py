"""A replica is killed at each point of a recognition; another one on the same PostgreSQL and Redis makes it whole."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from domain.history import HistoryQuery
from domain.recognition import CacheOutcome, Recognition, Status
from services import shared_work, sweeper
from services.sweeper import Sweeper
from tests.helpers.dying import LEASE_SECONDS, POINTS, NotedPool
from tests.helpers.house import ADMIN, House, house
from tests.helpers.postgres import PostgresServer
from tests.helpers.redis_server import RedisServer
from tests.helpers.sounds import tone, write_sound

ROOT = Path(__file__).resolve().parents[2]
#: How often a node is asked, both replicas together; at how many tries the row ends, and how the answer came then.
EXPECTED = {
    "after the insert": (1, 2, CacheOutcome.MISS),
    "between the insert and the grant": (1, 2, CacheOutcome.MISS),
    # The same job id both times: a node that still has it lets the second join, or gives what it kept.
    "during dispatch": (2, 2, CacheOutcome.MISS),
    "with the result, before it is cached": (2, 2, CacheOutcome.MISS),
    "cached, before the row is finished": (1, 2, CacheOutcome.HIT),
    "after the row is finished": (1, 1, CacheOutcome.MISS),
    "after the row is finished, its ticket held": (1, 1, CacheOutcome.MISS),
}


@pytest.mark.parametrize("point", POINTS)
async def test_a_replica_killed(
    tmp_path: Path, postgres: PostgresServer, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    monkeypatch.setattr(shared_work, "WAIT_SECONDS", 0.2)
    recording, database_url = write_sound(tmp_path / "a.wav", tone()), postgres.url()
    arguments = [point, str(tmp_path), database_url, redis_server.url()]
    command = [sys.executable, "-m", "tests.helpers.dying", *arguments]
    dead = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, timeout=60, capture_output=True, text=True)
    assert dead.returncode == -signal.SIGKILL, dead.stderr

    pool = NotedPool(notes=tmp_path / "jobs")
    async with house(
        tmp_path,
        pool,
        "the living",
        redis_url=redis_server.url(),
        database_url=database_url,
        lease_seconds=LEASE_SECONDS,
    ) as it:
        if point == "before the insert":
            await _nothing_is_left(it, monkeypatch)
        else:
            row = await _the_only_row(it)
            asked = (tmp_path / "jobs").read_text().split()
            assert (len(asked), row.attempt, row.cache) == EXPECTED[point]
            assert set(asked) == {f"{row.id}:0"}
            assert (row.status, row.text) == (Status.SUCCEEDED, "今天是3月5号")
        another = await it.recognise(write_sound(tmp_path / "b.wav", tone(hertz=300)))
        assert (another.status, another.cache) == (Status.SUCCEEDED, CacheOutcome.MISS), "the only slot is free again"
        again = await it.recognise(recording)
        is_known = point != "before the insert"
        assert (again.status, again.cache) == (Status.SUCCEEDED, CacheOutcome.HIT if is_known else CacheOutcome.MISS)


async def _the_only_row(it: House) -> Recognition:
    (row,) = (await it.store.page(HistoryQuery(user=None))).rows
    return await it.transcription.wait(row.id, visitor=ADMIN, timeout_seconds=90)


async def _nothing_is_left(it: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recording was stored, and no row knows of it: the sweep removes it when that is certain."""
    assert not (await it.store.page(HistoryQuery(user=None))).rows
    (key,) = await it.audio.keys_older_than(-1)
    nothing: Any = None
    sweep = Sweeper(it.store, nothing, it.audio, delete=nothing, audio_seconds=3600).remove_orphans
    await sweep()
    assert await it.audio.keys_older_than(-1) == [key], "a row may still be on its way"
    monkeypatch.setattr(sweeper, "ORPHAN_SECONDS", -1.0)
    await sweep()
    assert await it.audio.keys_older_than(-1) == [key], "its row may wait in another replica's outbox"
    monkeypatch.setattr(sweeper, "LONELY_SECONDS", 0.0)
    await sweep()
    assert not await it.audio.keys_older_than(-1)
