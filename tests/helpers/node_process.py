"""Node processes for tests of the pool: started on a free port, stopped by their pid."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.child import ChildNode, ChildPhase

FAKE_NODE = Path(__file__).with_name("fake_node.py")
#: It only ends what hangs: a machine may be slow.
START_SECONDS = 150


@dataclass
class NodeProcess:
    """A running node."""

    process: subprocess.Popen[bytes]
    url: str

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@contextmanager
def node_process(command: list[str], *, port: int = 0, **env: str) -> Iterator[NodeProcess]:
    """``command`` with ``--port`` and ``--port-file`` appended; killed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        port_file, log = Path(folder) / "port", Path(folder) / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*command, "--port", str(port), "--port-file", str(port_file)],
                env={**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": folder, **env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not port_file.exists():
                assert process.poll() is None and time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
                time.sleep(0.05)
            yield NodeProcess(process, f"http://127.0.0.1:{port_file.read_text().strip()}")
        finally:
            process.kill()
            process.wait(10)


def fake_node(*, port: int = 0, **env: str) -> Any:
    """The fake of time and failure, as a process."""
    return node_process([sys.executable, str(FAKE_NODE)], port=port, **env)


def write_tone(path: Path, seconds: float = 1.0) -> Path:
    """Some sound that is not silence: 16 kHz mono s16."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(b"\x10\x00\xf0\xff" * int(seconds * 8_000))
    return path


class MemoryRegistry:
    """The expected fingerprints, without a database."""

    def __init__(self, **expected: str) -> None:
        self.expected = dict(expected)

    async def expected_fingerprint(self, model: str) -> str | None:
        return self.expected.get(model)

    async def expect(self, model: str, fingerprint: str) -> None:
        self.expected[model] = fingerprint


class NoObserver:
    """Counts nothing."""

    def count(self, name: str, value: float = 1.0, **labels: str) -> None: ...
    def gauge(self, name: str, value: float, **labels: str) -> None: ...
    def observe(self, name: str, value: float, **labels: str) -> None: ...


class CuttableLink:
    """A TCP link to a node that can be cut: every open connection breaks, new ones go through."""

    def __init__(self, url: str) -> None:
        self._target = int(url.rpartition(":")[2])
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.url = ""

    async def __aenter__(self) -> "CuttableLink":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        self.cut()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            node_reader, node_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        for source, sink in ((reader, node_writer), (node_reader, writer)):
            pump = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        self._writers.add(sink)
        with suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        self._writers.discard(sink)
        sink.close()


async def listening(child: ChildNode, seconds: float = 90.0) -> str:
    """The child's URL as soon as it listens; the end of its log if it never does."""
    try:
        await eventually(lambda: child.state.phase is ChildPhase.LISTENING, seconds)
    except AssertionError:
        raise AssertionError(f"{child.state.reason}\n{child.log_tail()}") from None
    return child.url


async def eventually(check: Any, seconds: float = 20.0) -> Any:
    """Waits until ``check()`` is true; the bound only ends a test that hangs."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.05)
