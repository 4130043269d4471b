"""One hour over 1, 2 and 4 nodes that are alike, and whether three hours take more memory than one.

    python benchmarks/long.py [--minutes 60] [--percent 5] [--hours 3]

The service function in a process wired as a web UI, from the file to the finished row: digests, decode, detection,
upload and the database are in it. The nodes are real ones whose engine sleeps (:mod:`benchmarks.sleeping_node`), so
that two cores can stand for four machines; each text is checked against the right one. Goal: 3.6 times as fast with
four nodes.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.checked_sound import made_sound, text_of  # noqa: E402
from benchmarks.report import asked_all, show  # noqa: E402
from benchmarks.sleeping_node import command  # noqa: E402
from domain.access import Visitor  # noqa: E402
from domain.node import NodeIntent  # noqa: E402
from domain.options import RecognitionOptions  # noqa: E402
from domain.recognition import Recognition, Source  # noqa: E402
from engine.samples import open_samples  # noqa: E402
from services.bundle import Services  # noqa: E402
from settings import load_settings  # noqa: E402
from tests.helpers.node_process import node_process  # noqa: E402
from tests.helpers.sounds import write_sound  # noqa: E402
from wiring import build  # noqa: E402

_ME = Visitor("benchmark")
_TOKEN = "benchmark"
#: FSMN-VAD on one thread, in seconds for a second of sound.
_DETECT_RTF = 0.001
_BLOCK_SECONDS = 600
#: Waits no longer than that for a recording, whatever happens.
_PATIENCE_SECONDS = 3_600.0


def main() -> None:
    """The program; it starts itself once more for each run, as memory is a process's."""
    minutes, percent, hours = asked_all(
        __doc__,
        ("minutes", 60, "length of the recording"),
        ("percent", 5, "hundredths of a second that a node takes for a second of sound"),
        ("hours", 3, "length of the recording whose memory is measured; 0: none"),
    )
    rtf = percent / 100
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="asr-long-") as folder:
        sound = written(Path(folder) / "hour.wav", 60 * minutes)
        seconds: dict[int, float] = {}
        for nodes in (1, 2, 4):
            run = in_a_process_of_its_own(sound, nodes, rtf)
            seconds[nodes] = run["seconds"]
            ratio = round(seconds[1] / run["seconds"], 2)
            figures[f"{nodes} nodes"] = {**run, "faster": ratio}
            print(f"{nodes} nodes: {run['seconds']} s, {ratio} times as fast", flush=True)
        if hours:
            sound = written(Path(folder) / "hours.wav", 3_600 * hours)
            figures[f"{hours} h, 4 nodes"] = in_a_process_of_its_own(sound, 4, rtf / 10)
    show("long", figures)


def written(path: Path, seconds: int) -> Path:
    """A recording whose right text is known, made by the block: three hours are 345 MB."""
    import numpy as np

    blocks = [made_sound(min(_BLOCK_SECONDS, seconds - start), start) for start in range(0, seconds, _BLOCK_SECONDS)]
    return write_sound(path, np.concatenate(blocks))


def in_a_process_of_its_own(sound: Path, nodes: int, rtf: float) -> dict[str, Any]:
    """One recognition over so many nodes: seconds, and the most memory that the web UI's process held itself."""
    with ExitStack() as started:
        urls: list[str] = []
        for number in range(nodes):
            folder = started.enter_context(tempfile.TemporaryDirectory())
            node = node_process(
                command(rtf=rtf, detect_rtf=_DETECT_RTF),
                ASR_CONFIG=os.devnull,
                ASR_SLOTS="2",
                ASR_NODE_TOKEN=_TOKEN,
                TMPDIR=folder,
            )
            urls.append(started.enter_context(node).url)
        done = subprocess.run(
            [sys.executable, __file__, "--one", str(sound), *urls], stdout=subprocess.PIPE, check=True, cwd=ROOT
        )
    return json.loads(done.stdout.splitlines()[-1])


async def recognised(sound: Path, urls: list[str]) -> dict[str, Any]:
    """What the child process measures."""
    with tempfile.TemporaryDirectory() as data:
        settings = load_settings(
            data_dir=data,
            nodes=tuple(NodeIntent(url, f"n{number}") for number, url in enumerate(urls)),
            own_node="no",
            node_token=_TOKEN,
        )
        async with build(settings).running() as services:
            await _until_seen(services, len(urls))
            before, memory = _held_bytes(), _Memory()
            started = time.perf_counter()
            row = await services.transcription.submit(
                sound, sound.name, RecognitionOptions(), visitor=_ME, source=Source.API
            )
            row = await services.transcription.wait(row.id, visitor=_ME, timeout_seconds=_PATIENCE_SECONDS)
            seconds = time.perf_counter() - started
            most = memory.stop()
    _check(row, sound)
    return {
        "seconds": round(seconds, 1),
        "real_time": round(row.audio.seconds / seconds),
        "held_mb": round(most / 1e6),
        "at_first_mb": round(before / 1e6),
    }


def _check(row: Recognition, sound: Path) -> None:
    if row.error or row.text != text_of(open_samples(sound)):
        raise SystemExit(f"the text is wrong: {row.error or row.text[:200]}")


async def _until_seen(services: Services, nodes: int) -> None:
    end = time.monotonic() + 60
    while (await services.nodes.overview()).state != "ok" or len((await services.nodes.overview()).nodes) < nodes:
        if time.monotonic() > end:
            raise SystemExit("the nodes were not seen")
        await asyncio.sleep(0.1)


class _Memory:
    """The most that this process held itself, looked at every 50 ms; pages of mapped files do not count."""

    def __init__(self) -> None:
        self._most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        self._over.set()
        self._thread.join()
        return self._most

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self._most = max(self._most, _held_bytes())


def _held_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(asyncio.run(recognised(Path(sys.argv[2]), sys.argv[3:]))))
    else:
        main()
