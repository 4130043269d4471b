"""Everything breaks while people work: what is lost, doubled, wrong or late?

    python benchmarks/chaos.py [--jobs 1000] [--seed 1] [--limit-s 2400] [--keep FOLDER]

Real processes: two replicas of the web UI, nodes whose engine sleeps, PostgreSQL, Redis. Clients send recordings and
wait for their texts while nodes are killed (-9), stopped, slowed, cut off, replaced, and answer garbage or lies; Redis
is killed, stopped and emptied; PostgreSQL restarts; replicas are killed (-9). The right text of each recording is
known. At the end the rows of the history, and all that clients were told, are held against it. Prints a table and one
JSON line; the status is 1 where anything was lost, doubled, wrong or late. Same seed, same recordings and the same
faults in the same order.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.chaos_audit import Findings, audited, rows_of  # noqa: E402
from benchmarks.chaos_clients import Clients, Job  # noqa: E402
from benchmarks.chaos_cluster import Cluster, running_cluster  # noqa: E402
from benchmarks.chaos_faults import FAULTS, Mischief  # noqa: E402
from benchmarks.report import quantiles, show  # noqa: E402
from domain.recognition import Recognition  # noqa: E402
from services.dispatch import DEADLINE_FACTOR, DEADLINE_SECONDS  # noqa: E402

#: Of so many jobs one repeats an earlier one: the cache, and who works on the same, are part of it.
REPEATS = 10
#: Of a long recording.
LONG_SECONDS = 330.0
#: What the replicas are told of the longest wait: with it a job has a deadline that could be missed here.
QUEUE_SECONDS = 120.0
#: How long everything may take to come to rest, once nobody asks and nothing breaks any more, in seconds.
REST_SECONDS = 120.0
PROGRESS_SECONDS = 10.0
#: What is wrong is told in so many examples.
EXAMPLES = 10


@dataclass(frozen=True)
class Plan:
    """How much of everything; times in seconds."""

    jobs: int = 1000
    seed: int = 1
    nodes: int = 6
    clients: int = 12
    #: Sound of a job, at least and at most, and what a second of it takes.
    shortest: float = 5.0
    longest: float = 8.0
    rtf: float = 0.2
    segment_ms: int = 1500
    #: Between the beginnings of two faults, and how long one lasts at most.
    pause: float = 5.0
    #: One of so many jobs is long enough to be divided among nodes; 0: none.
    one_long_in: int = 200
    longest_fault: float = 60.0
    faults: Sequence[str] = FAULTS
    #: How often each of them; ``None``: until all jobs have ended.
    decks: int | None = None
    limit: float = 2400.0

    def recordings(self) -> list[Job]:
        """The jobs of this seed."""
        chance, jobs = random.Random(self.seed), list[Job]()
        for number in range(self.jobs):
            repeated = chance.choice(jobs) if jobs and chance.randrange(REPEATS) == 0 else None
            seconds = repeated.seconds if repeated else round(chance.uniform(self.shortest, self.longest), 1)
            if self.one_long_in and number % self.one_long_in == self.one_long_in // 2:
                repeated, seconds = None, LONG_SECONDS
            seed = repeated.seed if repeated else self.seed * 1_000_000 + number
            jobs.append(Job(number, seconds, seed, self.segment_ms))
        return jobs


def deadline_seconds(audio_seconds: float) -> float:
    """The product's own (``services.dispatch.Dispatch.deadline_seconds``)."""
    return QUEUE_SECONDS + DEADLINE_SECONDS + DEADLINE_FACTOR * audio_seconds


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=1000, help="recordings (default 1000)")
    parser.add_argument("--seed", type=int, default=1, help="decides over recordings and faults (default 1)")
    parser.add_argument("--limit-s", type=float, default=2400, help="the clients end after that (default 2400)")
    parser.add_argument("--keep", type=Path, help="folder for the logs, which stay there")
    given = parser.parse_args()
    # Without this a SIGTERM would leave processes behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    figures, findings = run(Plan(given.jobs, given.seed, limit=given.limit_s), keep=given.keep, tell=_tell)
    for kind, words in findings.all().items():
        for one in words[:EXAMPLES]:
            print(f"  {kind}: {one}", file=sys.stderr)
    show("chaos", figures)
    return 1 if any(findings.all().values()) else 0


