"""What the tests of boards share: nodes, tickets, time, and a Redis that goes away when they say so."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from unittest.mock import patch

from cluster.redis_board import RedisBoard
from domain.node import Availability, Health, NodeIntent, NodeReport, NodeStatus
from domain.ports import Board
from domain.redis_calls import RedisAway
from domain.redis_url import parse_redis_url
from domain.ticket import Grant, Ticket
from storage import redis_link
from storage.redis_link import RedisLink
from tests.helpers.redis_server import RedisServer

T = TypeVar("T")

#: Takes ARGV[1] ms of the time that each replica has left.
_LET_PASS = """
for _, owner in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZINCRBY', KEYS[1], -ARGV[1], owner) end
"""


@dataclass
class Clock:
    """Time as the test wants it, in seconds."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Switch:
    """The way to Redis, as ``domain.redis_calls.RedisCalls`` wants it, which a test cuts."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self.is_cut = False
        #: Calls that Redis still does, but whose answers are lost.
        self.answers_lost = 0
        #: What happens before each of the next calls, if anything.
        self.before: list[Callable[[], Awaitable[None]] | None] = []

    async def call(self, work: Callable[[Any], Awaitable[T]]) -> T:
        if self.is_cut:
            raise RedisAway
        if self.before and (happens := self.before.pop(0)):
            await happens()
        answer = await self._link.call(work)
        if self.answers_lost:
            self.answers_lost -= 1
            raise RedisAway
        return answer

    async def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        await self._link.listen(channel, lambda message: None if self.is_cut else heard(message))


@dataclass
class Replica:
    """One of several boards on one Redis."""

    board: RedisBoard
    redis: Switch


@contextmanager
def patience() -> Iterator[None]:
    """However busy this machine is: Redis is away when a test says so, and not because it answers late."""
    with patch.multiple(redis_link, CALL_TICKS=1000, SLOW_TICKS=1000):
        yield


@asynccontextmanager
async def replicas(server: RedisServer, count: int, **options: Any) -> AsyncGenerator[list[Replica]]:
    """Boards on one Redis, each with a way of its own to it."""
    link = RedisLink(parse_redis_url(server.url()))
    switches = [Switch(link) for _ in range(count)]
    machine = options.get("machine", "")
    them = [Replica(RedisBoard(it, owner=f"{machine}r{at}", **options), it) for at, it in enumerate(switches)]
    try:
        with patience():
            yield them
    finally:
        for it in them:
            await it.board.close()
        await link.close()


def let_pass(server: RedisServer, seconds: float) -> None:
    """Time passes for the leases of all replicas."""
    server.command("EVAL", _LET_PASS, 1, "asr:{board}:owners", round(seconds * 1000))


def a_node(
    name: str, slots: int = 1, availability: Availability = Availability.READY, model: str = "m", **intent: Any
) -> NodeStatus:
    report = NodeReport(Health.READY, model, "fp", slots=slots)
    return NodeStatus(NodeIntent(f"http://{name}", name, **intent), availability, report)


def a_ticket(name: str, **changes: Any) -> Ticket:
    return Ticket(**{"id": name, "user": "u", "model": "m", "audio_seconds": 10.0, **changes})


async def granted(board: Board, *names: str) -> dict[str, str]:
    """Which of these tickets have a slot, and where."""
    states = {name: await board.wait(name, 0) for name in names}
    return {name: state.node_name for name, state in states.items() if isinstance(state, Grant)}
