"""The board's policy: which waiting job gets which node, and when. Pure functions over a frozen snapshot.

The order of the queue:

1. between the shares, by weight (live 8 : interactive 4 : batch 1), counted in expected seconds of work;
2. within a share, round-robin over users: who had fewer turns comes first, and a newcomer joins the round under way
   (``domain.turns``; a turn is one recording, or short ones of 10 s of work together);
3. within a round, aged shortest-first (expected seconds + 0.25 × arrival time), overdue tickets before the others:
   those older than 60 s and than four times what they are expected to take. Batch work goes longest first whatever
   its age: it is one heap, wanted soon as a whole.

The place: the head of the queue gets the node on which it *finishes* soonest, over all nodes, busy ones included.
Where that node is still busy, a free but slow one is left idle only if the wait is short (2.5 × the job's time there),
the job ends sooner by at least as long, and the backlog is small. Batch work always waits for the node on which it
finishes soonest, and leaves a slow one to what comes behind it: one long file there would be late for the whole heap.
Backup nodes take part only when no primary can serve; nodes to avoid only when nothing else is.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from statistics import fmean

from domain.speeds import OVERHEAD_SECONDS, Speeds, length_class
from domain.ticket import Share, Ticket, Waiting, WaitReason
from domain.turns import SHARE_WEIGHTS, TURN, Turns, after_ticket

#: How many seconds of shortness one second of waiting is worth.
AGEING = 0.25
#: A ticket older than this, and than so many times what it is expected to take, goes before those that are not.
OVERDUE_SECONDS = 60.0
OVERDUE_FACTOR = 4.0
#: A faster node is waited for at most this many times the job's own time there.
HOLD_FACTOR = 2.5
#: Tickets of which the queue is played through at most: to find one for a free slot, and to tell how long each waits
#: (the rest is extrapolated).
PLANNED_TICKETS = 200


@dataclass(frozen=True, slots=True)
class NodeView:
    """What the policy knows of a node. ``usable``: it may be given work; ``loading``: it soon may; else ``why`` not."""

    url: str
    name: str
    model: str
    slots: int = 1
    weight: float = 1.0
    backup: bool = False
    usable: bool = True
    loading: bool = False
    why: WaitReason = WaitReason.NO_NODE


@dataclass(frozen=True, slots=True)
class Queued:
    """A ticket that waits since ``posted_at`` (seconds on the snapshot's clock)."""

    ticket: Ticket
    posted_at: float


@dataclass(frozen=True, slots=True)
class InFlight:
    """A slot taken since ``granted_at``."""

    ticket: Ticket
    node_url: str
    granted_at: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a decision depends on."""

    now: float
    nodes: tuple[NodeView, ...]
    waiting: tuple[Queued, ...]
    in_flight: tuple[InFlight, ...] = ()
    turns: Turns = field(default_factory=Turns)
    speeds: Speeds = field(default_factory=Speeds)


@dataclass(frozen=True, slots=True)
class Assignment:
    """This ticket gets a slot on this node; in the turns it counts ``seconds``."""

    ticket_id: str
    node: NodeView
    seconds: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What to grant now, and the turns after it."""

    assignments: tuple[Assignment, ...]
    turns: Turns


def decide(snapshot: Snapshot) -> Decision:
    """Gives free slots to waiting tickets; never more than a node has, and the same for the same snapshot."""
    view, slots, turns = _View(snapshot), _Slots(snapshot), snapshot.turns
    assignments: list[Assignment] = []
    if not slots.any_free():
        return Decision((), turns)
    queue = [item for item in snapshot.waiting if slots.has_free(view.candidates(item.ticket))]
    for position, item in enumerate(islice(_in_order(view, queue), PLANNED_TICKETS)):
        nodes = view.candidates(item.ticket)
        if slots.has_free(nodes) and (node := slots.take(item.ticket, nodes, backlog=len(queue) - position)):
            assignments.append(Assignment(item.ticket.id, node, view.typical_seconds(item.ticket)))
            turns = turns.after(item.ticket, assignments[-1].seconds)
        if not slots.any_free():
            break
    return Decision(tuple(assignments), turns)


def plan(snapshot: Snapshot) -> dict[str, Waiting]:
    """Each waiting ticket's place, by id: how many go before it, and in how many seconds its turn will come."""
    view, slots = _View(snapshot), _Slots(snapshot)
    places: dict[str, Waiting] = {}
    served = [item for item in snapshot.waiting if view.candidates(item.ticket)]
    wait = 0.0
    for ahead, item in enumerate(_in_order(view, served)):
        if ahead < PLANNED_TICKETS:
            wait = slots.start(item.ticket, view.candidates(item.ticket)) - snapshot.now
            places[item.ticket.id] = Waiting(ahead, wait)
        else:
            places[item.ticket.id] = Waiting(ahead, wait * (ahead + 1) / PLANNED_TICKETS)
    blocked = (item.ticket for item in snapshot.waiting if item.ticket.id not in places)
    for number, ticket in enumerate(blocked):
        places[ticket.id] = Waiting(number, None, blocked_reason(ticket, snapshot.nodes))
    return places


def expected_wait(snapshot: Snapshot, ticket: Ticket) -> Waiting:
    """The place of ``ticket``: as it waits in the snapshot, else as if it were posted now."""
    if all(item.ticket.id != ticket.id for item in snapshot.waiting):
        snapshot = replace(snapshot, waiting=(*snapshot.waiting, Queued(ticket, snapshot.now)))
    return plan(snapshot)[ticket.id]


def blocked_reason(ticket: Ticket, nodes: Sequence[NodeView]) -> WaitReason:
    """Why a ticket without candidates waits. A node that does not know its model yet may have the right one."""
    mine = [node for node in nodes if not node.model or ticket.model in ("", node.model)]
    if any(node.loading for node in mine):
        return WaitReason.LOADING
    reasons = {node.why for node in mine}
    return reasons.pop() if len(reasons) == 1 else WaitReason.NO_NODE


class _View:
    """What follows from the snapshot alone, computed once per decision."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._candidates: dict[tuple[str, frozenset[str]], list[NodeView]] = {}
        self._rtf: dict[tuple[str, int], float] = {}

    def candidates(self, ticket: Ticket) -> list[NodeView]:
        """The nodes that may take the ticket, by the rules on backup and avoided nodes. No model: any node."""
        key = (ticket.model, ticket.avoid)
        if key not in self._candidates:
            usable = [node for node in self.snapshot.nodes if node.usable and ticket.model in ("", node.model)]
            fresh = [node for node in usable if node.url not in ticket.avoid] or usable
            self._candidates[key] = [node for node in fresh if not node.backup] or fresh
        return self._candidates[key]

    def typical_seconds(self, ticket: Ticket) -> float:
        """Expected seconds of work, as a mean over the model's nodes: what the ticket counts in the order."""
        key = (ticket.model, length_class(ticket.audio_seconds))
        if key not in self._rtf:
            nodes = [node for node in self.snapshot.nodes if node.usable and ticket.model in ("", node.model)]
            speeds = self.snapshot.speeds
            figures = [speeds.rtf_of(node.url, node.model, key[1]) for node in nodes]
            self._rtf[key] = fmean(figures) if figures else speeds.rtf_of("", *key)
        return OVERHEAD_SECONDS + ticket.audio_seconds * self._rtf[key]

    def rank(self, item: Queued) -> tuple[float, ...]:
        """The place of a ticket within its share and round; the smallest goes first."""
        if item.ticket.share is Share.BATCH:
            return (-item.ticket.audio_seconds, item.posted_at)
        seconds, age = self.typical_seconds(item.ticket), self.snapshot.now - item.posted_at
        overdue = age > OVERDUE_SECONDS and age > OVERDUE_FACTOR * seconds
        return (0.0 if overdue else 1.0, seconds + AGEING * item.posted_at)


def _in_order(view: _View, queue: Sequence[Queued]) -> Iterator[Queued]:
    """The tickets as they would be served one after the other; lazy, as a decision needs only the first few."""
    lines: dict[tuple[Share, str], list[tuple[tuple[float, ...], str, Queued]]] = defaultdict(list)
    for item in queue:
        lines[item.ticket.share, item.ticket.user].append((view.rank(item), item.ticket.id, item))
    turns = view.snapshot.turns
    heads: dict[Share, list[tuple[int, tuple[float, ...], str, str]]] = defaultdict(list)
    places = {key: turns.place_of(*key) for key in lines}
    for (share, user), line in lines.items():
        heapq.heapify(line)
        heads[share].append((places[share, user] // TURN, *line[0][:2], user))
    served = {share: turns.served_of(share) for share in heads}
    for heap in heads.values():
        heapq.heapify(heap)
    while heads:
        share = min(heads, key=lambda name: (served[name], -SHARE_WEIGHTS[name]))
        heap = heads[share]
        user = heap[0][-1]
        line = lines[share, user]
        item = heapq.heappop(line)[2]
        seconds = view.typical_seconds(item.ticket)
        if line:
            places[share, user] = after_ticket(places[share, user], seconds)
            heapq.heapreplace(heap, (places[share, user] // TURN, *line[0][:2], user))
        else:
            heapq.heappop(heap)
        if not heap:
            del heads[share]
        served[share] += seconds / SHARE_WEIGHTS[share]
        yield item


class _Slots:
    """When each slot becomes free, as far as one decision has got."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._now, self._speeds = snapshot.now, snapshot.speeds
        models = {node.url: node.model for node in snapshot.nodes}
        ends: dict[str, list[float]] = defaultdict(list)
        for item in snapshot.in_flight:
            ends[item.node_url].append(self._end(item, models.get(item.node_url, "")))
        self._rtf: dict[tuple[str, int], float] = {}
        self._free: dict[str, int] = {}
        self._ends: dict[str, list[float]] = {}
        for node in snapshot.nodes:
            taken = ends[node.url]
            self._free[node.url] = max(node.slots - len(taken), 0) if node.usable else 0
            # Where more jobs run than there are slots (an operator lowered them), the last ones to end count.
            self._ends[node.url] = sorted([self._now] * (node.slots - len(taken)) + taken)[-node.slots :]

    def any_free(self) -> bool:
        return any(self._free.values())

    def has_free(self, nodes: Sequence[NodeView]) -> bool:
        return any(self._free[node.url] for node in nodes)

    def take(self, ticket: Ticket, nodes: Sequence[NodeView], backlog: int) -> NodeView | None:
        """The free node on which the ticket finishes soonest; ``None`` where a faster one is worth the wait."""
        free = [node for node in nodes if self._free[node.url]]
        best = min(free, key=lambda node: self._finish(ticket, node))
        better = [node for node in nodes if not self._free[node.url] and self._worth_a_wait(ticket, node, best)]
        if better and (ticket.share is Share.BATCH or backlog <= sum(node.slots for node in better)):
            self._occupy(ticket, min(better, key=lambda node: self._finish(ticket, node)))
            return None
        self._occupy(ticket, best)
        return best

    def start(self, ticket: Ticket, nodes: Sequence[NodeView]) -> float:
        """When the ticket's turn comes on the node where it finishes soonest, which it then occupies."""
        return self._occupy(ticket, min(nodes, key=lambda node: self._finish(ticket, node)))

    def _worth_a_wait(self, ticket: Ticket, node: NodeView, best: NodeView) -> bool:
        wait, won = self._ends[node.url][0] - self._now, self._finish(ticket, best)[0] - self._finish(ticket, node)[0]
        if ticket.share is Share.BATCH:
            return won > 0
        # While it waits the slow node does nothing: that must be won back.
        return won > 0 and wait <= min(won, HOLD_FACTOR * self._cost(ticket, node))

    def _finish(self, ticket: Ticket, node: NodeView) -> tuple[float, str]:
        return self._ends[node.url][0] + self._cost(ticket, node), node.url

    def _cost(self, ticket: Ticket, node: NodeView) -> float:
        # What was measured is with the slots taken, mostly; a job that shares the node with fewer is done sooner.
        sharing = min(node.slots - self._free[node.url] + 1, node.slots) / node.slots
        # An operator's weight counts as that much more speed than was measured.
        return self._seconds(ticket, node) * sharing / node.weight

    def _seconds(self, ticket: Ticket, node: NodeView) -> float:
        key = (node.url, length_class(ticket.audio_seconds))
        if key not in self._rtf:
            self._rtf[key] = self._speeds.rtf_of(node.url, node.model, key[1])
        return OVERHEAD_SECONDS + ticket.audio_seconds * self._rtf[key]

    def _occupy(self, ticket: Ticket, node: NodeView) -> float:
        ends = self._ends[node.url]
        self._free[node.url] -= self._free[node.url] > 0
        return heapq.heapreplace(ends, ends[0] + self._seconds(ticket, node))

    def _end(self, item: InFlight, model: str) -> float:
        expected = self._speeds.seconds(item.node_url, model, item.ticket.audio_seconds)
        passed = self._now - item.granted_at
        # A job past its time may take long yet: the later it is, the longer it is believed to go on.
        return self._now + (expected - passed if passed < expected else passed / 2)
