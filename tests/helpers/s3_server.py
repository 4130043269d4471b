"""An object store of the tests' own that speaks S3: a free port of the loopback, everything in memory."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from domain.audio_address import S3Address
from domain.ids import new_id
from storage.audio_s3 import S3AudioStore
from tests.helpers.redis_server import free_port

BUCKET = "recordings"
#: It takes any.
ACCESS_KEY, SECRET_KEY = "speech", "hush-hush"


class S3Server:
    """One bucket. ``kill()`` is ``kill -9``: what was in it has gone."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "S3Server":
        """Starts it, empty, and waits until it answers."""
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONWARNINGS": ""}
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.put(f"{self.endpoint()}/{BUCKET}", timeout=10).raise_for_status()
                return self
            except httpx.TransportError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.05)

    def endpoint(self, port: int | None = None) -> str:
        """``port``: of a proxy before it."""
        return f"http://127.0.0.1:{port or self.port}"

    def address(self, prefix: str, port: int | None = None) -> S3Address:
        """The folder ``prefix`` of the bucket."""
        return S3Address(BUCKET, prefix, self.endpoint(port))

    def url(self, prefix: str, port: int | None = None) -> str:
        """The same as a setting says it."""
        return f"s3://{BUCKET}/{prefix}?endpoint={self.endpoint(port)}"

    def store(
        self, work_dir: Path, *, prefix: str | None = None, port: int | None = None, request_seconds: float = 15
    ) -> S3AudioStore:
        """A store of its own, unless ``prefix`` says whose."""
        return S3AudioStore(
            self.address(prefix or new_id(), port),
            work_dir=work_dir,
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            request_seconds=request_seconds,
        )

    def objects(self, prefix: str) -> list[str]:
        """What is in a folder of the bucket, by key."""
        text = httpx.get(f"{self.endpoint()}/{BUCKET}?list-type=2&prefix={prefix}/", timeout=60).text
        return [key.removeprefix(f"{prefix}/") for key in re.findall("<Key>([^<]*)</Key>", text)]

    def half_uploads(self, prefix: str) -> list[str]:
        """Uploads that were begun there, and neither ended nor removed."""
        text = httpx.get(f"{self.endpoint()}/{BUCKET}?uploads", timeout=60).text
        return [key for key in re.findall("<Key>([^<]*)</Key>", text) if key.startswith(f"{prefix}/")]

    def kill(self) -> None:
        """Ends it without a word."""
        if self._process:
            self._process.kill()
            self._process.wait(10)


@contextmanager
def running_s3() -> Iterator[S3Server]:
    """Started, and gone afterwards."""
    server = S3Server()
    try:
        yield server.start()
    finally:
        server.kill()
