"""The child process: started, kept alive at one address, ended in time, never silent about why it cannot start."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from cluster.child import ChildNode, ChildPhase, ChildState
from cluster.pool import Pool
from domain.node import Availability
from tests.helpers.node_process import MemoryRegistry, NoObserver, eventually

PLAIN_CHILD = Path(__file__).resolve().parents[1] / "helpers" / "plain_child.py"
Make = Callable[..., ChildNode]


@pytest_asyncio.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes children that are stopped at the end."""
    made: list[ChildNode] = []

    def build(*, stop_seconds: float = 10.0, **env: str) -> ChildNode:
        command, whole = [sys.executable, str(PLAIN_CHILD)], {**os.environ, **env}
        child = ChildNode(command, whole, tmp_path, first_pause_seconds=0.05, stop_seconds=stop_seconds)
        made.append(child)
        return child

    yield build
    for child in made:
        await child.stop()


def model_at(url: str) -> str:
    return httpx.get(url + "/healthz", trust_env=False).json()["model"]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_listens_restarts_at_the_same_address_and_ends(make: Make, tmp_path: Path) -> None:
    child, states = make(), list[ChildState]()

    async def note(state: ChildState) -> None:
        states.append(state)

    child.on_change = note
    await child.start()
    assert child.state == ChildState("local", "", ChildPhase.STARTING)
    url, first = await child.listening(60), child.pid
    assert first and model_at(url) == "demo"

    os.kill(first, signal.SIGKILL)
    await eventually(lambda: child.state.phase is not ChildPhase.LISTENING)
    assert await child.listening(60) == url
    second = child.pid
    assert second and second != first

    await child.restart({"FAKE_MODEL": "another"})
    assert await child.listening(60) == url
    assert model_at(url) == "another"
    third = child.pid
    await child.stop()
    assert third and child.pid is None
    assert not any(is_alive(pid) for pid in (first, second, third))
    assert not list((tmp_path / "run").iterdir())
    assert [state.phase for state in states] == [
        ChildPhase.STARTING,
        ChildPhase.LISTENING,
        ChildPhase.STARTING,
        ChildPhase.LISTENING,
        ChildPhase.STOPPED,
        ChildPhase.STARTING,
        ChildPhase.LISTENING,
        ChildPhase.STOPPED,
    ]


async def test_a_node_that_cannot_start_says_why(make: Make) -> None:
    child = make(FAKE_EXIT="7")
    pool = Pool([], token="", registry=MemoryRegistry(), observer=NoObserver(), trust_first=True)
    child.on_change = pool.child_changed
    await child.start()
    await pool.start()
    assert [status.availability for status in pool.statuses()] == [Availability.LOADING]
    await eventually(lambda: child.state.phase is ChildPhase.FAILED, 60)
    status = pool.statuses()[0]
    assert (status.name, status.availability) == ("local", Availability.FAILED)
    assert "exit status 7" in status.reason and "cannot find the model" in status.reason
    with pytest.raises(TimeoutError, match="cannot find the model"):
        await child.listening(0.1)
    await pool.stop()


async def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    child = ChildNode([str(tmp_path / "nothing")], {}, tmp_path, first_pause_seconds=0.01)
    await child.start()
    await eventually(lambda: child.state.phase is ChildPhase.FAILED)
    await child.stop()


async def test_a_node_that_does_not_end_is_killed(make: Make) -> None:
    child = make(stop_seconds=0.3, FAKE_STUBBORN="1")
    await child.start()
    await child.listening(60)
    pid = child.pid
    assert pid
    await child.stop()
    assert not is_alive(pid)


async def test_a_taken_port_is_given_up(make: Make) -> None:
    child = make()
    await child.start()
    url, pid = await child.listening(60), child.pid
    assert pid
    server: asyncio.Server | None = None
    os.kill(pid, signal.SIGKILL)
    while server is None:
        try:
            server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", int(url.rpartition(":")[2]))
        except OSError:
            await asyncio.sleep(0.01)
    assert await eventually(lambda: child.url != url and child.state.phase is ChildPhase.LISTENING, 60)
    server.close()
    await server.wait_closed()


async def test_a_large_log_is_set_aside(make: Make, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "node.log"
    log.parent.mkdir()
    log.write_bytes(b"x" * 5_000_001)
    child = make(FAKE_EXIT="1")
    await child.start()
    await eventually(lambda: (tmp_path / "logs" / "node.log.1").exists())
    await eventually(lambda: "cannot find the model" in child.log_tail())
