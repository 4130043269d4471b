"""Brings the real model onto this machine when an administrator asks for it, and switches to it.

The download is a program of its own (``app.py model download NAME --json``): the web UI stays without the hub's
libraries, and a broken download ends that program only. What is there already is kept, so that a new start resumes.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from domain.access import Visitor
from domain.errors import AccessDenied
from domain.plain import as_object
from domain.presets import PRESETS, RECOMMENDED

log = logging.getLogger(__name__)

Phase = Literal["unavailable", "idle", "running", "switching", "done", "failed"]


@dataclass(frozen=True, slots=True)
class DownloadState:
    """How far the download is. ``unavailable``: this server has no node of its own to give the model to."""

    phase: Phase
    model: str = RECOMMENDED
    done_bytes: int = 0
    total_bytes: int = 0
    #: Why it failed: the kind of reason, where the program named one, and its own words.
    reason: str = ""
    message: str = ""


class ModelDownload:
    """At most one download at a time."""

    def __init__(self, command: Sequence[str] | None, switch: Callable[[], Awaitable[None]]) -> None:
        """``command``: the program that downloads; ``None`` where there is none. ``switch``: restarts the node."""
        self._command = command
        self._switch = switch
        self._task: asyncio.Task[None] | None = None
        size = PRESETS[RECOMMENDED].download_bytes
        self._state = DownloadState("idle" if command else "unavailable", total_bytes=size)

    def state(self) -> DownloadState:
        """The state this moment."""
        return self._state

    async def start(self, *, visitor: Visitor) -> None:
        """Starts, or resumes, the download. Raises :class:`AccessDenied`."""
        _check(visitor)
        if self._command and (self._task is None or self._task.done()):
            self._state = replace(self._state, phase="running", reason="", message="")
            self._task = asyncio.create_task(self._run(self._command))

    async def dismiss(self, *, visitor: Visitor) -> None:
        """Takes the word of a failure away. Raises :class:`AccessDenied`."""
        _check(visitor)
        if self._state.phase == "failed":
            self._state = replace(self._state, phase="idle", reason="", message="")

    async def stop(self, *, visitor: Visitor) -> None:
        """Stops the download; what has come stays. A switch under way ends first. Raises :class:`AccessDenied`."""
        _check(visitor)
        await self.close()

    async def close(self) -> None:
        """Ends the program that downloads, if it runs."""
        if self._task is None or self._task.done():
            return
        if self._state.phase == "switching":
            await asyncio.wait([self._task])
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        self._state = replace(self._state, phase="idle")

    async def _run(self, command: Sequence[str]) -> None:
        try:
            if await self._download(command):
                self._state = replace(self._state, phase="switching", done_bytes=self._state.total_bytes)
                await self._switch()
                self._state = replace(self._state, phase="done")
        except Exception as error:
            log.exception("the model could not be brought here")
            reason = "not_switched" if self._state.phase == "switching" else ""
            message = str(error) or type(error).__name__
            self._state = replace(self._state, phase="failed", reason=reason, message=message)

    async def _download(self, command: Sequence[str]) -> bool:
        """Runs the program to its end; whether the model is here."""
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                self._take(line)
            code = await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()
        if code != 0:
            message = self._state.message or f"exit status {code}"
            log.warning("the model could not be downloaded: %s", message)
            self._state = replace(self._state, phase="failed", message=message)
        return code == 0

    def _take(self, line: bytes) -> None:
        """One line of the program: ``{done_bytes, total_bytes}`` or ``{error: {code, message, details}}``."""
        try:
            data = json.loads(line)
        except ValueError:
            return
        if "error" in data:
            error = as_object(data["error"])
            reason = str(as_object(error.get("details") or {}).get("reason") or "")
            self._state = replace(self._state, reason=reason, message=str(error.get("message", "")))
        else:
            self._state = replace(
                self._state,
                done_bytes=int(data.get("done_bytes", self._state.done_bytes)),
                total_bytes=int(data.get("total_bytes", self._state.total_bytes)),
            )


def _check(visitor: Visitor) -> None:
    if not visitor.is_admin:
        raise AccessDenied("only administrators download models", reason="admin_only")
