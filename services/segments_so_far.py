"""How far the sounds of one recording are, as people see it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from domain.node import NodeProgress
from domain.recognition import Progress, Stage
from domain.transcript import ModelOutput, ModelSegment, Segment, Track
from services.results import transcript_of
from services.runner import Report


@dataclass
class _Part:
    """How far one sound is, or one part of it."""

    sound: int
    segment: int = 0
    of: int = 0
    steps: int = 0
    shown: list[Segment] = field(default_factory=list[Segment])
    #: Where it waits: before its turn, and again after its node failed.
    waits: Progress | None = None
    #: Whether a node works on it: from its turn, before its first step, until its whole answer is here.
    under_way: bool = False
    is_done: bool = False
    #: Segments that were known before: they tell nothing of how long the others take.
    known: int = 0


class SegmentsSoFar:
    """Turns the nodes' steps into the progress that people see: text as it comes, in its order, and the time left.

    What is asked of nodes has a number: that of its sound, or one that :meth:`plan` gives to a part of it.
    """

    def __init__(self, report: Report, track: Track, language: str, channels: Sequence[int | None]) -> None:
        self._report = report
        self._track: Track = track
        self._language = language
        self._channels = channels
        self._parts = {number: _Part(number) for number in range(len(channels))}
        self._started = time.monotonic()
        self._last = Progress()

    async def plan(self, sound: int, segments: Sequence[int]) -> list[int]:
        """Divides a sound into parts of so many segments each; returns their numbers."""
        first = len(self._parts)
        numbers = list(range(first, first + len(segments)))
        self._parts |= {number: _Part(sound, of=of) for number, of in zip(numbers, segments, strict=True)}
        self._started = time.monotonic()
        await self._tell()
        return numbers

    async def recall(self, number: int, segments: Sequence[ModelSegment]) -> None:
        """A part is known already."""
        part = self._parts[number]
        part.segment = part.known = part.of
        self._show(part, segments)
        part.is_done = True
        await self._tell()

    async def wait(self, number: int, progress: Progress) -> None:
        """Says where a job waits; of several that wait, the one that is nearest to its turn.

        While another one is under way, its progress is reported once more instead: each report also asks whether the
        row still belongs to this process.
        """
        self._parts[number].waits, self._parts[number].under_way = progress, False
        if not any(part.under_way for part in self._parts.values()):
            waiting = [part.waits for part in self._parts.values() if part.waits]
            nearest = min(waiting, key=lambda one: one.ahead)
            # The text that was heard stays on show.
            self._last = replace(nearest, segments=self._shown())
        await self._report(self._last)

    async def begin(self, number: int) -> None:
        """A job's turn has come: the recording is under way, though some other sound of it still waits for its own."""
        self._begin(self._parts[number])
        await self._tell()

    async def end(self, number: int) -> None:
        """A job's answer is here."""
        part = self._parts[number]
        part.under_way, part.is_done = False, True
        if number >= len(self._channels):
            # The other parts may take a while; after a whole sound its row says more than this.
            await self._tell()

    def steps_beside(self, number: int) -> int:
        """Steps that were made for the others."""
        return sum(part.steps for other, part in self._parts.items() if other != number)

    async def add(self, number: int, step: NodeProgress) -> None:
        """Takes one step over; step 0 begins anew, as a try on another node does."""
        part = self._parts[number]
        part.steps += 1
        self._begin(part)
        part.segment, part.of = step.segment, step.of
        if step.segment == 0:
            part.shown.clear()
            if not any(other.segment for other in self._parts.values()):
                self._started = time.monotonic()
        self._show(part, step.segments)
        await self._tell()

    def _show(self, part: _Part, segments: Sequence[ModelSegment]) -> None:
        # Only the new ones, and without word times: a long recording has thousands of steps.
        fresh = tuple(replace(on_channel(self._channels[part.sound], s), words=()) for s in segments)
        part.shown += transcript_of(ModelOutput(self._track, fresh, self._language)).segments

    async def _tell(self) -> None:
        self._last = self._progress(time.monotonic() - self._started)
        await self._report(self._last)

    @staticmethod
    def _begin(part: _Part) -> None:
        part.waits, part.under_way = None, True

    def _progress(self, elapsed: float) -> Progress:
        parts = self._parts.values()
        done, known = sum(part.segment for part in parts), sum(part.known for part in parts)
        begun = {part.sound for part in parts if part.of}
        of = sum(part.of for part in parts)
        # A channel that has not begun is taken for as long as the other.
        of = round(of * len(self._channels) / len(begun)) if begun else 0
        return Progress(
            Stage.RECOGNISING,
            segment=done,
            of=of,
            remaining_seconds=elapsed * (of - done) / (done - known) if done > known else None,
            segments=self._shown(),
            parts=len(self._parts) - len(self._channels),
            parts_done=sum(part.is_done for number, part in self._parts.items() if number >= len(self._channels)),
        )

    def _shown(self) -> tuple[Segment, ...]:
        shown = [segment for part in self._parts.values() for segment in part.shown]
        return tuple(sorted(shown, key=place_of) if len(self._parts) > 1 else shown)


def on_channel(channel: int | None, segment: ModelSegment) -> ModelSegment:
    """The segment as one of this channel."""
    return segment if channel is None else replace(segment, channel=channel)


def place_of(segment: ModelSegment | Segment) -> tuple[int, int, int]:
    """Its place among those of all channels."""
    return segment.start_ms, segment.channel or 0, segment.end_ms
