"""A recording's sounds through the nodes: one, or one for each channel of a call, merged by time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from domain.errors import NoNodeAvailable
from domain.node import NodeJob, NodeProgress, NodeResult
from domain.recognition import Progress, Recognition, Source, Stage
from domain.ticket import Share, Ticket
from domain.transcript import ModelOutput, ModelSegment, Segment, Track
from services.dispatch import Answer, Dispatch
from services.known_audio import Question
from services.results import transcript_of
from services.runner import Report
from speech.decode import Decoded

T = TypeVar("T")
_SHARES = {Source.BATCH: Share.BATCH, Source.LIVE: Share.LIVE}
#: Is told where a waiting job stands, and how to say so.
OnWaiting = Callable[[Report, Progress], Awaitable[None]]


async def recognise_sounds(
    dispatch: Dispatch,
    row: Recognition,
    question: Question,
    decoded: Decoded,
    *,
    on_waiting: OnWaiting,
    report: Report,
) -> Answer:
    """Has every sound recognised, at the same time where there are slots; one answer for the recording.

    Their jobs are ``{row}:0`` and ``{row}:1``: a repeated try joins what is under way. The first failure ends the
    other. Raises as :meth:`Dispatch.run`.
    """
    channels, options = [sound.channel for sound in decoded.sounds], row.options
    if channels != [None]:
        # The channel says who speaks; speaker "1" of one channel is not that of the other.
        options = options.with_changes(speakers=1)
    so_far = SegmentsSoFar(report, question.track, options.language, channels)
    share, seconds = _SHARES.get(row.source, Share.INTERACTIVE), decoded.info.seconds
    answers = await _together(
        [
            _recognise(
                dispatch,
                Ticket(f"{row.id}:{row.attempt}:{number}", row.user, question.model, seconds, share),
                NodeJob(f"{row.id}:{number}", options, question.track),
                sound.path,
                partial(on_waiting, partial(so_far.wait, number)),
                so_far,
                number,
            )
            for number, sound in enumerate(decoded.sounds)
        ]
    )
    return merged(list(zip(channels, answers, strict=True)))


def merged(answers: Sequence[tuple[int | None, Answer]]) -> Answer:
    """One answer for the recording: segments with their channel, by time; ``elapsed_ms`` is the nodes' work together.

    Nothing heard on one channel is no warning while somebody speaks on the other. The fingerprint is that of all, or
    empty where they differ.
    """
    results = [answer.result for _, answer in answers]
    first, outputs = results[0], [result.output for result in results]
    segments = [_on_channel(channel, s) for channel, answer in answers for s in answer.result.output.segments]
    warnings = dict.fromkeys(name for output in outputs for name in output.warnings)
    if segments:
        warnings.pop("no_speech", None)
    most = max(outputs, key=lambda output: sum(len(segment.text) for segment in output.segments))
    agreed = {(result.model, result.fingerprint) for result in results} == {(first.model, first.fingerprint)}
    output = ModelOutput(first.output.track, _by_time(segments), most.language, tuple(warnings))
    result = NodeResult(
        output,
        first.model,
        first.fingerprint if agreed else "",
        first.device,
        first.audio_seconds,
        sum(result.elapsed_ms for result in results),
    )
    return Answer(result, ", ".join(dict.fromkeys(answer.node_name for _, answer in answers)))


@dataclass
class _Part:
    """How far one sound is."""

    segment: int = 0
    of: int = 0
    steps: int = 0
    shown: list[Segment] = field(default_factory=list[Segment])
    #: Where it waits: before its turn, and again after its node failed.
    waits: Progress | None = None
    #: Whether a node works on it: from its turn, before its first step, until its whole answer is here.
    under_way: bool = False


class SegmentsSoFar:
    """Turns the nodes' steps into the progress that people see: text as it comes, in its order, and the time left."""

    def __init__(self, report: Report, track: Track, language: str, channels: Sequence[int | None]) -> None:
        self._report = report
        self._track: Track = track
        self._language = language
        self._channels = channels
        self._parts = [_Part() for _ in channels]
        self._started = time.monotonic()
        self._last = Progress()

    async def wait(self, number: int, progress: Progress) -> None:
        """Says where a job waits; of several that wait, the one that is nearest to its turn.

        While another one is under way, its progress is reported once more instead: each report also asks whether the
        row still belongs to this process.
        """
        self._parts[number].waits, self._parts[number].under_way = progress, False
        if not any(part.under_way for part in self._parts):
            waiting = [part.waits for part in self._parts if part.waits]
            nearest = min(waiting, key=lambda one: one.ahead)
            # The text that was heard stays on show.
            self._last = replace(nearest, segments=self._shown())
        await self._report(self._last)

    async def begin(self, number: int) -> None:
        """A job's turn has come: the recording is under way, though some other sound of it still waits for its own."""
        self._begin(self._parts[number])
        self._last = self._progress(time.monotonic() - self._started)
        await self._report(self._last)

    def end(self, number: int) -> None:
        """A job's answer is here."""
        self._parts[number].under_way = False

    def steps_beside(self, number: int) -> int:
        """Steps that were made for the other sounds."""
        return sum(part.steps for other, part in enumerate(self._parts) if other != number)

    async def add(self, number: int, step: NodeProgress) -> None:
        """Takes one step over; step 0 begins anew, as a try on another node does."""
        part = self._parts[number]
        part.steps += 1
        self._begin(part)
        part.segment, part.of = step.segment, step.of
        if step.segment == 0:
            part.shown.clear()
            if not any(other.segment for other in self._parts):
                self._started = time.monotonic()
        # Only the new ones, and without word times: a long recording has thousands of steps.
        fresh = tuple(replace(_on_channel(self._channels[number], s), words=()) for s in step.segments)
        part.shown += transcript_of(ModelOutput(self._track, fresh, self._language)).segments
        self._last = self._progress(time.monotonic() - self._started)
        await self._report(self._last)

    @staticmethod
    def _begin(part: _Part) -> None:
        part.waits, part.under_way = None, True

    def _progress(self, elapsed: float) -> Progress:
        done, begun = sum(part.segment for part in self._parts), [part.of for part in self._parts if part.of]
        # A channel that has not begun is taken for as long as the other.
        of = round(sum(begun) * len(self._parts) / len(begun)) if begun else 0
        return Progress(
            Stage.RECOGNISING,
            segment=done,
            of=of,
            remaining_seconds=elapsed * (of - done) / done if done else None,
            segments=self._shown(),
        )

    def _shown(self) -> tuple[Segment, ...]:
        shown = [segment for part in self._parts for segment in part.shown]
        return tuple(sorted(shown, key=_place) if len(self._parts) > 1 else shown)


