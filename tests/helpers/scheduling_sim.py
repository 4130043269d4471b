"""A small event simulation around the real policy, with nginx's least_conn beside it."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from domain.scheduling import InFlight, NodeView, Queued, Snapshot, Turns, decide
from domain.speeds import Speeds
from domain.ticket import Share, Ticket


@dataclass(frozen=True)
class Arrival:
    at: float
    ticket: Ticket


@dataclass
class Outcome:
    waits: dict[str, float] = field(default_factory=dict[str, float])
    order: list[str] = field(default_factory=list[str])
    makespan: float = 0.0
    most_in_flight: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def mean_wait(self) -> float:
        return sum(self.waits.values()) / len(self.waits)

    @property
    def p95_wait(self) -> float:
        return sorted(self.waits.values())[int(len(self.waits) * 0.95)]


def poisson(
    count: int, rate: float, *, seed: int, users: int = 20, share: Share = Share.INTERACTIVE, longest: float = 600.0
) -> list[Arrival]:
    """Lengths from seconds to minutes, log-uniform."""
    rnd, now, arrivals = random.Random(seed), 0.0, list[Arrival]()
    for number in range(count):
        now += rnd.expovariate(rate)
        seconds = 3.0 * (longest / 3.0) ** rnd.random()
        arrivals.append(Arrival(now, Ticket(f"{number:05}", f"u{rnd.randrange(users)}", "m", seconds, share)))
    return arrivals


def simulate(nodes: list[NodeView], arrivals: list[Arrival], seconds_on: Callable[[str, float], float]) -> Outcome:
    """Plays the policy; speeds are learned as they would be, from what finishes."""
    outcome, turns, speeds = Outcome(), Turns(), Speeds()
    waiting: dict[str, Queued] = {}
    running: dict[str, InFlight] = {}
    events = [(arrival.at, 0, arrival.ticket.id, arrival.ticket) for arrival in arrivals]
    heapq.heapify(events)
    now = 0.0
    while events:
        now, kind, ticket_id, ticket = heapq.heappop(events)
        if kind == 0:
            waiting[ticket_id] = Queued(ticket, now)
        elif kind == 1:
            done = running.pop(ticket_id)
            speeds = speeds.learn(done.node_url, "m", ticket.audio_seconds, now - done.granted_at)
            outcome.makespan = now
        snapshot = Snapshot(now, tuple(nodes), tuple(waiting.values()), tuple(running.values()), turns, speeds)
        decision = decide(snapshot)
        turns = decision.turns
        for grant in decision.assignments:
            item = waiting.pop(grant.ticket_id)
            running[grant.ticket_id] = InFlight(item.ticket, grant.node.url, now)
            outcome.waits[grant.ticket_id] = now - item.posted_at
            outcome.order.append(grant.ticket_id)
            taken = sum(entry.node_url == grant.node.url for entry in running.values())
            outcome.most_in_flight[grant.node.url] = max(outcome.most_in_flight.get(grant.node.url, 0), taken)
            end = now + seconds_on(grant.node.url, item.ticket.audio_seconds)
            heapq.heappush(events, (end, 1, grant.ticket_id, item.ticket))
        if waiting and not events:
            heapq.heappush(events, (now + 0.5, 2, "", next(iter(waiting.values())).ticket))
    return outcome


def least_conn(nodes: list[NodeView], arrivals: list[Arrival], seconds_on: Callable[[str, float], float]) -> Outcome:
    """nginx's least_conn with shared counts: jobs queue on the node with the fewest connections."""
    outcome = Outcome()
    free_at = {node.url: [0.0] * node.slots for node in nodes}
    ends: dict[str, list[float]] = {node.url: [] for node in nodes}
    for number, arrival in enumerate(arrivals):
        for url, open_ends in ends.items():
            ends[url] = [end for end in open_ends if end > arrival.at]
        turn = number % len(nodes)
        node = min(nodes[turn:] + nodes[:turn], key=lambda node: len(ends[node.url]) / node.weight)
        slot = heapq.heappop(free_at[node.url])
        start = max(slot, arrival.at)
        end = start + seconds_on(node.url, arrival.ticket.audio_seconds)
        heapq.heappush(free_at[node.url], end)
        ends[node.url].append(end)
        outcome.waits[arrival.ticket.id] = start - arrival.at
        outcome.makespan = max(outcome.makespan, end)
    return outcome
