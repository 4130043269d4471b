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
    ) -> None:
        self._command = tuple(command)
        self._env = dict(env)
        #: Told of every change of its state.
        self.on_change: Callable[[ChildState], Awaitable[None]] | None = None
        self._first_pause = first_pause_seconds
        self._stop_seconds = stop_seconds
        data_dir = data_dir.absolute()
        self._log_path = data_dir / "logs" / "node.log"
        self._port_file = data_dir / "run" / f"{name}-{os.getpid()}.port"
        self._state = ChildState(name, "", ChildPhase.STOPPED)
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()

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
        """Starts the child and returns at once; :meth:`listening` waits until it can be asked."""
        if self._keeper is None:
            await self._become(ChildPhase.STARTING)
            self._keeper = asyncio.create_task(self._keep(), name="child node")

    async def listening(self, timeout_seconds: float) -> str:
        """The node's URL as soon as it listens. Raises ``TimeoutError`` with the end of its log."""
        try:
            async with asyncio.timeout(timeout_seconds), self._changed:
                await self._changed.wait_for(lambda: self._state.phase is ChildPhase.LISTENING)
        except TimeoutError:
            raise TimeoutError(f"the node does not listen after {timeout_seconds:.0f} s\n{self.log_tail()}") from None
        return self.url

    async def stop(self) -> None:
        """Ends the child: asked first, killed when it takes too long."""
        keeper, self._keeper = self._keeper, None
        if keeper:
            keeper.cancel()
            await asyncio.wait([keeper])
        await self._end()
        self._port_file.unlink(missing_ok=True)
        await self._become(ChildPhase.STOPPED)

    async def restart(self, extra_env: Mapping[str, str] | None = None) -> None:
        """Ends the child and starts it again, on the same port, with some of its environment changed."""
        await self.stop()
        self._env.update(extra_env or {})
        await self.start()

    def log_tail(self) -> str:
        """The last lines of the child's output."""
        try:
            with self._log_path.open("rb") as file:
                file.seek(max(0, self._log_path.stat().st_size - 8000))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-_TAIL_LINES:])

    async def _keep(self) -> None:
        pause, silent_starts = self._first_pause, 0
        while True:
            started = time.monotonic()
            listened = await self._run_once(silent_starts)
            silent_starts = 0 if listened else silent_starts + 1
            if listened and time.monotonic() - started > STEADY_SECONDS:
                pause = self._first_pause
            code = self._process.returncode if self._process else None
            _log.warning("the node's process ended (exit status %s); starting it again in %.1f s", code, pause)
            if silent_starts >= FAILED_AFTER_STARTS:
                reason = f"the node's process ends before it listens (exit status {code})\n{self.log_tail()}"
                await self._become(ChildPhase.FAILED, reason=reason)
            else:
                await self._become(ChildPhase.STARTING)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _run_once(self, silent_starts: int) -> bool:
        """One life of the child; whether it ever listened."""
        # A port that somebody else has taken meanwhile would keep the node from ever starting again.
        port = self.url.rpartition(":")[2] if self.url and silent_starts == 0 else "0"
        self._port_file.parent.mkdir(parents=True, exist_ok=True)
        self._port_file.unlink(missing_ok=True)
        arguments = ("--port", port, "--port-file", str(self._port_file), "--parent-pid", str(os.getpid()))
        try:
            with self._open_log() as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, *arguments, env=self._env, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
                )
        except OSError as error:
            _log.error("the node's process cannot be started: %s", error)
            return False
        ended = asyncio.ensure_future(self._process.wait())
        try:
            listens = await self._wait_for_port(ended)
            if listens:
                await self._become(ChildPhase.LISTENING, url=listens)
            await ended
            return bool(listens)
        finally:
            ended.cancel()

    async def _wait_for_port(self, ended: asyncio.Future[int]) -> str:
        while not ended.done():
            with contextlib.suppress(OSError, ValueError):
                return f"http://127.0.0.1:{int(self._port_file.read_text())}"
            await asyncio.wait([ended], timeout=_LOOK_SECONDS)
        return ""

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._stop_seconds):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _become(self, phase: ChildPhase, *, url: str = "", reason: str = "") -> None:
        self._state = ChildState(self._state.name, url or self._state.url, phase, reason)
        async with self._changed:
            self._changed.notify_all()
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
