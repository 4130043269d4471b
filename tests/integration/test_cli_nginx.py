"""``app.py nginx``: from settings, from the database, from a running server."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from cli.main import run
from domain.ids import new_id
from domain.membership import Membership, NodeEvent, StoredNode
from settings import Settings, load_settings
from storage.nodes import SqlNodes
from storage.sql import open_database
from tests.helpers.web_api import WebApi, served
from wiring import stored_nodes

App = Callable[..., tuple[int, str, str]]


class OnlyStored:
    """The roles of a command that looks into the database at most."""

    def __init__(self, *rows: StoredNode) -> None:
        self.rows = list(rows)

    async def stored_nodes(self, settings: Settings) -> list[StoredNode]:
        return self.rows


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> App:
    monkeypatch.setenv("ASR_DATA_DIR", str(tmp_path / "data"))

    def call(*arguments: str, rows: tuple[StoredNode, ...] = ()) -> tuple[int, str, str]:
        status = run(cast(Any, OnlyStored(*rows)), ["nginx", *arguments])
        return status, *capsys.readouterr()

    return call


def places(text: str) -> list[str]:
    return [line.split()[1] for line in text.splitlines() if line.startswith("    server ")]


def test_replicas_are_named_by_setting_or_argument(app: App, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert app() == (
        2,
        "",
        "error: no replica is named: say --replica http://10.0.0.1:7860 (repeatable) or set ASR_REPLICAS\n",
    )
    monkeypatch.setenv("ASR_REPLICAS", "http://10.0.0.1:7860/, http://10.0.0.2:7860")
    monkeypatch.setenv("ASR_MAX_UPLOAD_MB", "50")
    status, text, _ = app()
    assert (status, places(text)) == (0, ["10.0.0.1:7860", "10.0.0.2:7860"])
    assert "listen 80;" in text and "client_max_body_size 150m;" in text
    output = tmp_path / "asr.conf"
    assert app("--replica", "http://10.0.0.3:7860", "--port", "8443", "--output", str(output)) == (0, "", "")
    assert places(output.read_text()) == ["10.0.0.3:7860"] and "listen 8443;" in output.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["asr.conf"]
    assert "cannot be written" in app("--replica", "http://a", "--output", str(tmp_path / "none" / "asr.conf"))[2]


@pytest.mark.parametrize("value", ["ftp://10.0.0.1", "10.0.0.1:7860", "http://u:p@a"])
def test_a_replica_that_is_no_address_is_named(app: App, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ASR_REPLICAS", value)
    status, _, said = app()
    assert status == 2 and said.startswith("error: ASR_REPLICAS is ") and value in said


def test_nodes_come_from_settings_and_from_what_was_said_of_them(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there is no node to write of" in app("--nodes")[2]
    monkeypatch.setenv("ASR_NODES", "http://10.0.0.5:7861;weight=2,http://10.0.0.6:7861,http://10.0.0.7:7861")
    rows = (
        StoredNode("http://10.0.0.6:7861", Membership.REMOVED),
        StoredNode("http://10.0.0.7:7861", drain=True),
        StoredNode("http://10.0.0.8:7861", Membership.ADDED, backup=True),
        # Nobody names it any more.
        StoredNode("http://10.0.0.9:7861", weight=3.0),
    )
    status, text, said = app("--nodes", rows=rows)
    assert (status, said, places(text)) == (0, "", ["10.0.0.5:7861", "10.0.0.8:7861"])
    assert "10.0.0.5:7861 weight=2 " in text and "fail_timeout=15s backup;" in text and "listen 7870;" in text
    assert app("--nodes", rows=(*(StoredNode(f"http://10.0.0.{n}:7861", drain=True) for n in (5, 6, 7)),))[0] == 2


def test_a_foreign_app_is_no_node_for_callers_of_the_pool(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASR_NODES", "http://10.0.0.5:7861,http://10.0.0.6:7860;model=old;app=fun-asr-webui")
    assert places(app("--nodes")[1]) == ["10.0.0.5:7861"]


def test_host_names_become_addresses(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASR_NODES", "http://localhost:7861")
    assert places(app("--nodes")[1])[0] in ("127.0.0.1:7861", "[::1]:7861")
    monkeypatch.setenv("ASR_NODES", "http://nowhere.invalid:7861")
    assert "error: nowhere.invalid has no address: " in app("--nodes")[2]


def test_it_says_that_announced_nodes_are_known_elsewhere(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"NODES": "http://10.0.0.5:1", "REDIS_URL": "redis://10.0.0.1", "NODE_TOKEN": "secret"}.items():
        monkeypatch.setenv(f"ASR_{name}", value)
    assert "--server" in app("--nodes")[2]


def test_a_running_server_knows_all_of_them(app: App, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    api = WebApi(tmp_path, is_loopback=False, allow_open=True, admin_token="the-admin-token")
    with served(api.app) as url:
        assert "set ASR_ADMIN_TOKEN" in app("--nodes", "--server", url)[2]
        monkeypatch.setenv("ASR_ADMIN_TOKEN", "the-admin-token")
        status, text, _ = app("--nodes", "--server", url)
        assert (status, places(text)) == (0, ["10.0.0.5:7861"])
    assert "does not answer" in app("--nodes", "--server", url)[2]
    assert "--server belongs to --nodes" in app("--server", url)[2]


async def test_what_was_said_is_read_from_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASR_DATA_DIR", str(tmp_path / "data"))
    settings = load_settings()
    assert await stored_nodes(settings) == []
    database, url = open_database(settings.sql_url), "http://10.0.0.8:7861"
    line = NodeEvent(new_id(), datetime.now(UTC), "root", "add", url)
    await SqlNodes(database).change(url, {"membership": Membership.ADDED.value}, line)
    database.close()
    assert [row.url for row in await stored_nodes(settings)] == [url]
