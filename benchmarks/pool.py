"""The pool as real processes: what it adds to a call, what more nodes bring, and who waits less than behind nginx.

    python benchmarks/pool.py [--rounds 100] [--each 20] [--jobs 300]

PostgreSQL, Redis, up to eight nodes whose engine sleeps, two replicas. Prints a table and one JSON line.

- added: from ``Transcription.submit`` to the finished row, in a process wired as a replica is, of recordings that are
  not known; against ``gradio_client`` calling the same node with the same file. They take turns.
- throughput: at 1, 2, 4 and 8 nodes, over the HTTP API of both replicas, of recordings of one length, ``each`` for a
  node, as many waiting as are at work; from the time all nodes have ended one until the last ones begin.
- waiting: ``jobs`` recordings of 5 s to a minute arrive by chance at 85 % of what eight nodes can do: over the API of
  the replicas, and by ``gradio_client`` through nginx (``least_conn``, the program's own file) to the same nodes.
"""

import asyncio
import logging
import math
import random
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.pool_cluster import NODES, Cluster, running_cluster  # noqa: E402
from benchmarks.pool_load import (  # noqa: E402
    ByNginx,
    ByReplicas,
    Recording,
    Way,
    all_at_once,
    as_people_come,
    call,
    connected,
    recordings,
)
from benchmarks.report import asked_all, quantiles, show  # noqa: E402
from domain.access import Visitor  # noqa: E402
from domain.options import RecognitionOptions  # noqa: E402
from domain.recognition import CacheOutcome, Source, Status  # noqa: E402
from services.bundle import Services  # noqa: E402
from settings import load_settings  # noqa: E402
from wiring import build  # noqa: E402

VISITOR = Visitor("benchmark", is_admin=True)
#: A job must take so long that two cores are not what limits eight nodes: 6 s of sound take 1.5 s.
RTF, SECONDS = 0.25, 6.0
SIZES = (1, 2, 4, NODES)
#: Those who wait beside those at work, for each node.
CALLERS_PER_NODE = 2
SHORTEST, LONGEST, LOAD = 5.0, 60.0, 0.85
SEED = 7


def main() -> None:
    """Measures everything and prints it."""
    rounds, each, jobs = asked_all(
        __doc__, ("rounds", 100, "calls of each kind"), ("each", 20, "jobs of a node"), ("jobs", 300, "that arrive")
    )
    logging.disable(logging.WARNING)
    # Without this a SIGTERM would leave processes behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="asr-bench-") as name, running_cluster(Path(name), RTF) as cluster:
        cluster.start_nodes(1)
        figures: dict[str, Any] = asyncio.run(added(cluster, rounds))
        replicas = cluster.start_replicas()
        figures |= asyncio.run(throughput(cluster, replicas, each))
        figures |= asyncio.run(waiting(cluster, replicas, jobs))
    show("pool", {"rounds": rounds, "each": each, "jobs": jobs, "rtf": RTF, **figures})


async def added(cluster: Cluster, rounds: int) -> dict[str, Any]:
    """What the service function takes beyond a direct call of the node, which has nothing else to do."""
    # Their lengths differ: gradio_client looks for results every 50 ms, and equal jobs would all end at one such look.
    lengths = [random.Random(number).uniform(5.0, 6.0) for number in range(rounds + 5)]
    work = await asyncio.to_thread(recordings, cluster.folder / "added", lengths, 10_000)
    settings = load_settings(
        data_dir=cluster.folder / "inside",
        database_url=cluster.postgres.url(),
        redis_url=cluster.redis.url(),
        **cluster.settings(1),
    )
    client = await asyncio.to_thread(connected, cluster.urls[0])
    ours: list[float] = []
    direct: list[float] = []
    async with build(settings).running() as services:
        for number, recording in enumerate(work):
            if number % 2:
                ours.append(await _timed_here(services, recording))
            direct.append(await asyncio.to_thread(_timed_directly, client, recording))
            if number % 2 == 0:
                ours.append(await _timed_here(services, recording))
    client.close()
    # The first ones build clients and learn that the node is there.
    pairs = list(zip(ours, direct, strict=True))[5:]
    _say("what a call costs is measured")
    return {
        "direct_ms": quantiles([one for _, one in pairs]),
        "service_ms": quantiles([one for one, _ in pairs]),
        "added_ms": quantiles([one - other for one, other in pairs]),
    }


