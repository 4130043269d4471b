"""The tickets of one process, as their owner keeps them: who waits, who was granted what, and whose time is over."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from domain.scheduling import InFlight, Queued
from domain.ticket import TICKET_TTL_SECONDS, Grant, Ticket


@dataclass(slots=True)
class OwnTicket:
    """One ticket; ``grant`` is ``None`` while it waits. Times are seconds on the owner's clock."""

    ticket: Ticket
    posted_at: float
    expires_at: float
    grant: Grant | None = None
    granted_at: float = 0.0
    #: Set when it is granted, and when it goes.
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    #: Callers that wait for it: they show that somebody wants it.
    waiters: int = 0


class OwnTickets:
    """Decides nothing. ``now``: seconds on a clock that never goes back."""

    def __init__(self, now: Callable[[], float], life_seconds: float = TICKET_TTL_SECONDS) -> None:
        self._now = now
        self._life_seconds = life_seconds
        self._tickets: dict[str, OwnTicket] = {}

    def __len__(self) -> int:
        return len(self._tickets)

    def __iter__(self) -> Iterator[OwnTicket]:
        return iter(self._tickets.values())

    def get(self, ticket_id: str) -> OwnTicket | None:
        """The ticket, unless it is unknown or its time is over."""
        # Not a sweep: each of thousands asks once a second.
        known = self._tickets.get(ticket_id)
        return known if known and (known.waiters or known.expires_at > self._now()) else None

    def post(self, ticket: Ticket, grant: Grant | None) -> None:
        """Takes the ticket; a known id is renewed, and while it waits takes over the new contents.

        ``grant``: the slot that it has already.
        """
        known, now = self.get(ticket.id), self._now()
        if known is None:
            known = self._tickets[ticket.id] = OwnTicket(ticket, now, now)
        self.renew(known)
        if known.grant is None:
            known.ticket = ticket
            if grant is not None:
                self._settle(known, grant)

    def renew(self, known: OwnTicket) -> None:
        """Begins its life anew."""
        known.expires_at = self._now() + self._life_seconds

    def keep(self, ticket_id: str) -> bool:
        """Renews it; False where its time was over."""
        known = self.get(ticket_id)
        if known is not None:
            self.renew(known)
        return known is not None

    def grant(self, ticket_id: str, grant: Grant) -> None:
        """Gives it this slot, and wakes who waits for that."""
        self._settle(self._tickets[ticket_id], grant)

    def release(self, ticket_id: str) -> OwnTicket | None:
        """Forgets it; whoever still waits for it is told."""
        known = self._tickets.pop(ticket_id, None)
        if known is not None:
            known.settled.set()
        return known

    async def wait(self, known: OwnTicket, timeout_seconds: float) -> None:
        """Until it is granted or gone, or the timeout passes. It lives on meanwhile."""
        known.waiters += 1
        try:
            async with asyncio.timeout(timeout_seconds):
                await known.settled.wait()
        except TimeoutError:
            pass
        finally:
            known.waiters -= 1
            self.renew(known)

    def sweep(self) -> None:
        """Forgets those whose time is over."""
        now = self._now()
        gone = [key for key, it in self._tickets.items() if it.expires_at <= now and not it.waiters]
        for key in gone:
            del self._tickets[key]

    def waiting(self) -> tuple[Queued, ...]:
        """Those without a slot."""
        return tuple(Queued(it.ticket, it.posted_at) for it in self if it.grant is None)

    def in_flight(self) -> tuple[InFlight, ...]:
        """Those with one."""
        return tuple(InFlight(it.ticket, it.grant.node_url, it.granted_at) for it in self if it.grant)

    def _settle(self, known: OwnTicket, grant: Grant) -> None:
        known.grant, known.granted_at = grant, self._now()
        self.renew(known)
        known.settled.set()
