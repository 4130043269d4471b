"""A long recording over many nodes: one detection, parts of whole segments, and the people told apart at the end.

Its text is that of the recording as one job: each node gets the same stretches, the same sound at them, and the noise
of the whole. A node that is lost costs its part; parts that are done are found again by who begins anew.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from domain.errors import DeadlineExceeded, NoNodeAvailable, RecognitionFailed, StorageUnavailable
from domain.node import NodeProgress, NodeResult
from domain.parts import LONG_RECORDING_SECONDS, Detection, Part, divided
from domain.ports import ResultCache
from domain.transcript import SPEAKERS_FAILED, ModelOutput, ModelSegment
from domain.words import Word
from services.answers import node_names, warnings_of
from services.dispatch import Answer
from services.known_parts import KnownParts
from services.sound_work import SoundWork
from services.threads import Threads
from services.together import together
from speech.wav_file import cut_wav

log = logging.getLogger(__name__)

#: Parts of one recording that are at nodes, or wait for one, at a time: the others' sound is not cut yet.
PARTS_AT_ONCE = 16
#: Pieces that are cut out at a time.
CUTTERS = 2
#: What finding the speech and telling people apart are worth, as shares of the recording that a node would recognise.
DETECTION_SHARE, SPEAKERS_SHARE = 0.05, 0.1


class LongRecordings:
    """Recognises sounds in parts where that is worth it."""

    def __init__(self, cache: ResultCache, *, least_seconds: float = LONG_RECORDING_SECONDS) -> None:
        self._cache = cache
        self._least_seconds = least_seconds
        self._threads = Threads(CUTTERS, "cut")

    async def recognise(self, work: SoundWork, *, tells_speakers: bool) -> Answer[NodeResult] | None:
        """The sound by parts; ``None``: it is for one node.

        ``tells_speakers``: whether the model's nodes can. Raises as :meth:`Dispatch.run`.
        """
        if work.seconds < self._least_seconds:
            return None
        known = KnownParts(self._cache, work.row, work.question, work.sound.channel)
        detection = await known.detection()
        # Where a run was cut short, its parts are taken up again, also by a single node.
        if detection is None and work.dispatch.sharing_nodes(work.question.model) < 2:
            return None
        async with work.dispatch.by_the_deadline(work.seconds):
            if detection is None:
                detection = await work.detect_speech(work.job(":speech"), work.seconds * DETECTION_SHARE)
                await known.keep_detection(detection.result)
            answer = await self._recognised(work, known, detection)
            return await _with_speakers(work, answer) if tells_speakers and work.options.speakers != 1 else answer

    def close(self) -> None:
        """Ends its threads."""
        self._threads.close()

    async def _recognised(self, work: SoundWork, known: KnownParts, detected: Answer[Detection]) -> Answer[NodeResult]:
        parts, noise_db = divided(detected.result.places), detected.result.noise_db
        numbers = await work.so_far.plan(work.number, [len(part.places) for part in parts])
        log.info("recognition %s: %d parts", work.row.id, len(parts))
        turns = asyncio.Semaphore(PARTS_AT_ONCE)

        async def one(part: Part, number: int) -> Answer[NodeResult]:
            async with turns:
                if answer := await known.part(part, noise_db):
                    await work.so_far.recall(number, answer.result.output.segments)
                    return answer
                answer = await self._part(work, part, number, noise_db)
                await known.keep_part(part, noise_db, answer)
                await work.so_far.end(number)
                return answer

        answers = await together([one(part, number) for part, number in zip(parts, numbers, strict=True)])
        return _joined(work, detected, answers)

    async def _cut(self, whole: Path, piece: Path, part: Part) -> None:
        try:
            await self._threads.run(lambda stop: cut_wav(whole, piece, part.start_ms, part.end_ms))
        except OSError as error:
            raise StorageUnavailable(f"a part of the sound cannot be stored: {error.strerror or error}") from error

    async def _part(self, work: SoundWork, part: Part, number: int, noise_db: float) -> Answer[NodeResult]:
        options = work.options.with_changes(speakers=1)
        job = replace(
            work.job(f":{part.start_ms}-{part.end_ms}"), options=options, segments=part.own_places, noise_db=noise_db
        )
        piece = work.sound.path.with_name(f"{work.sound.path.stem}-{part.start_ms}.wav")

        async def tell(step: NodeProgress) -> None:
            await work.so_far.add(number, replace(step, segments=_later(step.segments, part.start_ms)))

        try:
            await self._cut(work.sound.path, piece, part)
            answer = await work.recognise(job, piece, part.seconds, number, tell)
        finally:
            piece.unlink(missing_ok=True)
        output = answer.result.output
        output = replace(output, segments=_later(output.segments, part.start_ms))
        return replace(answer, result=replace(answer.result, output=output))


def _joined(work: SoundWork, detected: Answer[Detection], answers: Sequence[Answer[NodeResult]]) -> Answer[NodeResult]:
    """The answer that one node would have given. The fingerprint is that of all, or empty where they differ."""
    detection = detected.result
    results = [answer.result for answer in answers]
    segments = tuple(segment for result in results for segment in result.output.segments)
    spoken = [result for result in results if result.output.segments]
    languages = {result.output.language for result in spoken or results}
    fingerprints = {detection.fingerprint, *(result.fingerprint for result in results)}
    return Answer(
        NodeResult(
            ModelOutput(
                work.question.track,
                segments,
                languages.pop() if len(languages) == 1 else work.options.language,
                warnings_of(answers) if answers else ("no_speech",),
            ),
            detection.model,
            fingerprints.pop() if len(fingerprints) == 1 else "",
            results[0].device if results else "",
            detection.audio_seconds,
            sum(result.elapsed_ms for result in results),
        ),
        node_names(answers) if answers else detected.node_name,
    )


async def _with_speakers(work: SoundWork, answer: Answer[NodeResult]) -> Answer[NodeResult]:
    """The whole with its speakers: who is who can be told only from all of it. The text is worth having without."""
    output = answer.result.output
    if not output.segments:
        return answer
    job = replace(work.job(":speakers"), heard=output.segments)
    try:
        named = (await work.recognise(job, work.sound.path, work.seconds * SPEAKERS_SHARE, work.number, _ignore)).result
    except (NoNodeAvailable, RecognitionFailed, DeadlineExceeded) as error:
        log.warning("recognition %s: the speakers could not be told apart: %s", work.row.id, error)
        return _with_output(answer, replace(output, warnings=(*output.warnings, SPEAKERS_FAILED)))
    warnings = dict.fromkeys((*output.warnings, *named.output.warnings))
    told = replace(output, segments=named.output.segments, warnings=tuple(warnings))
    whole = _with_output(answer, told)
    return replace(whole, result=replace(whole.result, elapsed_ms=whole.result.elapsed_ms + named.elapsed_ms))


def _with_output(answer: Answer[NodeResult], output: ModelOutput) -> Answer[NodeResult]:
    return replace(answer, result=replace(answer.result, output=output))


def _later(segments: Sequence[ModelSegment], by_ms: int) -> tuple[ModelSegment, ...]:
    """The segments of a part in times of the whole."""
    return tuple(
        replace(
            segment,
            start_ms=segment.start_ms + by_ms,
            end_ms=segment.end_ms + by_ms,
            words=tuple(Word(word.text, word.start_ms + by_ms, word.end_ms + by_ms) for word in segment.words),
        )
        for segment in segments
    )


async def _ignore(_: NodeProgress) -> None:
    return
