"""How the server ends: with a word where somebody listens, and cleanly where nobody does."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.helpers.server import ROOT, Server


def test_it_ends_cleanly_when_the_terminal_has_gone(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ASR_")}
    environment |= {"ASR_CONFIG": os.devnull, "ASR_DATA_DIR": str(tmp_path / "data")}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py"), "serve", "--port", "0"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        try:
            assert process.stdout
            address = process.stdout.readline().decode()
            process.stdout.close()
            url = address.split()[-1]
            # No retry: whoever follows the address at once must not be refused.
            assert httpx.get(f"{url}/healthz", timeout=60).status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait(10)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_an_open_page_is_cut_off_without_a_traceback(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start(ready=False)
    with httpx.stream("GET", f"{server.url}/gradio_api/heartbeat/session", timeout=60) as page:
        assert page.status_code == 200
        assert server.stop() == 0
    assert "正在停止 · stopping\n" in server.output()
    assert "Traceback" not in server.output()
    assert "unreachable" not in server.output()
