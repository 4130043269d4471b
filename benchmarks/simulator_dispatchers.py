"""Who dispatches in the simulation: the project's own policy, and what nginx would do.

nginx sends a request on when it comes, and it queues on the node, first come, first served. Its choices are those of
``ngx_http_upstream_least_conn_module.c``, ``…_round_robin.c`` and ``random two least_conn``, by the operator's weights.
"""

import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import inf

from benchmarks.simulator import Job, Machine
from cluster.local_board import RETHINK_SECONDS
from domain.scheduling import InFlight, NodeView, Queued, Snapshot, Turns, decide
from domain.speeds import Speeds
from domain.ticket import Ticket

MODEL = "m"


class Policy:
    """``domain.scheduling`` as the boards use it. What it knows of speeds are ``speeds`` and what it learns."""

    def __init__(self, machines: Sequence[Machine], speeds: Speeds | None = None) -> None:
        self.speeds = speeds or Speeds()
        self._nodes = tuple(NodeView(machine.url, machine.url, MODEL, machine.slots) for machine in machines)
        self._slots = sum(machine.slots for machine in machines)
        self._turns = Turns()
        self._jobs: dict[str, Job] = {}
        self._waiting: dict[str, Queued] = {}
        self._running: dict[str, InFlight] = {}

    def arrive(self, job: Job, now: float) -> None:
        """Posts the ticket."""
        self._jobs[job.id] = job
        self._waiting[job.id] = Queued(Ticket(job.id, job.user, MODEL, job.audio_seconds, job.share), now)

    def finished(self, job: Job, url: str, now: float) -> None:
        """Releases the ticket, and learns."""
        began = self._running.pop(job.id).granted_at
        self.speeds = self.speeds.learn(url, MODEL, job.audio_seconds, now - began)

    def starts(self, now: float) -> Iterable[tuple[Job, str]]:
        """What the policy grants."""
        if not self._held_back():
            return
        waiting, running = tuple(self._waiting.values()), tuple(self._running.values())
        decision = decide(Snapshot(now, self._nodes, waiting, running, self._turns, self.speeds))
        self._turns = decision.turns
        for granted in decision.assignments:
            item = self._waiting.pop(granted.ticket_id)
            self._running[granted.ticket_id] = InFlight(item.ticket, granted.node.url, now)
            yield self._jobs.pop(granted.ticket_id), granted.node.url

    def look_again(self, now: float) -> float:
        """As the boards do while tickets wait; with every slot taken there is nothing to think over."""
        return now + RETHINK_SECONDS if self._held_back() else inf

    def _held_back(self) -> bool:
        return bool(self._waiting) and len(self._running) < self._slots


class OnArrival(ABC):
    """A job goes to a node when it comes, and queues there. The choice is the subclass's.

    ``workers``: nginx processes that come by chance, each of which counts only its own connections.
    """

    def __init__(self, machines: Sequence[Machine], weights: Sequence[int], *, workers: int = 1, seed: int = 0) -> None:
        self.urls = [machine.url for machine in machines]
        self.weights = list(weights)
        self.chance = random.Random(seed)
        self._free = {machine.url: machine.slots for machine in machines}
        self._queues = {url: deque[Job]() for url in self.urls}
        self._places = {url: place for place, url in enumerate(self.urls)}
        self._workers = [([0] * len(self.urls), [0] * len(self.urls)) for _ in range(workers)]
        self._worker_of: dict[str, int] = {}

    def arrive(self, job: Job, now: float) -> None:
        """Sends the job on."""
        worker = self.chance.randrange(len(self._workers))
        connections, credits = self._workers[worker]
        place = self.choose(connections, credits)
        connections[place] += 1
        self._worker_of[job.id] = worker
        self._queues[self.urls[place]].append(job)

    def finished(self, job: Job, url: str, now: float) -> None:
        """The connection is closed."""
        self._workers[self._worker_of.pop(job.id)][0][self._places[url]] -= 1
        self._free[url] += 1

    def starts(self, now: float) -> Iterable[tuple[Job, str]]:
        """The first of each node's queue that has a free slot."""
        for url, queue in self._queues.items():
            while queue and self._free[url]:
                self._free[url] -= 1
                yield queue.popleft(), url

    def look_again(self, now: float) -> float:
        """Never: everything was decided on arrival."""
        return inf

    @abstractmethod
    def choose(self, connections: list[int], credits: list[int]) -> int:
        """The place of the node, from the worker's connections and its credits of the weighted round robin."""

    def in_turn(self, places: Sequence[int], credits: list[int]) -> int:
        """nginx's smooth weighted round robin among these."""
        for place in places:
            credits[place] += self.weights[place]
        best = max(places, key=credits.__getitem__)
        credits[best] -= sum(self.weights[place] for place in places)
        return best


class LeastConnections(OnArrival):
    """The fewest connections by weight; round robin where several have as few."""

    def choose(self, connections: list[int], credits: list[int]) -> int:
        """See the base."""
        loads = [count / weight for count, weight in zip(connections, self.weights, strict=True)]
        least = min(loads)
        places = [place for place, load in enumerate(loads) if load == least]
        return places[0] if len(places) == 1 else self.in_turn(places, credits)


class RoundRobin(OnArrival):
    """One after the other, by weight."""

    def choose(self, connections: list[int], credits: list[int]) -> int:
        """See the base."""
        return self.in_turn(range(len(self.urls)), credits)


class TwoChoices(OnArrival):
    """Two by chance (by weight), and of these the one with fewer connections by weight."""

    def choose(self, connections: list[int], credits: list[int]) -> int:
        """See the base."""
        if len(self.urls) == 1:
            return 0
        bounds = list(accumulate(self.weights))
        first = second = self._drawn(bounds)
        while second == first:
            second = self._drawn(bounds)
        return min(first, second, key=lambda place: connections[place] / self.weights[place])

    def _drawn(self, bounds: list[int]) -> int:
        point = self.chance.random() * bounds[-1]
        return next(place for place, bound in enumerate(bounds) if point < bound)
