"""Gets one job done by some node: waits for a slot, sends it, and goes elsewhere when a node fails."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from domain.errors import DeadlineExceeded, NodeBusy, NoNodeAvailable, RecognitionFailed, SpeechError
from domain.node import Availability, NodeJob, NodeProgress, NodeResult
from domain.parts import Detection
from domain.ports import Board, NodePool, Observer
from domain.recognition import Progress, Stage
from domain.retry_budget import RetryBudget
from domain.ticket import TICKET_RENEW_SECONDS, Grant, Ticket, Waiting, WaitReason
from services.periodic import meanwhile

log = logging.getLogger(__name__)

#: A job under which so many nodes broke may be what breaks them: it is given up. What is no fault of a job (a node that
#: was gone before it got it, that answers nonsense, or as another model) ends it only after more.
MAX_BROKEN_NODES, MAX_NODE_FAILURES = 5, 8
#: Why a node failed that may have failed by the job.
_BROKEN = ("broken", "timeout")
#: What a job may take beyond its longest wait: so long, and so much more for each second of sound.
DEADLINE_SECONDS, DEADLINE_FACTOR = 600.0, 40.0
#: How often a waiting job says where it stands, in seconds.
WAIT_REPORT_SECONDS = 1.0

_STAGES = {
    WaitReason.QUEUED: Stage.QUEUED,
    WaitReason.LOADING: Stage.WAITING_MODEL,
    WaitReason.NO_NODE: Stage.WAITING_NODE,
    WaitReason.ALL_DRAINING: Stage.NODES_DRAINING,
    WaitReason.ALL_QUARANTINED: Stage.NODES_QUARANTINED,
    WaitReason.NONE_REACHABLE: Stage.NODES_UNREACHABLE,
}

T = TypeVar("T")
OnWaiting = Callable[[Progress], Awaitable[None]]
OnGranted = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a node answered, and which node it was."""

    result: T
    node_name: str


