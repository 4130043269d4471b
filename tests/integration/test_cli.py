"""The command line, as a shell sees it."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest

from cli.main import build_parser
from tests.helpers.server import ROOT, Server
from tests.helpers.speech import RATE, write_wav

CLEAN = {key: value for key, value in os.environ.items() if not key.startswith("ASR_")}


def app(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "app.py"), *arguments]
    full = {**CLEAN, "ASR_CONFIG": os.devnull, "ASR_DATA_DIR": str(cwd / "data"), "ASR_MODEL": "demo", **env}
    return subprocess.run(command, cwd=cwd, env=full, capture_output=True, text=True, timeout=150)


def test_transcribe_through_the_running_server(server: Server, speech_wav: Path, tmp_path: Path) -> None:
    answer = app("transcribe", str(speech_wav), "--server", server.url, "--hotword", "命令行", cwd=tmp_path)
    assert (answer.returncode, answer.stdout.strip()) == (0, "今天天气怎么样？"), answer.stderr
    assert answer.stderr.splitlines()[0] == f"using the server at {server.url}"
    assert "node local; model demo; id " in answer.stderr.splitlines()[1]
    row = json.loads(app("transcribe", str(speech_wav), "--server", server.url, "--json", cwd=tmp_path).stdout)
    assert (row["status"], row["source"]) == ("succeeded", "cli")
    missing = app("transcribe", "missing.wav", "--server", server.url, cwd=tmp_path)
    assert missing.returncode == 1
    assert missing.stderr.splitlines()[1] == "missing.wav: the file cannot be read: No such file or directory"


def test_no_trace_is_recorded_nowhere(server: Server, speech_wav: Path, tmp_path: Path) -> None:
    path = tmp_path / "qzvcli.wav"
    path.write_bytes(speech_wav.read_bytes())
    answer = app("transcribe", str(path), "--server", server.url, "--no-trace", "--json", cwd=tmp_path)
    assert json.loads(answer.stdout)["no_trace"] is True, answer.stderr
    listed = httpx.get(f"{server.url}/v1/recognitions", params={"text": "qzvcli"}, timeout=60).json()
    assert listed["recognitions"] == [] and path.exists()


def test_a_pipe_is_refused_and_not_waited_for(server: Server, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    answer = app("transcribe", "pipe.wav", "--server", server.url, cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[1] == "pipe.wav: the file cannot be read: Not a regular file"


def test_a_warning_is_a_sentence(server: Server, tmp_path: Path) -> None:
    silence = write_wav(tmp_path / "silence.wav", np.zeros(2 * RATE, dtype=np.float32))
    answer = app("transcribe", str(silence), "--server", server.url, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert f"{silence}: warning: the recording holds no sound at all (digital silence)" in answer.stderr.splitlines()
    assert answer.stderr.count("warning:") == 1  # that nobody speaks in it need not be said


def test_hotwords_come_one_by_one_or_with_commas(server: Server, speech_wav: Path, tmp_path: Path) -> None:
    words = ["--hotwords", "北京,上海", "--hotword", "空调"]
    answer = app("transcribe", str(speech_wav), "--server", server.url, "--json", *words, cwd=tmp_path)
    assert set(json.loads(answer.stdout)["options"]["hotwords"]) == {"北京", "上海", "空调"}


def test_a_proxy_of_the_environment_never_gets_what_stays_on_this_machine(
    server: Server, speech_wav: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0)
        url = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        proxies = {"HTTP_PROXY": url, "http_proxy": url, "ALL_PROXY": url, "NO_PROXY": "", "no_proxy": ""}
        answer = app("transcribe", str(speech_wav), "--server", server.url, cwd=tmp_path, **proxies)
        assert (answer.returncode, answer.stdout.strip()) == (0, "今天天气怎么样？"), answer.stderr
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_transcribe_with_a_node_of_its_own_is_recorded(speech_wav: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    files = [str(speech_wav), str(tmp_path / "missing.wav"), str(speech_wav)]
    answer = app("transcribe", *files, "--no-itn", "--json", cwd=tmp_path, ASR_PORT=port)
    rows = [json.loads(line) for line in answer.stdout.splitlines()]
    assert answer.returncode == 1, "one of the files is missing"
    assert [row.get("cache") for row in rows] == ["miss", None, "hit"]
    assert rows[0]["text"] == "今天天气怎么样？"
    error = rows[1]["error"]
    assert (error["code"], error["details"]) == ("invalid_input", {"reason": "no_such_file"})
    assert rows[1]["filename"] == "missing.wav" and "cannot be read" in error["message"]
    first = f"no server answers at http://127.0.0.1:{port}: starting a private node (a few seconds)"
    assert answer.stderr.splitlines()[0] == first
    import sqlite3

    with sqlite3.connect(tmp_path / "data" / "history.db") as database:
        assert database.execute("select count(*) from recognitions").fetchone() == (2,)
    database.close()


def test_a_busy_port_is_one_sentence(server: Server, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    answer = app("serve", cwd=tmp_path, ASR_PORT=port)
    assert answer.returncode == 2
    assert "running already" in answer.stderr and server.url in answer.stderr
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = app("serve", cwd=tmp_path, ASR_PORT=str(other.getsockname()[1]))
    assert taken.returncode == 2 and "make run" in taken.stderr
    assert "Traceback" not in answer.stderr + taken.stderr
    assert "is running on" in app("doctor", cwd=tmp_path, ASR_PORT=port).stdout


def test_a_bad_setting_is_one_sentence(tmp_path: Path) -> None:
    answer = app(cwd=tmp_path, ASR_MODEL_LOAD="tomorrow")
    assert answer.returncode == 2
    assert "ASR_MODEL_LOAD" in answer.stderr and "Traceback" not in answer.stderr
    open_door = app("serve", "--host", "0.0.0.0", cwd=tmp_path)
    assert open_door.returncode == 2 and "ASR_ALLOW_OPEN" in open_door.stderr
    open_node = app("node", "--host", "0.0.0.0", cwd=tmp_path)
    assert open_node.returncode == 2 and "ASR_NODE_TOKEN" in open_node.stderr


def test_doctor_finds_what_works_and_what_does_not(tmp_path: Path) -> None:
    good = app("doctor", "--json", cwd=tmp_path, ASR_PORT="0")
    checks = {row["check"]: row for row in map(json.loads, good.stdout.splitlines())}
    assert good.returncode == 0, good.stdout
    assert set(checks) == {"data", "database", "recordings", "model", "device", "port"}
    bad = app("doctor", cwd=tmp_path, ASR_PORT="0", ASR_MODEL="paraformer-zh", ASR_NODES="http://127.0.0.1:9")
    assert bad.returncode == 1
    assert "model download paraformer-zh" in bad.stdout and "http://127.0.0.1:9" in bad.stdout


def test_migrate_goes_down_and_up(tmp_path: Path) -> None:
    assert "base" in app("migrate", "--down", "base", cwd=tmp_path).stdout
    newest = app("migrate", cwd=tmp_path).stdout
    assert newest == app("migrate", cwd=tmp_path).stdout != app("migrate", "--down", "base", cwd=tmp_path).stdout


def test_model_list(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in app("model", "list", "--json", cwd=tmp_path).stdout.splitlines()]
    here = {row["name"]: row["here"] for row in rows}
    assert here["demo"] is True
    assert "fun-asr-nano" in here


@pytest.mark.parametrize("command", ["serve", "node", "transcribe", "history", "doctor", "migrate", "model"])
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([command, "--help"])
    assert ended.value.code == 0 and f"usage: app.py {command}" in capsys.readouterr().out
