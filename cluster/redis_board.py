"""The board of all replicas: tickets, turns and speeds in Redis, ``domain.scheduling`` deciding in each of them.

**Who does what.** A ticket belongs to the replica that it was posted at. That replica alone decides over it: it looks
at the whole queue with what it sees of the nodes itself, and takes slots for those of its own tickets whose turn it is.
Where the turn is another replica's, it tells that one, which then does the same; if that one does not take the slot
within 0.25 s (dead, held up, or it does not reach the node), its tickets are passed over for 5 s. So a node that one
replica does not reach is never granted to its tickets, and is not idle either.

**How.** One script (``lua/board_exchange.lua``) writes what is new of this replica's tickets and brings what changed
elsewhere. Slots are taken by the same script: all that were decided or none, and none where a slot has gone or somebody
else was granted one meanwhile; then it is decided anew over the new picture. In flight is counted from tickets.

**What it costs.** A post with a free slot takes two exchanges (0.8 ms on one machine, 2 ms where 1,000 wait), one
without takes one, however many post at once: they share a round. Of a change elsewhere only that replica hears whose
turn it is (1.6 ms later). An exchange brings what changed; every 5 s, and after any doubt, everything is read, 1,000
tickets at a time (240 kB, 4 ms of Redis's time): all at once, 10,000 would be too slow for ``storage.redis_link`` on a
slow network or with four replicas. Who waits looks by himself every 0.5 s.

**When it fails.** The tickets are kept here; Redis has a copy, on a lease of 15 s by its clock that this replica renews
every 5 s. Whatever Redis lost or reclaimed (flushed, failed over, this process held up) is written again, with the
slots that are taken, when it is noticed: at once where everything was lost, else within 5 s. Until then these slots may
be granted once more; a node refuses what it has no room for (``NodeBusy``). A ticket never has two grants, because
nobody but its owner gives it one. While Redis is away this replica schedules its own tickets by itself, and brings them
back.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from redis.exceptions import ResponseError

from cluster.board_exchange import Exchange
from cluster.board_records import CHANNEL, owner_of, ticket_record
from cluster.local_board import PLAN_SECONDS, RETHINK_SECONDS, newcomer, node_view
from cluster.offers import OFFER_SECONDS, Offers
from cluster.own_tickets import OwnTickets
from cluster.places import Places
from cluster.rounds import Rounds
from domain.node import NodeStatus
from domain.ports import Observer
from domain.redis_calls import RedisAway, RedisCalls
from domain.scheduling import Assignment, Decision, NodeView, Queued, Snapshot, decide, expected_wait, plan
from domain.ticket import TICKET_TTL_SECONDS, Grant, Ticket, Waiting

_log = logging.getLogger(__name__)

#: Who was too late so often in a row leaves it to the next look.
MOST_CONFLICTS = 20


class RedisBoard:
    """Implements ``domain.ports.Board``. ``owner`` names this replica among all; ``now``: its own clock, in seconds.

    ``machine``: where the nodes are that it reaches by a loopback address; by default this one.
    ``life_seconds``: of a ticket that its caller does not renew, and of all tickets of a replica that says nothing.
    """

    def __init__(
        self,
        redis: RedisCalls,
        *,
        owner: str = "",
        machine: str = "",
        observer: Observer | None = None,
        life_seconds: float = TICKET_TTL_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._owner = (owner or secrets.token_hex(8)).replace("/", "-").replace(" ", "-")
        self._observer = observer
        self._life_seconds = life_seconds
        self._now = now
        self._tickets = OwnTickets(now, life_seconds)
        self._places = Places(machine)
        self._exchange = Exchange(redis, self._owner, self._tickets, self._places, now, life_seconds)
        self._offers = Offers(now)
        self._rounds = Rounds(self._round, self._pause)
        self._listening: asyncio.Task[None] | None = None
        #: What this replica sees of the nodes; their URLs are places.
        self._nodes: tuple[NodeView, ...] = ()
        self._is_alone = False
        self._plan: tuple[float, dict[str, Waiting]] | None = None
        #: What the last decision saw, and when that was.
        self._decided: tuple[object, float] = (None, 0.0)

    async def post(self, ticket: Ticket, *, grant: Grant | None = None) -> None:
        """See the port; Redis has it, or is away, when this returns."""
        self._tickets.post(ticket, grant)
        await self._look()

    async def wait(self, ticket_id: str, timeout_seconds: float) -> Grant | Waiting | None:
        """See the port. A caller that waits here keeps its ticket alive."""
        known = self._tickets.get(ticket_id)
        if known is None:
            return None
        if known.grant is None:
            self._tickets.renew(known)
            if timeout_seconds > 0:
                await self._tickets.wait(known, timeout_seconds)
            else:
                await self._look()
        if known.grant is not None:
            return known.grant
        return self._place(known.ticket) if self._tickets.get(ticket_id) is known else None

    async def renew(self, ticket_id: str) -> bool:
        """Keeps ticket and slot for another 15 s; False when its time was over. Redis hears of all at once."""
        return self._tickets.keep(ticket_id)

    async def release(self, ticket_id: str, *, node_seconds: float | None = None, audio_seconds: float = 0.0) -> None:
        """Gives the slot back or leaves the queue; ``node_seconds`` teaches all replicas how fast the node is."""
        known = self._tickets.release(ticket_id)
        if known is not None and known.grant is not None and node_seconds is not None:
            place = self._places.of(known.grant.node_url)
            model = next((node.model for node in self._nodes if node.url == place), known.ticket.model)
            self._exchange.teach(place, model, audio_seconds or known.ticket.audio_seconds, node_seconds)
        if known is not None:
            await self._look()

    async def observe(self, nodes: Sequence[NodeStatus]) -> None:
        """Takes over what this replica sees of the nodes."""
        views = [node_view(status) for status in nodes]
        self._nodes = tuple(replace(view, url=self._places.of(view.url)) for view in views)
        self._exchange.know_nodes({node.url for node in self._nodes})
        self._plan = None
        await self._look()

    async def load(self) -> dict[str, tuple[int, float | None]]:
        """By node URL: slots taken by all replicas, and measured speed (seconds of sound per second)."""
        await self._look()
        picture = self._exchange.picture
        taken = [item.node_url for item in picture.in_flight.values()]
        places, speeds = dict.fromkeys([*(node.url for node in self._nodes), *taken]), picture.speeds
        return {self._places.url(it): (taken.count(it), speeds.real_time_speed(it)) for it in places}

    async def queued(self) -> Waiting:
        """How many tickets of all replicas wait, and how long a new one of a minute would."""
        await self._look()
        return newcomer(self._snapshot())

    async def close(self) -> None:
        """This replica's tickets end."""
        if self._listening:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await self._rounds.close()
        with suppress(RedisAway, ResponseError):
            await self._exchange.goodbye()

    async def _look(self) -> None:
        if self._listening is None:
            self._listening = asyncio.create_task(self._redis.listen(CHANNEL, self._heard), name="news of the board")
        await self._rounds.whole()

    def _heard(self, message: str) -> None:
        if not message:
            self._exchange.picture.doubt()
        if len(self._tickets) and (message in ("", "*") or self._owner in message.split()):
            self._rounds.stir()

    def _pause(self) -> float | None:
        """How long the next look may be put off; with nothing to look after, until somebody comes."""
        if not len(self._tickets):
            return None
        looks = [self._life_seconds / 3]
        if self._is_alone or any(it.grant is None for it in self._tickets):
            looks.append(RETHINK_SECONDS)
        if self._offers.are_open:
            looks.append(OFFER_SECONDS)
        return min(looks)

    async def _round(self) -> None:
        self._tickets.sweep()
        try:
            await self._exchange.settle()
            self._is_alone = False
            await self._assign()
        except (RedisAway, ResponseError) as error:
            self._assign_alone(error)

    async def _assign(self) -> None:
        picture = self._exchange.picture
        for _ in range(MOST_CONFLICTS):
            mine, tell = self._decide()
            if not mine and not tell:
                return
            before = picture.epoch, picture.version
            if await self._exchange.claim(mine, tell):
                return
            self._count("asr_board_conflicts_total")
            if before == (picture.epoch, picture.version):
                # Nobody was quicker: Redis lost something of what it was asked about.
                picture.doubt()
                self._decided = None, 0.0
                await self._exchange.settle()

    def _decide(self) -> tuple[list[Assignment], set[str]]:
        """The slots that this replica takes, and the owners of tickets whose turn it is elsewhere."""
        picture = self._exchange.picture
        saw, now = (picture.epoch, picture.version, self._nodes), self._now()
        if saw == self._decided[0] and now - self._decided[1] < RETHINK_SECONDS and not self._offers.are_open:
            return [], set()
        self._decided = saw, now
        while True:
            assignments = self._decision().assignments
            tell = self._offers.make([it.ticket_id for it in assignments if not self._is_mine(it)])
            if tell is not None:
                return [it for it in assignments if self._is_mine(it)], tell

    def _assign_alone(self, error: Exception) -> None:
        if not self._is_alone:
            _log.info("this replica schedules by itself: %s", error or "Redis is away")
            self._count("asr_board_fallbacks_total")
        self._is_alone = True
        self._plan = None
        self._offers.forget()
        self._exchange.alone()
        self._exchange.grant_alone(self._decision().assignments)

    def _decision(self) -> Decision:
        late, picture = self._offers.passed_over(), self._exchange.picture
        waiting = (it for record, it in picture.waiting.items() if owner_of(record) not in late)
        return decide(self._snapshot(tuple(waiting) if late else None))

    def _snapshot(self, waiting: tuple[Queued, ...] | None = None) -> Snapshot:
        picture = self._exchange.picture
        return Snapshot(
            self._exchange.server_now,
            self._nodes,
            tuple(picture.waiting.values()) if waiting is None else waiting,
            tuple(picture.in_flight.values()),
            picture.turns,
            picture.speeds,
        )

    def _place(self, ticket: Ticket) -> Waiting:
        now, record = self._now(), ticket_record(self._owner, ticket.id)
        if self._plan is None or now - self._plan[0] > PLAN_SECONDS or record not in self._plan[1]:
            self._plan = (now, plan(self._snapshot()))
        return self._plan[1].get(record) or expected_wait(self._snapshot(), ticket)

    def _is_mine(self, assignment: Assignment) -> bool:
        return owner_of(assignment.ticket_id) == self._owner

    def _count(self, name: str) -> None:
        if self._observer:
            self._observer.count(name)
