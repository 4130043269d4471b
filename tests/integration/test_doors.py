"""Nobody gets at a file that he did not upload, and no other site's page gets at anything."""

import json
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.helpers.server import Server, running_server

ADMIN_TOKEN = "the-admin-token-of-this-test"
API_KEY = "the-key-of-this-test"


@pytest.fixture
def http(server_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server_url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server as it runs behind a proxy: open, with an administrator's token and API keys."""
    with running_server(
        tmp_path_factory.mktemp("open") / "data",
        ready=False,
        ASR_ALLOW_OPEN="1",
        ASR_ADMIN_TOKEN=ADMIN_TOKEN,
        ASR_API_KEYS=f"crm:{API_KEY}",
        ASR_MODEL_LOAD="demand",
    ) as running:
        yield running


class Vault:
    """A file of this machine that nobody uploaded, and what was seen of the server."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.mark = f"SENTINEL-{secrets.token_hex(16)}"
        self.path = folder / "private.wav"
        self.path.write_text(f"RIFF {self.mark}\n", encoding="utf-8")
        self._server = server
        self._seen: list[bytes] = []

    def saw(self, content: bytes) -> None:
        self._seen.append(content)

    def assert_shut(self) -> None:
        """Neither an answer nor anything that the server keeps holds the file (a copy could be fetched later)."""
        mark = self.mark.encode()
        assert not [content for content in self._seen if mark in content]
        kept = [path for path in self._server.data_dir.rglob("*") if path.is_file() and mark in path.read_bytes()]
        assert kept == []


@pytest.fixture
def vault(tmp_path: Path, server: Server) -> Vault:
    return Vault(tmp_path, server)


def references(path: Path | str) -> list[Any]:
    """A file as Gradio's components take it, in every shape that any of them takes."""
    data = {"path": str(path), "meta": {"_type": "gradio.FileData"}, "orig_name": "a.wav"}
    return [data, [data], {"value": data}, {"files": [data], "text": ""}, str(path), {**data, "is_stream": True}]


@pytest.fixture
def listener() -> Iterator["Listener"]:
    """An HTTP server of this test's own that notes what it is asked."""
    with Listener() as running:
        yield running


class Listener(ThreadingHTTPServer):
    def __init__(self) -> None:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_error(404)

            do_HEAD = do_GET

            def log_message(self, format: str, *args: object) -> None: ...

        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = asked
        self.url = f"http://127.0.0.1:{self.server_port}/x.wav"
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)

    def __enter__(self) -> "Listener":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


def addresses(listener: Listener) -> list[Any]:
    """References to what lies elsewhere: on this machine, and (never to be resolved) on the internet."""
    # Gradio itself shuns private addresses; the public name must be refused before anybody looks it up.
    urls = (listener.url, "http://asr-test.example.com/x.wav")
    return [shape for url in urls for shape in references(url) if not isinstance(shape, str)]


def config(http: httpx.Client) -> dict[str, Any]:
    return http.get("/config").json()


def handlers(http: httpx.Client) -> list[dict[str, Any]]:
    found = [item for item in config(http)["dependencies"] if item["backend_fn"]]
    assert found
    return found


def test_the_vault_notices_a_leak(vault: Vault, server: Server) -> None:
    """The checks below can fail: a copy in the server's folder is found."""
    copy = server.data_dir / "copy.wav"
    copy.write_bytes(vault.path.read_bytes())
    try:
        with pytest.raises(AssertionError):
            vault.assert_shut()
    finally:
        copy.unlink()


def test_the_queue_reads_no_file_that_was_not_uploaded(http: httpx.Client, vault: Vault) -> None:
    for handler in handlers(http):
        session = secrets.token_hex(6)
        joined = 0
        if not handler["inputs"]:
            continue
        for shape in references(vault.path):
            body = {
                "data": [shape for _ in handler["inputs"]],
                "fn_index": handler["id"],
                "session_hash": session,
                "event_data": None,
            }
            answer = http.post("/gradio_api/queue/join", json=body)
            vault.saw(answer.content)
            joined += answer.status_code == 200
        if joined:
            read_queue(http, session, joined, vault)
    vault.assert_shut()


