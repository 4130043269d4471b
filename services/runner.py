"""Owns the work under way: every running row of this process is one asyncio task here.

A browser that reloads, a closed connection or a cancelled Gradio event touches nothing in here: they only follow.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from domain.errors import RecognitionCancelled, RecognitionFailed, SpeechError, StorageUnavailable
from domain.history_ports import HistoryStore
from domain.ports import Neighbours, Observer
from domain.recognition import Progress, Recognition, Status, utc_now
from domain.transcript import Transcript
from services.periodic import every
from services.seen_rows import no_such_row

log = logging.getLogger(__name__)

#: How often a process says that it lives, and how long its silence may last before its rows are taken over. (A
#: neighbour's death is known without waiting.)
HEARTBEAT_SECONDS = 5.0
STALE_SECONDS = 30.0
#: Progress is written to the row at most this often, for readers in other processes.
SAVE_PROGRESS_SECONDS = 1.0
#: A recording whose recognition ended its process this often is not tried again.
MAX_ATTEMPTS = 4
#: Rows taken over at a time.
CLAIM_LIMIT = 8

Report = Callable[[Progress], Awaitable[None]]
#: Does a row's work and returns it in a final state; reports on the way.
Work = Callable[[Recognition, Report], Awaitable[Recognition]]


@dataclass
class _Run:
    row: Recognition
    started: float
    task: asyncio.Task[None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    saved_at: float = 0.0
    #: Its row belongs to somebody else, or is left to whoever comes next: nothing is written.
    lost: bool = False
    #: It was cancelled, or is being recorded: a cancel from now on would only interrupt the recording.
    ending: bool = False

    def show(self, row: Recognition) -> None:
        """Lets the followers see the row's new state."""
        self.row = row
        self.changed.set()
        self.changed = asyncio.Event()


