"""One machine's recogniser: admits jobs to its slots, keeps their results for a while, and ends them."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from domain.errors import NodeBusy, RecognitionFailed, SpeechError
from domain.node import Health, NodeJob, NodeResult
from domain.parts import Detection
from engine.engine_state import EngineState, ModelSource
from engine.families import Decoding
from engine.families.base import decoding_of
from engine.job_work import JobWork
from engine.run import Run
from engine.samples import open_samples
from engine.second_hearing import HearingCounts

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
        self._detecting: list[Run] = []
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
            return tuple(run.job.id for run in self._under_way())

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
        """Stops a job between two segments, or a detection between two minutes; False when no such job runs."""
        with self._lock:
            runs = [run for run in self._under_way() if run.job.id == job_id]
        stopped = [run.cancel() for run in runs]
        if not any(stopped):
            return False
        engine = self._state.engine
        if engine is not None:
            engine.queue.drop(job_id)
        return True

    def detect_speech(self, job: NodeJob, audio: Path) -> Detection:
        """Where somebody speaks, by the job's VAD options. Blocks, and takes a slot meanwhile.

        Raises as :meth:`admit` does, and :class:`RecognitionCancelled`.
        """
        run = Run(job)
        with self._lock:
            self._check_free()
            samples = open_samples(audio)
            self._detecting.append(run)
        try:
            return self._work_of(run).detect(run, samples)
        finally:
            with self._lock:
                self._detecting.remove(run)

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

    def _under_way(self) -> list[Run]:
        return [*self._detecting, *(run for run in self._runs.values() if not run.is_finished)]

    def _check_serving(self) -> None:
        health = self.health
        if health is not Health.READY:
            message = self._state.error if health is Health.FAILED else f"the node is {health.value}"
            raise NodeBusy(message, reason=health.value)

    def _check_free(self) -> None:
        self._check_serving()
        if len(self._under_way()) >= self.slots:
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
            outcome: NodeResult | SpeechError = self._work_of(run).recognise(run, samples, decoding)
            self.audio_seconds_done += outcome.audio_seconds if run.job.heard is None else 0.0
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

    def _work_of(self, run: Run) -> JobWork:
        engine = self._state.wait(run.check)
        model = self._state.model
        assert model is not None
        return JobWork(engine, model.preset.name, self._state.fingerprint.value, self.second_hearings)
