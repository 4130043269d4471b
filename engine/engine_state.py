"""The models of a node through their life: not loaded, loading, there, or failed."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from domain.errors import NodeBusy, SpeechError
from domain.options import VadOptions
from engine.decoder import Decoder, is_out_of_memory
from engine.families import Decoding, family_of
from engine.fingerprint import Fingerprint, fingerprint
from engine.loading import load_models
from engine.local_models import SHIPPED_VAD, LocalModel, find_model
from engine.segment_queue import SegmentQueue
from engine.speakers import Speakers
from engine.speech_detection import SpeechDetector

_log = logging.getLogger(__name__)


class Detector(Protocol):
    """Finds where somebody speaks: :class:`engine.speech_detection.SpeechDetector`."""

    def detect(
        self, samples: np.ndarray, options: VadOptions, keep_going: Callable[[], None] = ...
    ) -> list[tuple[int, int]]:
        """The stretches with speech, ``(start_ms, end_ms)``. ``keep_going`` may raise to stop."""
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """A loaded model, ready to take segments."""

    detector: Detector
    queue: SegmentQueue
    device: str
    #: Tells people apart, where the model came with a speaker model.
    speakers: Speakers | None = None


#: Makes the engine of a model that was found on this machine.
BuildEngine = Callable[[LocalModel], Engine]


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Which model to load, from where, onto what."""

    model: str
    hub: str
    device: str
    batch_segments: int
    data_dir: Path
    #: Makes another engine in the place of FunASR's: that of the benchmarks, which only sleeps.
    build: BuildEngine | None = None


class EngineState:
    """Finds the model, fingerprints it and loads it, in a thread of its own and once."""

    def __init__(self, source: ModelSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._settled = threading.Event()
        self._engine: Engine | None = None
        self.model: LocalModel | None = None
        self.fingerprint = Fingerprint("")
        self.error = ""

    @property
    def engine(self) -> Engine | None:
        """The engine, once it is there."""
        return self._engine

    def identify(self) -> None:
        """Finds and fingerprints the model, without loading it; ``error`` says why that failed."""
        try:
            self.model = find_model(self._source.model, self._source.hub)
            self.fingerprint = fingerprint(self.model, self._source.data_dir / "model-digests.json")
        except (SpeechError, OSError) as error:
            self._give_up(error)

    def load_in_background(self) -> None:
        """Starts the loading; a second call changes nothing."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._load, name="model-loading", daemon=True)
                self._thread.start()

    def wait(self, keep_going: Callable[[], None]) -> Engine:
        """The engine, loaded first if need be. ``keep_going`` may raise to stop the waiting.

        Raises :class:`NodeBusy` when the model cannot be loaded: another node may have it.
        """
        self.load_in_background()
        while not self._settled.wait(0.2):
            keep_going()
        if self._engine is None:
            raise NodeBusy(self.error, reason="failed")
        return self._engine

    def close(self) -> None:
        """Ends the model's thread."""
        if self._engine is not None:
            self._engine.queue.close()
            if self._engine.speakers is not None:
                self._engine.speakers.close()

    def _load(self) -> None:
        if self.model is None:
            self.identify()
        if self.model is None:
            return
        try:
            self._engine = (self._source.build or self._build)(self.model)
            self._settled.set()
        # Whatever FunASR and torch raise here (there is no common base) means: this node cannot serve.
        except Exception as error:
            self._give_up(error)

    def _build(self, local: LocalModel) -> Engine:
        if local.vad_directory == SHIPPED_VAD and local.preset.folder is None:
            _log.warning("fsmn-vad is not on this machine: the small speech detector of the demo takes its place")
        models = load_models(local, self._source.device)
        decoder = Decoder(models, family_of(local.preset))
        # The first pass allocates and compiles: not at the expense of the first visitor.
        decoder.decode([_WARM_UP], Decoding("auto", (), "spoken"))
        queue = SegmentQueue(
            decoder.decode,
            batch_segments=self._source.batch_segments if models.batches else 1,
            is_out_of_memory=is_out_of_memory,
            free_memory=decoder.free_memory,
        )
        _log.info("loaded %s on %s", local.preset.name, models.device)
        speakers = Speakers(models.speakers) if models.speakers is not None else None
        return Engine(SpeechDetector(models.vad), queue, models.device, speakers)

    def _give_up(self, error: Exception) -> None:
        if isinstance(error, SpeechError):
            self.error = error.message
            _log.error("the model cannot be loaded: %s", self.error)
        else:
            self.error = f"{type(error).__name__}: {error}"
            _log.error("the model cannot be loaded", exc_info=error)
        self._settled.set()


#: A second of faint noise.
_WARM_UP = np.random.default_rng(0).integers(-30, 30, 16_000, dtype=np.int16)
