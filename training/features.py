"""FunASR's own frontend, frame times, and the file of feature statistics that it reads."""

from pathlib import Path
from typing import Any

import numpy as np

from engine.funasr_import import import_funasr

#: As every SenseVoice and Nano: 80 mel bins of 10 ms, seven of them stacked every six.
FRONTEND: dict[str, Any] = {
    "fs": 16_000,
    "window": "hamming",
    "n_mels": 80,
    "frame_length": 25,
    "frame_shift": 10,
    "lfr_m": 7,
    "lfr_n": 6,
    "dither": 0.0,
}
#: As fsmn-vad: five bins stacked, one step each.
VAD_FRONTEND: dict[str, Any] = {**FRONTEND, "lfr_m": 5, "lfr_n": 1}
FEATURES = 560
#: One frame of :data:`FRONTEND`, and the middle of the first one.
FRAME_MS, FIRST_FRAME_MS = 60.0, 12.5


class Frontend:
    """Sound to features, without normalisation."""

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        import_funasr("sensevoice")
        from funasr.frontends.wav_frontend import WavFrontend

        self._frontend = WavFrontend(**(settings or FRONTEND))

    def __call__(self, sound: np.ndarray) -> np.ndarray:
        """``(samples,)`` float32 in [-1, 1] to ``(frames, 80 * lfr_m)`` float32."""
        import torch

        # What is stored has 16 bits, and so has everything that a model will be given.
        rounded = np.round(sound * 32_767).astype(np.float32) / 32_768
        found, _ = self._frontend(torch.from_numpy(rounded)[None], torch.tensor([len(rounded)]))
        return found[0].numpy()


def write_statistics(path: Path, mean: np.ndarray, deviation: np.ndarray) -> None:
    """The ``am.mvn`` that FunASR's frontends read: it adds the first row and multiplies by the second."""
    count = len(mean)
    rows = [" ".join(f"{value:.5f}" for value in row) for row in (-mean, 1 / deviation)]
    path.write_text(
        f"<Nnet>\n<Splice> {count} {count}\n[ 0 ]\n<AddShift> {count} {count}\n<LearnRateCoef> 0 [ {rows[0]} ]\n"
        f"<Rescale> {count} {count}\n<LearnRateCoef> 0 [ {rows[1]} ]\n</Nnet>\n",
        encoding="ascii",
    )


def read_statistics(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation as the frontend will use them: float32."""
    import_funasr("sensevoice")
    from funasr.frontends.wav_frontend import load_cmvn

    shift, scale = load_cmvn(str(path)).numpy()
    return -shift, 1 / scale


def frames_of(spans_ms: tuple[tuple[float, float], ...], frames: int) -> list[range]:
    """The frames whose middle lies in each span; a span that holds none gets the nearest."""
    found: list[range] = []
    for start, end in spans_ms:
        first, last = (int(np.ceil((edge - FIRST_FRAME_MS) / FRAME_MS)) for edge in (start, end))
        first = min(max(first, 0), frames - 1)
        found.append(range(first, min(max(last, first + 1), frames)))
    return found