def read_queue(http: httpx.Client, session: str, events: int, vault: Vault) -> None:
    """Reads a session's answers until every event has ended."""
    ended = 0
    with http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
        for line in stream.iter_lines():
            vault.saw(line.encode())
            if not line.startswith("data: "):
                continue
            message = json.loads(line.removeprefix("data: "))
            ended += message["msg"] == "process_completed"
            if ended == events or message["msg"] in ("close_stream", "unexpected_error"):
                return


def test_the_queue_asks_no_address(http: httpx.Client, listener: Listener, server: Server) -> None:
    begin = len(server.output())
    for handler in handlers(http):
        count = len(handler["inputs"])
        for shape in addresses(listener)[: None if handler["api_name"] == "recognize" else 1] if count else []:
            session = secrets.token_hex(6)
            body = {"data": [shape] * count, "fn_index": handler["id"], "session_hash": session, "event_data": None}
            assert http.post("/gradio_api/queue/join", json=body).status_code == 200
            done = next(item for item in messages(http, session) if item["msg"] == "process_completed")
            assert done["success"] is False
            assert "Only uploaded files are taken" in done["output"]["error"], done
            assert done["title"] == "access_denied"
    assert listener.asked == []
    assert "Traceback" not in server.output()[begin:]


def test_too_few_values_are_refused_in_words(http: httpx.Client, server: Server) -> None:
    begin = len(server.output())
    private = [one for one in handlers(http) if one["api_visibility"] != "public" and one["inputs"]]
    assert len(private) > 5
    for handler in private:
        session = secrets.token_hex(6)
        body = {"data": [], "fn_index": handler["id"], "session_hash": session, "event_data": None}
        assert http.post("/gradio_api/queue/join", json=body).status_code == 200
        done = next(item for item in messages(http, session) if item["msg"] == "process_completed")
        assert (done["success"], done["title"]) == (False, "invalid_input") and done["output"]["error"], done
    assert "Traceback" not in server.output()[begin:]


def messages(http: httpx.Client, session: str) -> Iterator[dict[str, Any]]:
    with http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


@pytest.mark.parametrize("route", ["call", "call/v2"])
def test_named_endpoints_ask_no_address(http: httpx.Client, listener: Listener, server: Server, route: str) -> None:
    begin = len(server.output())
    for shape in addresses(listener):
        body = {"audio": shape} if route == "call/v2" else {"data": [shape, "", "auto", True, True, 30_000]}
        event = http.post(f"/gradio_api/{route}/recognize", json=body).json()["event_id"]
        answer = http.get(f"/gradio_api/call/recognize/{event}").text
        assert "event: error" in answer and "Only uploaded files are taken" in answer, answer
    assert listener.asked == []
    assert "Traceback" not in server.output()[begin:]


@pytest.mark.parametrize("route", ["run", "api", "call", "call/v2"])
def test_named_endpoints_read_no_file_that_was_not_uploaded(http: httpx.Client, vault: Vault, route: str) -> None:
    named = [handler for handler in handlers(http) if handler["api_name"]]
    assert [handler["api_name"] for handler in named if handler["api_visibility"] == "public"] == ["recognize"]
    for handler in named:
        # Private only means that it is not in the documentation.
        for shape in references(vault.path)[: None if handler["api_visibility"] == "public" else 1]:
            body = {"data": [shape for _ in handler["inputs"]], "audio": shape}
            answer = http.post(f"/gradio_api/{route}/{handler['api_name']}", json=body)
            vault.saw(answer.content)
            assert b"Traceback" not in answer.content
            event = answer.json().get("event_id") if answer.status_code == 200 else None
            if event:
                with http.stream("GET", f"/gradio_api/call/{handler['api_name']}/{event}") as stream:
                    for line in stream.iter_lines():
                        vault.saw(line.encode())
    vault.assert_shut()


