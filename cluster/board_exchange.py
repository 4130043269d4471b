"""One replica's tickets, as Redis is to have them, and its picture of everybody's. See ``lua/board_exchange.lua``."""

import json
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cluster.board_records import (
    CHANNEL,
    KEYS,
    Content,
    Picture,
    speed_record,
    ticket_record,
    ticket_text,
    turns_text,
)
from cluster.own_tickets import OwnTicket, OwnTickets
from cluster.places import Places
from domain.redis_calls import RedisCalls
from domain.scheduling import Assignment
from domain.speeds import length_class
from domain.ticket import Grant, Ticket

#: Changes that Redis keeps one by one: whoever has not looked for longer reads everything.
CHANGES_KEPT = 1000
#: Records written at a time: Redis does nothing else meanwhile.
WRITTEN_AT_ONCE = 500
#: Records read at a time, for the same reason; 1,000 tickets are 240 kB.
READ_AT_ONCE = 1000
#: Everything is written after this many exchanges, or the next round goes on.
MOST_EXCHANGES = 100
#: Nodes that go and come under new addresses leave speeds behind: beyond this many, those of unknown nodes go.
MOST_SPEEDS = 1000

_SCRIPT = (Path(__file__).parent / "lua" / "board_exchange.lua").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Written:
    """One ticket's record, and what it was made of: it stays the same while that does."""

    posted_at: float
    ticket: Ticket
    grant: Grant | None
    #: On the server's clock.
    posted: float
    record: str
    content: Content


