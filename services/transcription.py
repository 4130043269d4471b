"""One recognition, as it flows: receive, identify, look up, join, decode, schedule, dispatch, store, record, show."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from domain.access import Visitor
from domain.errors import BadAudio
from domain.history_ports import HistoryStore
from domain.ids import is_id, new_id
from domain.labels import names_of_sides
from domain.options import RecognitionOptions
from domain.ports import Flight, Neighbours, Observer
from domain.recognition import WITHOUT_NODE, CacheOutcome, Progress, Recognition, Source, Stage, Status, utc_now
from domain.transcript import SPEAKERS_FAILED, ModelOutput
from services.amending import left_no_trace
from services.channels import recognise_sounds
from services.decoding import Decoder, Decoding
from services.dispatch import Dispatch
from services.filenames import clean_filename
from services.known_audio import KnownAudio, KnownRefusal, Question
from services.long_recordings import LongRecordings
from services.model_choice import ModelChanged, ModelChoice
from services.results import answered, finished, refused
from services.runner import Report, Runner, cancelled
from services.seen_rows import no_such_row, seen_row
from services.shared_work import SharedWork
from services.sounds import Sounds, audio_key
from services.spoken_track import SpokenTracks

log = logging.getLogger(__name__)


class Transcription:
    """Speech in, text out."""

    def __init__(
        self,
        history: HistoryStore,
        sounds: Sounds,
        known: KnownAudio,
        flight: Flight,
        models: ModelChoice,
        dispatch: Dispatch,
        long_recordings: LongRecordings,
        decoder: Decoder,
        observer: Observer,
        neighbours: Neighbours,
    ) -> None:
        self._history = history
        self._sounds = sounds
        self._known = known
        self._shared_work = SharedWork(known, flight)
        self._models = models
        self._dispatch = dispatch
        self._long_recordings = long_recordings
        self._observer = observer
        self._decoder = decoder
        self._spoken_tracks = SpokenTracks(lambda row: self._recognise(row, _tell_nobody))
        self.runner = Runner(history, self._work, observer, neighbours)

    # -- what callers may ask ------------------------------------------------------------------------------------

    async def submit(
        self,
        path: Path,
        filename: str,
        options: RecognitionOptions,
        *,
        visitor: Visitor,
        source: Source,
        use_cache: bool = True,
        no_trace: bool = False,
    ) -> Recognition:
        """Receives a local file and starts its recognition; returns the row, whose id is valid from now on.

        A recording that is known already comes back in its final state at once. ``no_trace``: nothing of it is kept
        (see ``storage.traceless``); what is known already may answer it. Raises :class:`InvalidOptions`,
        :class:`StorageUnavailable`.
        """
        started = time.monotonic()
        self._models.check(options)
        row = self._new_row(clean_filename(filename), options, visitor.user, source).with_changes(
            use_cache=use_cache, no_trace=no_trace
        )
        row = await self._sounds.receive(path, row)
        try:
            if use_cache and (hit := await self.recall(path, row)):
                row = hit.with_changes(owner=None, elapsed_ms=_milliseconds_since(started), finished_at=utc_now())
        except BaseException:
            await asyncio.shield(self._sounds.refuse(row))
            raise
        # Once its insert has begun, the row must not be left alone: a caller that goes away interrupts nothing.
        return await asyncio.shield(self._accept(row, started, new_audio=True))

    async def submit_again(
        self, recognition_id: str, options: RecognitionOptions | None, *, visitor: Visitor
    ) -> Recognition:
        """重新识别: another version of a row, of the same recording; the cache does not answer.

        Both rows refer to the one recording, which is removed when it would have been. The two sides of a call keep
        their names. Those of speakers stay behind: their numbers may be others now. Raises :class:`NotFound`.
        """
        started = time.monotonic()
        old = await self._get(recognition_id, visitor)
        if old.no_trace:
            raise left_no_trace(old)
        await self._sounds.check(old)
        # Only now: a store takes its time, and somebody may have held or renamed something meanwhile.
        old = await self._get(recognition_id, visitor)
        asked = options or old.options
        self._models.check(asked)
        row = self._new_row(old.filename, asked, old.user, old.source).with_changes(
            audio_key=audio_key(old),
            use_cache=False,
            labels=names_of_sides(old.labels),
            version_of=old.version_of or old.id,
            version=old.version + 1,
            hold=old.hold,
        )
        return await asyncio.shield(self._accept(row, started, new_audio=False))

    def follow(self, recognition_id: str, *, visitor: Visitor) -> AsyncIterator[Recognition]:
        """Every change of a recognition; ends after its final state. Raises :class:`NotFound`."""
        if not is_id(recognition_id):
            raise no_such_row(recognition_id)
        return self.runner.follow(recognition_id, user=visitor.scope)

    async def wait(self, recognition_id: str, *, visitor: Visitor, timeout_seconds: float | None = None) -> Recognition:
        """The final row, or the row as it is when the timeout passes. Raises :class:`NotFound`."""
        row: Recognition | None = None
        try:
            async with asyncio.timeout(timeout_seconds):
                async for row in self.follow(recognition_id, visitor=visitor):
                    pass
        except TimeoutError:
            pass
        return row or await self._get(recognition_id, visitor)

    async def cancel(self, recognition_id: str, *, visitor: Visitor) -> Recognition:
        """Stops a recognition, wherever it runs; a finished one stays as it is. Raises :class:`NotFound`."""
        row = await self._get(recognition_id, visitor)
        if row.status is Status.QUEUED:
            await self._history.cancel_queued(row.id, user=visitor.scope)
        elif row.status is Status.RUNNING and not self.runner.cancel(row.id):
            # Another process runs it: the fence drops its result, and its next progress tells it to stop.
            await self._history.finish(cancelled(row).with_changes(finished_at=utc_now(), owner=None))
        return await self.wait(row.id, visitor=visitor, timeout_seconds=30)

    async def spoken(self, recognition_id: str, *, visitor: Visitor) -> Recognition:
        """The row with its spoken track too: a second decode where the model writes by itself, cached as its own."""
        return await self._spoken_tracks.of(await self._get(recognition_id, visitor))

    async def recall(self, path: Path, row: Recognition) -> Recognition | None:
        """The row as a hit, when the very same file was recognised before with the same options, or refused."""
        known, question = await asyncio.gather(
            self._known.recall(path, filename=row.filename, user=row.user),
            self._question(row, self._models.name(row.options.model)),
        )
        if isinstance(known, KnownRefusal):
            self._known.count(CacheOutcome.HIT, known)
            return refused(row, known)
        result = await self._known.find(known, question) if known and question.fingerprint else None
        if known is None or result is None:
            return None
        self._known.count(CacheOutcome.HIT, result)
        return await answered(row.with_changes(audio_id=known), result, CacheOutcome.HIT)

    def close(self) -> None:
        """Ends the threads."""
        self._decoder.close()
        self._long_recordings.close()
        self._known.close()
        self._sounds.close()

    # -- the story of one row ------------------------------------------------------------------------------------

    def _new_row(self, filename: str, options: RecognitionOptions, user: str, source: Source) -> Recognition:
        return Recognition(
            id=new_id(),
            user=user,
            source=source,
            filename=filename,
            options=options,
            status=Status.RUNNING,
            attempt=1,
            owner=self.runner.owner,
        )

    async def _accept(self, row: Recognition, started: float, *, new_audio: bool) -> Recognition:
        """Inserts the row and, where its text is not there yet, starts its work."""
        try:
            row = await self._history.insert(row)
        except Exception:
            if new_audio:
                await self._sounds.refuse(row)
            raise
        if row.status is Status.RUNNING:
            self.runner.run(row, started=started)
        else:
            await self._sounds.end(row)
            log.info("recognition %s answered from the cache after %s ms", row.id, row.elapsed_ms)
            self._observer.count("asr_recognitions_total", status=row.status.value, source=row.source.value)
        return row

    async def _work(self, row: Recognition, report: Report) -> Recognition:
        started = time.monotonic()
        try:
            done = await self._recognise(row, report)
        finally:
            await self._sounds.end(row)
        self._observer.observe("asr_recognition_seconds", time.monotonic() - started)
        self._observer.count("asr_audio_seconds_total", done.audio.seconds)
        # Names that came from an earlier row are those of sides, which this one may not have.
        has_sides = any(segment.channel is not None for segment in done.transcript.segments)
        return done if has_sides else done.with_changes(labels={})

    async def _recognise(self, row: Recognition, report: Report) -> Recognition:
        async with (
            self._sounds.local(row) as path,
            self._decoder.of(path, row.filename, row.options.channels) as decoding,
        ):
            await report(Progress(Stage.IDENTIFYING))
            if not row.use_cache:
                decoding.begin()
            # What is no sound is said at once, also while the model is still loading.
            async with self._remembering(row, path):
                audio_id = await self._known.identify(
                    path, filename=row.filename, remember=not row.no_trace, on_new=decoding.begin
                )
            self.runner.learn(row.id, audio_id)
            row = row.with_changes(audio_id=audio_id)
            while True:
                model = await self._models.wait_until_known(
                    row.options.model, self._dispatch.queue_seconds, lambda: report(Progress(Stage.WAITING_MODEL))
                )
                question = await self._question(row, model)
                try:
                    recognise = partial(self._recognise_now, row, path, decoding, audio_id, question, report)
                    if not row.use_cache:
                        return await recognise()
                    if row.no_trace:
                        return await self._shared_work.answer_alone(row, audio_id, question, recognise)
                    return await self._shared_work.answer(
                        row, audio_id, question, report, recognise, on_joined=decoding.give_up
                    )
                except ModelChanged:
                    log.info("recognition %s: the model is no longer %s; asked anew", row.id, model)

    async def _recognise_now(
        self, row: Recognition, path: Path, decoding: Decoding, audio_id: str, question: Question, report: Report
    ) -> Recognition:
        """Decodes, finds a node, has it recognised, and keeps the result for the next one."""
        await report(Progress(Stage.DECODING))
        async with self._remembering(row, path):
            decoded = await decoding.result()
        if decoded.silent:
            nothing = ModelOutput(question.track, (), warnings=(*decoded.warnings, "no_speech"))
            if not row.no_trace:
                await self._known.keep(audio_id, question, nothing, decoded.info)
            return (await finished(row, nothing, decoded.info)).with_changes(model=question.model)
        answer = await recognise_sounds(
            self._dispatch,
            self._long_recordings,
            row,
            question,
            decoded,
            tells_speakers=self._models.capabilities(question.model).speakers,
            on_waiting=partial(self._tell_waiting, question),
            report=report,
        )
        result = answer.result
        # What the file's damage cost is part of the answer, also for the next one who asks.
        output = replace(result.output, warnings=(*decoded.warnings, *result.output.warnings))
        expected = question.fingerprint in (result.fingerprint, "")  # empty: the first node was seen only since
        if expected and SPEAKERS_FAILED not in output.warnings and not row.no_trace:
            seen = replace(question, model=result.model, fingerprint=result.fingerprint)
            await self._known.keep(
                audio_id, seen, output, decoded.info, node=answer.node_name, node_ms=result.elapsed_ms
            )
        return (await finished(row, output, decoded.info)).with_changes(
            node=answer.node_name, model=result.model, fingerprint=result.fingerprint, node_ms=result.elapsed_ms
        )

    @asynccontextmanager
    async def _remembering(self, row: Recognition, path: Path) -> AsyncGenerator[None]:
        """What this server finds to hold no sound is known as such; what a node says of it is not believed."""
        try:
            yield
        except BadAudio as error:
            if not row.no_trace:
                audio_id = await self._known.refuse(
                    path, error, filename=row.filename, user=row.user, audio_id=row.audio_id
                )
                self.runner.learn(row.id, audio_id)
            raise

    async def _question(self, row: Recognition, model: str) -> Question:
        return self._known.asked_by(row.user, await self._models.question(row.options, model))

    async def _tell_waiting(self, question: Question, report: Report, progress: Progress) -> None:
        if progress.stage in WITHOUT_NODE and self._models.name(question.options.model) != question.model:
            raise ModelChanged
        await report(progress)

    async def _get(self, recognition_id: str, visitor: Visitor) -> Recognition:
        return await seen_row(self._history, recognition_id, visitor)


def _milliseconds_since(started: float) -> int:
    return max(1, round((time.monotonic() - started) * 1000))


async def _tell_nobody(_: Progress) -> None:
    return
