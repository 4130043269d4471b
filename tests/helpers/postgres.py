"""A PostgreSQL of the tests' own: a free port of the loopback, a folder that goes with it."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg2

from storage.migrations import upgrade

#: Nothing has to survive a power failure; the crash tests only kill processes.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
}
_EMPTY = "empty"


class PostgresServer:
    """``url()`` gives an empty database of today's shape; ``kill()`` is ``kill -9``, after which it may start again."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self._settings = {**_SETTINGS, **settings}
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._names = count()

    def start(self) -> "PostgresServer":
        """Starts it, making its files the first time."""
        data = self.folder / "data"
        if not data.exists():
            self._run("initdb", "-D", data, "-U", "asr", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        options = [f"-c{name}={value}" for name, value in self._settings.items()]
        # Whatever becomes of the tests, it ends with them.
        ends_with_us = ["setpriv", "--pdeathsig", "QUIT"]
        command = [
            *ends_with_us,
            _program("postgres"),
            "-D",
            str(data),
            "-p",
            str(self.port),
            "-k",
            str(self.folder),
            *options,
        ]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen[bytes](command, stdout=log, stderr=log, **_as_nobody_special())
        self._process = process
        deadline = time.monotonic() + 30
        while not self._answers():
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)
        return self

    def url(self, *, empty: bool = False, port: int | None = None) -> str:
        """A new database; ``empty``: before any migration; ``port``: of a proxy before the server."""
        name = f"test{next(self._names)}"
        if not empty and not self._execute(f"SELECT 1 FROM pg_database WHERE datname = '{_EMPTY}'"):
            self._execute(f"CREATE DATABASE {_EMPTY}")
            upgrade(self._url(_EMPTY))
        self._execute(f"CREATE DATABASE {name} TEMPLATE {'template1' if empty else _EMPTY}")
        return self._url(name, port)

    def lasting_url(self, name: str) -> str:
        """The database of this name, made the first time."""
        if not self._execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            self._execute(f"CREATE DATABASE {name}")
        upgrade(self._url(name))
        return self._url(name)

    def kill(self) -> None:
        """Ends every process of it at once."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
            # Its children see that it has gone, and let go of the shared memory.
            pid_file = self.folder / "data" / "postmaster.pid"
            deadline = time.monotonic() + 90
            while self._answers() and time.monotonic() < deadline:
                time.sleep(0.05)
            pid_file.unlink(missing_ok=True)

    def stop(self) -> None:
        """Ends it without waiting for anybody."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(3)  # SIGQUIT: at once
            self._process.wait(20)

    def _url(self, name: str, port: int | None = None) -> str:
        return f"postgresql+psycopg2://asr@127.0.0.1:{port or self.port}/{name}"

    def _answers(self) -> bool:
        try:
            self._execute("SELECT 1")
        except psycopg2.OperationalError:
            return False
        return True

    def _execute(self, statement: str) -> list[tuple[object, ...]]:
        with closing(psycopg2.connect(host="127.0.0.1", port=self.port, user="asr", dbname="postgres")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: object) -> None:
        command = [_program(program), *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, timeout=60, **_as_nobody_special())


@contextmanager
def running_postgres(kept: Path | None = None, **settings: str) -> Iterator[PostgresServer]:
    """Started with these settings; gone with its files afterwards, unless it has a folder where they are ``kept``."""
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
    # pytest's own folders are closed to the user that PostgreSQL wants to run as.
    folder = kept or Path(tempfile.mkdtemp(prefix="asr-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    server = PostgresServer(folder, **settings)
    try:
        yield server.start()
    finally:
        server.stop()
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _as_nobody_special() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": (), "cwd": "/"}


def _program(name: str) -> str:
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(versions[-1]) if versions else shutil.which(name)
    if not found:
        raise RuntimeError(f"{name} is missing: apt-get install postgresql")
    return found


def _free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
