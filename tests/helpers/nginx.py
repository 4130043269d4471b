"""An nginx of the tests' own: the configuration that the program writes, on a free port of the loopback."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.helpers.redis_server import program_path

_MAIN = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
    log_format answered '$request_method $uri $status $upstream_addr';
    access_log {folder}/access.log answered;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/asr.conf;
}}
"""


class Nginx:
    """A running nginx."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"

    def answered(self, path: str, status: int = 200) -> list[str]:
        """Who gave the answers to requests of this path: addresses, in order."""
        lines = [line.split(maxsplit=3) for line in (self.folder / "access.log").read_text().splitlines()]
        return [line[3] for line in lines if line[1:3] == [path, str(status)]]

    def warnings(self) -> str:
        """What it complained of."""
        return (self.folder / "error.log").read_text()


def check_nginx(folder: Path, conf: str) -> str:
    """What ``nginx -t`` says against the configuration; nothing where it is fine."""
    command = [*_command(folder, conf), "-t"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return "" if done.returncode == 0 else done.stderr


@contextmanager
def running_nginx(folder: Path, conf: str, port: int) -> Iterator[Nginx]:
    """Started with a configuration that was written for ``port``; stopped by its pid."""
    # The tests are nobody's server.
    command = _command(folder, conf.replace(f"listen {port};", f"listen 127.0.0.1:{port};"))
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr)
    try:
        nginx, deadline = Nginx(folder, port), time.monotonic() + 90
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(httpx.ConnectError):
                httpx.get(f"{nginx.url}/metrics", timeout=60)
                break
            time.sleep(0.02)
        assert process.poll() is None, (folder / "stderr").read_text()
        yield nginx
    finally:
        process.terminate()
        process.wait(10)


def _command(folder: Path, conf: str) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "asr.conf").write_text(conf, encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, user=user))
    return [program_path("nginx"), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
