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
from tests.helpers.node_process import MemoryRegistry, NoObserver, eventually, listening

PLAIN_CHILD = Path(__file__).resolve().parents[1] / "helpers" / "plain_child.py"
Make = Callable[..., ChildNode]


@pytest_asyncio.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes children that are stopped at the end."""
    made: list[ChildNode] = []

    def build(*, stop_seconds: float = 10.0, listen_seconds: float = 60.0, **env: str) -> ChildNode:
        command, whole = [sys.executable, str(PLAIN_CHILD)], {**os.environ, **env}
        child = ChildNode(
            command,
            whole,
            tmp_path,
            first_pause_seconds=0.05,
            stop_seconds=stop_seconds,
            listen_seconds=listen_seconds,
        )
        made.append(child)
        return child

    yield build
    for child in made:
        await child.stop()


def model_at(url: str) -> str:
    return httpx.get(url + "/healthz", trust_env=False, timeout=60).json()["model"]


async def turns(number: int) -> None:
    """Lets a task that was just made come to its first wait: no time passes."""
    for _ in range(number):
        await asyncio.sleep(0)


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
    url, first = await listening(child), child.pid
    assert first and model_at(url) == "demo"

    os.kill(first, signal.SIGKILL)
    await eventually(lambda: child.state.phase is not ChildPhase.LISTENING)
    assert await listening(child) == url
    second = child.pid
    assert second and second != first

    await child.restart({"FAKE_MODEL": "another"})
    assert await listening(child) == url
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
    pool = Pool([], token="", registry=MemoryRegistry(), observer=NoObserver())
    child.on_change = pool.child_changed
    await child.start()
    await pool.start()
    assert [status.availability for status in pool.statuses()] == [Availability.LOADING]
    await eventually(lambda: child.state.phase is ChildPhase.FAILED, 60)
    status = pool.statuses()[0]
    assert (status.name, status.availability) == ("local", Availability.FAILED)
    assert "exit status 7" in status.reason and "cannot find the model" in status.reason
    await pool.stop()


async def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    child = ChildNode([str(tmp_path / "nothing")], {}, tmp_path, first_pause_seconds=0.01)
    await child.start()
    await eventually(lambda: child.state.phase is ChildPhase.FAILED)
    await child.stop()


async def test_a_folder_that_cannot_be_written_is_told_and_tried_again(make: Make, tmp_path: Path) -> None:
    in_the_way = tmp_path / "run"
    in_the_way.write_text("a file where a folder belongs")
    child = make()
    await child.start()
    await eventually(lambda: child.state.phase is ChildPhase.FAILED)
    assert "cannot be started" in child.state.reason and str(in_the_way) in child.state.reason
    in_the_way.unlink()
    await listening(child)


async def test_a_child_that_never_listens_is_killed_and_told(make: Make) -> None:
    child, pids = make(listen_seconds=0.2, FAKE_DEAF="1"), set[int]()

    def has_failed() -> bool:
        pids.update({child.pid} if child.pid else ())
        return child.state.phase is ChildPhase.FAILED

    await child.start()
    await eventually(has_failed)
    assert "does not listen after" in child.state.reason
    await child.stop()
    assert pids and not any(is_alive(pid) for pid in pids)


async def test_a_restart_that_nobody_waits_for_any_more_is_made_to_its_end(make: Make) -> None:
    child = make(stop_seconds=0.5, FAKE_STUBBORN="1")
    await child.start()
    url, first = await listening(child), child.pid
    restarting = asyncio.create_task(child.restart({"FAKE_MODEL": "another"}))
    await turns(5)
    restarting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await restarting
    await eventually(lambda: child.pid not in (None, first) and child.state.phase is ChildPhase.LISTENING, 60)
    assert model_at(url) == "another"


async def test_stopping_while_it_restarts_leaves_nothing_running(make: Make) -> None:
    child = make(stop_seconds=0.5, FAKE_STUBBORN="1")
    await child.start()
    await listening(child)
    restarting = asyncio.create_task(child.restart())
    await turns(5)
    restarting.cancel()
    await child.stop()
    assert (child.pid, child.state.phase) == (None, ChildPhase.STOPPED)


async def test_a_node_that_does_not_end_is_killed(make: Make) -> None:
    child = make(stop_seconds=0.3, FAKE_STUBBORN="1")
    await child.start()
    await listening(child)
    pid = child.pid
    assert pid
    await child.stop()
    assert not is_alive(pid)


async def test_a_taken_port_is_given_up(make: Make) -> None:
    child = make()
    await child.start()
    url, pid = await listening(child), child.pid
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
