"""``app.py nodes``, against the routes of a server; and a node that announces itself to a real one."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from cli.main import run
from domain.errors import NotFound
from tests.helpers.node_process import node_process
from tests.helpers.redis_server import RedisServer
from tests.helpers.server import ROOT, Server, running_server
from tests.helpers.web_api import TRIAL, WebApi, served

App = Callable[..., tuple[int, str, str]]


@pytest.fixture
def api(tmp_path: Path) -> WebApi:
    return WebApi(tmp_path, is_loopback=False, allow_open=True, admin_token="the-admin-token")


@pytest.fixture
def app(
    api: WebApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[App]:
    monkeypatch.setenv("ASR_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ASR_ADMIN_TOKEN", "the-admin-token")
    with served(api.app) as url:

        def call(action: str, *arguments: str) -> tuple[int, str, str]:
            status = run(cast(Any, SimpleNamespace()), ["nodes", action, *arguments, "--server", url])
            return status, *capsys.readouterr()

        yield call


def test_the_list_says_how_each_node_is(app: App) -> None:
    status, out, _ = app("list")
    assert status == 0
    assert out.splitlines() == ["gpu-1  ready  0/1  -  http://10.0.0.5:7861", "1 of 1 ready, 3 waiting"]
    [node] = [json.loads(line) for line in app("list", "--json")[1].splitlines()]
    assert node["url"] == "http://10.0.0.5:7861"


def test_each_action_reaches_the_server(app: App, api: WebApi) -> None:
    for action in ("drain", "resume", "promote", "remove", "test"):
        assert app(action, "2 号")[0] == 0
    app("set", "http://10.0.0.5:7861", "--weight", "2", "--backup", "yes")
    status, out, _ = app("add", "http://10.0.0.6:7861", "--slots", "4", "--token", "its-own", "--name", "乙")
    assert status == 0 and TRIAL.text in out
    app("add", "http://10.0.0.7:7861", "--untried")
    assert api.node_admin.done == [
        *((action, "2 号") for action in ("drain", "resume", "promote", "remove", "test")),
        ("change", "http://10.0.0.5:7861", {"weight": 2.0, "backup": "yes"}),
        ("add", "http://10.0.0.6:7861", {"name": "乙", "slots": 4}, "its-own", True),
        ("add", "http://10.0.0.7:7861", {}, "", False),
    ]


def test_a_node_is_calibrated_until_it_refuses(app: App, api: WebApi) -> None:
    status, out, _ = app("calibrate", "gpu-1", "--apply")
    assert status == 0
    assert out.splitlines() == [
        "1 at once: 11.0x real time, the longest took 300 ms",
        "2 at once: 12.0x real time, the longest took 300 ms",
        "4 at once: 14.0x real time, the longest took 300 ms",
        "8 at once: more than it takes",
        "gpu-1 has 4 slots now",
    ]
    assert api.node_admin.done[-1] == ("change", "gpu-1", {"slots": 4})


def test_the_log_is_a_line_each(app: App) -> None:
    # In the reader's zone, which is named.
    assert re.fullmatch(r"2026-11-2[01] \d\d:\d\d:00 [+-]\d{4}  visitor-1  drain  gpu-1\n", app("log")[1])
    assert json.loads(app("log", "--json")[1])["action"] == "drain"


def test_what_goes_wrong_is_one_sentence(app: App, api: WebApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api.node_admin.error = NotFound("there is no node x", reason="node")
    status, out, err = app("drain", "x")
    assert (status, out, err) == (2, "", "error: there is no node x\n")
    monkeypatch.setenv("ASR_ADMIN_TOKEN", "a-wrong-token")
    status, _, err = app("drain", "x")
    assert status == 2 and "administrator's token" in err


def test_a_node_announces_itself_and_says_goodbye(tmp_path: Path, redis_server: RedisServer) -> None:
    shared = {
        "ASR_REDIS_URL": redis_server.url(),
        "ASR_NODE_TOKEN": "shared-secret",
        "ASR_MODEL": "demo",
        "ASR_MODEL_LOAD": "demand",
    }
    command = [sys.executable, str(ROOT / "app.py"), "node"]
    with running_server(tmp_path / "web", ready=False, **shared) as web:
        assert nodes_of(web) == []
        with node_process(command, **shared, ASR_CONFIG=os.devnull, ASR_DATA_DIR=str(tmp_path / "node")) as node:
            [found] = web._wait_for(lambda: [it for it in nodes_of(web) if it["availability"] == "ready"])
            assert (found["origin"], found["url"]) == ("announced", node.url)
            node.process.terminate()
            assert node.process.wait(60) == 0
        web._wait_for(lambda: nodes_of(web) == [])


def nodes_of(web: Server) -> list[dict[str, Any]]:
    return httpx.get(f"{web.url}/v1/nodes", timeout=60).json()["nodes"]
