"""A pool in virtual time: jobs come, a dispatcher says which starts where, nodes work.

A job needs ``call_seconds + audio_seconds × rtf`` of a node that it has for itself. Jobs that run on a node at once
share it evenly, and together get more out of it (``together``). Nothing else is simulated: no network, no failures.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

from domain.ticket import Share

#: What each further job at once adds to a node's speed: FunASR tells 31.8 / 19.8 of its batches on an H100.
GAIN_PER_JOB = 0.2


@dataclass(frozen=True, slots=True)
class Job:
    """A recording that somebody wants recognised. ``effort``: how much longer it takes than its length tells."""

    id: str
    at: float
    audio_seconds: float
    user: str = "u"
    share: Share = Share.INTERACTIVE
    effort: float = 1.0


@dataclass(frozen=True, slots=True)
class Machine:
    """A node as it truly is. ``changes``: from when it runs at which multiple of its speed, in order of time."""

    url: str
    rtf: float
    slots: int = 1
    changes: tuple[tuple[float, float], ...] = ()
    call_seconds: float = 0.2

    def seconds(self, job: Job) -> float:
        """What the job takes on this node alone, at its first speed."""
        return self.call_seconds + job.audio_seconds * job.effort * self.rtf


class Dispatcher(Protocol):
    """Decides which job starts where; told of everything that happens."""

    def arrive(self, job: Job, now: float) -> None:
        """A job comes."""
        ...

    def finished(self, job: Job, url: str, now: float) -> None:
        """A job ends on a node."""
        ...

    def starts(self, now: float) -> Iterable[tuple[Job, str]]:
        """What starts now, and on which node; asked after every event."""
        ...

    def look_again(self, now: float) -> float:
        """When it wants to be asked although nothing happened; ``inf``: never."""
        ...


@dataclass(slots=True)
class Outcome:
    """When each job started and ended, by id, and how many ran on a node at once."""

    jobs: Sequence[Job]
    began: dict[str, float] = field(default_factory=dict[str, float])
    ended: dict[str, float] = field(default_factory=dict[str, float])
    place: dict[str, str] = field(default_factory=dict[str, str])
    most_at_once: dict[str, int] = field(default_factory=dict[str, int])

    def waits(self, share: Share | None = None) -> list[float]:
        """Seconds from each job's arrival to the start of its service."""
        return [self.began[job.id] - job.at for job in self.jobs if share in (None, job.share)]

    def responses(self, share: Share | None = None) -> list[float]:
        """Seconds from each job's arrival to its end."""
        return [self.ended[job.id] - job.at for job in self.jobs if share in (None, job.share)]

    @property
    def makespan(self) -> float:
        """When the last job ended."""
        return max(self.ended.values())


def together(running: int) -> float:
    """How much faster than with one job a node is with so many at once, all of them counted."""
    return 1 + GAIN_PER_JOB * (running - 1)


def play(machines: Sequence[Machine], jobs: Sequence[Job], dispatcher: Dispatcher) -> Outcome:
    """Plays all jobs (in order of arrival) to their end."""
    outcome, nodes = Outcome(jobs), {machine.url: _Node(machine) for machine in machines}
    changes = sorted((at, machine.url, factor) for machine in machines for at, factor in machine.changes)
    coming, changing, again = iter([*jobs, None]), iter([*changes, None]), inf
    job, change = next(coming), next(changing)
    while len(outcome.ended) < len(jobs):
        ending = min(nodes.values(), key=lambda node: node.ends_at)
        now = min(ending.ends_at, job.at if job else inf, change[0] if change else inf, again)
        assert now < inf, "the dispatcher lets jobs wait for ever"
        if now == ending.ends_at:
            done = ending.end(now)
            outcome.ended[done.id] = now
            dispatcher.finished(done, ending.machine.url, now)
        elif job and now == job.at:
            dispatcher.arrive(job, now)
            job = next(coming)
        elif change and now == change[0]:
            nodes[change[1]].change(now, change[2])
            change = next(changing)
        for started, url in dispatcher.starts(now):
            assert started.id not in outcome.began, "started twice"
            outcome.began[started.id], outcome.place[started.id] = now, url
            outcome.most_at_once[url] = max(outcome.most_at_once.get(url, 0), nodes[url].start(started, now))
        again = dispatcher.look_again(now)
    return outcome


class _Node:
    """A node at work. ``ends_at``: when the first of its jobs ends if nothing changes."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.ends_at = machine, inf
        self._factor, self._since = 1.0, 0.0
        #: What is left of each job, in seconds of the node alone at its first speed.
        self._left: dict[str, float] = {}
        self._jobs: dict[str, Job] = {}

    def start(self, job: Job, now: float) -> int:
        """Takes the job; how many run now."""
        assert len(self._jobs) < self.machine.slots, "more jobs than slots"
        self._advance(now)
        self._jobs[job.id], self._left[job.id] = job, self.machine.seconds(job)
        self._foresee()
        return len(self._jobs)

    def end(self, now: float) -> Job:
        """The job that ends now."""
        self._advance(now)
        first = min(self._left, key=self._left.__getitem__)
        del self._left[first]
        self._foresee()
        return self._jobs.pop(first)

    def change(self, now: float, factor: float) -> None:
        """Runs at this multiple of its first speed from now on."""
        self._advance(now)
        self._factor = factor
        self._foresee()

    def _advance(self, now: float) -> None:
        done = (now - self._since) * self._rate()
        self._left = {key: left - done for key, left in self._left.items()}
        self._since = now

    def _foresee(self) -> None:
        self.ends_at = self._since + max(min(self._left.values()), 0.0) / self._rate() if self._left else inf

    def _rate(self) -> float:
        running = len(self._left)
        return self._factor * together(running) / running if running else 0.0
