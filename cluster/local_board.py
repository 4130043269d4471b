"""The board of one process: tickets in memory, ``domain.scheduling`` deciding."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from cluster.own_tickets import OwnTickets
from domain.node import Availability, NodeStatus
from domain.scheduling import NodeView, Snapshot, decide, expected_wait, plan
from domain.speeds import Speeds
from domain.ticket import Grant, Ticket, Waiting, WaitReason
from domain.turns import Turns

#: While tickets wait, how often their chances are looked at again, in seconds: late jobs change what is worth a wait.
RETHINK_SECONDS = 0.5
#: How old the plan that answers "how long still?" may be, in seconds.
PLAN_SECONDS = 0.5
#: What a ticket is told whose nodes are all like this.
_WHY = {
    Availability.DRAINING: WaitReason.ALL_DRAINING,
    Availability.QUARANTINED: WaitReason.ALL_QUARANTINED,
    Availability.UNREACHABLE: WaitReason.NONE_REACHABLE,
    Availability.FAILED: WaitReason.NONE_REACHABLE,
}


class LocalBoard:
    """Implements ``domain.ports.Board`` within one event loop. ``now``: seconds on a clock that never goes back."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._tickets = OwnTickets(now)
        self._nodes: tuple[NodeView, ...] = ()
        self._turns = Turns()
        self._speeds = Speeds()
        self._timer: asyncio.TimerHandle | None = None
        self._plan: tuple[float, dict[str, Waiting]] | None = None

    async def post(self, ticket: Ticket, *, grant: Grant | None = None) -> None:
        """See the port. While a known ticket waits, it takes over the new contents."""
        self._tickets.post(ticket, grant)
        self._decide()

    async def wait(self, ticket_id: str, timeout_seconds: float) -> Grant | Waiting | None:
        """See the port. A caller that waits here keeps its ticket alive."""
        known = self._tickets.get(ticket_id)
        if known is None:
            return None
        if known.grant is None:
            self._tickets.renew(known)
            self._decide()
        if known.grant is None and timeout_seconds > 0:
            await self._tickets.wait(known, timeout_seconds)
        if known.grant is not None:
            return known.grant
        return self._place(known.ticket) if self._tickets.get(ticket_id) is known else None

    async def renew(self, ticket_id: str) -> bool:
        """Keeps ticket and slot for another 15 s; False when the board no longer knows it."""
        return self._tickets.keep(ticket_id)

    async def release(self, ticket_id: str, *, node_seconds: float | None = None, audio_seconds: float = 0.0) -> None:
        """Gives the slot back or leaves the queue; ``node_seconds`` teaches how fast the node is."""
        known = self._tickets.release(ticket_id)
        if known is not None and known.grant is not None and node_seconds is not None:
            url = known.grant.node_url
            model = next((node.model for node in self._nodes if node.url == url), known.ticket.model)
            self._speeds = self._speeds.learn(url, model, audio_seconds or known.ticket.audio_seconds, node_seconds)
        self._decide()

    async def observe(self, nodes: Sequence[NodeStatus]) -> None:
        """Takes over what was seen of the nodes; slots on a node that has gone free when their tickets end."""
        self._nodes = tuple(node_view(status) for status in nodes)
        self._plan = None
        self._decide()

    async def load(self) -> dict[str, tuple[int, float | None]]:
        """By node URL: slots taken, and measured speed (seconds of sound per second)."""
        taken = [item.node_url for item in self._snapshot().in_flight]
        urls = dict.fromkeys([*(node.url for node in self._nodes), *taken])
        return {url: (taken.count(url), self._speeds.real_time_speed(url)) for url in urls}

    async def queued(self) -> Waiting:
        """How many tickets wait, and how long a new one of a minute would."""
        return newcomer(self._snapshot())

    def _snapshot(self) -> Snapshot:
        self._tickets.sweep()
        waiting, in_flight = self._tickets.waiting(), self._tickets.in_flight()
        return Snapshot(self._now(), self._nodes, waiting, in_flight, self._turns, self._speeds)

    def _decide(self) -> None:
        snapshot = self._snapshot()
        decision = decide(snapshot)
        self._turns = decision.turns
        self._plan = None if decision.assignments else self._plan
        for it in decision.assignments:
            self._tickets.grant(it.ticket_id, Grant(it.ticket_id, it.node.url, it.node.name))
        if len(snapshot.waiting) > len(decision.assignments) and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(RETHINK_SECONDS, self._rethink)

    def _rethink(self) -> None:
        self._timer = None
        self._decide()

    def _place(self, ticket: Ticket) -> Waiting:
        now = self._now()
        if self._plan is None or now - self._plan[0] > PLAN_SECONDS or ticket.id not in self._plan[1]:
            self._plan = (now, plan(self._snapshot()))
        return self._plan[1][ticket.id]


def newcomer(snapshot: Snapshot) -> Waiting:
    """How many tickets wait, and how long a new one of a minute would."""
    place = expected_wait(snapshot, Ticket("\0new", "\0new", "", 60.0))
    return replace(place, ahead=len(snapshot.waiting))


def node_view(status: NodeStatus) -> NodeView:
    """What the policy needs to know of a node."""
    return NodeView(
        status.intent.url,
        status.name,
        status.report.model if status.report else "",
        status.slots,
        status.intent.weight,
        status.intent.backup,
        # A node that says it is busy takes part in the plan: its own refusal is the last word.
        usable=status.availability in (Availability.READY, Availability.BUSY),
        loading=status.availability is Availability.LOADING,
        why=_WHY.get(status.availability, WaitReason.NO_NODE),
    )
