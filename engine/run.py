"""One job under way on this node, and those who follow it."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable

from domain.errors import RecognitionCancelled, SpeechError
from domain.node import NodeJob, NodeProgress, NodeResult
from domain.transcript import ModelSegment


class Run:
    """Written by one worker thread, followed by any number of coroutines; nobody's leaving stops it."""

    def __init__(self, job: NodeJob) -> None:
        self.job = job
        self.finished_at: float | None = None
        self.followers = 0
        self._lock = threading.Lock()
        self._steps: list[NodeProgress] = []
        self._outcome: NodeResult | SpeechError | None = None
        self._cancelled = threading.Event()
        self._wakers: set[Callable[[], None]] = set()

    @property
    def is_finished(self) -> bool:
        """Whether there is an outcome."""
        return self._outcome is not None

    @property
    def result(self) -> NodeResult | None:
        """The result, once there is one."""
        return self._outcome if isinstance(self._outcome, NodeResult) else None

    def cancel(self) -> bool:
        """Asks the worker to stop before its next segment; False when it has ended already."""
        if self.is_finished:
            return False
        self._cancelled.set()
        return True

    def check(self) -> None:
        """Raises :class:`RecognitionCancelled` after :meth:`cancel`; the worker calls it between segments."""
        if self._cancelled.is_set():
            raise RecognitionCancelled(job=self.job.id)

    def publish(self, step: NodeProgress) -> None:
        """Tells the followers how far it is."""
        with self._lock:
            self._steps.append(step)
        self._wake()

    def finish(self, outcome: NodeResult | SpeechError) -> None:
        """Ends the run, well or not."""
        with self._lock:
            self._outcome = outcome
            self.finished_at = time.monotonic()
        self._wake()

    async def follow(self) -> AsyncIterator[NodeProgress | NodeResult]:
        """Every step from the first, then the result. Raises the error that ended the run.

        The first step comes alone and at once; later ones that pile up come as one.
        """
        changed = asyncio.Event()
        loop = asyncio.get_running_loop()

        def waker() -> None:
            # The loop may be gone when a follower was cancelled by the shutdown of its server.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(changed.set)

        with self._lock:
            self._wakers.add(waker)
            self.followers += 1
        seen = 0
        try:
            while True:
                changed.clear()
                with self._lock:
                    steps, outcome = self._steps[seen : 1 if seen == 0 else None], self._outcome
                if steps:
                    seen += len(steps)
                    yield _merged(steps)
                elif isinstance(outcome, NodeResult):
                    yield outcome
                    return
                elif outcome is not None:
                    raise outcome
                else:
                    await changed.wait()
        finally:
            with self._lock:
                self._wakers.discard(waker)
                self.followers -= 1

    def _wake(self) -> None:
        with self._lock:
            wakers = list(self._wakers)
        for waker in wakers:
            waker()


def _merged(steps: list[NodeProgress]) -> NodeProgress:
    segments: list[ModelSegment] = []
    for step in steps:
        segments.extend(step.segments)
    return NodeProgress(steps[-1].segment, steps[-1].of, tuple(segments))
