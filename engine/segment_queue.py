"""One queue for the segments of all jobs, and the one thread that runs the model.

The next segment comes from the next job in turn, so a long recording does not hold up a short one. Where the model
decodes in batches, segments of any jobs that ask for the same thing share one.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from domain.errors import RecognitionFailed
from engine.families import Decoding, Heard

_log = logging.getLogger(__name__)

#: Padded sound in one batch, in samples at 16 kHz (300 s, FunASR's own ``batch_size_s``).
_BATCH_SAMPLES = 300 * 16_000
#: Batches that must succeed before a batch size that memory halved is doubled again.
_GOOD_BATCHES_TO_GROW = 50

Decode = Callable[[Sequence[np.ndarray], Decoding], list[Heard]]


@dataclass(slots=True)
class _Item:
    samples: np.ndarray
    decoding: Decoding
    future: "Future[Heard]"


class SegmentQueue:
    """Feeds one model. ``batch_segments`` is 1 for a model that does not batch."""

    def __init__(
        self,
        decode: Decode,
        *,
        batch_segments: int = 1,
        is_out_of_memory: Callable[[BaseException], bool] = lambda error: False,
        free_memory: Callable[[], None] = lambda: None,
    ) -> None:
        self._decode = decode
        self._largest_batch = self._batch = max(1, batch_segments)
        self._is_out_of_memory = is_out_of_memory
        self._free_memory = free_memory
        self._good_batches = 0
        self._waiting: dict[str, deque[_Item]] = {}
        self._turns: deque[str] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="recogniser", daemon=True)
        self._thread.start()

    def submit(self, job_id: str, samples: np.ndarray, decoding: Decoding, *, at_once: bool = False) -> "Future[Heard]":
        """Queues one segment, ``(samples,)`` int16; the future fails with :class:`RecognitionFailed`.

        ``at_once``: before the job's other segments, not before other jobs.
        """
        item = _Item(samples, decoding, Future())
        with self._changed:
            if self._closed:
                raise RecognitionFailed("the node is shutting down", reason="closed")
            if job_id not in self._waiting:
                self._waiting[job_id] = deque()
                self._turns.append(job_id)
            items = self._waiting[job_id]
            (items.appendleft if at_once else items.append)(item)
            self._changed.notify()
        return item.future

    def drop(self, job_id: str) -> None:
        """Takes a job's waiting segments out; the one that is being decoded ends by itself."""
        with self._changed:
            dropped = self._waiting.pop(job_id, ())
            if job_id in self._turns:
                self._turns.remove(job_id)
        for item in dropped:
            item.future.cancel()

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Ends the thread after the batch under way; what waits is cancelled."""
        with self._changed:
            self._closed = True
            jobs = list(self._waiting)
            self._changed.notify()
        for job_id in jobs:
            self.drop(job_id)
        self._thread.join(timeout_seconds)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or bool(self._turns))
                if self._closed:
                    return
                batch = self._take()
            try:
                # False: cancelled while it waited.
                batch = [item for item in batch if item.future.set_running_or_notify_cancel()]
                if batch:
                    self._answer(batch)
            except BaseException as error:
                # Without its thread the node would call itself ready and answer nobody, ever.
                _log.exception("decoding a batch of %d segments failed", len(batch))
                _fail(batch, RecognitionFailed(f"the model failed: {error!r}", reason="model_error"))

    def _take(self) -> list[_Item]:
        first = self._next(None)
        batch = [] if first is None else [first]
        while batch and len(batch) < self._batch:
            longest = max(len(item.samples) for item in batch)
            if (len(batch) + 1) * longest > _BATCH_SAMPLES:
                break
            following = self._next(batch[0].decoding)
            if following is None:
                break
            batch.append(following)
        return batch

    def _next(self, decoding: Decoding | None) -> _Item | None:
        """The head of the next job in turn that asks for ``decoding`` (any, if ``None``)."""
        for _ in range(len(self._turns)):
            job_id = self._turns[0]
            items = self._waiting[job_id]
            self._turns.rotate(-1)
            if decoding is None or items[0].decoding == decoding:
                item = items.popleft()
                if not items:
                    del self._waiting[job_id]
                    self._turns.remove(job_id)
                return item
        return None

    def _answer(self, batch: list[_Item]) -> None:
        try:
            answers = self._decode_within_memory(batch)
            if len(answers) != len(batch):
                raise ValueError(f"{len(answers)} answers to {len(batch)} segments")
        except Exception as error:
            if len(batch) > 1:
                # One segment that the model cannot take must not fail its neighbours.
                for item in batch:
                    self._answer([item])
                return
            if not isinstance(error, RecognitionFailed):
                _log.exception("the model failed on a segment of %d samples", len(batch[0].samples))
                error = RecognitionFailed(f"the model failed: {error}", reason="model_error")
            _fail(batch, error)
            return
        for item, heard in zip(batch, answers, strict=True):
            if not item.future.done():
                item.future.set_result(heard)

    def _decode_within_memory(self, batch: list[_Item], last_try: bool = False) -> list[Heard]:
        """Decodes; on out of memory empties the cache and tries halves, down to single segments, each twice."""
        try:
            heard = self._decode([item.samples for item in batch], batch[0].decoding)
        except Exception as error:
            if not self._is_out_of_memory(error):
                raise
            _log.warning("out of memory with %d segments in one batch", len(batch))
            if last_try:
                raise RecognitionFailed(
                    "the GPU has too little memory for one segment: shorten the longest segment, or free the GPU",
                    reason="out_of_memory",
                    seconds=round(len(batch[0].samples) / 16_000, 1),
                ) from error
        else:
            self._grow()
            return heard
        # Outside the except clause: the traceback keeps the failed batch's tensors alive.
        self._free_memory()
        self._good_batches = 0
        if len(batch) == 1:
            return self._decode_within_memory(batch, last_try=True)
        half = len(batch) // 2
        self._batch = max(1, min(self._batch, half))
        return self._decode_within_memory(batch[:half]) + self._decode_within_memory(batch[half:])

    def _grow(self) -> None:
        self._good_batches += 1
        if self._good_batches >= _GOOD_BATCHES_TO_GROW and self._batch < self._largest_batch:
            self._batch = min(self._largest_batch, self._batch * 2)
            self._good_batches = 0


def _fail(batch: list[_Item], error: RecognitionFailed) -> None:
    for item in batch:
        if not item.future.done():
            item.future.set_exception(error)
