"""Sums by minute for the charts: of this process, or in the Redis of all replicas (``domain.activity.ActivityLog``).

``asr:activity:{minute}`` is a hash of sums that lives two hours.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from redis.exceptions import RedisError

from domain.activity import MINUTES
from domain.redis_calls import RedisAway
from storage.redis_link import RedisLink

PREFIX = "asr:activity:"
_TTL_SECONDS = 2 * MINUTES * 60


class LocalActivity:
    """In memory; what is older than an hour is dropped."""

    def __init__(self) -> None:
        self._sums: dict[int, Counter[str]] = {}

    async def add(self, minute: int, amounts: Mapping[str, float]) -> None:
        """Adds them."""
        sums = self._sums.setdefault(minute, Counter())
        for key, amount in amounts.items():
            sums[key] += amount  # type: ignore[assignment]
        self._sums = {at: kept for at, kept in self._sums.items() if at > minute - MINUTES}

    async def since(self, minute: int) -> dict[int, dict[str, float]]:
        """From this minute on."""
        return {at: dict(sums) for at, sums in self._sums.items() if at >= minute}


class RedisActivity:
    """While Redis is away this process's own sums are shown, and its share of that time is not made up for."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._own = LocalActivity()

    async def add(self, minute: int, amounts: Mapping[str, float]) -> None:
        """Adds them, in one round trip."""
        await self._own.add(minute, amounts)

        async def write(redis: Any) -> None:
            key = f"{PREFIX}{minute}"
            async with redis.pipeline(transaction=False) as pipe:
                for name, amount in amounts.items():
                    pipe.hincrbyfloat(key, name, amount)
                pipe.expire(key, _TTL_SECONDS)
                await pipe.execute()

        try:
            await self._link.call(write)
        except (RedisAway, RedisError):
            return

    async def since(self, minute: int) -> dict[int, dict[str, float]]:
        """Of all replicas, in one round trip."""
        wanted = range(minute, minute + MINUTES)

        async def read(redis: Any) -> list[dict[bytes, bytes]]:
            async with redis.pipeline(transaction=False) as pipe:
                for at in wanted:
                    pipe.hgetall(f"{PREFIX}{at}")
                return await pipe.execute()

        try:
            found = await self._link.call(read)
            return {
                at: {key.decode(): float(value) for key, value in sums.items()}
                for at, sums in zip(wanted, found, strict=True)
                if sums
            }
        except (RedisAway, RedisError, ValueError):
            return await self._own.since(minute)
