"""A node as others meet it: a process of its own, called through gradio_client and plain HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from domain.node import TOKEN_HEADER, NodeJob, NodeProgress, NodeReport, NodeResult
from domain.options import RecognitionOptions
from tests.helpers.speech import say, talk, write_wav

TOKEN = "a secret for tests"
WAIT_SECONDS = 120.0
#: In a recording that is long enough to be met at work.
SENTENCES = 50
RUN = """
import sys
from pathlib import Path
from engine.node_server import serve_node
from settings import load_settings
data, token, parent = sys.argv[1:]
settings = load_settings(data_dir=Path(data), model="demo", node_token=token, slots=2)
parent_pid = int(parent) if parent else None
sys.exit(serve_node(settings, port_file=Path(data) / "port", parent_pid=parent_pid, version="9.9"))
"""


@dataclass
class Node:
    process: subprocess.Popen[bytes]
    url: str
    data_dir: Path

    def health(self) -> httpx.Response:
        return httpx.get(f"{self.url}/healthz", timeout=60)

    def client(self) -> Client:
        headers = {"x-asr-node-token": TOKEN}
        return Client(self.url, verbose=False, ssl_verify=False, download_files=False, headers=headers)


def until(condition, seconds: float = WAIT_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


@contextmanager
def running_node(data_dir: Path) -> Iterator[Node]:
    data_dir.mkdir(parents=True, exist_ok=True)
    log = (data_dir / "node.log").open("wb")
    process = subprocess.Popen([sys.executable, "-c", RUN, str(data_dir), TOKEN, ""], stdout=log, stderr=log)
    try:
        until(lambda: (data_dir / "port").exists() or process.poll() is not None)
        assert process.poll() is None, (data_dir / "node.log").read_text()
        node = Node(process, f"http://127.0.0.1:{(data_dir / 'port').read_text().strip()}", data_dir)
        until(lambda: node.health().status_code == 200)
        yield node
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log.close()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("node")) as running:
        yield running


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(
        tmp_path_factory.mktemp("a") / "short.wav", talk(say("打开空调"), say("今天天气怎么样", voice="m6"))
    )


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("b") / "long.wav", np.tile(talk(say("打开空调")), SENTENCES))


@pytest.fixture
def client(node: Node) -> Iterator[Client]:
    made = node.client()
    yield made
    made.close()


def job(name: str, **fields: Any) -> dict[str, Any]:
    return NodeJob(f"{name}-{time.monotonic_ns()}:0", RecognitionOptions(**fields)).to_json()


def code_of(error: AppError) -> str:
    told = json.loads(str(error.message))
    assert set(told) == {"code", "message", "details"}
    assert error.title == told["code"]
    return told["code"]


def test_healthz_tells_everything(node: Node) -> None:
    report = NodeReport.from_json(node.health().json())
    assert (report.health.value, report.model, report.device, report.slots) == ("ready", "demo", "cpu", 2)
    assert len(report.fingerprint) == 16
    assert report.fingerprint_parts["preset"] == "demo"
    assert report.capabilities.hotwords
    assert not report.capabilities.writes
    assert (report.version, report.running, report.error) == ("9.9", (), "")
    assert report.memory_bytes > 100_000_000
    assert report.gpu_memory_total_bytes is None


def test_a_recognition_through_gradio_client(client: Client, short: Path) -> None:
    work = client.submit(handle_file(short), job("short"), api_name="/recognize")
    final = work.result(timeout=90)
    steps = work.outputs()
    assert steps[-1] == final
    first = NodeProgress.from_json(steps[0])
    assert (first.segment, first.of, first.segments) == (0, 2, ())
    result = NodeResult.from_json(final["result"])
    assert [segment.text for segment in result.output.segments] == ["打开空调。", "今天天气怎么样？"]
    told = [segment for step in steps[:-1] for segment in NodeProgress.from_json(step).segments]
    # Who speaks is known only when everybody has been heard.
    assert told == [replace(segment, speaker=None) for segment in result.output.segments]


def test_detect_speech(client: Client, short: Path) -> None:
    vad = {"enabled": True, "max_segment_ms": 1_000, "end_silence_ms": 500}
    work = {"id": "speech", "options": {"vad": vad}}
    found = client.predict(handle_file(short), work, api_name="/detect_speech")
    assert -100 < found["noise_db"] < 0
    assert found["audio_seconds"] == pytest.approx(short.stat().st_size / 32_000, abs=0.01)
    assert len(found["segments"]) > 2
    assert all(end - start <= 1_000 for start, end in found["segments"])


@pytest.mark.parametrize(
    ("work", "code"),
    [
        ({"id": "x"}, "invalid_options"),
        (["nothing"], "invalid_options"),
        ({"id": "x", "options": {"language": "ja"}}, "invalid_options"),
        ({"id": "x", "options": {"hotwords": ["/etc/passwd"]}}, "invalid_options"),
    ],
)
def test_a_bad_job_is_refused_with_its_code(client: Client, short: Path, work: Any, code: str) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(handle_file(short), work, api_name="/recognize")
    assert code_of(caught.value) == code


@pytest.mark.parametrize("content", [b"RIFF", b"no sound at all", b"ffconcat version 1.0\nfile /etc/passwd\n"])
def test_bad_audio_is_refused_with_its_code(client: Client, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AppError) as caught:
        client.predict(handle_file(path), job("bad"), api_name="/recognize")
    assert code_of(caught.value) == "bad_audio"


def test_a_full_node_refuses_at_once_and_cancel_frees_it(node: Node, short: Path, long: Path) -> None:
    clients = [node.client() for _ in range(3)]
    jobs = [job("long") for _ in range(2)]
    try:
        runs = [
            c.submit(handle_file(long), work, api_name="/recognize") for c, work in zip(clients, jobs, strict=False)
        ]
        until(lambda: len(node.health().json()["running"]) == 2)
        with pytest.raises(AppError) as caught:
            clients[2].predict(handle_file(short), job("third"), api_name="/recognize")
        assert code_of(caught.value) == "node_busy"
        for work, run in zip(jobs, runs, strict=True):
            assert clients[2].predict(work["id"], api_name="/cancel") == {"cancelled": True}
            with pytest.raises(AppError) as caught:
                run.result(timeout=90)
            assert code_of(caught.value) == "cancelled"
        assert node.health().json()["running"] == []
        assert clients[2].predict("no such job", api_name="/cancel") == {"cancelled": False}
    finally:
        for made in clients:
            made.close()


def test_a_caller_that_goes_away_stops_nothing_and_may_join_again(node: Node, long: Path) -> None:
    work, first, second = job("left"), node.client(), node.client()
    first.submit(handle_file(long), work, api_name="/recognize")
    until(lambda: node.health().json()["running"] == [work["id"]])
    first.close()
    try:
        final = second.predict(handle_file(long), work, api_name="/recognize")
        assert len(final["result"]["output"]["segments"]) == SENTENCES
        assert second.predict(handle_file(long), work, api_name="/recognize") == final
    finally:
        second.close()


def test_healthz_answers_while_it_recognises(node: Node, client: Client, long: Path) -> None:
    work = job("busy")
    run = client.submit(handle_file(long), work, api_name="/recognize")
    until(lambda: node.health().json()["running"] == [work["id"]])
    answers = 0
    while not run.done():
        answer = node.health()
        assert answer.status_code == 200
        answers += answer.json()["running"] == [work["id"]]
        time.sleep(0.05)
    assert answers >= 3


def test_metrics(node: Node, client: Client, short: Path) -> None:
    client.predict(handle_file(short), job("metrics"), api_name="/recognize")
    text = httpx.get(f"{node.url}/metrics", headers={"x-asr-node-token": TOKEN}, timeout=60).text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert values["asr_node_slots"] == "2"
    assert float(values['asr_node_jobs_total{outcome="succeeded"}']) >= 1
    assert float(values["asr_node_audio_seconds_total"]) > 3


@pytest.mark.parametrize("path", ["/", "/metrics", "/config", "/gradio_api/info", "/gradio_api/app_id"])
@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_without_the_token_every_door_is_closed(node: Node, path: str, token: str | None) -> None:
    headers = {} if token is None else {"x-asr-node-token": token}
    assert httpx.get(node.url + path, headers=headers, timeout=60).status_code == 401
    assert httpx.post(node.url + "/gradio_api/queue/join", headers=headers, json={}, timeout=60).status_code == 401
    assert httpx.get(node.url + path, headers={"x-asr-node-token": TOKEN}, timeout=60).status_code == 200


def test_no_file_of_the_machine_can_be_read(node: Node, tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(b"RIFF the secret of this machine")
    stolen = {"path": str(secret), "meta": {"_type": "gradio.FileData"}}
    http = httpx.Client(base_url=node.url, headers={"x-asr-node-token": TOKEN}, timeout=60)
    work = job("thief")
    with http:
        config = http.get("/config").json()
        ids = {item["api_name"]: item["id"] for item in config["dependencies"]}
        for name, data in (("recognize", [stolen, work]), ("detect_speech", [stolen, work])):
            for address in (f"/gradio_api/run/{name}", f"/gradio_api/api/{name}"):
                assert http.post(address, json={"data": data}).status_code >= 400
            body = {"data": data, "fn_index": ids[name], "session_hash": "thief"}
            joined = http.post("/gradio_api/queue/join", json=body)
            if joined.status_code == 200:
                told = _last_message(http, "/gradio_api/queue/data?session_hash=thief", "process_completed")
                assert told["success"] is False
            event = http.post(f"/gradio_api/call/{name}", json={"data": data})
            if event.status_code == 200:
                stream = http.get(f"/gradio_api/call/{name}/{event.json()['event_id']}").text
                assert "event: complete" not in stream
        for address in (f"/gradio_api/file={secret}", f"/file={secret}", f"/gradio_api/file/{secret}"):
            answer = http.get(address)
            assert answer.status_code >= 400
            assert b"secret of this machine" not in answer.content
    kept = [path for path in (node.data_dir / "node-work").rglob("*") if path.is_file()]
    assert not [path for path in kept if b"secret of this machine" in path.read_bytes()]
    assert node.health().json()["running"] == []


@pytest.mark.parametrize("address", ["http://example.invalid/a.wav", "https://example.invalid/a.wav"])
def test_nothing_is_fetched_for_a_caller(node: Node, address: str) -> None:
    named = {"path": address, "meta": {"_type": "gradio.FileData"}}
    streamed = {**named, "is_stream": True}
    with httpx.Client(base_url=node.url, headers={TOKEN_HEADER: TOKEN}, timeout=60) as http:
        ids = {item["api_name"]: item["id"] for item in http.get("/config").json()["dependencies"]}
        calls = [("recognize", [sound, job("a")]) for sound in (named, streamed)]
        calls += [
            ("recognize", [None, {**job("b"), "more": [named]}]),
            ("detect_speech", [named, job("c")]),
            ("cancel", [named]),
        ]
        for number, (name, data) in enumerate(calls):
            session = f"fetch-{number}"
            body = {"data": data, "fn_index": ids[name], "session_hash": session}
            http.post("/gradio_api/queue/join", json=body).raise_for_status()
            told = _last_message(http, f"/gradio_api/queue/data?session_hash={session}", "process_completed")
            assert (told["success"], told["output"]["title"]) == (False, "invalid_input"), name
            assert json.loads(told["output"]["error"])["details"] == {"reason": "address"}
        for route in (f"/gradio_api/file={address}", f"/file={address}", f"/gradio_api/proxy={address}"):
            assert http.get(route).status_code == 404
    assert node.health().json()["running"] == []


def _last_message(http: httpx.Client, address: str, kind: str) -> dict[str, Any]:
    with http.stream("GET", address) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                message = json.loads(line.removeprefix("data:"))
                if message["msg"] == kind:
                    return message
    raise AssertionError(f"no {kind}")


def test_a_second_signal_ends_it_at_once_and_without_a_traceback(tmp_path: Path, long: Path) -> None:
    with running_node(tmp_path / "node") as node:
        client, work = node.client(), job("cut off")
        client.submit(handle_file(long), work, api_name="/recognize")
        until(lambda: node.health().json()["running"] == [work["id"]])
        node.process.send_signal(signal.SIGTERM)
        until(lambda: node.health().status_code == 503)
        node.process.send_signal(signal.SIGTERM)
        node.process.wait(60)
        client.close()
    assert "Traceback" not in (node.data_dir / "node.log").read_text()


def test_a_node_ends_with_its_parent(tmp_path: Path) -> None:
    starter = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {RUN!r}, {str(tmp_path)!r}, {TOKEN!r}, str(os.getpid())])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE)
    try:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        until(lambda: (tmp_path / "port").exists())
        parent.kill()
        parent.wait()
        until(lambda: not _lives(pid), 60)
    finally:
        if parent.poll() is None:
            parent.kill()
        parent.wait()
        if parent.stdout is not None:
            parent.stdout.close()


def test_a_node_whose_parent_died_before_it_began_ends_too(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    node = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path), TOKEN, str(gone.pid)])
    try:
        assert node.wait(WAIT_SECONDS) == 0
    finally:
        node.kill()
        node.wait()


def test_sigterm_lets_the_job_end_and_then_the_node(node: Node, short: Path, long: Path) -> None:
    """The last one here: it ends the node of all those before it."""
    client, late = node.client(), node.client()
    work = job("last")
    run = client.submit(handle_file(long), work, api_name="/recognize")
    until(lambda: node.health().json()["running"] == [work["id"]])
    node.process.send_signal(signal.SIGTERM)
    until(lambda: node.health().status_code == 503)
    assert node.health().json()["status"] == "draining"
    with pytest.raises(AppError) as caught:
        late.predict(handle_file(short), job("late"), api_name="/recognize")
    assert code_of(caught.value) == "node_busy"
    assert len(run.result(timeout=90)["result"]["output"]["segments"]) == SENTENCES
    assert node.process.wait(60) == 0
    assert list((node.data_dir / "node-work").iterdir()) == []
    assert not (node.data_dir / "port").exists()
    client.close()
    late.close()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
