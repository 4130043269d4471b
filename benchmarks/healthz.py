"""How fast a node answers ``/healthz`` while it recognises: the goal is a p95 of 25 ms at most.

    python benchmarks/healthz.py [--polls 300]

One node process with the demo model, one client (a process of its own) that sends one recording after the other,
and polls every 20 ms over a kept connection, first at rest and then at work. Prints a table and one JSON line.
"""

import asyncio
import logging
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import httpx
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.one_machine import SENTENCES  # noqa: E402
from benchmarks.report import asked, quantiles, show  # noqa: E402
from cluster.pool import Pool  # noqa: E402
from domain.ids import new_id  # noqa: E402
from domain.node import NodeIntent, NodeJob, NodeProgress  # noqa: E402
from domain.options import RecognitionOptions  # noqa: E402
from tests.helpers.node_process import MemoryRegistry, NoObserver, node_process  # noqa: E402
from tests.helpers.speech import RATE, say, talk, write_wav  # noqa: E402

#: Between two polls, in seconds.
PAUSE_SECONDS = 0.02
#: Sound in one job, in seconds: long enough that the node is at work nearly all the time.
CLIP_SECONDS = 300


def main() -> None:
    """Measures and prints it."""
    polls = asked(__doc__, "polls", 300, "polls at rest, and as many at work")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="asr-bench-") as folder:
        show("healthz", measure(Path(folder), polls))


def measure(folder: Path, polls: int) -> dict[str, Any]:
    """The answers' times at rest and at work; polls between two jobs count for neither."""
    utterance = talk(*(say(text) for text in SENTENCES))
    clip = write_wav(folder / "clip.wav", np.tile(utterance, CLIP_SECONDS * RATE // len(utterance)))
    command = [sys.executable, str(ROOT / "app.py"), "node", "--model", "demo"]
    spawn = multiprocessing.get_context("spawn")
    stopped, jobs = spawn.Event(), spawn.Value("i", 0)
    with (
        node_process(command, ASR_DATA_DIR=str(folder / "data"), ASR_NODE_TOKEN="") as node,
        httpx.Client(base_url=node.url, timeout=30, trust_env=False) as http,
    ):
        until(lambda: http.get("/healthz").status_code == 200)
        at_rest, _ = poll(http, polls, running=False)
        client = spawn.Process(target=work, args=(node.url, str(clip), stopped, jobs), daemon=True)
        client.start()
        try:
            # The first job pays for what is loaded late.
            until(lambda: jobs.value > 0 and bool(http.get("/healthz").json()["running"]))
            at_work, seconds = poll(http, polls, running=True)
        finally:
            stopped.set()
            client.join(60)
    return {
        "polls": polls,
        "at_rest_ms": at_rest,
        "at_work_ms": at_work,
        "at_work_s": round(seconds, 1),
        "jobs": jobs.value,
    }


def poll(http: httpx.Client, polls: int, *, running: bool) -> tuple[dict[str, float], float]:
    """Asks until ``polls`` answers were of a node at work (or at rest); their times in ms, and how long it took."""
    began, times = time.monotonic(), list[float]()
    while len(times) < polls:
        asked = time.perf_counter()
        answer = http.get("/healthz")
        took_ms = (time.perf_counter() - asked) * 1000
        if bool(answer.raise_for_status().json()["running"]) is running:
            times.append(took_ms)
        time.sleep(PAUSE_SECONDS)
    return {**quantiles(times), "max": round(max(times), 2)}, time.monotonic() - began


def work(url: str, clip: str, stopped: Event, jobs: "Synchronized[int]") -> None:
    """Sends one job after the other, as a web UI does; runs in a process of its own."""
    logging.disable(logging.WARNING)

    async def ignore(_: NodeProgress) -> None:
        return

    async def send() -> None:
        pool = Pool([NodeIntent(url, "node")], token="", registry=MemoryRegistry(), observer=NoObserver())
        await pool.start()
        while not stopped.is_set():
            await pool.recognise(url, NodeJob(f"{new_id()}:0", RecognitionOptions()), Path(clip), ignore)
            jobs.value += 1
        await pool.stop()

    asyncio.run(send())


def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Waits until it is so."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the node did not get so far")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
