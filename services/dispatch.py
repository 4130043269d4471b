"""Gets one job done by some node: waits for a slot, sends it, and goes elsewhere when a node fails."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from domain.errors import NodeBusy, NoNodeAvailable, RecognitionFailed, SpeechError
from domain.node import NodeJob, NodeProgress, NodeResult
from domain.ports import Board, NodePool, Observer
from domain.recognition import Progress, Stage
from domain.ticket import TICKET_RENEW_SECONDS, Grant, Ticket, Waiting, WaitReason
from services.periodic import meanwhile

log = logging.getLogger(__name__)

#: A job that broke this many nodes, or connections, is given up.
MAX_NODE_FAILURES = 3
#: How often a waiting job says where it stands, in seconds.
WAIT_REPORT_SECONDS = 1.0

_STAGES = {
    WaitReason.QUEUED: Stage.QUEUED,
    WaitReason.LOADING: Stage.WAITING_MODEL,
    WaitReason.NO_NODE: Stage.WAITING_NODE,
}

OnWaiting = Callable[[Progress], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A node's result, and which node it was."""

    result: NodeResult
    node_name: str


class Dispatch:
    """One job, from ticket to result."""

    def __init__(self, board: Board, pool: NodePool, observer: Observer, *, queue_seconds: float) -> None:
        self._board = board
        self._pool = pool
        self._observer = observer
        self.queue_seconds = queue_seconds

    async def run(
        self,
        ticket: Ticket,
        job: NodeJob,
        audio: Path,
        *,
        on_waiting: OnWaiting,
        on_granted: Callable[[], Awaitable[None]],
        on_progress: Callable[[NodeProgress], Awaitable[None]],
    ) -> Answer:
        """Runs ``job`` for ``ticket``. ``audio``: 16 kHz mono s16 wav.

        ``on_granted``: its turn has come, which may be long before its first step.
        Raises :class:`NoNodeAvailable` when no slot came in time, :class:`RecognitionFailed` when nodes kept failing.
        """
        deadline = time.monotonic() + self.queue_seconds
        failures = 0
        while True:
            grant = await self._wait_for_slot(ticket, deadline, on_waiting)
            started = time.monotonic()
            seconds: float | None = None
            try:
                async with meanwhile(TICKET_RENEW_SECONDS, partial(self._keep, ticket)):
                    await on_granted()
                    result = await self._pool.recognise(grant.node_url, job, audio, on_progress)
                seconds = time.monotonic() - started
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
                log.warning("job %s failed on %s (%s); tried elsewhere", job.id, grant.node_name, error.message)
                if failures >= MAX_NODE_FAILURES:
                    raise RecognitionFailed(
                        f"{failures} tries ended without an answer of a node; the last: {error.message}",
                        reason="nodes_failed",
                        last=error.code,
                    ) from error
                ticket = replace(ticket, avoid=ticket.avoid | {grant.node_url})
                # The limit is on waiting: hours of work that a node then lost do not count.
                deadline = time.monotonic() + self.queue_seconds
            finally:
                await asyncio.shield(
                    self._board.release(ticket.id, node_seconds=seconds, audio_seconds=ticket.audio_seconds)
                )

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

    async def _keep(self, ticket: Ticket) -> None:
        if not await self._board.renew(ticket.id):
            await self._board.post(ticket)
