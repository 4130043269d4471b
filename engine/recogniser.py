"""One machine's recogniser: admits jobs to its slots and takes each from samples to segments."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path

import numpy as np

from domain.errors import NodeBusy, RecognitionFailed, SpeechError
from domain.node import Health, NodeJob, NodeProgress, NodeResult
from domain.options import VadOptions
from domain.transcript import SPEAKERS_FAILED, ModelOutput, ModelSegment, Word
from engine.doubts import noise_level
from engine.engine_state import Engine, EngineState, ModelSource
from engine.families import Decoding, Heard
from engine.families.base import decoding_of
from engine.run import Run
from engine.samples import RATE, can_be_heard, duration_ms, open_samples, stretch
from engine.second_hearing import HearingCounts, Settled, settle

_log = logging.getLogger(__name__)

#: How long a result is kept for a caller whose connection broke, in seconds.
KEEP_RESULT_SECONDS = 300.0
#: Jobs at once where the settings do not say.
_SLOTS_ON_CPU, _SLOTS_ON_GPU = 1, 4


def _nothing() -> None:
    """Nobody is to be told."""


class Recogniser:
    """All of it is safe to call from any thread; jobs run in threads of their own."""

    def __init__(self, source: ModelSource, *, slots: int = 0, load: str = "start") -> None:
        self._state = EngineState(source)
        self._slots = slots
        self._loads_at_start = load == "start"
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._detecting = 0
        self._draining = False
        self.jobs_done: dict[str, int] = {}
        self.audio_seconds_done = 0.0
        self.second_hearings = HearingCounts()

    def start(self) -> None:
        """Finds the model, and loads it unless that is left to the first job; returns at once."""
        target = self._state.load_in_background if self._loads_at_start else self._identify_in_background
        target()

    @property
    def state(self) -> EngineState:
        """The model and how far its loading is."""
        return self._state

    @property
    def slots(self) -> int:
        """Jobs admitted at once."""
        engine = self._state.engine
        on_gpu = engine is not None and not engine.device.startswith("cpu")
        return self._slots or (_SLOTS_ON_GPU if on_gpu else _SLOTS_ON_CPU)

    @property
    def health(self) -> Health:
        """What this node says of itself; without its model it is ready when the first job may load it."""
        if self._state.error:
            return Health.FAILED
        if self._draining:
            return Health.DRAINING
        if self._state.engine is not None:
            return Health.READY
        found = self._state.model is not None and self._state.fingerprint.value
        return Health.READY if found and not self._loads_at_start else Health.LOADING

    def running(self) -> tuple[str, ...]:
        """Ids of the jobs under way."""
        with self._lock:
            return tuple(run.job.id for run in self._runs.values() if not run.is_finished)

    @property
    def followers(self) -> int:
        """Callers that still wait for an outcome."""
        with self._lock:
            return sum(run.followers for run in self._runs.values())

    def admit(self, job: NodeJob, audio: Path, on_end: Callable[[], None] = _nothing) -> Run:
        """Starts a job, or joins the one with the same id that runs or ended well within five minutes.

        ``on_end`` is called when this caller's ``audio`` is needed no more, even when this raises. Raises
        :class:`NodeBusy`, :class:`BadAudio`, :class:`InvalidOptions`.
        """
        try:
            with self._lock:
                self._forget_old()
                known = self._runs.get(job.id)
                if known is not None and (known.result is not None or not known.is_finished):
                    run = known
                else:
                    self._check_free()
                    run = self._start(job, open_samples(audio), on_end)
                    on_end = _nothing
        finally:
            on_end()
        return run

    def cancel(self, job_id: str) -> bool:
        """Stops a job between two segments; False when no such job runs."""
        with self._lock:
            run = self._runs.get(job_id)
        if run is None or not run.cancel():
            return False
        engine = self._state.engine
        if engine is not None:
            engine.queue.drop(job_id)
        return True

    def detect_speech(self, audio: Path, vad: VadOptions) -> tuple[list[tuple[int, int]], float]:
        """The stretches with speech in ms, and the length in seconds. Blocks. Raises as :meth:`admit` does."""
        with self._lock:
            self._check_serving()
            if self._detecting >= self.slots:
                raise NodeBusy("every slot is taken", reason="slots", slots=self.slots)
            self._detecting += 1
        try:
            samples = open_samples(audio)
            engine = self._state.wait(_nothing)
            return engine.detector.detect(samples, vad), len(samples) / RATE
        finally:
            with self._lock:
                self._detecting -= 1

    def drain(self) -> None:
        """Takes no more jobs; those under way go on."""
        self._draining = True

    def close(self) -> None:
        """Cancels what runs and ends the model's thread."""
        self.drain()
        for job_id in self.running():
            self.cancel(job_id)
        self._state.close()

    def _identify_in_background(self) -> None:
        threading.Thread(target=self._state.identify, name="model-identifying", daemon=True).start()

    def _check_serving(self) -> None:
        health = self.health
        if health is not Health.READY:
            message = self._state.error if health is Health.FAILED else f"the node is {health.value}"
            raise NodeBusy(message, reason=health.value)

    def _check_free(self) -> None:
        self._check_serving()
        taken = sum(not run.is_finished for run in self._runs.values())
        if taken >= self.slots:
            raise NodeBusy("every slot is taken", reason="slots", slots=self.slots)

    def _forget_old(self) -> None:
        oldest = time.monotonic() - KEEP_RESULT_SECONDS
        for job_id, run in list(self._runs.items()):
            if run.finished_at is not None and run.finished_at < oldest:
                del self._runs[job_id]

    def _start(self, job: NodeJob, samples: np.ndarray, on_end: Callable[[], None]) -> Run:
        model = self._state.model
        if model is None:
            raise NodeBusy("the node is loading", reason="loading")
        decoding = decoding_of(model.preset, job.options, job.track)
        run = self._runs[job.id] = Run(job)
        work = threading.Thread(
            target=self._work, args=(run, samples, decoding, on_end), name=f"job-{job.id[:13]}", daemon=True
        )
        work.start()
        return run

    def _work(self, run: Run, samples: np.ndarray, decoding: Decoding, on_end: Callable[[], None]) -> None:
        try:
            outcome: NodeResult | SpeechError = self._recognise(run, samples, decoding)
            self.audio_seconds_done += outcome.audio_seconds
        except SpeechError as error:
            outcome = error
        except Exception as error:
            _log.exception("job %s failed", run.job.id)
            outcome = RecognitionFailed(f"the recogniser failed: {error}", reason="model_error")
        finally:
            on_end()
        word = outcome.code if isinstance(outcome, SpeechError) else "succeeded"
        self.jobs_done[word] = self.jobs_done.get(word, 0) + 1
        run.finish(outcome)

    def _recognise(self, run: Run, samples: np.ndarray, decoding: Decoding) -> NodeResult:
        engine = self._state.wait(run.check)
        model = self._state.model
        assert model is not None
        started = time.perf_counter()
        places = self._places(run, samples, engine)
        run.publish(NodeProgress(0, len(places)))
        segments: list[ModelSegment] = []
        languages: set[str] = set()
        for number, (place, settled) in enumerate(self._hear(run, samples, places, decoding, engine), 1):
            heard = settled.heard
            new = [_segment(place, settled)] if heard.text else []
            segments += new
            languages |= {heard.language} if heard.text and heard.language else set()
            run.publish(NodeProgress(number, len(places), tuple(new)))
        named = _named(run, samples, segments, engine)
        warnings = (*_warnings(segments), *(() if named is not None else (SPEAKERS_FAILED,)))
        language = languages.pop() if decoding.language == "auto" and len(languages) == 1 else decoding.language
        return NodeResult(
            ModelOutput(decoding.track, tuple(named if named is not None else segments), language, warnings),
            model.preset.name,
            self._state.fingerprint.value,
            engine.device,
            len(samples) / RATE,
            round((time.perf_counter() - started) * 1000),
        )

    @staticmethod
    def _places(run: Run, samples: np.ndarray, engine: Engine) -> list[tuple[int, int]]:
        if run.job.segments is None:
            return engine.detector.detect(samples, run.job.options.vad, run.check)
        end = duration_ms(samples)
        return [(max(0, first), min(last, end)) for first, last in run.job.segments if first < min(last, end)]

    def _hear(
        self, run: Run, samples: np.ndarray, places: list[tuple[int, int]], decoding: Decoding, engine: Engine
    ) -> Iterator[tuple[tuple[int, int], Settled]]:
        """Every place with what was heard there; what is too short or silent never reaches the model.

        A doubtful text is heard again while the queue decodes on.
        """
        parts = [stretch(samples, *place) for place in places]
        noise_db = noise_level(samples)
        run.check()
        futures = [engine.queue.submit(run.job.id, part, decoding) if can_be_heard(part) else None for part in parts]

        def hear_again(part: np.ndarray, plain: Decoding) -> Heard:
            run.check()
            return _result_of(engine.queue.submit(run.job.id, part, plain, at_once=True), run)

        try:
            for place, part, future in zip(places, parts, futures, strict=True):
                run.check()
                heard = Heard("") if future is None else _result_of(future, run)
                yield place, settle(part, noise_db, heard, decoding, hear_again, self.second_hearings)
        finally:
            engine.queue.drop(run.job.id)


