"""One job over the real board; the nodes and the clock's limits are what the test controls."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.local_board import LocalBoard
from domain import retry_budget
from domain.errors import BadAudio, DeadlineExceeded, NodeUnreachable, NoNodeAvailable, RecognitionFailed
from domain.node import NodeJob, NodeProgress
from domain.options import RecognitionOptions
from domain.recognition import Progress, Stage
from domain.ticket import Ticket
from metrics import PrometheusObserver
from services import dispatch
from services import dispatch as module
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
    async with asyncio.timeout(60):
        while await bench.slots_taken() != 1:
            await asyncio.sleep(0.01)
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


async def test_what_runs_keeps_its_slot_where_the_board_forgot_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a process was held up for longer than a ticket lives: the job still occupies that node, and no other."""
    monkeypatch.setattr(dispatch, "TICKET_RENEW_SECONDS", 0.02)
    bench.pool.gate.clear()
    task = asyncio.create_task(bench.run())
    while not bench.pool.jobs:
        await asyncio.sleep(0.01)
    (url, _) = bench.pool.jobs[0]
    await bench.board.observe([])
    await bench.board.release("t")
    while not await bench.slots_taken():
        await asyncio.sleep(0.01)
    assert await bench.board.load() == {url: (1, None)}
    assert (await bench.board.queued()).ahead == 0
    bench.pool.gate.set()
    assert (await task).node_name
    assert await bench.slots_taken() == 0


async def test_an_outage_is_no_storm_and_its_jobs_go_on_when_it_is_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_budget, "WINDOW_SECONDS", 1.0)
    monkeypatch.setattr(retry_budget, "RATIO", 0.0)
    bench.pool.script = [NodeUnreachable("gone") for _ in range(8)]
    answers = await asyncio.gather(*(bench.run(f"t{n}") for n in range(8)))
    assert len(answers) == 8
    assert len(bench.pool.jobs) == 16
    assert any(wait.stage is Stage.WAITING_NODE for wait in bench.waits)
    assert await bench.slots_taken() == 0


@pytest.mark.parametrize(("reason", "tries"), [("broken", 5), ("timeout", 5), ("refused", 8), ("garbage", 8)])
async def test_what_may_be_the_fault_of_the_job_ends_it_sooner(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, reason: str, tries: int
) -> None:
    monkeypatch.setattr(retry_budget, "ALWAYS", 100)
    bench.pool.script = [NodeUnreachable("gone", reason=reason) for _ in range(tries - 1)]
    assert (await bench.run("survives")).node_name
    bench.pool.script = [NodeUnreachable("gone", reason=reason) for _ in range(tries)]
    with pytest.raises(RecognitionFailed) as caught:
        await bench.run("ends")
    assert caught.value.details["reason"] == "nodes_failed"
    assert len(bench.pool.jobs) == 2 * tries


async def test_who_waits_for_a_retry_holds_no_slot(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_budget, "ALWAYS", 0)
    monkeypatch.setattr(retry_budget, "RATIO", 0.0)
    bench.dispatch._retries._retried.append(time.monotonic())
    bench.pool.script = [NodeUnreachable("gone")]
    task = asyncio.create_task(bench.run())
    while not bench.waits:
        await asyncio.sleep(0.01)
    assert await bench.slots_taken() == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_job_has_a_deadline_whatever_the_nodes_do(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEADLINE_SECONDS", -1.3)
    monkeypatch.setattr(module, "DEADLINE_FACTOR", 0.1)
    bench.pool.gate.clear()
    with pytest.raises(DeadlineExceeded):
        await bench.run()
    assert await bench.slots_taken() == 0
    assert bench.pool.cancelled == ["t"]
