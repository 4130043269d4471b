"""The pool with a real node: the demo model, real speech, the child process as ``serve`` starts it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.child import ChildNode
from cluster.local_board import LocalBoard
from cluster.pool import Pool
from domain.errors import BadAudio
from domain.ids import new_id
from domain.node import Availability, NodeJob, NodeProgress
from domain.options import RecognitionOptions
from domain.ticket import Grant, Ticket
from tests.helpers.node_process import MemoryRegistry, NoObserver, eventually, listening

REAL_NODE = Path(__file__).resolve().parents[1] / "helpers" / "real_node.py"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class OneMachine:
    """What standalone mode wires together, without the pages."""

    child: ChildNode
    pool: Pool
    board: LocalBoard
    registry: MemoryRegistry


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def machine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OneMachine]:
    folder = tmp_path_factory.mktemp("node")
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    child = ChildNode([sys.executable, str(REAL_NODE), str(folder / "data")], env, folder, first_pause_seconds=0.1)
    registry, board = MemoryRegistry(), LocalBoard()
    pool = Pool([], token="secret", registry=registry, observer=NoObserver())
    child.on_change, pool.on_change = pool.child_changed, board.observe
    await child.start()
    await pool.start()
    try:
        await listening(child)
        yield OneMachine(child, pool, board, registry)
    finally:
        await pool.stop()
        await child.stop()


async def test_speech_becomes_text_by_ticket_and_slot(machine: OneMachine, speech_wav: Path) -> None:
    await machine.board.post(Ticket("t", "u", "demo", 2.0))
    grant = await machine.board.wait("t", 90)
    assert isinstance(grant, Grant) and grant.node_url == machine.child.url
    steps: list[NodeProgress] = []

    async def note(step: NodeProgress) -> None:
        steps.append(step)

    job = NodeJob(f"{new_id()}:0", RecognitionOptions())
    result = await machine.pool.recognise(grant.node_url, job, speech_wav, note)
    await machine.board.release("t", node_seconds=result.elapsed_ms / 1000, audio_seconds=result.audio_seconds)

    text = "".join(segment.text for segment in result.output.segments)
    assert "天气" in text
    assert "".join(segment.text for step in steps for segment in step.segments) == text
    assert (steps[0].segment, steps[-1].segment) == (0, steps[-1].of)
    assert machine.registry.expected == {"demo": result.fingerprint}
    assert (await machine.board.load())[grant.node_url][0] == 0


async def test_a_repeated_job_id_gets_the_kept_result(machine: OneMachine, speech_wav: Path) -> None:
    async def ignore(_: NodeProgress) -> None:
        return

    job = NodeJob(f"{new_id()}:0", RecognitionOptions())
    first = await machine.pool.recognise(machine.child.url, job, speech_wav, ignore)
    assert await machine.pool.recognise(machine.child.url, job, speech_wav, ignore) == first


async def test_a_refusal_of_the_real_engine_is_typed(machine: OneMachine, tmp_path: Path) -> None:
    async def ignore(_: NodeProgress) -> None:
        return

    broken = tmp_path / "text.wav"
    broken.write_text("this is not sound")
    with pytest.raises(BadAudio):
        await machine.pool.recognise(machine.child.url, NodeJob(f"{new_id()}:0", RecognitionOptions()), broken, ignore)


@pytest.mark.long
async def test_a_killed_node_is_back_at_the_same_address(machine: OneMachine, speech_wav: Path) -> None:
    url, pid = machine.child.url, machine.child.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: machine.pool.statuses()[0].availability is not Availability.READY)
    assert machine.pool.statuses()[0].availability is Availability.LOADING
    await machine.board.post(Ticket("after", "u", "demo", 2.0))
    grant = await machine.board.wait("after", 90)
    assert isinstance(grant, Grant) and grant.node_url == url
    assert machine.child.pid != pid
    texts: list[str] = []

    async def note(step: NodeProgress) -> None:
        texts.extend(segment.text for segment in step.segments)

    job = NodeJob(f"{new_id()}:0", RecognitionOptions())
    await asyncio.wait_for(machine.pool.recognise(url, job, speech_wav, note), 60)
    assert "天气" in "".join(texts)
    await machine.board.release("after")
