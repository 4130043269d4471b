"""One job on a loaded engine, from samples to segments: where somebody speaks, what is said, and who says it."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future

import numpy as np

from domain.errors import RecognitionFailed, SpeechError
from domain.node import NodeProgress, NodeResult
from domain.parts import Detection, Place
from domain.transcript import SPEAKERS_FAILED, ModelOutput, ModelSegment
from domain.words import Word
from engine.doubts import noise_level
from engine.engine_state import Engine
from engine.families import Decoding, Heard
from engine.run import Run
from engine.samples import RATE, can_be_heard, duration_ms, stretch
from engine.second_hearing import HearingCounts, Settled, settle

_log = logging.getLogger(__name__)


class JobWork:
    """What a node does for its jobs. It blocks, in a thread of the job's own."""

    def __init__(self, engine: Engine, model: str, fingerprint: str, second_hearings: HearingCounts) -> None:
        self._engine = engine
        self._model = model
        self._fingerprint = fingerprint
        self._second_hearings = second_hearings

    def detect(self, run: Run, samples: np.ndarray) -> Detection:
        """The stretches with speech in ``(samples,)`` int16. Raises :class:`RecognitionCancelled`."""
        places = self._engine.detector.detect(samples, run.job.options.vad, run.check)
        noise_db = noise_level(samples)
        return Detection(tuple(places), noise_db, len(samples) / RATE, self._model, self._fingerprint)

    def recognise(self, run: Run, samples: np.ndarray, decoding: Decoding) -> NodeResult:
        """Everything that the job asks for; each finished segment is told to the followers of ``run``."""
        started = time.perf_counter()
        job = run.job
        segments, language = self._hear_all(run, samples, decoding) if job.heard is None else (list(job.heard), "")
        named = self._named(run, samples, segments)
        warnings = (*_warnings(segments), *(() if named is not None else (SPEAKERS_FAILED,)))
        return NodeResult(
            ModelOutput(
                decoding.track,
                tuple(named if named is not None else segments),
                language or decoding.language,
                warnings,
            ),
            self._model,
            self._fingerprint,
            self._engine.device,
            len(samples) / RATE,
            round((time.perf_counter() - started) * 1000),
        )

    def _hear_all(self, run: Run, samples: np.ndarray, decoding: Decoding) -> tuple[list[ModelSegment], str]:
        """The segments, and the one language that was heard in them where nobody named it; empty: none, or several."""
        places = self._places(run, samples)
        run.publish(NodeProgress(0, len(places)))
        segments: list[ModelSegment] = []
        languages: set[str] = set()
        for number, (place, settled) in enumerate(self._hear(run, samples, places, decoding), 1):
            heard = settled.heard
            new = [_segment(place, settled)] if heard.text else []
            segments += new
            languages |= {heard.language} if heard.text and heard.language else set()
            run.publish(NodeProgress(number, len(places), tuple(new)))
        return segments, languages.pop() if decoding.language == "auto" and len(languages) == 1 else ""

    def _places(self, run: Run, samples: np.ndarray) -> list[Place]:
        if run.job.segments is None:
            return self._engine.detector.detect(samples, run.job.options.vad, run.check)
        end = duration_ms(samples)
        return [(max(0, first), min(last, end)) for first, last in run.job.segments if first < min(last, end)]

    def _hear(
        self, run: Run, samples: np.ndarray, places: list[Place], decoding: Decoding
    ) -> Iterator[tuple[Place, Settled]]:
        """Every place with what was heard there; what is too short or silent never reaches the model.

        A doubtful text is heard again while the queue decodes on.
        """
        queue = self._engine.queue
        parts = [stretch(samples, *place) for place in places]
        noise_db = noise_level(samples) if run.job.noise_db is None else run.job.noise_db
        run.check()
        futures = [queue.submit(run.job.id, part, decoding) if can_be_heard(part) else None for part in parts]

        def hear_again(part: np.ndarray, plain: Decoding) -> Heard:
            run.check()
            return _result_of(queue.submit(run.job.id, part, plain, at_once=True), run)

        try:
            for place, part, future in zip(places, parts, futures, strict=True):
                run.check()
                heard = Heard("") if future is None else _result_of(future, run)
                yield place, settle(part, noise_db, heard, decoding, hear_again, self._second_hearings)
        finally:
            queue.drop(run.job.id)

    def _named(self, run: Run, samples: np.ndarray, segments: list[ModelSegment]) -> list[ModelSegment] | None:
        """The segments with their speakers; ``None`` when that model failed: the text is worth having without."""
        speakers = self._engine.speakers
        if speakers is None:
            return segments
        try:
            return speakers.name(samples, segments, run.job.options.speakers, run.check)
        except SpeechError:
            raise
        # Whatever FunASR, torch and scikit-learn raise: there is no common base.
        except Exception:
            # A node that closes ends the model's thread under it.
            run.check()
            _log.exception("job %s: the speakers could not be told apart", run.job.id)
            return None


def _result_of(future: "Future[Heard]", run: Run) -> Heard:
    try:
        return future.result()
    except CancelledError:
        run.check()
        raise RecognitionFailed("the node is shutting down", reason="closed") from None


def _warnings(segments: list[ModelSegment]) -> tuple[str, ...]:
    if not segments:
        return ("no_speech",)
    return ("suspect",) if any(segment.suspect for segment in segments) else ()


def _segment(place: Place, settled: Settled) -> ModelSegment:
    start, end = place
    heard = settled.heard
    words = tuple(
        Word(word.text, start + word.start_ms, min(end, start + word.end_ms))
        for word in heard.words
        if start + word.start_ms < end
    )
    return ModelSegment(start, end, heard.text, words, suspect=settled.suspect)
