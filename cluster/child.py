"""The node of a machine that was given none: a child process, kept alive, never outliving its parent."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

#: Pauses between restarts, in seconds: doubled each time, back to the first after a run of a while.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, STEADY_SECONDS = 0.5, 30.0, 60.0
#: After so many starts in a row without listening the node counts as failed; it is tried on all the same.
FAILED_AFTER_STARTS = 3
#: How long a node may finish its jobs before it is killed.
STOP_SECONDS = 15.0
#: A node that does not listen after this long (it listens before it loads its model) is killed and started again.
LISTEN_SECONDS = 300.0
_LOG_LIMIT_BYTES, _TAIL_LINES = 5_000_000, 12
_LOOK_SECONDS = 0.05
_log = logging.getLogger(__name__)


class ChildPhase(StrEnum):
    """Where the child process stands."""

    STARTING = "starting"
    LISTENING = "listening"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ChildState:
    """``url`` is empty before the node has listened for the first time, and kept while it is restarted."""

    name: str
    url: str
    phase: ChildPhase
    reason: str = ""


class ChildNode:
    """Runs ``command`` with ``--port``, ``--port-file`` and ``--parent-pid`` appended, and starts it again if it dies.

    The node writes its port to the port file once it listens, and ends by itself when its parent's pid has gone.
    ``env`` is the child's whole environment. Its output goes to ``data_dir/logs/node.log``.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        data_dir: Path,
        *,
        name: str = "local",
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
        stop_seconds: float = STOP_SECONDS,
        listen_seconds: float = LISTEN_SECONDS,
    ) -> None:
        self._command = tuple(command)
        self._env = dict(env)
        #: Told of every change of its state.
        self.on_change: Callable[[ChildState], Awaitable[None]] | None = None
        self._first_pause = first_pause_seconds
        self._stop_seconds = stop_seconds
        self._listen_seconds = listen_seconds
        data_dir = data_dir.absolute()
        self._log_path = data_dir / "logs" / "node.log"
        self._port_file = data_dir / "run" / f"{name}-{os.getpid()}.port"
        self._state = ChildState(name, "", ChildPhase.STOPPED)
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        # One change at a time: who stops while somebody restarts waits for that, and then stops.
        self._changing = asyncio.Lock()
        self._changes: set[asyncio.Task[None]] = set()

    @property
    def state(self) -> ChildState:
        """Where the child stands now."""
        return self._state

    @property
    def url(self) -> str:
        """Where the node listens, or last listened; empty before the first time."""
        return self._state.url

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Starts the child and returns at once; its state tells when it can be asked."""
        await self._whole(self._start)

    async def stop(self) -> None:
        """Ends the child: asked first, killed when it takes too long."""
        await self._whole(self._stop)

    async def restart(self, extra_env: Mapping[str, str] | None = None) -> None:
        """Ends the child and starts it again, on the same port, with some of its environment changed."""

        async def restart() -> None:
            await self._stop()
            self._env.update(extra_env or {})
            await self._start()

        await self._whole(restart)

    def log_tail(self) -> str:
        """The last lines of the child's output."""
        try:
            with self._log_path.open("rb") as file:
                file.seek(max(0, self._log_path.stat().st_size - 8000))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-_TAIL_LINES:])

    async def _whole(self, change: Callable[[], Awaitable[None]]) -> None:
        """Makes a change to its end, even when who wants it is cancelled: half a change leaves a node nobody keeps."""

        async def in_turn() -> None:
            async with self._changing:
                await change()

        task = asyncio.create_task(in_turn(), name="child node change")
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        await asyncio.shield(task)

    async def _start(self) -> None:
        if self._keeper is None:
            await self._become(ChildPhase.STARTING)
            self._keeper = asyncio.create_task(self._keep(), name="child node")

    async def _stop(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper:
            keeper.cancel()
            await asyncio.wait([keeper])
        await self._end(self._stop_seconds)
        with contextlib.suppress(OSError):
            self._port_file.unlink(missing_ok=True)
        await self._become(ChildPhase.STOPPED)

    async def _keep(self) -> None:
        pause, silent_starts = self._first_pause, 0
        while True:
            started = time.monotonic()
            fault = await self._run_once(silent_starts)
            silent_starts = silent_starts + 1 if fault else 0
            if not fault and time.monotonic() - started > STEADY_SECONDS:
                pause = self._first_pause
            _log.warning("%s; starting it again in %.1f s", fault or f"the node's process ended{self._status()}", pause)
            if silent_starts >= FAILED_AFTER_STARTS:
                await self._become(ChildPhase.FAILED, reason=f"{fault}\n{self.log_tail()}")
            else:
                await self._become(ChildPhase.STARTING)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _run_once(self, silent_starts: int) -> str:
        """One life of the child; why it never listened, or nothing if it did."""
        # A port that somebody else has taken meanwhile would keep the node from ever starting again.
        port = self.url.rpartition(":")[2] if self.url and silent_starts == 0 else "0"
        arguments = ("--port", port, "--port-file", str(self._port_file), "--parent-pid", str(os.getpid()))
        try:
            self._port_file.parent.mkdir(parents=True, exist_ok=True)
            self._port_file.unlink(missing_ok=True)
            with self._open_log() as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, *arguments, env=self._env, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
                )
        except OSError as error:
            return f"the node's process cannot be started: {error}"
        ended = asyncio.ensure_future(self._process.wait())
        try:
            listens = await self._wait_for_port(ended)
            if listens:
                await self._become(ChildPhase.LISTENING, url=listens)
                await ended
                return ""
            if not ended.done():
                await self._end(0)
                return f"the node's process does not listen after {self._listen_seconds:.0f} s"
            return f"the node's process ends before it listens{self._status()}"
        finally:
            ended.cancel()

    def _status(self) -> str:
        return f" (exit status {self._process.returncode})" if self._process else ""

    async def _wait_for_port(self, ended: asyncio.Future[int]) -> str:
        """The node's URL; empty when it has ended, or taken too long."""
        give_up_at = time.monotonic() + self._listen_seconds
        while not ended.done() and time.monotonic() < give_up_at:
            with contextlib.suppress(OSError, ValueError):
                return f"http://127.0.0.1:{int(self._port_file.read_text())}"
            await asyncio.wait([ended], timeout=_LOOK_SECONDS)
        return ""

    async def _end(self, patience_seconds: float) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(patience_seconds):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _become(self, phase: ChildPhase, *, url: str = "", reason: str = "") -> None:
        self._state = ChildState(self._state.name, url or self._state.url, phase, reason)
        if self.on_change:
            try:
                await self.on_change(self._state)
            except Exception:
                # Whoever listens must not end the one who keeps the node alive.
                _log.exception("telling of the node's state failed")

    def _open_log(self) -> BinaryIO:
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            if self._log_path.stat().st_size > _LOG_LIMIT_BYTES:
                self._log_path.replace(self._log_path.with_suffix(".log.1"))
        return self._log_path.open("ab")
