"""One job on one node: send, follow, and end in a result or in an error with a meaning."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import httpx

from cluster.clients import NodeClients
from cluster.gradio_link import LINK_ERRORS, Call, Link, translated
from domain.errors import NodeUnreachable, SpeechError
from domain.node import NodeJob, NodeProgress, NodeReport, NodeResult
from domain.parts import Detection
from domain.transcript import ModelSegment

#: How often outputs are looked at, in seconds: short jobs are answered quickly, long ones cost little.
QUICK_LOOK_SECONDS, SLOW_LOOK_SECONDS, QUICK_FOR_SECONDS = 0.02, 0.1, 2.0
#: How long a node may take to confirm a cancellation.
CANCEL_SECONDS = 5.0
#: How many times a job whose stream broke is joined again on the same node.
REJOINS = 2
#: Outputs with more than this take tens of milliseconds to read: they are read in a thread.
LARGE_SEGMENTS, LARGE_WORDS = 200, 5_000
_BYTES_PER_SECOND = 16_000 * 2

OnProgress = Callable[[NodeProgress], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a node may take for one attempt at a job, and how long it may say nothing meanwhile, in seconds."""

    whole: float
    #: Until the first step: the upload, a model that loads on demand, and the speech detection of the whole recording.
    first_step: float
    #: From one step to the next: one segment, and those of the node's other jobs that take turns with it.
    step: float


def limits_of(job: NodeJob, audio: Path) -> Limits:
    """Generous by a factor of about 20: they find what hangs, not what is slow."""
    seconds = audio.stat().st_size / _BYTES_PER_SECOND
    longest_ms = job.options.vad.max_segment_ms
    if job.segments is not None:
        longest_ms = max((end - start for start, end in job.segments), default=0)
    return Limits(300.0 + 20.0 * seconds, 300.0 + seconds, max(60.0, 20.0 * longest_ms / 1000))


async def run_job(
    clients: NodeClients,
    job: NodeJob,
    audio: Path,
    on_progress: OnProgress,
    *,
    report: Callable[[str], Awaitable[NodeReport]],
    limits: Limits,
) -> NodeResult:
    """Runs the job on the node of ``clients``; each finished segment is told once, even if the stream broke between.

    Raises ``NodeBusy``, ``NodeUnreachable`` (``details['reason']``: refused, broken, garbage, token, timeout,
    cancelled), ``RecognitionFailed``, ``InvalidInput``. Cancelling the task, an error in ``on_progress`` and a passed
    limit cancel the job on the node.
    """
    news = _News(on_progress)
    for rejoins_left in reversed(range(REJOINS + 1)):
        try:
            async with asyncio.timeout(limits.whole), _cancelled_with(clients, job.id), clients.link() as link:
                return await _follow(_start(link, "/recognize", audio, job.to_json()), news, _Patience(limits))
        except TimeoutError:
            message = f"the node did not finish within {limits.whole:.0f} s"
            raise NodeUnreachable(message, reason="timeout") from None
        except NodeUnreachable as error:
            if error.details.get("reason") != "broken" or not rejoins_left or not await _runs(clients.url, job, report):
                raise
    raise AssertionError("the last attempt returns or raises")


async def run_detection(clients: NodeClients, job: NodeJob, audio: Path, limits: Limits) -> Detection:
    """Has the node of ``clients`` say where somebody speaks. Raises and is cancelled as :func:`run_job`."""
    try:
        async with asyncio.timeout(limits.first_step), _cancelled_with(clients, job.id), clients.link() as link:
            answer = await _ended(_start(link, "/detect_speech", audio, job.to_json()))
            return Detection.from_json(answer)
    except TimeoutError:
        message = f"the node did not find the speech within {limits.first_step:.0f} s"
        raise NodeUnreachable(message, reason="timeout") from None
    except (KeyError, TypeError, ValueError) as error:
        raise NodeUnreachable("the node's answer makes no sense", reason="garbage") from error


async def cancel_job(clients: NodeClients, job_id: str) -> bool:
    """Asks the node to stop the job; whether it knew it. False as well where the node does not answer in time."""
    try:
        async with asyncio.timeout(CANCEL_SECONDS), clients.link() as link:
            answer = await _ended(_start(link, "/cancel", job_id))
    except (TimeoutError, SpeechError):
        return False
    return isinstance(answer, dict) and bool(cast("dict[str, Any]", answer).get("cancelled"))


