"""Calls that nobody waits for any more and that cannot be stopped: their slots stay taken until they have ended."""

import asyncio
from dataclasses import dataclass
from typing import Any

from domain.ids import new_id
from domain.ports import Board
from domain.ticket import TICKET_RENEW_SECONDS, Grant, Ticket


@dataclass(frozen=True, slots=True)
class LeftCall:
    """One of them. ``ended`` is done when the app has let go of it."""

    node_url: str
    model: str
    audio_seconds: float
    ended: asyncio.Future[Any]


class LeftCalls:
    """Holds a ticket for each at the board, so that every replica counts it as what it is: a job under way."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._held: set[asyncio.Task[None]] = set()

    async def hold(self, call: LeftCall) -> None:
        """Takes over a slot; the caller gives back its own afterwards, so that nobody is quicker."""
        ticket = Ticket(new_id(), "", call.model, call.audio_seconds)
        grant = Grant(ticket.id, call.node_url, call.node_url)
        await self._board.post(ticket, grant=grant)
        task = asyncio.create_task(self._until_ended(ticket, grant, call.ended), name=f"left {call.node_url}")
        self._held.add(task)
        task.add_done_callback(self._held.discard)

    async def close(self) -> None:
        """Gives every slot back."""
        held = list(self._held)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)

    async def _until_ended(self, ticket: Ticket, grant: Grant, ended: asyncio.Future[Any]) -> None:
        try:
            while not (await asyncio.wait([ended], timeout=TICKET_RENEW_SECONDS))[0]:
                if not await self._board.renew(ticket.id):
                    await self._board.post(ticket, grant=grant)
        finally:
            await asyncio.shield(self._board.release(ticket.id))
