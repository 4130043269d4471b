"""A Gradio speech app that is no node of ours, used as one: how it is, and one recognition on it."""

import asyncio
import contextlib
import time
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from cluster.availability import Observation
from cluster.clients import NodeClients
from cluster.dispatch import Limits, OnProgress, end_of
from cluster.foreign_probe import AppProbe
from cluster.gradio_link import LINK_ERRORS, translated_of_app
from cluster.health import polled
from cluster.left_calls import LeftCall
from domain.errors import NodeBusy, NodeUnreachable
from domain.foreign_api import AppApi, arguments, faults, fingerprint_parts
from domain.foreign_app import ForeignApp, StrangeAnswer, digest
from domain.node import Health, NodeJob, NodeReport, NodeResult
from domain.parts import Detection
from domain.transcript import ModelOutput, ModelSegment

OnLeft = Callable[[LeftCall], Awaitable[None]]


class ForeignNode:
    """Implements ``cluster.ways.Way``. ``slots``: how many jobs an operator allows it at once, if anybody said.

    Nothing stops a call that such an app has begun. Whoever waits for it may go (cancelled, or past its limit) and does
    so at once, but the call is followed to its end: until then it is among :attr:`NodeReport.running`, this process
    sends no more than the slots that are left (``NodeBusy``), and ``on_left`` is told, which has the board count its
    slot as taken for all replicas. A stream that breaks tells nothing of the call: its slot is free then, and the
    app's own queue holds the next job until it is through.
    """

    def __init__(
        self,
        app: ForeignApp,
        probe: AppProbe,
        clients: NodeClients,
        *,
        slots: Callable[[], int | None],
        on_left: OnLeft,
    ) -> None:
        self._app = app
        self._probe = probe
        self._clients = clients
        self._slots = slots
        self._on_left = on_left
        self._calls: dict[str, asyncio.Task[NodeResult]] = {}
        self._left: set[asyncio.Task[NodeResult]] = set()
        self._closed = False

    async def poll(self, before: Observation) -> Observation:
        """How the app is, by what it says of its API; what does not fit the mapping is its failure."""
        return await polled(before, self._report, "that of a Gradio app")

    async def recognise(self, job: NodeJob, audio: Path, on_progress: OnProgress, limits: Limits) -> NodeResult:
        """Sends the whole recording and waits for its text; such an app tells no progress. A known job id joins.

        Raises ``NodeBusy``, ``NodeUnreachable`` (``details['reason']`` also: mapping, segments),
        ``RecognitionFailed`` with what the app says.
        """
        length_ms = _milliseconds(audio)
        task = self._calls.get(job.id) or self._begin(job, audio, length_ms)
        try:
            async with asyncio.timeout(limits.whole):
                # A task that this method's caller cancels would lose sight of what goes on in the app.
                return await asyncio.shield(task)
        except TimeoutError:
            await self._leave(task, length_ms)
            raise NodeUnreachable(f"the app did not finish within {limits.whole:.0f} s", reason="timeout") from None
        except asyncio.CancelledError:
            leaving = asyncio.ensure_future(self._leave(task, length_ms))
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(leaving)
            raise

    async def detect_speech(self, job: NodeJob, audio: Path, limits: Limits) -> Detection:
        """Always raises ``NodeUnreachable``: such an app recognises whole recordings."""
        raise NodeUnreachable("the app takes whole recordings only", reason="segments")

    def close(self) -> None:
        """Closes the way to it; calls that nobody waits for are followed no longer."""
        self._closed = True
        self._clients.close()
        for task in self._left:
            task.cancel()

    def _begin(self, job: NodeJob, audio: Path, length_ms: int) -> asyncio.Task[NodeResult]:
        if job.segments is not None or job.heard is not None:
            raise NodeUnreachable("the app takes whole recordings only", reason="segments")
        if len(self._calls) >= (self._slots() or self._app.slots):
            raise NodeBusy("the app has begun as much as it may do at once", reason="slots")
        task = self._calls[job.id] = asyncio.create_task(self._call(job, audio, length_ms), name=f"app {job.id}")
        task.add_done_callback(lambda ended: self._forget(job.id, ended))
        return task

    def _forget(self, job_id: str, task: asyncio.Task[NodeResult]) -> None:
        del self._calls[job_id]
        self._left.discard(task)
        # Where nobody waits any more, nobody asks what became of it.
        _ = task.cancelled() or task.exception()

    async def _leave(self, task: asyncio.Task[NodeResult], length_ms: int) -> None:
        if task.done():
            return
        if self._closed:
            task.cancel()
            return
        self._left.add(task)
        await self._on_left(LeftCall(self._clients.url, self._app.model, length_ms / 1000, task))

    async def _report(self) -> NodeReport:
        try:
            api = await self._probe.api()
        except httpx.ReadTimeout:
            # Its model may keep the whole process busy: with a call of ours under way that is no sign of death. If it
            # is dead, the call breaks.
            if self._probe.known is None or not self._calls:
                raise
            api = self._probe.known
        wrong = faults(self._app, api)
        parts = fingerprint_parts(self._app, api)
        return NodeReport(
            Health.FAILED if wrong else Health.READY,
            self._app.model,
            # What does not fit its mapping must not become what is expected.
            "" if wrong else digest(parts),
            parts,
            slots=self._app.slots,
            running=tuple(self._calls),
            capabilities=self._app.capabilities,
            version=f"Gradio {api.version}" if api.version else "",
            instance=api.app_id,
            error="; ".join(wrong),
        )

    async def _call(self, job: NodeJob, audio: Path, length_ms: int) -> NodeResult:
        started = time.monotonic()
        # A link is asked for only where its app is what `known` says, and each is built for that one.
        async with self._clients.link() as link:
            api = self._fitting(link.app_id)
            given = {**self._app.inputs(job.options, job.track), self._app.audio: audio}
            try:
                call = link.call(self._app.endpoint, *arguments(given, api.endpoints[self._app.endpoint]))
                await end_of(call).wait()
                text = self._app.text_of(call.result())
            except StrangeAnswer as error:
                raise NodeUnreachable(f"the app's answer makes no sense: {error}", reason="garbage") from None
            except LINK_ERRORS as error:
                raise translated_of_app(error) from error
        segments = (ModelSegment(0, length_ms, text),) if text else ()
        warnings = () if text else ("no_speech",)
        output = ModelOutput(self._app.track(job.track), segments, job.options.language, warnings)
        fingerprint = digest(fingerprint_parts(self._app, api))
        elapsed_ms = int((time.monotonic() - started) * 1000)
        return NodeResult(output, self._app.model, fingerprint, "", length_ms / 1000, elapsed_ms)

    def _fitting(self, app_id: str) -> AppApi:
        """The API that the link was built for. Raises ``NodeUnreachable`` where it does not fit the mapping."""
        api, url = self._probe.known, self._clients.url
        if api is None or api.app_id != app_id:
            raise NodeUnreachable("the app was started anew meanwhile", reason="broken")
        if wrong := "; ".join(faults(self._app, api)):
            raise NodeUnreachable(f"{url} does not fit its mapping: {wrong}", reason="mapping", url=url, faults=wrong)
        return api


async def fitting(app: ForeignApp, probe: AppProbe) -> str:
    """For `doctor`: what the app is. Raises ``ValueError`` with a line for each fault, and ``httpx.HTTPError``."""
    try:
        api = await probe.api()
    except (KeyError, TypeError, ValueError):
        raise ValueError("its answer is not that of a Gradio app") from None
    if wrong := faults(app, api):
        raise ValueError("\n".join(wrong))
    return f"fits {app.endpoint} of Gradio {api.version}, {app.model}"


def _milliseconds(audio: Path) -> int:
    with wave.open(str(audio)) as sound:
        return sound.getnframes() * 1000 // sound.getframerate()
