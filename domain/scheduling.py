"""The board's policy: which waiting job gets which node, and when. Pure functions over a frozen snapshot.

The order of the queue:

1. between the shares, by weight (live 8 : interactive 4 : batch 1), counted in expected seconds of work;
2. within a share, round-robin over users: who had fewer turns comes first, and a newcomer joins the round under way;
3. within a round, a ticket older than 60 s first (the oldest first), then aged shortest-first (expected seconds +
   0.25 × arrival time). Batch work goes longest first whatever its age: it is one heap, wanted soon as a whole.

The place: the head of the queue gets the node on which it *finishes* soonest, over all nodes, busy ones included.
Where that node is still busy, a free but slow one is left idle only if the wait is short (2.5 × the job's time there)
and the backlog small. Backup nodes take part only when no primary can serve; nodes to avoid only when nothing else is.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from domain.speeds import OVERHEAD_SECONDS, Speeds, length_class
from domain.ticket import Share, Ticket, Waiting, WaitReason

SHARE_WEIGHTS: dict[Share, float] = {Share.LIVE: 8.0, Share.INTERACTIVE: 4.0, Share.BATCH: 1.0}
#: How many seconds of shortness one second of waiting is worth.
AGEING = 0.25
#: From this age on a ticket goes before shorter ones.
OVERDUE_SECONDS = 60.0
#: A faster node is waited for at most this many times the job's own time there.
HOLD_FACTOR = 2.5
#: Tickets of which the queue is played through to tell how long each waits; the rest is extrapolated.
PLANNED_TICKETS = 200


@dataclass(frozen=True, slots=True)
class NodeView:
    """What the policy knows of a node. ``usable``: it may be given work; ``loading``: it soon may."""

    url: str
    name: str
    model: str
    slots: int = 1
    weight: float = 1.0
    backup: bool = False
    usable: bool = True
    loading: bool = False


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
class Turns:
    """Who has been served how much: a share in weighted seconds, a user of a share in turns (start-time fair queueing).

    The clocks are where service stands now. Whoever was away joins there: nobody saves up turns by not asking.
    """

    served: Mapping[Share, float] = field(default_factory=dict[Share, float])
    rounds: Mapping[tuple[Share, str], int] = field(default_factory=dict[tuple[Share, str], int])
    served_clock: float = 0.0
    round_clocks: Mapping[Share, int] = field(default_factory=dict[Share, int])

    def served_of(self, share: Share) -> float:
        """Where the share stands."""
        return max(self.served.get(share, 0.0), self.served_clock)

    def round_of(self, share: Share, user: str) -> int:
        """The round in which the user's next turn is."""
        return max(self.rounds.get((share, user), 0), self.round_clocks.get(share, 0))

    def after(self, ticket: Ticket, seconds: float) -> "Turns":
        """The turns after this ticket, worth ``seconds`` of work, was granted."""
        share, start, turn = ticket.share, self.served_of(ticket.share), self.round_of(ticket.share, ticket.user)
        clocks = {**self.round_clocks, share: turn}
        kept = {key: rnd for key, rnd in self.rounds.items() if rnd > clocks.get(key[0], 0)}
        return Turns(
            {**self.served, share: start + seconds / SHARE_WEIGHTS[share]},
            {**kept, (share, ticket.user): turn + 1},
            start,
            clocks,
        )


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
    """This ticket gets a slot on this node."""

    ticket_id: str
    node: NodeView


@dataclass(frozen=True, slots=True)
class Decision:
    """What to grant now, and the turns after it."""

    assignments: tuple[Assignment, ...]
    turns: Turns


