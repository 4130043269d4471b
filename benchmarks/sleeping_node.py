"""A node as it really is, but for its engine, which sleeps instead of running a model.

    python benchmarks/sleeping_node.py --rtf 0.2 [--detect-rtf 0.002] [--segment-ms 5000] [--port 0] [--port-file FILE]

A second of sound takes ``rtf`` seconds, on one thread for all jobs, as a model would; the text is that of
:mod:`benchmarks.checked_sound`. Settings (``ASR_SLOTS``, ``ASR_NODE_TOKEN``, ``ASR_REDIS_URL`` …) count as for
``app.py node``, so that it announces itself, too. It starts in about two seconds: torch is never imported. It calls
itself a node of the demo model, whose fingerprint it has.
"""

import argparse
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.checked_sound import SEGMENT_MS, heard_in, places_in  # noqa: E402
from domain.options import VadOptions  # noqa: E402
from engine.engine_state import BuildEngine, Engine  # noqa: E402
from engine.families import Decoding, Heard  # noqa: E402
from engine.samples import RATE  # noqa: E402
from engine.segment_queue import SegmentQueue  # noqa: E402

#: Whoever cancels waits no longer than that for a detection to end, in seconds.
_NAP_SECONDS = 0.1


def command(*, rtf: float, detect_rtf: float = 0.0, segment_ms: int = SEGMENT_MS) -> list[str]:
    """How such a node is started, for ``tests.helpers.node_process``, which adds the port."""
    numbers = {"--rtf": rtf, "--detect-rtf": detect_rtf, "--segment-ms": segment_ms}
    return [sys.executable, __file__, *(str(word) for pair in numbers.items() for word in pair)]


class EvenDetector:
    """Finds a segment every ``segment_ms``, whatever is there; takes its time, for one recording after the other."""

    def __init__(self, rtf: float, segment_ms: int) -> None:
        self._rtf = rtf
        self._segment_ms = segment_ms
        self._turn = threading.Lock()

    def detect(
        self, samples: np.ndarray, options: VadOptions, keep_going: Callable[[], None] = lambda: None
    ) -> list[tuple[int, int]]:
        """See :class:`engine.engine_state.Detector`."""
        with self._turn:
            until = time.monotonic() + self._rtf * len(samples) / RATE
            while (left := until - time.monotonic()) > 0:
                keep_going()
                time.sleep(min(left, _NAP_SECONDS))
        return places_in(samples, min(self._segment_ms, options.max_segment_ms))


def sleeping_engine(rtf: Callable[[], float], detect_rtf: float = 0.0, segment_ms: int = SEGMENT_MS) -> BuildEngine:
    """``rtf`` is asked before each segment: a machine may become slower."""

    def decode(segments: Sequence[np.ndarray], decoding: Decoding) -> list[Heard]:
        time.sleep(rtf() * sum(len(segment) for segment in segments) / RATE)
        return [Heard(heard_in(segment)) for segment in segments]

    return lambda _: Engine(EvenDetector(detect_rtf, segment_ms), SegmentQueue(decode), "cpu")


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--rtf", type=float, default=0.2, help="seconds for a second of sound (default 0.2)")
    parser.add_argument("--detect-rtf", type=float, default=0.0, help="the same for speech detection (default 0)")
    parser.add_argument("--segment-ms", type=int, default=SEGMENT_MS, help=f"length of a segment ({SEGMENT_MS})")
    parser.add_argument("--port", type=int, default=0, help="port to serve on (default 0: a free one)")
    parser.add_argument("--port-file", type=Path, help="write the port here once it listens")
    return parser


def serve(given: argparse.Namespace, build_engine: BuildEngine) -> int:
    """Serves the node, in a folder that goes with it."""
    from announcing import announcing
    from engine.node_server import serve_node
    from settings import load_settings

    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="asr-sleeping-") as folder:
        settings = load_settings(data_dir=folder, model="demo", port=given.port)
        return serve_node(
            settings,
            port=settings.port,
            port_file=given.port_file,
            # Whatever becomes of the benchmark, its nodes end with it.
            parent_pid=os.getppid(),
            while_up=lambda port: announcing(settings, port),
            build_engine=build_engine,
        )


def main() -> int:
    """The program."""
    given = arguments(__doc__).parse_args()
    return serve(given, sleeping_engine(lambda: given.rtf, given.detect_rtf, given.segment_ms))


if __name__ == "__main__":
    sys.exit(main())
