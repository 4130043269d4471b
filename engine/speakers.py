"""Who speaks: voice vectors from FunASR's speaker model (CAM++), and the segments of each person."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from domain.transcript import ModelSegment
from engine.samples import RATE, as_floats, stretch
from engine.speaker_clusters import tell_apart
from engine.speaker_turns import WINDOW_MS, divide, turns_of, windows_of

#: Windows that the model hears in one pass; others' recordings come between two passes.
BATCH_WINDOWS = 32


class Speakers:
    """One speaker model, used for one batch at a time.

    Four hours of speech are 19 200 windows: 15 MB of vectors, and a minute to ten of a processor's time for CAM++'s
    seven million weights (seconds on a GPU); telling the vectors apart adds some seconds, whatever the length.
    """

    def __init__(self, model: Any, batch_windows: int = BATCH_WINDOWS) -> None:
        self._model = model
        self._batch_windows = batch_windows
        # A queue, as in SpeechDetector: several recordings take turns.
        self._turns = ThreadPoolExecutor(1, thread_name_prefix="speakers")

    def name(
        self,
        samples: np.ndarray,
        segments: Sequence[ModelSegment],
        count: int,
        keep_going: Callable[[], None] = lambda: None,
    ) -> list[ModelSegment]:
        """The segments with their ``speaker``; one in which several people speak is divided.

        ``samples``: ``(samples,)`` int16 at 16 kHz. ``count``: 0 as many people as are heard, 1 nobody is told apart,
        else so many. ``keep_going`` is called before each batch and may raise to stop.

        Speakers are numbered within the given sound: whoever sends one recording as several jobs, parts in time or
        channels, gets a "1" from each, which need not be the same person. Such jobs go out with ``speakers=1``.
        """
        # Where nobody speaks, noise would be somebody.
        windows = [[] if item.suspect == "no_speech" else windows_of(item.start_ms, item.end_ms) for item in segments]
        if count == 1 or not any(windows):
            return list(segments)
        vectors = self.vectors(samples, [window for group in windows for window in group], keep_going)
        keep_going()
        speakers = iter(tell_apart(vectors, count).tolist())
        named: list[ModelSegment] = []
        for segment, group in zip(segments, windows, strict=True):
            named += divide(segment, turns_of(group, [next(speakers) for _ in group]))
        return _numbered(named)

    def vectors(
        self, samples: np.ndarray, windows: Sequence[tuple[int, int]], keep_going: Callable[[], None] = lambda: None
    ) -> np.ndarray:
        """One voice vector per window ``(start_ms, end_ms)``: ``(windows, size)`` float32."""
        found: list[np.ndarray] = []
        for start in range(0, len(windows), self._batch_windows):
            keep_going()
            batch = [_sound(samples, *window) for window in windows[start : start + self._batch_windows]]
            found.append(self._turns.submit(self._hear, batch).result())
        return np.concatenate(found)

    def close(self) -> None:
        """Ends the model's thread."""
        self._turns.shutdown(wait=False, cancel_futures=True)

    def _hear(self, batch: list[np.ndarray]) -> np.ndarray:
        import torch

        # Tensors: no path or address can be taken for one.
        answers = self._model.generate(input=[torch.from_numpy(sound) for sound in batch], batch_size=len(batch))
        vectors = torch.cat([answer["spk_embedding"] for answer in answers])
        return vectors.detach().float().cpu().numpy()


def _sound(samples: np.ndarray, start_ms: int, end_ms: int) -> np.ndarray:
    """A window's samples; a short one is repeated, as 3D-Speaker does: silence would be part of the voice."""
    sound = as_floats(stretch(samples, start_ms, end_ms))
    return np.resize(sound, WINDOW_MS * RATE // 1000)


def _numbered(segments: Sequence[ModelSegment]) -> list[ModelSegment]:
    """Numbered anew by first appearance: whose every turn was given to a neighbour leaves no gap."""
    numbers: dict[str, str] = {}
    return [
        replace(segment, speaker=numbers.setdefault(segment.speaker, str(len(numbers) + 1)))
        if segment.speaker
        else segment
        for segment in segments
    ]
