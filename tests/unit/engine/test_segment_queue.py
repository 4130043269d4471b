"""The queue around a stand-in for the model: time, failure and lack of memory are what it is for."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError

import numpy as np
import pytest

from domain.errors import RecognitionFailed
from engine.families import Decoding, Heard
from engine.segment_queue import SegmentQueue

ZH, EN = Decoding("zh", (), "spoken"), Decoding("en", (), "spoken")
WAIT = 10.0


class Model:
    """Notes what it is given; ``gate`` holds it up, ``memory`` is how many segments fit, ``bad`` fails alone."""

    def __init__(self, memory: int = 100) -> None:
        self.batches: list[tuple[list[int], Decoding]] = []
        self.gate = threading.Event()
        self.started = threading.Event()
        self.memory = memory
        self.freed = 0
        self.bad: set[int] = set()
        self.forgets = False

    def decode(self, segments: Sequence[np.ndarray], decoding: Decoding) -> list[Heard]:
        self.started.set()
        assert self.gate.wait(WAIT)
        names = [int(item[0]) for item in segments]
        self.batches.append((names, decoding))
        if len(segments) > self.memory:
            raise MemoryError("CUDA out of memory")
        if self.bad & set(names):
            raise RuntimeError("cannot take it")
        if 13 in names:
            raise SystemExit(13)
        return [Heard(str(name)) for name in (names[:-1] if self.forgets and len(names) > 1 else names)]

    def free(self) -> None:
        self.freed += 1


def segment(name: int, samples: int = 1_600) -> np.ndarray:
    return np.full(samples, name, np.int16)


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def queue(model: Model, request: pytest.FixtureRequest) -> Iterator[SegmentQueue]:
    made = SegmentQueue(
        model.decode,
        batch_segments=getattr(request, "param", 1),
        is_out_of_memory=lambda error: isinstance(error, MemoryError),
        free_memory=model.free,
    )
    yield made
    model.gate.set()
    made.close()


def hold(queue: SegmentQueue, model: Model) -> None:
    """Occupies the model, so that what follows waits in the queue."""
    queue.submit("first", segment(0), ZH)
    assert model.started.wait(WAIT)


def test_jobs_take_turns(queue: SegmentQueue, model: Model) -> None:
    hold(queue, model)
    futures = [queue.submit("long", segment(name), ZH) for name in (1, 2, 3)]
    futures += [queue.submit("short", segment(9), ZH)]
    model.gate.set()
    assert [future.result(WAIT).text for future in futures] == ["1", "2", "3", "9"]
    assert [names for names, _ in model.batches] == [[0], [1], [9], [2], [3]]


@pytest.mark.parametrize("queue", [8], indirect=True)
def test_equal_questions_share_a_batch_across_jobs(queue: SegmentQueue, model: Model) -> None:
    hold(queue, model)
    futures = [
        queue.submit("a", segment(1), ZH),
        queue.submit("b", segment(2), EN),
        queue.submit("c", segment(3), ZH),
        queue.submit("a", segment(4), ZH),
    ]
    model.gate.set()
    assert [future.result(WAIT).text for future in futures] == ["1", "2", "3", "4"]
    assert model.batches[1:] == [([1, 3, 4], ZH), ([2], EN)]


@pytest.mark.parametrize("queue", [8], indirect=True)
def test_long_segments_make_small_batches(queue: SegmentQueue, model: Model) -> None:
    hold(queue, model)
    futures = [queue.submit("a", segment(name, 16_000 * 120), ZH) for name in (1, 2, 3)]
    model.gate.set()
    assert [future.result(WAIT).text for future in futures] == ["1", "2", "3"]
    assert [names for names, _ in model.batches[1:]] == [[1, 2], [3]]


@pytest.mark.parametrize("queue", [8], indirect=True)
def test_out_of_memory_halves_the_batch(queue: SegmentQueue, model: Model) -> None:
    hold(queue, model)
    model.memory = 2
    futures = [queue.submit("a", segment(name), ZH) for name in range(1, 9)]
    model.gate.set()
    assert [future.result(WAIT).text for future in futures] == [str(name) for name in range(1, 9)]
    assert [len(names) for names, _ in model.batches[1:]] == [8, 4, 2, 2, 4, 2, 2]
    assert model.freed == 3


@pytest.mark.parametrize("queue", [4], indirect=True)
def test_out_of_memory_with_one_segment_is_said(queue: SegmentQueue, model: Model) -> None:
    model.memory = 0
    model.gate.set()
    with pytest.raises(RecognitionFailed) as caught:
        queue.submit("a", segment(1), ZH).result(WAIT)
    assert caught.value.details["reason"] == "out_of_memory"
    assert len(model.batches) == 2
    model.memory = 4
    assert queue.submit("a", segment(2), ZH).result(WAIT).text == "2"


@pytest.mark.parametrize("queue", [4], indirect=True)
def test_a_bad_segment_fails_alone(queue: SegmentQueue, model: Model) -> None:
    hold(queue, model)
    model.bad = {2}
    futures = [queue.submit("a", segment(name), ZH) for name in (1, 2, 3)]
    model.gate.set()
    assert futures[0].result(WAIT).text == "1"
    assert futures[2].result(WAIT).text == "3"
    with pytest.raises(RecognitionFailed, match="cannot take it"):
        futures[1].result(WAIT)


@pytest.mark.parametrize("queue", [4], indirect=True)
def test_a_model_that_forgets_an_answer_is_asked_one_by_one(queue: SegmentQueue, model: Model) -> None:
    hold(queue, model)
    model.forgets = True
    futures = [queue.submit("a", segment(name), ZH) for name in (1, 2, 3)]
    model.gate.set()
    assert [future.result(WAIT).text for future in futures] == ["1", "2", "3"]
    assert [names for names, _ in model.batches[1:]] == [[1, 2, 3], [1], [2], [3]]


def test_nothing_that_the_model_raises_ends_its_thread(queue: SegmentQueue, model: Model) -> None:
    model.gate.set()
    with pytest.raises(RecognitionFailed, match="SystemExit"):
        queue.submit("a", segment(13), ZH).result(WAIT)
    assert queue.submit("a", segment(1), ZH).result(WAIT).text == "1"


def test_a_dropped_job_never_reaches_the_model(queue: SegmentQueue, model: Model) -> None:
    hold(queue, model)
    gone = [queue.submit("a", segment(name), ZH) for name in (1, 2)]
    stays = queue.submit("b", segment(3), ZH)
    queue.drop("a")
    model.gate.set()
    assert stays.result(WAIT).text == "3"
    for future in gone:
        with pytest.raises(CancelledError):
            future.result(WAIT)
    assert [names for names, _ in model.batches] == [[0], [3]]


def test_after_closing_nothing_is_taken(queue: SegmentQueue, model: Model) -> None:
    hold(queue, model)
    waiting = queue.submit("a", segment(1), ZH)
    model.gate.set()
    queue.close()
    with pytest.raises(RecognitionFailed):
        queue.submit("a", segment(2), ZH)
    assert waiting.done()


def test_the_gpus_error_is_known() -> None:
    import torch

    from engine.decoder import is_out_of_memory

    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(torch.cuda.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("CUDA error"))


def test_what_is_wanted_at_once_passes_its_own_job_and_no_other(queue: SegmentQueue, model: Model) -> None:
    hold(queue, model)
    futures = [queue.submit("long", segment(name), ZH) for name in (1, 2)]
    futures += [queue.submit("other", segment(name), ZH) for name in (5, 6)]
    futures += [queue.submit("other", segment(7), EN, at_once=True)]
    model.gate.set()
    for future in futures:
        future.result(WAIT)
    assert [names for names, _ in model.batches] == [[0], [1], [7], [2], [5], [6]]
