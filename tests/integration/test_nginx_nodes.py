"""The plain pool of nodes behind a real nginx."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.node import NodeIntent
from services.nginx_conf import nodes_conf, parse_place
from settings import PROJECT
from tests.helpers.nginx import running_nginx
from tests.helpers.redis_server import free_port


def conf(port: int, *nodes: NodeIntent) -> str:
    template = (PROJECT / "deploy" / "nginx" / "nodes.conf").read_text()
    return nodes_conf(template, [(node, parse_place(node.url)) for node in nodes], port=port, max_upload_mb=10)


class PlainNode:
    """Answers at once, or when it may (``POST /slow``), or hangs up on what it was sent (``POST /die``)."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.may = threading.Event()
        node = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                node.seen[self.path] += 1
                if self.path == "/die":
                    self.close_connection = True
                    return
                if self.path == "/slow":
                    node.may.wait(20)
                self._answer()

            def _answer(self) -> None:
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.may.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def nodes() -> Iterator[list[PlainNode]]:
    found = [PlainNode() for _ in range(3)]
    yield found
    for node in found:
        node.stop()


def test_work_goes_to_the_node_with_the_least_of_it_and_none_is_sent_twice(
    tmp_path: Path, nodes: list[PlainNode]
) -> None:
    port = free_port()
    with running_nginx(tmp_path, conf(port, *(NodeIntent(node.url) for node in nodes)), port) as nginx:
        with ThreadPoolExecutor() as callers:
            slow = [callers.submit(httpx.post, f"{nginx.url}/slow", content=b"x" * 100) for _ in range(2)]
            while sum(node.seen["/slow"] for node in nodes) < 2:
                time.sleep(0.01)
            [idle] = [node for node in nodes if not node.seen["/slow"]]
            for _ in range(5):
                assert httpx.post(f"{nginx.url}/quick", content=b"x", timeout=60).status_code == 200
            assert idle.seen["/quick"] == 5
            for node in nodes:
                node.may.set()
            assert [it.result().status_code for it in slow] == [200, 200]
        assert httpx.post(f"{nginx.url}/die", content=b"x" * 100, timeout=60).status_code == 502
        assert sum(node.seen["/die"] for node in nodes) == 1


def test_a_dead_node_is_left_out_and_a_backup_serves_when_no_other_does(tmp_path: Path, nodes: list[PlainNode]) -> None:
    port, (one, two, spare) = free_port(), nodes
    pool = NodeIntent(one.url), NodeIntent(two.url), NodeIntent(spare.url, backup=True)
    with running_nginx(tmp_path, conf(port, *pool), port) as nginx:
        one.stop()
        assert [httpx.post(f"{nginx.url}/a", content=b"x", timeout=60).status_code for _ in range(6)] == [200] * 6
        assert (two.seen["/a"], spare.seen["/a"]) == (6, 0)
        two.stop()
        assert [httpx.post(f"{nginx.url}/b", content=b"x", timeout=60).status_code for _ in range(3)] == [200] * 3
        assert spare.seen["/b"] == 3


def test_a_caller_with_a_cookie_stays_until_its_node_dies(tmp_path: Path, nodes: list[PlainNode]) -> None:
    port = free_port()
    with (
        running_nginx(tmp_path, conf(port, *(NodeIntent(node.url) for node in nodes)), port) as nginx,
        httpx.Client(base_url=nginx.url, timeout=60) as caller,
    ):
        assert [caller.post("/c", content=b"x").status_code for _ in range(5)] == [200] * 5
        [home] = [node for node in nodes if node.seen["/c"]]
        home.stop()
        # What belonged to the session is lost with the node; who asks again begins elsewhere.
        assert [caller.post("/c", content=b"x").status_code for _ in range(3)] == [502, 200, 200]
        assert sorted(node.seen["/c"] for node in nodes) == [0, 2, 5]