class Runner:
    """Runs rows, keeps them alive, takes over those of processes that died, and lets anybody follow them."""

    def __init__(self, history: HistoryStore, work: Work, observer: Observer, neighbours: Neighbours) -> None:
        self._history = history
        self._work = work
        self._observer = observer
        self._neighbours = neighbours
        self.owner = neighbours.name
        self._runs: dict[str, _Run] = {}
        self._background: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins to heartbeat and to take over abandoned rows, also where the database is away at first."""
        self._background = [
            asyncio.create_task(every(HEARTBEAT_SECONDS, lambda: self._history.heartbeat(self.owner), first=True)),
            asyncio.create_task(every(HEARTBEAT_SECONDS, self._take_over, first=True)),
        ]

    async def stop(self) -> None:
        """Leaves the running rows to whoever comes next: they keep their state and lose their owner."""
        tasks = [*self._background, *(run.task for run in self._runs.values() if run.task)]
        for run in self._runs.values():
            run.lost = True  # not cancelled by anybody: the row must stay ``running``
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await self._history.retire(self.owner)
        except StorageUnavailable:
            log.warning("the database is away: this process's rows are taken over after %.0f s", STALE_SECONDS)

    def run(self, row: Recognition, *, started: float | None = None) -> None:
        """Starts the work of a row that is ``running`` and owned by this process.

        ``started``: when the request came, on the monotonic clock, for its ``elapsed_ms``.
        """
        # The row is as new in the database as it can be: its progress is told from here on.
        run = _Run(row, started if started is not None else time.monotonic(), saved_at=time.monotonic())
        self._runs[row.id] = run
        run.task = asyncio.create_task(self._finish(run), name=f"recognition {row.id}")

    @property
    def under_way(self) -> int:
        """How many recognitions run here."""
        return len(self._runs)

    def live(self, recognition_id: str) -> Recognition | None:
        """The row as it is this moment, when it runs here."""
        run = self._runs.get(recognition_id)
        return run.row if run else None

    async def follow(self, recognition_id: str, *, user: str | None) -> AsyncIterator[Recognition]:
        """Every change of the row, wherever it runs; ends after its final state. Raises :class:`NotFound`."""
        previous: Recognition | None = None
        while True:
            run = self._runs.get(recognition_id)
            if run and (user is None or run.row.user == user):
                row, changed = run.row, run.changed
                if row is not previous:
                    yield row
                    previous = row
                if row.status.is_final:
                    return
                await changed.wait()
                continue
            row = await self._history.get(recognition_id, user=user)
            if row is None:
                raise no_such_row(recognition_id)
            if row != previous:
                yield row
                previous = row
            if row.status.is_final:
                return
            await asyncio.sleep(0.5)

    def learn(self, recognition_id: str, audio_id: str) -> None:
        """Notes what the recording is called in the cache: however the row ends, deleting it forgets what is there."""
        if run := self._runs.get(recognition_id):
            run.row = run.row.with_changes(audio_id=audio_id)

    def cancel(self, recognition_id: str) -> bool:
        """Cancels work that runs here; its row ends ``cancelled``. False where it does not run here."""
        run = self._runs.get(recognition_id)
        if run is None or run.task is None:
            return False
        if not run.ending:
            run.ending = True
            run.task.cancel()
        return True

    async def _finish(self, run: _Run) -> None:
        try:
            done = await self._outcome(run)
            run.ending = True
            if done:
                await self._write(run, done)
        finally:
            self._forget(run)

    async def _outcome(self, run: _Run) -> Recognition | None:
        """The row in its final state; ``None`` when it is not this process's to finish."""
        row = run.row
        if row.attempt > MAX_ATTEMPTS:
            error = RecognitionFailed("the program ended each time it was tried", reason="crashes")
            return _ended(run, _failed(run.row, error))
        try:
            done = await self._work(row, lambda progress: self._report(run, progress))
        except asyncio.CancelledError:
            if run.lost:
                return None
            done = cancelled(run.row)
        except SpeechError as error:
            log.info("recognition %s: %s: %s", row.id, error.code, error.message)
            done = _failed(run.row, error)
        except Exception:
            log.exception("recognition %s failed by a fault of this program", row.id)
            done = _failed(run.row, SpeechError("something went wrong inside; the log has the details", id=row.id))
        return _ended(run, done)

    async def _write(self, run: _Run, done: Recognition) -> None:
        """Writes the final row for as long as the database needs to come back; readers see the text all the same."""
        pause_seconds = 0.2
        while True:
            try:
                if not await self._history.finish(done):
                    log.warning("recognition %s was taken over by another process; its result is dropped", done.id)
                break
            except StorageUnavailable as error:
                log.warning("recognition %s cannot be recorded yet: %s", done.id, error.message)
                run.show(done)
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(pause_seconds * 2, 5.0)
        # Only now: whoever hears that it is finished may ask the history at once.
        run.show(done)
        log.info("recognition %s %s after %d ms", done.id, done.status.value, done.elapsed_ms)
        self._observer.count("asr_recognitions_total", status=done.status.value, source=done.source.value)

    def _forget(self, run: _Run) -> None:
        self._runs.pop(run.row.id, None)
        run.changed.set()

    async def _report(self, run: _Run, progress: Progress) -> None:
        run.show(run.row.with_changes(progress=progress))
        if time.monotonic() - run.saved_at < SAVE_PROGRESS_SECONDS:
            return
        run.saved_at = time.monotonic()
        try:
            mine = await self._history.save_progress(run.row.id, run.row.attempt, progress, audio_id=run.row.audio_id)
        except StorageUnavailable:
            return  # only readers elsewhere miss it
        if not mine:
            log.warning("recognition %s no longer belongs to this process; it stops here", run.row.id)
            run.lost = True
            raise asyncio.CancelledError

    async def _take_over(self) -> None:
        """Claims rows that are queued, whose process died, or that this process lost, and runs them."""
        for name in self._neighbours.dead():
            await self._history.retire(name)
            self._neighbours.forget(name)
        claimed = await self._history.claim(
            self.owner, CLAIM_LIMIT, stale_after_seconds=STALE_SECONDS, running=self._runs.keys()
        )
        for row in claimed:
            log.info("recognition %s is taken up (attempt %d)", row.id, row.attempt)
            self.run(row)


def _ended(run: _Run, done: Recognition) -> Recognition:
    """The row with when it ended, and after how long."""
    elapsed_ms = max(1, round((time.monotonic() - run.started) * 1000))
    return done.with_changes(elapsed_ms=elapsed_ms, finished_at=utc_now(), owner=None)


def cancelled(row: Recognition) -> Recognition:
    """The row, ended by a person."""
    return _failed(row, RecognitionCancelled("it was cancelled"))


def _failed(row: Recognition, error: SpeechError) -> Recognition:
    """The row, ended before its end; the text that was on show stays with it."""
    status = Status.CANCELLED if isinstance(error, RecognitionCancelled) else Status.FAILED
    so_far = Transcript(row.progress.segments, row.options.language)
    return row.with_changes(status=status, error=error.to_json(), transcript=so_far)