class Dispatch:
    """One job, from ticket to result."""

    def __init__(self, board: Board, pool: NodePool, observer: Observer, *, queue_seconds: float) -> None:
        self._board = board
        self._pool = pool
        self._observer = observer
        self.queue_seconds = queue_seconds
        self._retries = RetryBudget()

    def sharing_nodes(self, model: str) -> int:
        """How many nodes can take parts of one recording now; an app that is none of ours takes only whole ones."""
        return sum(
            node.intent.app is None
            and node.availability in (Availability.READY, Availability.BUSY)
            and node.report is not None
            and node.report.model == model
            for node in self._pool.statuses()
        )

    async def run(
        self,
        ticket: Ticket,
        job: NodeJob,
        audio: Path,
        *,
        on_waiting: OnWaiting,
        on_granted: OnGranted,
        on_progress: Callable[[NodeProgress], Awaitable[None]],
    ) -> Answer[NodeResult]:
        """Runs ``job`` for ``ticket``. ``audio``: 16 kHz mono s16 wav.

        ``on_granted``: its turn has come, which may be long before its first step.
        Raises :class:`NoNodeAvailable` when no slot came in time, :class:`RecognitionFailed` when nodes kept failing,
        :class:`DeadlineExceeded` when all of it together took too long.
        """

        async def recognise(node_url: str) -> NodeResult:
            return await self._pool.recognise(node_url, job, audio, on_progress)

        # What is not recognised tells nothing of how fast a node recognises.
        teaches = job.heard is None
        return await self._run(ticket, job.id, recognise, on_waiting, on_granted, teaches=teaches)

    async def detect_speech(
        self, ticket: Ticket, job: NodeJob, audio: Path, *, on_waiting: OnWaiting, on_granted: OnGranted
    ) -> Answer[Detection]:
        """Where somebody speaks in ``audio``. As :meth:`run`."""

        async def detect(node_url: str) -> Detection:
            return await self._pool.detect_speech(node_url, job, audio)

        return await self._run(ticket, job.id, detect, on_waiting, on_granted, teaches=False)

    async def _run(
        self,
        ticket: Ticket,
        job_id: str,
        work: Callable[[str], Awaitable[T]],
        on_waiting: OnWaiting,
        on_granted: OnGranted,
        *,
        teaches: bool,
    ) -> Answer[T]:
        async with self.by_the_deadline(ticket.audio_seconds):
            self._retries.begin(time.monotonic())
            deadline = time.monotonic() + self.queue_seconds
            failures, broken, is_retry = 0, 0, False
            while True:
                if is_retry:
                    await self._wait_for_a_retry(on_waiting)
                    # The limit is on waiting: hours of work that a node then lost do not count.
                    deadline, is_retry = time.monotonic() + self.queue_seconds, False
                grant = await self._wait_for_slot(ticket, deadline, on_waiting)
                started = time.monotonic()
                seconds: float | None = None
                try:
                    async with meanwhile(TICKET_RENEW_SECONDS, partial(self._keep, ticket, grant)):
                        await on_granted()
                        result = await work(grant.node_url)
                    seconds = time.monotonic() - started if teaches else None
                    self._observer.count("asr_node_requests_total", node=grant.node_name, outcome="ok")
                    return Answer(result, grant.node_name)
                except NodeBusy:
                    # The node's own word is final; whoever counted wrong waits a little, outside the retry budget.
                    self._observer.count("asr_node_requests_total", node=grant.node_name, outcome="busy")
                    await asyncio.sleep(random.uniform(0.1, 0.4))
                except SpeechError as error:
                    self._observer.count("asr_node_requests_total", node=grant.node_name, outcome=error.code)
                    if not error.retry_elsewhere:
                        raise
                    failures += 1
                    broken += error.details.get("reason") in _BROKEN
                    log.warning("job %s failed on %s (%s); tried elsewhere", job_id, grant.node_name, error.message)
                    if broken >= MAX_BROKEN_NODES or failures >= MAX_NODE_FAILURES:
                        raise RecognitionFailed(
                            f"{failures} tries ended without an answer of a node; the last: {error.message}",
                            reason="nodes_failed",
                            last=error.code,
                        ) from error
                    ticket = replace(ticket, avoid=ticket.avoid | {grant.node_url})
                    is_retry = True
                finally:
                    await asyncio.shield(
                        self._board.release(ticket.id, node_seconds=seconds, audio_seconds=ticket.audio_seconds)
                    )
        raise AssertionError("the loop ends with an answer or an error")

    def deadline_seconds(self, audio_seconds: float) -> float:
        """How long a job may take from its first wait to its end, whatever happens to nodes meanwhile."""
        return self.queue_seconds + DEADLINE_SECONDS + DEADLINE_FACTOR * audio_seconds

    @asynccontextmanager
    async def by_the_deadline(self, audio_seconds: float) -> AsyncGenerator[None]:
        """Ends what is done within it when that takes too long. Raises :class:`DeadlineExceeded`."""
        seconds = self.deadline_seconds(audio_seconds)
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineExceeded(f"it was not recognised within {seconds:.0f} s", seconds=seconds) from None

    async def _wait_for_a_retry(self, on_waiting: OnWaiting) -> None:
        """Returns when this process may have nodes try something again: an outage must not become a storm."""
        while seconds := self._retries.take(time.monotonic()):
            self._observer.count("asr_retries_postponed_total")
            await on_waiting(Progress(Stage.WAITING_NODE))
            await asyncio.sleep(min(seconds, WAIT_REPORT_SECONDS))

    async def _wait_for_slot(self, ticket: Ticket, deadline: float, on_waiting: OnWaiting) -> Grant:
        await self._board.post(ticket)
        try:
            async with meanwhile(TICKET_RENEW_SECONDS, partial(self._keep, ticket)):
                return await self._until_granted(ticket, deadline, on_waiting)
        except BaseException:
            await asyncio.shield(self._board.release(ticket.id))
            raise

    async def _until_granted(self, ticket: Ticket, deadline: float, on_waiting: OnWaiting) -> Grant:
        while time.monotonic() < deadline:
            state = await self._board.wait(ticket.id, WAIT_REPORT_SECONDS)
            if isinstance(state, Grant):
                return state
            if isinstance(state, Waiting):
                stage, wait_seconds = _STAGES[state.reason], state.expected_wait_seconds
                await on_waiting(Progress(stage, state.ahead, expected_wait_seconds=wait_seconds))
            else:
                await self._board.post(ticket)
        raise NoNodeAvailable(
            f"no node could take the work within {self.queue_seconds:.0f} s", seconds=self.queue_seconds
        )

    async def _keep(self, ticket: Ticket, grant: Grant | None = None) -> None:
        # What runs goes on running, also where the board has forgotten it: that slot is taken, and no other.
        if not await self._board.renew(ticket.id):
            await self._board.post(ticket, grant=grant)
