"""A Redis of the tests' own: a free port of the loopback, a folder that goes with it, nothing on the disk."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

_NOTHING_ON_DISK = ("--save", "", "--appendonly", "no")


class RedisServer:
    """``kill()`` is ``kill -9`` and ``pause()`` lets it hang, after which it may start again or go on."""

    def __init__(self, folder: Path, *options: str, sentinel: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self._options = options
        self._is_sentinel = sentinel
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "RedisServer":
        """Starts it, empty, on the same port as ever, and waits until it answers."""
        program = program_path("redis-server")
        command = (
            [program, *self._options, "--sentinel"] if self._is_sentinel else [program, *self._ports(), *self._options]
        )
        with (self.folder / f"{self.port}.log").open("ab") as log:
            self._process = process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not self._answers():
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError((self.folder / f"{self.port}.log").read_text(errors="replace")[-2000:])
            time.sleep(0.02)
        return self

    def url(self, *, port: int | None = None, db: int = 0) -> str:
        """``port``: of a proxy before the server."""
        return f"redis://127.0.0.1:{port or self.port}/{db}"

    def command(self, *words: str | bytes | float) -> Any:
        """What it answers to a command."""
        client = redis.Redis(port=self.port, protocol=2, socket_timeout=10, retry=Retry(NoBackoff(), 0))
        with closing(client):
            return client.execute_command(*words)

    def let_pass(self, seconds: float) -> None:
        """Takes so much of the time that each key has left."""
        for key in self.command("KEYS", "*"):
            if (left_ms := self.command("PTTL", key)) > 0:
                self.command("PEXPIRE", key, round(left_ms - seconds * 1000))

    def kill(self) -> None:
        """Ends it without a word."""
        if self._process:
            self._process.kill()
            self._process.wait(10)

    def pause(self) -> None:
        """It hangs: connections are taken and nothing is answered."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It answers again, late."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def _ports(self) -> tuple[str, ...]:
        return "--port", str(self.port), "--bind", "127.0.0.1", *_NOTHING_ON_DISK

    def _answers(self) -> bool:
        try:
            self.command("PING")
        except redis.RedisError:
            return False
        return True


@contextmanager
def running_redis(*options: str) -> Iterator[RedisServer]:
    """Started, and gone with its folder afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="asr-redis-"))
    server = RedisServer(folder, *options)
    try:
        yield server.start()
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_sentinel() -> Iterator[tuple[RedisServer, RedisServer, str]]:
    """A primary, its replica, and the address of the service by way of a sentinel that lets the replica take over."""
    folder = Path(tempfile.mkdtemp(prefix="asr-sentinel-"))
    primary = RedisServer(folder, "--repl-diskless-sync-delay", "0")
    replica = RedisServer(folder, "--replicaof", "127.0.0.1", str(primary.port))
    sentinel = RedisServer(folder, "sentinel.conf", sentinel=True)
    (folder / "sentinel.conf").write_text(
        f"port {sentinel.port}\nbind 127.0.0.1\ndir {folder}\n"
        f"sentinel monitor speech 127.0.0.1 {primary.port} 1\n"
        "sentinel down-after-milliseconds speech 400\nsentinel failover-timeout speech 3000\n"
    )
    try:
        primary.start()
        replica.start()
        _until(lambda: replica.command("INFO", "replication")["master_link_status"] == "up")
        sentinel.start()
        _until(lambda: replica.port in _replicas(sentinel))
        dead = free_port()
        yield primary, replica, f"redis+sentinel://127.0.0.1:{dead},127.0.0.1:{sentinel.port}/speech/0"
    finally:
        for server in (sentinel, replica, primary):
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _replicas(sentinel: RedisServer) -> list[int]:
    return [int(row[row.index(b"port") + 1]) for row in sentinel.command("SENTINEL", "REPLICAS", "speech")]


def _until(holds: Any) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def program_path(name: str) -> str:
    """Where a program is."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/bin")
    if not found:
        raise RuntimeError(f"{name} is missing: `python3 deploy/setup_env.py test` installs it")
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
