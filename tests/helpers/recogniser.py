"""The node's recogniser with the demo model, in this process."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from domain.node import NodeJob, NodeResult
from domain.options import RecognitionOptions
from engine.engine_state import ModelSource
from engine.recogniser import Recogniser
from tests.helpers.speech import write_wav

_NUMBERS = itertools.count(1)


@contextmanager
def demo_recogniser(folder: Path) -> Iterator[Recogniser]:
    """Ready, on the processor, with two slots."""
    made = Recogniser(ModelSource("demo", "ms", "cpu", 8, folder), slots=2)
    made.start()
    made.state.wait(lambda: None)
    yield made
    made.close()


def job(options: RecognitionOptions | None = None, places: Sequence[tuple[int, int]] | None = None) -> NodeJob:
    """A job with an id of its own; ``places``: its segments in ms, where speech is not to be detected."""
    return NodeJob(
        f"t:{next(_NUMBERS)}",
        options or RecognitionOptions(),
        "spoken",
        None if places is None else tuple(places),
    )


async def recognise(node: Recogniser, folder: Path, samples: np.ndarray, *args) -> NodeResult:
    """The result of one :func:`job` of ``args`` for ``(samples,)`` int16."""
    last = None
    async for step in node.admit(job(*args), write_wav(folder / "a.wav", samples)).follow():
        last = step
    assert isinstance(last, NodeResult)
    return last
