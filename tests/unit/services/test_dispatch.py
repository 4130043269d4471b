"""One job over the real board; the nodes and the clock's limits are what the test controls."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.local_board import LocalBoard
from domain.errors import BadAudio, NodeUnreachable, NoNodeAvailable
from domain.node import NodeJob, NodeProgress
from domain.options import RecognitionOptions
from domain.recognition import Progress, Stage
from domain.ticket import Ticket
from metrics import PrometheusObserver
from services.dispatch import Answer, Dispatch
from tests.helpers.scripted import OTHER_URL, URL, ScriptedPool


@dataclass
class Bench:
    board: LocalBoard
    pool: ScriptedPool
    dispatch: Dispatch
    wav: Path
    waits: list[Progress]
    granted: int = 0

    async def run(self, ticket_id: str = "t", model: str = "scripted") -> Answer:
        async def waiting(progress: Progress) -> None:
            self.waits.append(progress)

        async def granted() -> None:
            self.granted += 1

        async def progress(_: NodeProgress) -> None:
            return

        ticket, job = Ticket(ticket_id, "me", model, 1.0), NodeJob(ticket_id, RecognitionOptions())
        return await self.dispatch.run(
            ticket, job, self.wav, on_waiting=waiting, on_granted=granted, on_progress=progress
        )

    async def slots_taken(self) -> int:
        return sum(taken for taken, _ in (await self.board.load()).values())


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    wav = tmp_path / "a.wav"
    wav.write_bytes(b"RIFF")
    board, pool = LocalBoard(), ScriptedPool((URL, OTHER_URL))
    pool.on_change = board.observe
    await pool.refresh()
    yield Bench(board, pool, Dispatch(board, pool, PrometheusObserver(strict=True), queue_seconds=1.5), wav, [])


async def test_the_slot_is_given_back_however_it_ends(bench: Bench) -> None:
    assert (await bench.run()).node_name in ("n0", "n1")
    bench.pool.script = [BadAudio("no", reason="empty")]
    with pytest.raises(BadAudio):
        await bench.run("u")
    bench.pool.gate.clear()
    task = asyncio.create_task(bench.run("v"))
    await asyncio.sleep(0.1)
    assert await bench.slots_taken() == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await bench.slots_taken() == 0


async def test_without_a_node_it_says_so_in_time(bench: Bench) -> None:
    with pytest.raises(NoNodeAvailable):
        await bench.run(model="unknown")
    assert bench.waits and bench.waits[-1].stage is Stage.WAITING_NODE
    assert (await bench.board.queued()).ahead == 0


async def test_cancelled_while_it_waits_it_leaves_the_queue(bench: Bench) -> None:
    task = asyncio.create_task(bench.run(model="unknown"))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await bench.board.queued()).ahead == 0


async def test_long_work_does_not_count_as_waiting(bench: Bench) -> None:
    """A node that is lost after more work than the queue's limit: the next one still gets its chance."""
    bench.pool.script = [NodeUnreachable("gone")]
    bench.pool.gate.clear()
    task = asyncio.create_task(bench.run())
    await asyncio.sleep(2)
    bench.pool.gate.set()
    await task
    assert len({url for url, _ in bench.pool.jobs}) == 2
