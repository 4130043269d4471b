"""From what nodes and cache gave to what people see."""

import time
from dataclasses import replace

from domain.node import NodeProgress
from domain.recognition import AudioInfo, CacheOutcome, Progress, Recognition, Stage, Status
from domain.transcript import ModelOutput, ModelSegment, Segment, Transcript, assemble
from services.known_audio import KnownResult
from services.runner import Report
from speech.itn import to_written


class SegmentsSoFar:
    """Turns a node's steps into the progress that people see: text as it comes, and the time left."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._segments: list[ModelSegment] = []
        self._started = time.monotonic()

    async def add(self, step: NodeProgress) -> None:
        """Takes one step over; step 0 begins anew, as a try on another node does."""
        if step.segment == 0:
            self._segments.clear()
            self._started = time.monotonic()
        self._segments.extend(step.segments)
        elapsed = time.monotonic() - self._started
        left = elapsed * (step.of - step.segment) / step.segment if step.segment else None
        # Without word times: nobody reads them yet, and each save of the progress would write them all again.
        bare = tuple(replace(segment, words=()) for segment in self._segments)
        shown = assemble(ModelOutput("spoken", bare), to_written).segments
        await self._report(
            Progress(Stage.RECOGNISING, segment=step.segment, of=step.of, remaining_seconds=left, segments=shown)
        )


def answered(row: Recognition, result: KnownResult, outcome: CacheOutcome) -> Recognition:
    """The row, finished by a cached result."""
    return row.with_changes(
        status=Status.SUCCEEDED,
        transcript=assemble(result.output, to_written),
        audio=result.audio,
        cache=outcome,
        cached_at=result.made_at,
        node=result.node,
        model=result.model,
        fingerprint=result.fingerprint,
    )


def finished(row: Recognition, output: ModelOutput, audio: AudioInfo) -> Recognition:
    """The row, finished by a model's output."""
    return row.with_changes(
        status=Status.SUCCEEDED,
        transcript=assemble(output, to_written),
        audio=audio,
        cache=CacheOutcome.MISS,
    )


def with_spoken_track(row: Recognition, spoken: Transcript) -> Recognition:
    """The row's segments with the spoken text of the same stretches."""
    raw = {(s.start_ms, s.end_ms): s.raw_text for s in spoken.segments}
    segments = tuple(
        Segment(s.start_ms, s.end_ms, raw.get((s.start_ms, s.end_ms)), s.normalized_text, s.channel, s.speaker, s.words)
        for s in row.transcript.segments
    )
    return row.with_changes(transcript=Transcript(segments, row.transcript.language, row.transcript.warnings))