async def _recognise(
    dispatch: Dispatch,
    ticket: Ticket,
    job: NodeJob,
    audio: Path,
    on_waiting: Callable[[Progress], Awaitable[None]],
    so_far: SegmentsSoFar,
    number: int,
) -> Answer:
    while True:
        before = so_far.steps_beside(number)
        try:
            answer = await dispatch.run(
                ticket,
                job,
                audio,
                on_waiting=on_waiting,
                on_granted=partial(so_far.begin, number),
                on_progress=partial(so_far.add, number),
            )
            so_far.end(number)
            return answer
        except NoNodeAvailable:
            # With a single slot this channel waits for the other one, which may take longer than anybody may wait.
            if so_far.steps_beside(number) == before:
                raise


async def _together(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """All of it at once. The first failure, or a cancel, ends the rest before it is raised."""
    tasks = [asyncio.create_task(item) for item in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _on_channel(channel: int | None, segment: ModelSegment) -> ModelSegment:
    return segment if channel is None else replace(segment, channel=channel)


def _by_time(segments: Sequence[ModelSegment]) -> tuple[ModelSegment, ...]:
    return tuple(sorted(segments, key=_place))


def _place(segment: ModelSegment | Segment) -> tuple[int, int, int]:
    return segment.start_ms, segment.channel or 0, segment.end_ms