def _result_of(future: "Future[Heard]", run: Run) -> Heard:
    try:
        return future.result()
    except CancelledError:
        run.check()
        raise RecognitionFailed("the node is shutting down", reason="closed") from None


def _named(run: Run, samples: np.ndarray, segments: list[ModelSegment], engine: Engine) -> list[ModelSegment] | None:
    """The segments with their speakers; ``None`` when the speaker model failed: the text is worth having without."""
    if engine.speakers is None:
        return segments
    try:
        return engine.speakers.name(samples, segments, run.job.options.speakers, run.check)
    except SpeechError:
        raise
    # Whatever FunASR, torch and scikit-learn raise: there is no common base.
    except Exception:
        # A node that closes ends the model's thread under it.
        run.check()
        _log.exception("job %s: the speakers could not be told apart", run.job.id)
        return None


def _warnings(segments: list[ModelSegment]) -> tuple[str, ...]:
    if not segments:
        return ("no_speech",)
    return ("suspect",) if any(segment.suspect for segment in segments) else ()


def _segment(place: tuple[int, int], settled: Settled) -> ModelSegment:
    start, end = place
    heard = settled.heard
    words = tuple(
        Word(word.text, start + word.start_ms, min(end, start + word.end_ms))
        for word in heard.words
        if start + word.start_ms < end
    )
    return ModelSegment(start, end, heard.text, words, suspect=settled.suspect)
