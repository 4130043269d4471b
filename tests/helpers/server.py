"""The real program as a child process on a private port, with a data folder of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
#: It only ends what hangs, before pytest does: a machine may be slow.
START_SECONDS = 170


class Server:
    """``app.py serve`` (or another command) as a process; ``url`` once it listens."""

    def __init__(self, data_dir: Path, command: tuple[str, ...] = ("serve", "--port", "0"), **env: str) -> None:
        self.data_dir = data_dir
        self._command = command
        self._env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("ASR_")},
            "ASR_CONFIG": os.devnull,
            "ASR_DATA_DIR": str(data_dir),
            # `auto` means the demo model then, whatever was downloaded on this machine.
            "MODELSCOPE_CACHE": str(data_dir.parent / "hub"),
            "HF_HOME": str(data_dir.parent / "hub"),
            "PYTHONUNBUFFERED": "1",
            **env,
        }
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.log = data_dir.parent / f"{data_dir.name}.log"

    def start(self, *, ready: bool = True) -> "Server":
        """Starts the process; waits until it listens and, with ``ready``, until a node can serve."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py"), *self._command],
                cwd=self.data_dir.parent,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.url = self._wait_for(lambda: self._announced(begin))
        if ready:
            self._wait_for(lambda: self._answers("/readyz"))
        return self

    def kill(self) -> None:
        """Ends the process without a word (kill -9)."""
        assert self.process
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """Asks it to end, and waits; returns its exit status."""
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def output(self) -> str:
        """What it printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def _announced(self, begin: int) -> str:
        with self.log.open("rb") as log:
            log.seek(begin)
            match = re.search(rb"http://127\.0\.0\.1:\d+", log.read())
        return match[0].decode() if match else ""

    def _answers(self, path: str) -> bool:
        try:
            return httpx.get(self.url + path, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def _wait_for(self, look: Any) -> Any:
        assert self.process
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.output()[-4000:]}")
            if found := look():
                return found
            time.sleep(0.1)
        raise AssertionError(f"the server did not start in {START_SECONDS} s:\n{self.output()[-4000:]}")


@contextmanager
def running_server(data_dir: Path, *, ready: bool = True, **env: str) -> Iterator[Server]:
    """A server for the length of the block."""
    server = Server(data_dir, **env)
    try:
        yield server.start(ready=ready)
    finally:
        server.stop()
