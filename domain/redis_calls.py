"""What a room may ask of the Redis that replicas share, whoever keeps the way to it (``storage.redis_link``)."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class RedisAway(Exception):
    """Redis did not answer, or not in time; or it did so lately and is not asked."""


class RedisCalls(Protocol):
    """Calls that are bounded in time, behind a breaker."""

    async def call(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Does ``work`` with the client. Raises :class:`RedisAway`, or ``ResponseError`` when Redis says no."""
        ...

    async def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Tells ``heard`` every message, and "" whenever some may have been missed. Goes on until it is cancelled."""
        ...