async def _timed_here(services: Services, recording: Recording) -> float:
    began = time.perf_counter()
    row = await services.transcription.submit(
        recording.path, recording.path.name, RecognitionOptions(), visitor=VISITOR, source=Source.API
    )
    done = await services.transcription.wait(row.id, visitor=VISITOR)
    took_ms = (time.perf_counter() - began) * 1000
    assert (done.status, done.text, done.cache) == (Status.SUCCEEDED, recording.text, CacheOutcome.MISS), done
    return took_ms


def _timed_directly(client: Any, recording: Recording) -> float:
    began = time.perf_counter()
    call(client, recording)
    return (time.perf_counter() - began) * 1000


async def throughput(cluster: Cluster, replicas: list[str], each: int) -> dict[str, Any]:
    """Recordings a second with more and more nodes."""
    way, figures, single = ByReplicas(replicas), dict[str, Any](), 0.0
    for size in SIZES:
        await asyncio.to_thread(cluster.start_nodes, size)
        await _until_known(replicas, way, size)
        work = await asyncio.to_thread(recordings, cluster.folder / "many", [SECONDS] * (each * size), 100_000 * size)
        psutil.cpu_percent()
        ends = await all_at_once(work, size * CALLERS_PER_NODE, way)
        cpu = psutil.cpu_percent()
        # Not the beginning, and not the end, when some have nothing left to do.
        first, last = size, len(ends) - size * CALLERS_PER_NODE
        rate = (last - first) / (ends[last] - ends[first])
        single = single or rate
        figures[f"nodes_{size}"] = {
            "per_s": round(rate, 3),
            "of_linear": round(rate / single / size, 3),
            "of_sleep": round(rate * RTF * SECONDS / size, 3),
            "cpu_%": cpu,
        }
        _say(f"{size} nodes: {figures[f'nodes_{size}']}")
    await way.close()
    return figures


async def _until_known(replicas: list[str], way: ByReplicas, size: int) -> None:
    """Both replicas see so many nodes."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if all([await way.usable_nodes(url) >= size for url in replicas]):
            return
        await asyncio.sleep(0.2)
    raise TimeoutError("the replicas do not see all nodes")


async def waiting(cluster: Cluster, replicas: list[str], jobs: int) -> dict[str, Any]:
    """The same recordings at the same moments, both ways."""
    chance = random.Random(SEED)
    lengths = [math.exp(chance.uniform(math.log(SHORTEST), math.log(LONGEST))) for _ in range(jobs)]
    work = await asyncio.to_thread(recordings, cluster.folder / "mixed", lengths, 10_000_000)
    per_second = LOAD * NODES / (statistics.fmean(lengths) * RTF)
    figures: dict[str, Any] = {}
    by_nginx, by_replicas = ByNginx(cluster.start_nginx()), ByReplicas(replicas)
    for name, way in (("pool", by_replicas), ("least_conn", by_nginx)):
        figures[name] = await _waited(work, per_second, way)
        _say(f"{name}: {figures[name]}")
    await by_nginx.close()
    await by_replicas.close()
    ours, theirs = figures["pool"], figures["least_conn"]
    figures["pool_over_least_conn"] = {key: round(ours[key] / theirs[key], 3) for key in ours if key.endswith("_s")}
    return figures


async def _waited(work: list[Recording], per_second: float, way: Way) -> dict[str, float]:
    psutil.cpu_percent()
    took = await as_people_come(work, per_second, SEED, way)
    cpu = psutil.cpu_percent()
    waits = [seconds - recording.seconds * RTF for seconds, recording in zip(took, work, strict=True)]
    return {
        "mean_s": round(statistics.fmean(took), 2),
        "p95_s": quantiles(took)["p95"],
        "wait_mean_s": round(statistics.fmean(waits), 2),
        "wait_p95_s": quantiles(waits)["p95"],
        "cpu_%": cpu,
    }


def _say(words: str) -> None:
    print(f"  {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
