"""Nodes that recognise long recordings in parts, as a test says; what they answer is made from the sound they get."""

import asyncio
import wave
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

from domain.errors import NodeUnreachable, SpeechError
from domain.node import NodeJob, NodeProgress, NodeResult
from domain.parts import Detection
from domain.transcript import ModelOutput, ModelSegment
from domain.words import Word
from engine.recogniser import Recogniser
from tests.helpers.scripted import OTHER_URL, URL, ScriptedPool

RATE = 16_000


@dataclass
class PartsPool(ScriptedPool):
    """Two nodes that hear a word at each of ``places``: a digest of the samples there."""

    urls: Sequence[str] = (URL, OTHER_URL)
    places: Sequence[tuple[int, int]] = ()
    detections: list[str] = field(default_factory=list)
    #: Jobs, by the end of their id, that the first node which gets them fails.
    dies_at: set[str] = field(default_factory=set)
    #: Jobs, by the end of their id, that do not end before ``gate`` is set.
    waits_at: set[str] = field(default_factory=set)
    #: What jobs end with at every node, by the end of their id.
    fails_at: dict[str, SpeechError] = field(default_factory=dict)
    most_at_once: int = 0
    _running: int = 0

    async def detect_speech(self, node_url: str, job: NodeJob, audio: Path) -> Detection:
        """All of ``places``."""
        self.detections.append(job.id)
        return Detection(tuple(self.places), -60.0, 0.0, self.model, self.fingerprint)

    async def recognise(
        self, node_url: str, job: NodeJob, audio: Path, on_progress: Callable[[NodeProgress], Awaitable[None]]
    ) -> NodeResult:
        """A word a place; of what was ``heard`` already, the speakers in turn."""
        self.jobs.append((node_url, job))
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        try:
            return await self._answer(job, audio, on_progress)
        except asyncio.CancelledError:
            self.cancelled.append(job.id)
            raise
        finally:
            self._running -= 1

    async def _answer(
        self, job: NodeJob, audio: Path, on_progress: Callable[[NodeProgress], Awaitable[None]]
    ) -> NodeResult:
        end = job.id.split(":", 1)[1]
        if end in self.fails_at:
            raise self.fails_at[end]
        with wave.open(str(audio)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        if job.heard is not None:
            return self._result(job, tuple(_spoken_by(s, n) for n, s in enumerate(job.heard)), samples)
        places = list(self.places) if job.segments is None else job.segments
        await on_progress(NodeProgress(0, len(places)))
        segments: list[ModelSegment] = []
        for number, place in enumerate(places, 1):
            segments.append(heard_at(samples, *place))
            await on_progress(NodeProgress(number, len(places), (segments[-1],)))
            await asyncio.sleep(0)
        if end in self.dies_at:
            self.dies_at.remove(end)
            raise NodeUnreachable("it died", reason="broken")
        if end in self.waits_at:
            await self.gate.wait()
        if job.segments is None and job.options.speakers != 1:
            segments = [_spoken_by(s, n) for n, s in enumerate(segments)]
        return self._result(job, tuple(segments), samples)

    def _result(self, job: NodeJob, segments: tuple[ModelSegment, ...], samples: np.ndarray) -> NodeResult:
        warnings = () if segments else ("no_speech",)
        output = ModelOutput(job.track, segments, self.language, warnings)
        return NodeResult(output, self.model, self.fingerprint, "cpu", len(samples) / RATE, 50)


def heard_at(samples: np.ndarray, start_ms: int, end_ms: int) -> ModelSegment:
    """One segment of one word, which tells the sound there from any other."""
    sound = samples[start_ms * RATE // 1000 : end_ms * RATE // 1000].tobytes()
    text = sha256(sound).hexdigest()[:12]
    return ModelSegment(start_ms, end_ms, text, (Word(text, start_ms + 10, end_ms - 10),))


def _spoken_by(segment: ModelSegment, number: int) -> ModelSegment:
    return ModelSegment(segment.start_ms, segment.end_ms, segment.text, segment.words, speaker=str(1 + number % 2))


@dataclass
class RecogniserPool(ScriptedPool):
    """Nodes that are all this one recogniser, with a real model."""

    node: Recogniser | None = None

    async def detect_speech(self, node_url: str, job: NodeJob, audio: Path) -> Detection:
        """What the model finds."""
        assert self.node
        return await asyncio.to_thread(self.node.detect_speech, job, audio)

    async def recognise(
        self, node_url: str, job: NodeJob, audio: Path, on_progress: Callable[[NodeProgress], Awaitable[None]]
    ) -> NodeResult:
        """What the model hears."""
        assert self.node
        self.jobs.append((node_url, job))
        async for step in self.node.admit(job, audio).follow():
            if isinstance(step, NodeResult):
                return step
            await on_progress(step)
        raise AssertionError("it ended without a result")