def decide(snapshot: Snapshot) -> Decision:
    """Gives free slots to waiting tickets; never more than a node has, and the same for the same snapshot."""
    view, slots, turns = _View(snapshot), _Slots(snapshot), snapshot.turns
    assignments: list[Assignment] = []
    queue = [item for item in snapshot.waiting if slots.any_free() and slots.has_free(view.candidates(item.ticket))]
    for position, item in enumerate(_in_order(view, queue)):
        nodes = view.candidates(item.ticket)
        if slots.has_free(nodes) and (node := slots.take(item.ticket, nodes, backlog=len(queue) - position)):
            assignments.append(Assignment(item.ticket.id, node))
            turns = turns.after(item.ticket, view.typical_seconds(item.ticket))
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
    """Why a ticket without candidates waits. A loading node that does not know its model yet may have the right one."""
    loads = any(node.loading and (not node.model or ticket.model in ("", node.model)) for node in nodes)
    return WaitReason.LOADING if loads else WaitReason.NO_NODE


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
        if self.snapshot.now - item.posted_at > OVERDUE_SECONDS:
            return (0.0, item.posted_at)
        return (1.0, self.typical_seconds(item.ticket) + AGEING * item.posted_at)


def _in_order(view: _View, queue: Sequence[Queued]) -> Iterator[Queued]:
    """The tickets as they would be served one after the other; lazy, as a decision needs only the first few."""
    lines: dict[tuple[Share, str], list[tuple[tuple[float, ...], str, Queued]]] = defaultdict(list)
    for item in queue:
        lines[item.ticket.share, item.ticket.user].append((view.rank(item), item.ticket.id, item))
    turns = view.snapshot.turns
    heads: dict[Share, list[tuple[int, tuple[float, ...], str, str]]] = defaultdict(list)
    for (share, user), line in lines.items():
        heapq.heapify(line)
        heads[share].append((turns.round_of(share, user), *line[0][:2], user))
    served = {share: turns.served_of(share) for share in heads}
    for heap in heads.values():
        heapq.heapify(heap)
    while heads:
        share = min(heads, key=lambda name: (served[name], -SHARE_WEIGHTS[name]))
        heap = heads[share]
        turn, _, _, user = heap[0]
        line = lines[share, user]
        item = heapq.heappop(line)[2]
        if line:
            heapq.heapreplace(heap, (turn + 1, *line[0][:2], user))
        else:
            heapq.heappop(heap)
        if not heap:
            del heads[share]
        served[share] += view.typical_seconds(item.ticket) / SHARE_WEIGHTS[share]
        yield item


class _Slots:
    """When each slot becomes free, as far as one decision has got."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._now, self._speeds = snapshot.now, snapshot.speeds
        models = {node.url: node.model for node in snapshot.nodes}
        ends: dict[str, list[float]] = defaultdict(list)
        for item in snapshot.in_flight:
            ends[item.node_url].append(self._end(item, models.get(item.node_url, "")))
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
        if better and backlog <= sum(node.slots for node in better):
            self._occupy(ticket, min(better, key=lambda node: self._finish(ticket, node)))
            return None
        self._occupy(ticket, best)
        self._free[best.url] -= 1
        return best

    def start(self, ticket: Ticket, nodes: Sequence[NodeView]) -> float:
        """When the ticket's turn comes on the node where it finishes soonest, which it then occupies."""
        return self._occupy(ticket, min(nodes, key=lambda node: self._finish(ticket, node)))

    def _worth_a_wait(self, ticket: Ticket, node: NodeView, best: NodeView) -> bool:
        wait = self._ends[node.url][0] - self._now
        return wait <= HOLD_FACTOR * self._cost(ticket, node) and self._finish(ticket, node) < self._finish(
            ticket, best
        )

    def _finish(self, ticket: Ticket, node: NodeView) -> tuple[float, str]:
        return self._ends[node.url][0] + self._cost(ticket, node), node.url

    def _cost(self, ticket: Ticket, node: NodeView) -> float:
        # An operator's weight counts as that much more speed than was measured.
        return self._speeds.seconds(node.url, node.model, ticket.audio_seconds) / node.weight

    def _occupy(self, ticket: Ticket, node: NodeView) -> float:
        ends = self._ends[node.url]
        return heapq.heapreplace(ends, ends[0] + self._speeds.seconds(node.url, node.model, ticket.audio_seconds))

    def _end(self, item: InFlight, model: str) -> float:
        expected = self._speeds.seconds(item.node_url, model, item.ticket.audio_seconds)
        passed = self._now - item.granted_at
        # A job past its time may take long yet: the later it is, the longer it is believed to go on.
        return self._now + (expected - passed if passed < expected else passed / 2)
