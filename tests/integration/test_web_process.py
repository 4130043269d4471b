"""The web UI process by itself: small, without torch, and saying when it can be used."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.helpers.server import Server, running_server

MOST_BYTES = 300_000_000


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has done nothing yet."""
    with running_server(tmp_path_factory.mktemp("small") / "data") as running:
        yield running


def test_it_stays_small_and_never_loads_torch(own_server: Server, speech_wav: Path) -> None:
    assert own_server.process
    process = psutil.Process(own_server.process.pid)
    for what in ("after the start", "after a page and a recognition"):
        assert process.memory_info().rss < MOST_BYTES, what
        assert not [item.path for item in process.memory_maps() if "libtorch" in item.path], what
        assert httpx.get(own_server.url, headers={"accept": "text/html"}, timeout=60).status_code == 200
        with speech_wav.open("rb") as file:
            row = httpx.post(f"{own_server.url}/v1/recognitions?wait=60", files={"file": file}, timeout=90).json()
        assert row["text"] == "今天天气怎么样？"
    assert process.memory_info().rss < MOST_BYTES
    # The check can fail: the node's process has it.
    assert any("libtorch" in item.path for child in process.children() for item in child.memory_maps())


def test_at_rest_it_rests(own_server: Server) -> None:
    assert own_server.process
    process = psutil.Process(own_server.process.pid)
    before = process.num_ctx_switches().voluntary
    time.sleep(2)
    assert process.num_ctx_switches().voluntary - before < 600, "it looked for work all the time"


def test_a_newcomer_is_told_the_address_and_when_the_model_is_ready(own_server: Server) -> None:
    lines = own_server.output().splitlines()
    address = next(number for number, line in enumerate(lines) if line.endswith(own_server.url))
    ready = next(number for number, line in enumerate(lines) if "the model is ready" in line)
    assert address < ready
    assert "alembic" not in own_server.output()
