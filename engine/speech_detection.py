"""Speech detection (FSMN VAD): where somebody speaks, with the caller's own limits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from domain.options import VadOptions
from engine.samples import MIN_MODEL_SAMPLES, RATE, as_floats, cut_evenly, duration_ms, is_silent

#: Sound handed to the model at once, in ms: memory stays flat, and nobody waits for somebody's whole recording.
CHUNK_MS = 60_000
#: How near to 0 and 1 the probabilities of a frame may come.
_SURE = 1e-7


class SpeechDetector:
    """One VAD model, used for one chunk at a time: its limits are state of the model, all else is in a call's cache."""

    def __init__(self, model: Any, chunk_ms: int = CHUNK_MS) -> None:
        self._model = model
        # FunASR takes the logarithm of the probability of silence and of its opposite. Digital silence makes a model
        # so sure that one of them is 0, and the recording would fail.
        model.model.encoder.register_forward_hook(lambda module, inputs, scores: scores.clamp(_SURE, 1 - _SURE))
        self._chunk_ms = chunk_ms
        # A queue, not a lock: with a lock a long recording would take the next turn before a waiting one woke up.
        self._turns = ThreadPoolExecutor(1, thread_name_prefix="speech-detection")

    def detect(
        self, samples: np.ndarray, options: VadOptions, keep_going: Callable[[], None] = lambda: None
    ) -> list[tuple[int, int]]:
        """The stretches with speech, ``(start_ms, end_ms)``, in order and without overlap.

        ``samples``: ``(samples,)`` int16 at 16 kHz. With detection off, the whole recording in stretches of at most
        ``max_segment_ms``. ``keep_going`` is called before each minute of sound and may raise to stop.
        """
        if len(samples) < MIN_MODEL_SAMPLES or is_silent(samples):
            return []
        if not options.enabled:
            return cut_evenly(samples, options.max_segment_ms)
        return _tidy(self._run(samples, options, keep_going), duration_ms(samples))

    def _run(self, samples: np.ndarray, options: VadOptions, keep_going: Callable[[], None]) -> list[list[int]]:
        size = self._chunk_ms * RATE // 1000
        cache: dict[str, Any] = {}
        found: list[list[int]] = []
        for start in range(0, len(samples), size):
            keep_going()
            is_last = start + size + MIN_MODEL_SAMPLES > len(samples)
            end = len(samples) if is_last else start + size
            chunk_ms = (end - start) * 1000 // RATE + 1 if is_last else self._chunk_ms
            found += self._turns.submit(self._detect, samples[start:end], chunk_ms, is_last, options, cache).result()
            if is_last:
                break
        return found

    def _detect(
        self, samples: np.ndarray, chunk_ms: int, is_last: bool, options: VadOptions, cache: dict[str, Any]
    ) -> list[list[int]]:
        # FunASR takes this limit at construction only, so a caller's must be set on the model itself, for each chunk
        # anew as others' come between. It cuts one frame (10 ms) after the limit.
        self._model.model.vad_opts.max_single_segment_time = options.max_segment_ms - 10
        answer = self._model.generate(
            input=as_floats(samples),
            cache=cache,
            is_final=is_last,
            is_streaming_input=True,
            chunk_size=chunk_ms,
            # The dynamic schedule would overrule the caller's end silence.
            dynamic_silence=False,
            max_end_silence_time=options.end_silence_ms,
        )
        return answer[0]["value"]


def _tidy(found: list[list[int]], end_of_audio_ms: int) -> list[tuple[int, int]]:
    """Joins ``[start, -1]`` with its ``[-1, end]``, clips to the audio, drops what is too short for a word."""
    segments: list[tuple[int, int]] = []
    open_start: int | None = None
    for start, end in [*found, [-1, end_of_audio_ms]]:
        if start >= 0:
            open_start = start
        if end < 0 or open_start is None:
            continue
        first = max(open_start, segments[-1][1] if segments else 0)
        last = min(end, end_of_audio_ms)
        open_start = None
        if (last - first) * RATE // 1000 >= MIN_MODEL_SAMPLES:
            segments.append((first, last))
    return segments
