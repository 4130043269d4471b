"""The board of one process: tickets in memory, ``domain.scheduling`` deciding."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from domain.node import Availability, NodeStatus
from domain.scheduling import InFlight, NodeView, Queued, Snapshot, Turns, decide, expected_wait, plan
from domain.speeds import Speeds
from domain.ticket import TICKET_TTL_SECONDS, Grant, Ticket, Waiting

#: While tickets wait, how often their chances are looked at again, in seconds: late jobs change what is worth a wait.
RETHINK_SECONDS = 0.5
#: How old the plan that answers "how long still?" may be, in seconds.
PLAN_SECONDS = 0.5


@dataclass(slots=True)
class _Entry:
    """One ticket as the board keeps it; ``grant`` is ``None`` while it waits."""

    ticket: Ticket
    posted_at: float
    expires_at: float
    grant: Grant | None = None
    granted_at: float = 0.0
    granted: asyncio.Event = field(default_factory=asyncio.Event)
    #: Callers inside ``wait``: they show that the owner lives.
    waiters: int = 0


class LocalBoard:
    """Implements ``domain.ports.Board`` within one event loop. ``now``: seconds on a clock that never goes back."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._entries: dict[str, _Entry] = {}
        self._nodes: tuple[NodeView, ...] = ()
        self._turns = Turns()
        self._speeds = Speeds()
        self._timer: asyncio.TimerHandle | None = None
        self._plan: tuple[float, dict[str, Waiting]] | None = None

    async def post(self, ticket: Ticket) -> None:
        """Puts the ticket into the queue; a known id is renewed, and while it waits takes over the new contents."""
        self._sweep()
        entry = self._entries.get(ticket.id)
        if entry is None:
            now = self._now()
            self._entries[ticket.id] = _Entry(ticket, now, now + TICKET_TTL_SECONDS)
        else:
            self._renew(entry)
            if entry.grant is None:
                entry.ticket = ticket
        self._decide()

    async def wait(self, ticket_id: str, timeout_seconds: float) -> Grant | Waiting | None:
        """See the port. A caller that waits here keeps its ticket alive."""
        self._sweep()
        entry = self._entries.get(ticket_id)
        if entry is None:
            return None
        if entry.grant is None:
            self._renew(entry)
            self._decide()
        if entry.grant is None and timeout_seconds > 0:
            entry.waiters += 1
            try:
                async with asyncio.timeout(timeout_seconds):
                    await entry.granted.wait()
            except TimeoutError:
                pass
            finally:
                entry.waiters -= 1
                self._renew(entry)
        if entry.grant is not None:
            return entry.grant
        return self._place(entry.ticket) if self._entries.get(ticket_id) is entry else None

    async def renew(self, ticket_id: str) -> bool:
        """Keeps ticket and slot for another 15 s; False when the board no longer knows it."""
        self._sweep()
        entry = self._entries.get(ticket_id)
        if entry is not None:
            self._renew(entry)
        return entry is not None

    async def release(self, ticket_id: str, *, node_seconds: float | None = None, audio_seconds: float = 0.0) -> None:
        """Gives the slot back or leaves the queue; ``node_seconds`` teaches how fast the node is."""
        entry = self._entries.pop(ticket_id, None)
        if entry is not None and entry.grant is not None and node_seconds is not None:
            url = entry.grant.node_url
            model = next((node.model for node in self._nodes if node.url == url), entry.ticket.model)
            self._speeds = self._speeds.learn(url, model, audio_seconds or entry.ticket.audio_seconds, node_seconds)
        if entry is not None:
            # Whoever still waits for it is told that it has gone.
            entry.granted.set()
        self._sweep()
        self._decide()

    async def observe(self, nodes: Sequence[NodeStatus]) -> None:
        """Takes over what was seen of the nodes; slots on a node that has gone free when their tickets end."""
        self._nodes = tuple(node_view(status) for status in nodes)
        self._plan = None
        self._sweep()
        self._decide()

    async def load(self) -> dict[str, tuple[int, float | None]]:
        """By node URL: slots taken, and measured speed (seconds of sound per second)."""
        self._sweep()
        taken = [entry.grant.node_url for entry in self._entries.values() if entry.grant is not None]
        urls = dict.fromkeys([*(node.url for node in self._nodes), *taken])
        return {url: (taken.count(url), self._speeds.real_time_speed(url)) for url in urls}

    async def queued(self) -> Waiting:
        """How many tickets wait, and how long a new one of a minute would."""
        self._sweep()
        snapshot = self._snapshot()
        newcomer = expected_wait(snapshot, Ticket("\0new", "\0new", "", 60.0))
        return replace(newcomer, ahead=len(snapshot.waiting))

    def _snapshot(self) -> Snapshot:
        waiting = tuple(Queued(entry.ticket, entry.posted_at) for entry in self._entries.values() if not entry.grant)
        in_flight = tuple(
            InFlight(entry.ticket, entry.grant.node_url, entry.granted_at)
            for entry in self._entries.values()
            if entry.grant
        )
        return Snapshot(self._now(), self._nodes, waiting, in_flight, self._turns, self._speeds)

    def _decide(self) -> None:
        snapshot = self._snapshot()
        decision = decide(snapshot)
        self._turns = decision.turns
        self._plan = None if decision.assignments else self._plan
        for assignment in decision.assignments:
            entry = self._entries[assignment.ticket_id]
            entry.grant = Grant(assignment.ticket_id, assignment.node.url, assignment.node.name)
            entry.granted_at = snapshot.now
            entry.expires_at = snapshot.now + TICKET_TTL_SECONDS
            entry.granted.set()
        if len(snapshot.waiting) > len(decision.assignments) and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(RETHINK_SECONDS, self._rethink)

    def _rethink(self) -> None:
        self._timer = None
        self._sweep()
        self._decide()

    def _place(self, ticket: Ticket) -> Waiting:
        now = self._now()
        if self._plan is None or now - self._plan[0] > PLAN_SECONDS or ticket.id not in self._plan[1]:
            self._plan = (now, plan(self._snapshot()))
        return self._plan[1][ticket.id]

    def _renew(self, entry: _Entry) -> None:
        entry.expires_at = self._now() + TICKET_TTL_SECONDS

    def _sweep(self) -> None:
        now = self._now()
        gone = [key for key, entry in self._entries.items() if entry.expires_at <= now and not entry.waiters]
        for key in gone:
            del self._entries[key]


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
    )