def test_gradio_serves_no_file_that_was_not_uploaded(http: httpx.Client, vault: Vault, server: Server) -> None:
    path = str(vault.path)
    uploads = server.data_dir / "uploads"
    spellings = [
        path,
        quote(path, safe=""),
        f"/{path}",
        f"{uploads}/../../{vault.path.relative_to('/')}",
        f"{uploads}/{'../' * 20}{path.lstrip('/')}",
        quote(f"{uploads}/{'../' * 20}{path.lstrip('/')}", safe=""),
        f"file://{path}",
        "/etc/passwd",
        str(server.data_dir / "secret"),
        str(server.data_dir / "history.db"),
    ]
    for prefix in ("/gradio_api/file=", "/gradio_api/file/", "/file=", "/static/", "/assets/", "/gradio_api/proxy="):
        for spelling in spellings:
            answer = http.get(prefix + spelling)
            vault.saw(answer.content)
            assert answer.status_code >= 300, (prefix, spelling)
            assert b"root:" not in answer.content
    vault.assert_shut()


def test_component_functions_read_no_file(http: httpx.Client, vault: Vault) -> None:
    for component in config(http)["components"]:
        for name in ("ls", "preprocess"):
            body = {"component_id": component["id"], "fn_name": name, "session_hash": "x", "data": str(vault.path)}
            answer = http.post("/gradio_api/component_server", json=body)
            vault.saw(answer.content)
            assert answer.status_code >= 400
    vault.assert_shut()


def test_an_uploads_name_leads_nowhere(http: httpx.Client, server: Server) -> None:
    mark = secrets.token_hex(16).encode()
    for name in ("../../../escaped.wav", "/tmp/escaped.wav", "..\\..\\escaped.wav", "a/../../escaped.wav", "😀.wav"):
        answer = http.post("/gradio_api/upload", files={"files": (name, mark)})
        if answer.status_code == 200:
            for path in answer.json():
                assert Path(path).resolve().is_relative_to((server.data_dir / "uploads").resolve())
    holding = [path for path in server.data_dir.parent.rglob("*") if path.is_file() and path.read_bytes() == mark]
    assert holding
    assert all(path.is_relative_to(server.data_dir / "uploads") for path in holding)
    assert not Path("/tmp/escaped.wav").exists()


def test_the_old_calls_open_no_path(http: httpx.Client, vault: Vault) -> None:
    for shape in references(vault.path):
        for path in ("/api/predict/", "/api/predict"):
            answer = http.post(path, json={"data": [shape, "", "auto", True]})
            assert answer.status_code == 400
            vault.saw(answer.content)
    for fields in ({"audio": str(vault.path)}, {"file": f"@{vault.path}"}):
        vault.saw(http.post("/recognize", data=fields).content)
        vault.saw(http.post("/v1/recognitions", data=fields, params={"wait": 30}).content)
    vault.assert_shut()


def test_a_hotword_opens_no_file_and_fetches_no_address(http: httpx.Client, speech_wav: Path) -> None:
    for hotword in ("words.txt", "/etc/passwd", "http://127.0.0.1:9/words", "file:///x"):
        answer = http.post(
            "/v1/recognitions", files={"file": ("speech.wav", speech_wav.read_bytes())}, data={"hotwords": hotword}
        )
        assert answer.status_code == 400
        assert answer.json()["error"]["details"]["reason"] == "not_a_word"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/config"),
        ("GET", "/healthz"),
        ("GET", "/v1/recognitions"),
        ("POST", "/v1/recognitions"),
        ("POST", "/gradio_api/queue/join"),
        ("POST", "/gradio_api/upload"),
    ],
)
def test_a_name_that_was_pointed_here_opens_nothing(http: httpx.Client, method: str, path: str) -> None:
    """DNS rebinding: evil.example resolves to 127.0.0.1, and its page is then of the same origin."""
    host = f"evil.example:{http.base_url.port}"
    answer = http.request(method, path, headers={"host": host, "origin": f"http://{host}"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/v1/recognitions",
        "/api/predict/",
        "/recognize",
        "/gradio_api/queue/join",
        "/gradio_api/upload",
        "/v1/nodes/x/drain",
    ],
)
@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_other_sites_cannot_post(http: httpx.Client, path: str, headers: dict[str, str]) -> None:
    assert http.post(path, headers=headers, content=b"{}").status_code == 403