class _News:
    """Passes progress on, each segment once: a joined run tells again what it had."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._told: set[tuple[int, int, int | None]] = set()
        self._steps = -1

    async def tell(self, progress: NodeProgress) -> None:
        new = tuple(item for item in progress.segments if _place(item) not in self._told)
        if not new and progress.segment <= self._steps:
            return
        self._told.update(_place(item) for item in new)
        self._steps = max(self._steps, progress.segment)
        await self._on_progress(replace(progress, segment=self._steps, segments=new))


class _Patience:
    """Ends with a node that says nothing new for too long, however well its ``/healthz`` looks."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._now = now
        self._allowed = limits.first_step
        self._since = now()

    def heard(self) -> None:
        """The node has said something, and the caller has dealt with it."""
        self._allowed = self._limits.step
        self._since = self._now()

    def check(self) -> None:
        """Raises ``NodeUnreachable`` when the silence has become too long."""
        if self._now() - self._since > self._allowed:
            raise NodeUnreachable(f"the node said nothing for {self._allowed:.0f} s", reason="timeout")


def _place(segment: ModelSegment) -> tuple[int, int, int | None]:
    return segment.start_ms, segment.end_ms, segment.channel


class _CallerError(Exception):
    """Carries an error of the caller's own ``on_progress`` past the handling of the node's errors."""


@contextlib.asynccontextmanager
async def _cancelled_with(clients: NodeClients, job_id: str) -> AsyncGenerator[None]:
    """Cancels the job on the node when the block is cancelled, or left by the caller's error or a lack of patience."""
    try:
        yield
    except NodeUnreachable as error:
        if error.details.get("reason") == "timeout":
            await cancel_job(clients, job_id)
        raise
    except _CallerError as error:
        await cancel_job(clients, job_id)
        assert error.__cause__ is not None
        raise error.__cause__ from None
    except asyncio.CancelledError:
        # A second cancellation must not leave the node working for nobody.
        stopping = asyncio.ensure_future(cancel_job(clients, job_id))
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(stopping)
        raise


def _start(link: Link, endpoint: str, *arguments: object) -> Call:
    try:
        return link.call(endpoint, *arguments)
    except LINK_ERRORS as error:
        raise translated(error) from error


async def _follow(call: Call, news: _News, patience: _Patience) -> NodeResult:
    told = 0
    result: NodeResult | None = None
    async for outputs in _looks(call):
        for output in outputs[told:]:
            told += 1
            step = await _parsed_aside(output)
            if isinstance(step, NodeResult):
                result = step
            else:
                await _tell(news, step)
            patience.heard()
        patience.check()
    last = _result_of(call)
    if result is not None:
        return result
    step = await _parsed_aside(last)
    if isinstance(step, NodeResult):
        return step
    raise NodeUnreachable("the node ended without a result", reason="garbage")


async def _tell(news: _News, step: NodeProgress) -> None:
    try:
        await news.tell(step)
    except Exception as error:
        raise _CallerError from error


async def _looks(call: Call) -> AsyncIterator[list[object]]:
    """The outputs so far, again and again, for the last time once the call has ended."""
    ended = end_of(call)
    started = time.monotonic()
    while True:
        is_last = ended.is_set()
        yield list(call.outputs())
        if is_last:
            return
        quick = time.monotonic() - started < QUICK_FOR_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(QUICK_LOOK_SECONDS if quick else SLOW_LOOK_SECONDS):
                await ended.wait()


async def _ended(call: Call) -> object:
    await end_of(call).wait()
    return _result_of(call)


def end_of(call: Call) -> asyncio.Event:
    """Is set when the call ends."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()

    def tell() -> None:
        # The loop may have been closed while the call went on.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ended.set)

    call.when_done(tell)
    return ended


def _result_of(call: Call) -> object:
    try:
        return call.result()
    except LINK_ERRORS as error:
        raise translated(error) from error


async def _parsed_aside(output: object) -> NodeProgress | NodeResult:
    """As :func:`_parsed`; what is large does not hold up the event loop."""
    return await asyncio.to_thread(_parsed, output) if _is_large(output) else _parsed(output)


def _is_large(output: object) -> bool:
    try:
        data = cast("dict[str, Any]", output)
        segments = data["result"]["output"]["segments"] if "result" in data else data["segments"]
        words = sum(len(texts) for item in segments for texts in item["words"][:1])
        return len(segments) > LARGE_SEGMENTS or words > LARGE_WORDS
    except (AttributeError, KeyError, TypeError):
        return False


def _parsed(output: object) -> NodeProgress | NodeResult:
    """One output of ``/recognize``. Raises ``NodeUnreachable`` on garbage."""
    try:
        data = cast("dict[str, Any]", output)
        return NodeResult.from_json(data["result"]) if "result" in data else NodeProgress.from_json(data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NodeUnreachable("the node's answer makes no sense", reason="garbage") from error


async def _runs(url: str, job: NodeJob, report: Callable[[str], Awaitable[NodeReport]]) -> bool:
    """Whether the node still works on a job whose stream broke."""
    try:
        return job.id in (await report(url)).running
    except (httpx.HTTPError, AttributeError, KeyError, TypeError, ValueError):
        return False
