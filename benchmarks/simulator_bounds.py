"""What no dispatcher can beat, whatever it knows.

Means: every schedule of the pool can be imitated by one server that has the pool's whole speed and may put jobs aside.
On such a server shortest remaining work first has the fewest jobs in the system at every moment (Schrage 1968),
whatever its speed does. So the mean response time is at least that server's, and no job takes less than on the fastest
node alone; and with ``m`` slots at least all but ``m`` of the jobs in the system wait.

Makespan: the whole work at the whole speed, or the longest job on the fastest node.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from benchmarks.simulator import Job, Machine, together


@dataclass(frozen=True, slots=True)
class Bound:
    """Seconds that no dispatcher goes below."""

    mean_response: float
    mean_wait: float
    makespan: float


def bound(machines: Sequence[Machine], jobs: Sequence[Job]) -> Bound:
    """The bounds for these jobs (in order of arrival)."""
    best = max(factor for machine in machines for factor in [1.0, *(factor for _, factor in machine.changes)])
    shortest = [min(machine.seconds(job) for machine in machines) / best for job in jobs]
    in_system, beyond_slots, end = _one_server(machines, jobs)
    longest = max(job.at + seconds for job, seconds in zip(jobs, shortest, strict=True))
    return Bound(max(in_system, sum(shortest)) / len(jobs), beyond_slots / len(jobs), max(end, longest))


def _one_server(machines: Sequence[Machine], jobs: Sequence[Job]) -> tuple[float, float, float]:
    """The time integrals of the jobs in the system, and of those beyond the slots; when the last one ends."""
    slots = sum(machine.slots for machine in machines)
    # A call costs the slowest node the least work; counted so for all, the bound stays one.
    call = min(machine.call_seconds / machine.rtf for machine in machines)
    events = sorted(
        [(job.at, 1, job.audio_seconds * job.effort + call) for job in jobs]
        + [(at, 0, 0.0) for machine in machines for at, _ in machine.changes]
    )
    left: list[float] = []
    now = in_system = beyond = 0.0
    for at, arrives, work in [*events, (inf, 0, 0.0)]:
        speed = _speed(machines, now)
        while left and now < at:
            step = min(left[0] / speed, at - now)
            in_system += len(left) * step
            beyond += max(len(left) - slots, 0) * step
            if step < at - now:
                now += step
                heapq.heappop(left)
            else:
                heapq.heapreplace(left, left[0] - step * speed)
                now = at
        now = at if at < inf else now
        if arrives:
            heapq.heappush(left, work)
    return in_system, beyond, now


def _speed(machines: Sequence[Machine], now: float) -> float:
    """Seconds of sound per second that the whole pool does at this time with every slot taken."""
    return sum(
        together(machine.slots) / machine.rtf * next((f for at, f in reversed(machine.changes) if at <= now), 1.0)
        for machine in machines
    )