def test_other_sites_cannot_ask_in_advance_or_read(http: httpx.Client) -> None:
    preflight = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    answer = http.options("/gradio_api/queue/join", headers=preflight)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert http.get("/v1/recognitions", headers={"origin": "https://evil.example"}).status_code == 403


def test_a_page_sets_the_cookie_and_every_answer_its_headers(http: httpx.Client) -> None:
    page = http.get("/", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "HttpOnly" in page.headers["set-cookie"]
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    asset = http.get("/config")
    assert "set-cookie" not in asset.headers
    assert asset.headers["x-content-type-options"] == "nosniff"


def test_an_open_server_keeps_its_visitors_apart(open_server: Server) -> None:
    page, key = {"accept": "text/html"}, {"authorization": f"Bearer {API_KEY}"}
    with (
        httpx.Client(base_url=open_server.url, timeout=60) as alice,
        httpx.Client(base_url=open_server.url, timeout=60) as mallory,
    ):
        alice.get("/", headers=page)
        mallory.get("/", headers=page)
        row = alice.post("/v1/recognitions", files={"file": ("a.wav", b"")}).json()
        mine = f"/v1/recognitions/{row['id']}"
        assert row["user"].startswith("visitor:")
        assert alice.get(mine).status_code == 200
        for headers in ({}, key):
            assert mallory.get(mine, headers=headers).status_code == 404
            assert mallory.get(f"{mine}/events", headers=headers).status_code == 404
            assert mallory.get(f"{mine}/audio", headers=headers).status_code == 404
            assert mallory.delete(mine, headers=headers).status_code == 404
            assert mallory.post(f"{mine}/cancel", headers=headers).status_code == 404
            assert mallory.post(f"{mine}/again", headers=headers).status_code == 404
            assert mallory.get("/v1/recognitions", headers=headers).json()["recognitions"] == []
        forged = alice.cookies["asr_visitor"].replace("visitor:", "visitor:x", 1)
        with httpx.Client(base_url=open_server.url, cookies={"asr_visitor": forged}, timeout=60) as forger:
            assert forger.get(mine).status_code == 401


def test_whoever_opened_no_page_needs_a_key(open_server: Server) -> None:
    with httpx.Client(base_url=open_server.url, timeout=60) as http:
        for path in ("/v1/recognitions", "/recognize", "/api/predict/", "/v1/audio/transcriptions"):
            assert http.post(path).status_code == 401
            unknown = http.post(path, headers={"authorization": "Bearer another"})
            assert unknown.status_code == 401
            assert http.post(path, headers={"authorization": f"Bearer {API_KEY}"}).status_code == 400
        assert http.get("/healthz").status_code == 200
        # The pages need these calls too, and anybody may open a page: keys name callers, they are no wall.
        http.get("/", headers={"accept": "text/html"})
        assert http.get("/v1/recognitions").status_code == 200


def test_only_the_token_makes_an_administrator(open_server: Server) -> None:
    with httpx.Client(base_url=open_server.url, timeout=60) as http:
        http.get("/", headers={"accept": "text/html"})
        assert http.post("/v1/nodes/local/drain").json()["error"]["code"] == "access_denied"
        assert "nodes" not in http.get("/v1/nodes").json()
        wrong = http.post("/v1/admin/login", json={"token": ADMIN_TOKEN[:-1]})
        assert wrong.status_code == 401
        assert "set-cookie" not in wrong.headers
        assert http.post("/v1/admin/login", json={"token": ADMIN_TOKEN}).json() == {"is_admin": True}
        nodes = http.get("/v1/nodes").json()["nodes"]
        assert http.post(f"/v1/nodes/{nodes[0]['name']}/drain").status_code == 200
        assert http.get("/v1/nodes").json()["nodes"][0]["drain"] is True
        assert http.post(f"/v1/nodes/{nodes[0]['name']}/resume").status_code == 200
    with httpx.Client(base_url=open_server.url, headers={"x-asr-admin-token": ADMIN_TOKEN}, timeout=60) as http:
        assert "nodes" in http.get("/v1/nodes").json()