def run(plan: Plan, *, keep: Path | None = None, tell: Any = lambda words: None) -> tuple[dict[str, Any], Findings]:
    """Everything from the start to the audit: figures and findings. ``tell``: takes lines of progress."""
    jobs = plan.recordings()
    with (
        _folder(keep) as folder,
        running_cluster(
            folder, nodes=plan.nodes, rtf=plan.rtf, segment_ms=plan.segment_ms, queue_seconds=QUEUE_SECONDS
        ) as cluster,
    ):
        tell("everything runs")
        clients = Clients([one.url for one in cluster.replicas], jobs, plan.clients, plan.seed)
        mischief = Mischief(
            cluster,
            random.Random(plan.seed),
            pause=plan.pause,
            longest=plan.longest_fault,
            kinds=plan.faults,
            decks=plan.decks,
        )
        began = time.monotonic()
        psutil.cpu_percent()
        mischief.start()
        try:
            with _watched(jobs, mischief, clients.over, plan.limit, tell):
                clients.run()
        finally:
            seconds, cpu_percent = time.monotonic() - began, psutil.cpu_percent()
            mischief.stop()
        tell("nothing breaks any more")
        rows = _rows_at_rest(cluster)
        findings = audited(jobs, rows, deadline_seconds)
        figures = {
            "jobs": plan.jobs,
            "seed": plan.seed,
            "seconds": round(seconds, 1),
            "cpu_percent": cpu_percent,
            "faults": mischief.counts.total(),
            **{kind: len(words) for kind, words in findings.all().items()},
            **_figures(jobs, rows, clients),
            "fault_counts": dict(sorted(mischief.counts.items())),
        }
    return figures, findings


def _figures(jobs: Sequence[Job], rows: Sequence[Recognition], clients: Clients) -> dict[str, Any]:
    took = [job.took for job in jobs if job.took is not None]
    return {
        "rows": len(rows),
        "taken_up_again": sum(row.attempt > 1 for row in rows),
        "from_cache_or_shared": sum(row.cache is not None and row.cache.value != "miss" for row in rows),
        "requests_refused": clients.counts.refused,
        "requests_broken": clients.counts.broken,
        "asked_elsewhere": clients.counts.asked_elsewhere,
        "response_s": {**quantiles(took), "max": round(max(took), 1)},
    }


def _rows_at_rest(cluster: Cluster) -> list[Recognition]:
    """The history once nothing is under way any more, or the time for that is over."""
    deadline = time.monotonic() + REST_SECONDS
    while True:
        rows = rows_of(cluster.database_url)
        at_rest = not cluster.outboxes() and all(row.status.is_final for row in rows)
        if at_rest or time.monotonic() > deadline:
            return rows
        time.sleep(1)


@contextmanager
def _watched(jobs: Sequence[Job], mischief: Mischief, over: Event, limit: float, tell: Any) -> Iterator[None]:
    """Says how far it is, and ends it when its time is over."""
    done = Event()

    def watch() -> None:
        began = time.monotonic()
        while not done.wait(PROGRESS_SECONDS):
            seconds = time.monotonic() - began
            ended = sum(job.took is not None for job in jobs)
            tell(f"{seconds:.0f} s: {ended} of {len(jobs)} jobs ended, {mischief.counts.total()} faults")
            if seconds > limit:
                over.set()

    watcher = Thread(target=watch, name="watch")
    watcher.start()
    try:
        yield
    finally:
        # Also where this ends by an error: nobody waits for clients whose time is over.
        over.set()
        done.set()
        watcher.join()


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="asr-chaos-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tell(words: str) -> None:
    print(f"  {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
