"""Three nodes, two replicas and a real nginx before them, by the configuration that the program writes."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import sync_playwright

from domain.node import NodeIntent
from domain.options import RecognitionOptions
from services.nginx_conf import nodes_conf, parse_place, web_conf
from settings import PROJECT
from tests.helpers.browser import WAIT_MS, go, recognise
from tests.helpers.nginx import Nginx, running_nginx
from tests.helpers.node_process import NodeProcess, fake_node
from tests.helpers.postgres import PostgresServer
from tests.helpers.redis_server import RedisServer, free_port
from tests.helpers.server import Server, running_server
from tests.helpers.sounds import tone, write_sound

PAGE = {"accept": "text/html"}
TEMPLATES = PROJECT / "deploy" / "nginx"


@dataclass
class Cluster:
    nginx: Nginx
    replicas: dict[str, Server]
    nodes: list[NodeProcess]

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """One that has the page open."""
        with httpx.Client(base_url=self.nginx.url, timeout=60) as browser:
            assert browser.get("/", headers=PAGE).status_code == 200
            yield browser

    def replica_of(self, browser: httpx.Client) -> str:
        """The address of the one it stays with."""
        for _ in range(4):
            browser.get("/readyz")
        [found] = set(self.nginx.answered("/readyz")[-4:])
        return found


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[NodeProcess]]:
    with ExitStack() as life, ThreadPoolExecutor() as starts:
        yield list(starts.map(lambda _: life.enter_context(fake_node()), range(3)))


@pytest.fixture(scope="module")
def cluster(
    nodes: list[NodeProcess], postgres: PostgresServer, one_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    shared = {
        "ASR_DATABASE_URL": postgres.url(),
        "ASR_REDIS_URL": one_redis.url(db=7),
        "ASR_AUDIO_STORE": str(folder / "recordings"),
        "ASR_SECRET": "the same for both replicas",
        "ASR_ALLOW_OPEN": "1",
        "ASR_OWN_NODE": "no",
        "ASR_NODES": ",".join(node.url for node in nodes),
    }
    with ExitStack() as life, ThreadPoolExecutor() as starts:
        started = starts.map(lambda name: life.enter_context(running_server(folder / name, **shared)), ("a", "b"))
        replicas = {server.url.removeprefix("http://"): server for server in started}
        port, urls = free_port(), [server.url for server in replicas.values()]
        conf = web_conf((TEMPLATES / "web.conf").read_text(), urls, port=port, max_upload_mb=100)
        yield Cluster(life.enter_context(running_nginx(folder / "nginx", conf, port)), replicas, nodes)


def sound(folder: Path, hertz: float, seconds: float = 1.0) -> Path:
    return write_sound(folder / f"{hertz:.0f}.wav", tone(seconds=seconds, hertz=hertz))


def submit(browser: httpx.Client, path: Path, **fields: str) -> dict[str, Any]:
    answer = browser.post("/v1/recognitions", files={"file": (path.name, path.read_bytes())}, data=fields)
    assert answer.status_code < 300, answer.text
    return answer.json()


def finished(browser: httpx.Client, row: dict[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while row["status"] in ("queued", "running") and time.monotonic() < deadline:
        row = browser.get(f"/v1/recognitions/{row['id']}", params={"wait": 2}).json()
    return row


def test_gradio_clients_of_the_plain_pool_stay_each_with_its_node(nodes: list[NodeProcess], tmp_path: Path) -> None:
    port, audio = free_port(), handle_file(sound(tmp_path, 200))
    pool = [(NodeIntent(node.url), parse_place(node.url)) for node in nodes]
    conf = nodes_conf((TEMPLATES / "nodes.conf").read_text(), pool, port=port, max_upload_mb=10)
    job = {"track": "spoken", "options": RecognitionOptions().to_json()}
    with ExitStack() as life:
        nginx = life.enter_context(running_nginx(tmp_path / "nginx", conf, port))
        clients = [life.enter_context(closing(Client(nginx.url, verbose=False))) for _ in nodes]
        for number, client in enumerate(clients * 2):
            found = client.predict(audio, {**job, "id": f"plain {number}"}, api_name="/recognize")
            assert found["result"]["output"]["segments"]
        seen = [httpx.get(f"{node.url}/test/calls", timeout=60).json() for node in nodes]
        assert sorted(map(len, seen)) == [2, 2, 2]


def test_a_session_stays_with_its_replica_and_sees_what_happens_as_it_happens(cluster: Cluster, tmp_path: Path) -> None:
    seen: set[str] = set()
    for _ in range(30):  # by chance, all of thirty might begin at one of two
        if len(seen) < 2:
            with cluster.browser() as browser:
                seen.add(cluster.replica_of(browser))
    assert seen == set(cluster.replicas)
    with cluster.browser() as browser:
        # Larger than what nginx takes by default, and nothing of it is put down on the way.
        row = submit(browser, sound(tmp_path, 300, 40), hotwords="slow")
        with browser.stream("GET", f"/v1/recognitions/{row['id']}/events") as events:
            times = [time.monotonic() for line in events.iter_lines() if line.startswith("data:")]
        assert times[-1] - times[0] > 0.4, "all at once"
        assert finished(browser, row)["status"] == "succeeded"
        assert cluster.nginx.warnings() == ""
        # Gradio's own protocol, by programs: several requests that belong together.
        with closing(Client(cluster.nginx.url, verbose=False)) as client:
            assert "你好" in str(client.predict(handle_file(sound(tmp_path, 300, 40)), api_name="/recognize"))
        assert httpx.get(f"{cluster.nginx.url}/healthz", timeout=60).json() == {"status": "ok"}


def test_a_node_that_dies_costs_nothing(cluster: Cluster, tmp_path: Path) -> None:
    with cluster.browser() as browser:
        rows = [submit(browser, sound(tmp_path, 400 + 50 * n), hotwords="slow") for n in range(4)]
        time.sleep(0.5)
        cluster.nodes.pop().kill()
        assert [finished(browser, row)["status"] for row in rows] == ["succeeded"] * 4


def test_a_page_outlives_its_replica(cluster: Cluster, tmp_path: Path) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = chromium.new_page(locale="zh-CN")
        page.set_default_timeout(WAIT_MS)
        before = len(cluster.nginx.answered("/gradio_api/queue/join"))
        go(page, cluster.nginx.url)
        recognise(page, sound(tmp_path, 800))
        page.wait_for_function("document.querySelector('.asr-result').innerText.includes('你好')")
        # Gradio's calls, which only one replica knows the session of.
        [home] = set(cluster.nginx.answered("/gradio_api/queue/join")[before:])
        cluster.replicas.pop(home).kill()
        page.reload()
        page.wait_for_function("document.querySelector('.asr-result')?.innerText.includes('你好')")
        go(page, f"{cluster.nginx.url}/history")
        page.get_by_text("800.wav").first.wait_for()
        go(page, cluster.nginx.url)
        recognise(page, sound(tmp_path, 850))
        chromium.close()
    assert home not in cluster.nginx.answered("/gradio_api/queue/join")[-1]
