"""Runs a node: one process, one event loop, and an end that loses no job."""

import asyncio
import logging
import os
import shutil
import socket
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from pathlib import Path
from types import FrameType

import psutil
import uvicorn
from fastapi import FastAPI

from engine.engine_state import BuildEngine
from engine.node_app import Node, create_node_app
from engine.node_settings import NodeSettings
from engine.uploads import make_work_folder

_log = logging.getLogger(__name__)

WhileUp = Callable[[int], AbstractAsyncContextManager[None]]

#: How long jobs under way may go on after SIGTERM, in seconds.
DRAIN_SECONDS = 120.0
#: How long their callers have, after that, to fetch the outcome.
_DELIVERY_SECONDS = 3.0
#: Uvicorn waits for open connections as long; a Gradio heartbeat never closes by itself.
_CLOSE_SECONDS = 2


def serve_node(
    settings: NodeSettings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    port_file: Path | None = None,
    drain_seconds: float = DRAIN_SECONDS,
    parent_pid: int | None = None,
    version: str = "",
    while_up: WhileUp = lambda port: nullcontext(),
    build_engine: BuildEngine | None = None,
) -> int:
    """Serves a node until SIGTERM or SIGINT; returns the exit status, 0 after a clean end.

    ``port``: 0 takes a free one; it is written to ``port_file`` as soon as the node listens. ``parent_pid``: end when
    the process that started this one has gone, however that went and however early. A second signal ends at once.
    ``while_up``: gets the port, and is entered for as long as the node can be reached. ``build_engine``: see
    :class:`engine.engine_state.ModelSource`.
    Raises ``OSError`` when the port is taken. Whether ``host`` asks for a token is checked with the settings.
    """
    logging.getLogger().addFilter(_is_no_chatter)
    listener = _listen(host, port)
    # Writes that Gradio reads: it has no argument for either.
    folder = make_work_folder(settings.data_dir.absolute() / "node-work", os.getpid())
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    try:
        app = create_node_app(settings, upload_folder=folder, version=version, build_engine=build_engine)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, timeout_graceful_shutdown=_CLOSE_SECONDS, lifespan="on"
        )
        server = _NodeServer(config, app, port_file, drain_seconds, parent_pid, while_up)
        server.run(sockets=[listener])
        return 0 if server.started else 1
    finally:
        listener.close()
        if port_file is not None:
            port_file.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


class _NodeServer(uvicorn.Server):
    """Drains before it closes: stops taking jobs, waits for those under way, then closes the connections."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: FastAPI,
        port_file: Path | None,
        drain_seconds: float,
        parent: int | None,
        while_up: WhileUp,
    ) -> None:
        super().__init__(config)
        self._while_up = while_up
        self._up = AsyncExitStack()
        self._node: Node = app.state.node
        self._port_file = port_file
        self._drain_seconds = drain_seconds
        self._parent = parent
        self._draining_since: float | None = None
        self._idle_since: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, then tells the port."""
        await super().startup(sockets)
        if self.started and sockets:
            port = int(sockets[0].getsockname()[1])
            _log.info("node listens on port %d", port)
            if self._port_file is not None:
                _write_whole(self._port_file, f"{port}\n")
            await self._up.enter_async_context(self._while_up(port))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Says goodbye, then closes."""
        await self._up.aclose()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to drain; the second signal ends at once.

        Uvicorn raises the signals that it caught again once it is down, and the process would die of them instead
        of ending with 0: they are not passed on to it.
        """
        if self._draining_since is not None:
            logging.getLogger("uvicorn.error").addFilter(_is_no_cut)
            self.should_exit = self.force_exit = True
            return
        self._node.recogniser.drain()
        self._draining_since = time.monotonic()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether it is time to close."""
        if await super().on_tick(counter):
            return True
        if self._parent is not None and counter % 10 == 0 and not _still_parent(self._parent):
            _log.warning("the parent process has gone")
            return True
        return self._draining_since is not None and self._is_drained(time.monotonic())

    def _is_drained(self, now: float) -> bool:
        assert self._draining_since is not None
        recogniser = self._node.recogniser
        if recogniser.running():
            return now > self._draining_since + self._drain_seconds
        self._idle_since = self._idle_since or now
        return not recogniser.followers or now > self._idle_since + _DELIVERY_SECONDS


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol must be named: asyncio turns Nagle's algorithm off only on sockets that say TCP, and with it on
    # every answer of a kept connection takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _is_no_chatter(record: logging.LogRecord) -> bool:
    """FunASR logs each weight and path through the root logger itself."""
    return record.levelno >= logging.ERROR or "funasr" not in record.pathname


def _is_no_cut(record: logging.LogRecord) -> bool:
    """At a second signal Uvicorn logs each connection that it cuts as an error of the application."""
    cut = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not cut and not record.getMessage().rstrip().endswith("CancelledError")


def _write_whole(path: Path, text: str) -> None:
    """Readers see all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    draft.write_text(text)
    draft.replace(path)


def _still_parent(pid: int) -> bool:
    return os.getppid() == pid and psutil.pid_exists(pid)
