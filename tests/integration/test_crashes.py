"""kill -9 at bad moments: no accepted recording is lost, and no row stays ``running``."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from tests.helpers.calls import two_people
from tests.helpers.server import Server
from tests.helpers.speech import say, talk, write_wav

#: Long enough to be caught at work: the demo model does some 200 seconds of sound a second.
UTTERANCES = 220


@pytest.fixture(scope="module")
def long_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clip = talk(say("今天天气怎么样"), say("会议现在开始"))
    return write_wav(tmp_path_factory.mktemp("long") / "long.wav", np.tile(clip, UTTERANCES // 2))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data").start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def survivor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that every test leaves as it was."""
    running = Server(tmp_path_factory.mktemp("survivor") / "data").start()
    yield running
    running.stop()


def until(look: Callable[[], Any], seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def submit(server: Server, path: Path) -> str:
    with path.open("rb") as file:
        # Others may have sent the same recording to this server; telling speakers apart would double the time.
        query = {"use_cache": "false", "speakers": 1}
        answer = httpx.post(
            f"{server.url}/v1/recognitions", params=query, files={"file": (path.name, file)}, timeout=60
        )
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def read(server: Server, recognition_id: str, wait: float = 0) -> dict[str, Any]:
    url = f"{server.url}/v1/recognitions/{recognition_id}"
    return httpx.get(url, params={"wait": wait} if wait else {}, timeout=wait + 30).json()


def is_under_way(server: Server, recognition_id: str) -> bool:
    row = read(server, recognition_id)
    assert row["status"] == "running", "the recording is too short to be caught at work"
    return row["progress"]["stage"] == "recognising" and row["progress"]["segment"] > 0


def node_of(server: Server) -> psutil.Process:
    assert server.process
    (node,) = [p for p in psutil.Process(server.process.pid).children() if "node" in p.cmdline()]
    return node


@pytest.mark.long
def test_a_killed_node_costs_time_only(survivor: Server, long_wav: Path) -> None:
    recognition_id = submit(survivor, long_wav)
    until(lambda: is_under_way(survivor, recognition_id))
    node = node_of(survivor)
    node.kill()
    row = read(survivor, recognition_id, wait=120)
    assert (row["status"], row["attempt"]) == ("succeeded", 1), row["error"]
    assert row["text"].count("今天天气怎么样") >= UTTERANCES // 2 - 5
    assert node_of(survivor).pid != node.pid


@pytest.mark.long
def test_a_killed_web_ui_takes_its_node_along_and_finishes_after_its_return(server: Server, long_wav: Path) -> None:
    recognition_id = submit(server, long_wav)
    until(lambda: is_under_way(server, recognition_id))
    node = node_of(server)
    server.kill()
    until(lambda: not node.is_running() or node.status() == psutil.STATUS_ZOMBIE, 30)
    server.start()
    row = read(server, recognition_id, wait=120)
    assert (row["status"], row["attempt"]) == ("succeeded", 2), row["error"]
    listed = httpx.get(f"{server.url}/v1/recognitions", timeout=60).json()
    assert recognition_id in str(listed)


@pytest.mark.long
def test_sigterm_ends_everything_and_loses_nothing(server: Server, long_wav: Path) -> None:
    recognition_id = submit(server, long_wav)
    until(lambda: is_under_way(server, recognition_id))
    node = node_of(server)
    assert server.stop() == 0
    assert not node.is_running()
    assert "正在停止 · stopping；1 个识别在下次启动后继续" in server.output()
    server.start()
    assert read(server, recognition_id, wait=120)["status"] == "succeeded"


@pytest.mark.long
def test_a_stopped_web_ui_does_not_make_a_second_row(survivor: Server, long_wav: Path) -> None:
    """SIGSTOP for longer than a poll: it goes on where it was."""
    assert survivor.process
    recognition_id = submit(survivor, long_wav)
    until(lambda: is_under_way(survivor, recognition_id))
    os.kill(survivor.process.pid, signal.SIGSTOP)
    time.sleep(4)
    os.kill(survivor.process.pid, signal.SIGCONT)
    row = read(survivor, recognition_id, wait=120)
    assert (row["status"], row["attempt"]) == ("succeeded", 1), row["error"]


@pytest.mark.long
def test_a_call_killed_at_work_has_both_channels_in_the_end(server: Server, tmp_path: Path) -> None:
    recording = write_wav(tmp_path / "call.wav", np.tile(two_people(), (UTTERANCES // 6, 1)))
    recognition_id = submit(server, recording)
    until(lambda: is_under_way(server, recognition_id))
    server.kill()
    server.start()
    row = read(server, recognition_id, wait=120)
    assert (row["status"], row["attempt"]) == ("succeeded", 2), row["error"]
    channels = [segment["channel"] for segment in row["segments"]]
    assert channels[:6] == [0, 1, 0, 1, 0, 1] and {channels.count(0), channels.count(1)} <= {*range(100, 130)}