class Exchange:
    """Raises ``RedisAway`` and ``ResponseError``. ``now``: seconds on the owner's clock."""

    def __init__(
        self,
        redis: RedisCalls,
        owner: str,
        tickets: OwnTickets,
        places: Places,
        now: Callable[[], float],
        life_seconds: float,
    ) -> None:
        self.picture = Picture()
        self._redis = redis
        self._owner = owner
        self._tickets = tickets
        self._places = places
        self._now = now
        self._life_seconds = life_seconds
        #: How far the server's clock is ahead of the owner's, in seconds.
        self._ahead = 0.0
        self._written: dict[str, _Written] = {}
        #: Speeds to write; ``None``: to remove.
        self._learned: dict[str, str | None] = {}
        self._read_all_at = now()
        #: Which Redis was read, and the speeds that it has.
        self._read_epoch = ""
        self._speeds_there: set[str] = set()

    @property
    def server_now(self) -> float:
        """Seconds on the server's clock."""
        return self._now() + self._ahead

    async def settle(self) -> None:
        """Renews the lease, brings the picture up to date, and writes until Redis has this replica's tickets."""
        if self._now() - self._read_all_at >= self._life_seconds / 3:
            self.picture.doubt()
        # Who does not know what is there (or what time it is) reads first.
        changes = self._differences() if self.picture.version >= 0 else _NOTHING
        for _ in range(MOST_EXCHANGES):
            await self._send(changes)
            changes = self._differences()
            if changes == _NOTHING:
                return

    async def claim(self, assignments: Sequence[Assignment], tell: Collection[str]) -> bool:
        """Takes these slots for own tickets, all or none, and tells these owners that it is their turn.

        False: somebody else was quicker; the picture shows who.
        """
        claims: list[list[str | int]] = []
        turns = self.picture.turns
        for it in assignments:
            queued = self.picture.waiting[it.ticket_id]
            turns = turns.after(queued.ticket, it.seconds)
            text = ticket_text(queued.ticket, queued.posted_at, self.server_now)
            claims.append([it.ticket_id, text, it.node.url, it.node.slots])
        taken = await self._send(_NOTHING, claim=claims, turns=turns_text(turns) if claims else "", tell=tell)
        if claims and not taken:
            return False
        for it, claim in zip(assignments, claims, strict=True):
            self._grant(it, str(claim[1]))
        return True

    def alone(self) -> None:
        """Redis is away: the picture shows this replica's own tickets."""
        self.picture.only(self._own())
        self._read_epoch = ""

    def grant_alone(self, assignments: Sequence[Assignment]) -> None:
        """Grants without asking anybody."""
        for it in assignments:
            queued = self.picture.waiting[it.ticket_id]
            self.picture.turns = self.picture.turns.after(queued.ticket, it.seconds)
            self._grant(it, ticket_text(queued.ticket, queued.posted_at, self.server_now))

    def teach(self, place: str, model: str, audio_seconds: float, node_seconds: float) -> None:
        """See ``domain.speeds``."""
        key = (place, model, length_class(audio_seconds))
        learned = self.picture.speeds.learn(place, model, audio_seconds, node_seconds).rtf.get(key)
        if learned is not None and learned != self.picture.rtf.get(key):
            self.picture.rtf[key] = learned
            self._learned[speed_record(key)] = json.dumps(learned)

    def know_nodes(self, places: Collection[str]) -> None:
        """Forgets speeds of others, once there are many."""
        if len(self.picture.rtf) > MOST_SPEEDS:
            for key in [key for key in self.picture.rtf if key[0] not in places]:
                del self.picture.rtf[key]
                self._learned[speed_record(key)] = None

    async def goodbye(self) -> None:
        """This replica's tickets end."""
        await self._ask(_NOTHING, life_seconds=0.0)

    def _grant(self, assignment: Assignment, text: str) -> None:
        ticket_id = assignment.ticket_id.split("/", 2)[2]
        known = self._tickets.get(ticket_id)
        # Who was released meanwhile has none of it; the difference is written next.
        if known is not None and known.grant is None:
            posted = self._text_of(known).posted
            node = assignment.node
            self._tickets.grant(ticket_id, Grant(ticket_id, self._places.url(node.url), node.name))
            self._written[ticket_id] = self._as_written(known, posted, text)

    def _own(self) -> dict[str, Content]:
        self._written = {it.ticket.id: self._text_of(it) for it in self._tickets}
        return {it.record: it.content for it in self._written.values()}

    def _text_of(self, known: OwnTicket) -> _Written:
        last = self._written.get(known.ticket.id)
        if last is None or last.posted_at != known.posted_at:
            posted = known.posted_at + self._ahead
        elif last.ticket is known.ticket and last.grant is known.grant:
            return last
        else:
            posted = last.posted
        shown = replace(known.ticket, avoid=frozenset(map(self._places.of, known.ticket.avoid)))
        text = ticket_text(shown, posted, known.granted_at + self._ahead if known.grant else None)
        return self._as_written(known, posted, text)

    def _as_written(self, known: OwnTicket, posted: float, text: str) -> _Written:
        content = (text, self._places.of(known.grant.node_url) if known.grant else "")
        record = ticket_record(self._owner, known.ticket.id)
        return _Written(known.posted_at, known.ticket, known.grant, posted, record, content)

    def _differences(self) -> "_Changes":
        own, seen = self._own(), self.picture.tickets
        put = [(record, *content) for record, content in own.items() if seen.get(record) != content]
        put += [(record, text, "") for record, text in self._learned.items() if text is not None]
        mine = ticket_record(self._owner, "")
        drop = [record for record in seen if record not in own and record.startswith(mine)]
        drop += [record for record, text in self._learned.items() if text is None]
        return _Changes(tuple(put[:WRITTEN_AT_ONCE]), tuple(drop[:WRITTEN_AT_ONCE]))

    async def _send(
        self,
        changes: "_Changes",
        *,
        claim: Sequence[Sequence[str | int]] = (),
        turns: str = "",
        tell: Collection[str] = (),
    ) -> bool:
        is_granted = await self._ask(changes, claim=claim, turns=turns, tell=tell)
        while not self.picture.is_whole:
            await self._ask(_NOTHING)
        return is_granted

    async def _ask(
        self,
        changes: "_Changes",
        *,
        claim: Sequence[Sequence[str | int]] = (),
        turns: str = "",
        tell: Collection[str] = (),
        life_seconds: float | None = None,
    ) -> bool:
        wanted = json.dumps(
            {
                "put": changes.put,
                "drop": changes.drop,
                "claim": claim,
                "turns": turns,
                "tell": " ".join(sorted(tell)),
            }
        )
        arguments = (
            self._owner,
            round((self._life_seconds if life_seconds is None else life_seconds) * 1000),
            secrets.token_hex(8),
            self.picture.epoch,
            self.picture.version,
            CHANGES_KEPT,
            wanted,
            CHANNEL,
            self.picture.cursor,
            READ_AT_ONCE,
        )
        answer: bytes = await self._redis.call(
            lambda redis: redis.execute_command("EVAL", _SCRIPT, len(KEYS), *KEYS, *arguments)
        )
        for record, text, _ in changes.put:
            if self._learned.get(record) == text:
                del self._learned[record]
        for record in changes.drop:
            if record in self._learned and self._learned[record] is None:
                del self._learned[record]
        return self._take(json.loads(answer.decode(errors="replace")))

    def _take(self, answer: list[Any]) -> bool:
        epoch, version, now_ms, is_granted, is_all, cursor, *rest = answer
        rows = [(rest[at], rest[at + 1] or None, rest[at + 2] or "") for at in range(0, len(rest), 3)]
        self._ahead = now_ms / 1000 - self._now()
        if is_all:
            self._read_all_at = self._now()
            self._speeds_there.clear()
        self._speeds_there.update(record for record, _, _ in rows if record.startswith("s/"))
        self.picture.take(epoch, int(version), is_all, cursor, rows)
        if epoch != self._read_epoch and self.picture.is_whole:
            # The clock may be another one, and the speeds that this Redis lacks are still true.
            self._read_epoch = epoch
            self._written.clear()
            rtf = {speed_record(key): json.dumps(value) for key, value in self.picture.rtf.items()}
            lacks = {record: text for record, text in rtf.items() if record not in self._speeds_there}
            self._learned = {**lacks, **self._learned}
        return is_granted


@dataclass(frozen=True, slots=True)
class _Changes:
    put: tuple[tuple[str, str, str], ...] = ()
    drop: tuple[str, ...] = ()


_NOTHING = _Changes()
