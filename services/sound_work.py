"""What is asked of nodes for one sound of a recording: its tickets, its jobs, and patience between them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from domain.errors import NoNodeAvailable
from domain.node import NodeJob, NodeProgress, NodeResult
from domain.options import RecognitionOptions
from domain.parts import Detection
from domain.recognition import Progress, Recognition, Source
from domain.ticket import Share, Ticket
from services.dispatch import Answer, Dispatch
from services.known_audio import Question
from services.runner import Report
from services.segments_so_far import SegmentsSoFar
from speech.sounds import Sound

T = TypeVar("T")
_SHARES = {Source.BATCH: Share.BATCH, Source.LIVE: Share.LIVE}
#: Is told where a waiting job stands, and how to say so.
OnWaiting = Callable[[Report, Progress], Awaitable[None]]
OnProgress = Callable[[NodeProgress], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class SoundWork:
    """One sound and how it is to be recognised. ``number``: its place among the sounds of its recording."""

    dispatch: Dispatch
    row: Recognition
    question: Question
    options: RecognitionOptions
    sound: Sound
    number: int
    seconds: float
    so_far: SegmentsSoFar
    on_waiting: OnWaiting

    def job(self, part: str = "") -> NodeJob:
        """A job of its own for each ``part``: a repeated try joins what is under way."""
        return NodeJob(f"{self.row.id}:{self.number}{part}", self.options, self.question.track)

    async def recognise_whole(self) -> Answer[NodeResult]:
        """Has all of it recognised by one node. Raises as :meth:`Dispatch.run`."""
        add = partial(self.so_far.add, self.number)
        answer = await self.recognise(self.job(), self.sound.path, self.seconds, self.number, add)
        await self.so_far.end(self.number)
        return answer

    async def recognise(
        self, job: NodeJob, audio: Path, seconds: float, number: int, on_progress: OnProgress
    ) -> Answer[NodeResult]:
        """Has ``audio`` recognised; ``number``: whose progress it is, which the caller ends.

        Raises as :meth:`Dispatch.run`.
        """
        return await self._patiently(
            number,
            lambda: self.dispatch.run(
                self._ticket(job, seconds),
                job,
                audio,
                on_waiting=self._waiting(number),
                on_granted=partial(self.so_far.begin, number),
                on_progress=on_progress,
            ),
        )

    async def detect_speech(self, job: NodeJob, seconds: float) -> Answer[Detection]:
        """Where somebody speaks in the whole of it. Raises as :meth:`Dispatch.run`."""
        number = self.number
        answer = await self._patiently(
            number,
            lambda: self.dispatch.detect_speech(
                self._ticket(job, seconds),
                job,
                self.sound.path,
                on_waiting=self._waiting(number),
                on_granted=partial(self.so_far.begin, number),
            ),
        )
        await self.so_far.end(number)
        return answer

    def _ticket(self, job: NodeJob, seconds: float) -> Ticket:
        row = self.row
        share = _SHARES.get(row.source, Share.INTERACTIVE)
        return Ticket(f"{job.id}:{row.attempt}", row.user, self.question.model, seconds, share)

    def _waiting(self, number: int) -> Callable[[Progress], Awaitable[None]]:
        return partial(self.on_waiting, partial(self.so_far.wait, number))

    async def _patiently(self, number: int, ask: Callable[[], Awaitable[Answer[T]]]) -> Answer[T]:
        while True:
            before = self.so_far.steps_beside(number)
            try:
                return await ask()
            except NoNodeAvailable:
                # With few slots this waits for the rest of its recording, which may take longer than anybody may wait.
                if self.so_far.steps_beside(number) == before:
                    raise
