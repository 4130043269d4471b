"""From what nodes and cache gave to what people see."""

import time
from dataclasses import replace
from functools import partial

from domain.node import NodeProgress
from domain.recognition import AudioInfo, CacheOutcome, Progress, Recognition, Stage, Status
from domain.transcript import ModelOutput, Segment, Track, Transcript, assemble
from services.known_audio import KnownResult
from services.runner import Report
from services.threads import off_loop
from speech.itn import to_written


class SegmentsSoFar:
    """Turns a node's steps into the progress that people see: text as it comes, and the time left."""

    def __init__(self, report: Report, track: Track, language: str) -> None:
        self._report = report
        self._track: Track = track
        self._language = language
        self._shown: list[Segment] = []
        self._started = time.monotonic()

    async def add(self, step: NodeProgress) -> None:
        """Takes one step over; step 0 begins anew, as a try on another node does."""
        if step.segment == 0:
            self._shown.clear()
            self._started = time.monotonic()
        # Only the new ones, and without word times: a long recording has thousands of steps.
        new = ModelOutput(self._track, tuple(replace(segment, words=()) for segment in step.segments), self._language)
        self._shown += transcript_of(new).segments
        elapsed = time.monotonic() - self._started
        left = elapsed * (step.of - step.segment) / step.segment if step.segment else None
        await self._report(
            Progress(
                Stage.RECOGNISING,
                segment=step.segment,
                of=step.of,
                remaining_seconds=left,
                segments=tuple(self._shown),
            )
        )


def transcript_of(output: ModelOutput) -> Transcript:
    """Both tracks of a model's output, as far as one decode gives them."""
    return assemble(output, partial(to_written, language=output.language))


async def answered(row: Recognition, result: KnownResult, outcome: CacheOutcome) -> Recognition:
    """The row, finished by a cached result."""
    return row.with_changes(
        status=Status.SUCCEEDED,
        transcript=await _transcript(result.output),
        audio=result.audio,
        cache=outcome,
        cached_at=result.made_at,
        node=result.node or None,
        model=result.model,
        fingerprint=result.fingerprint,
    )


async def finished(row: Recognition, output: ModelOutput, audio: AudioInfo) -> Recognition:
    """The row, finished by a model's output."""
    return row.with_changes(
        status=Status.SUCCEEDED,
        transcript=await _transcript(output),
        audio=audio,
        cache=CacheOutcome.MISS,
    )


async def _transcript(output: ModelOutput) -> Transcript:
    return await off_loop(len(output.segments), lambda: transcript_of(output))


def with_spoken_track(row: Recognition, spoken: Transcript) -> Recognition:
    """The row's segments with the spoken text of the same stretches."""
    raw = {(s.start_ms, s.end_ms): s.raw_text for s in spoken.segments}
    segments = tuple(
        Segment(s.start_ms, s.end_ms, raw.get((s.start_ms, s.end_ms)), s.normalized_text, s.channel, s.speaker, s.words)
        for s in row.transcript.segments
    )
    return row.with_changes(transcript=Transcript(segments, row.transcript.language, row.transcript.warnings))
