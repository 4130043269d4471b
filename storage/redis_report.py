"""What `doctor` asks a Redis."""

import asyncio
from dataclasses import dataclass
from typing import Any

from domain.redis_url import RedisAddress
from storage.redis_client import RedisClient

#: The only policy under which Redis never drops a key by itself: the others may take a lease, which has a time to live.
KEEPS_ALL = "noeviction"
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RedisReport:
    """``policy``: what Redis does when it is full. ``max_bytes``: when that is; 0: never."""

    version: str
    policy: str
    max_bytes: int


async def redis_report(address: RedisAddress) -> RedisReport:
    """Raises ``RedisError`` or ``OSError`` where it cannot be reached."""
    client = RedisClient(address)
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            info: dict[str, Any] = await client.commands.info()
    except TimeoutError:
        raise TimeoutError(f"no answer from {address} in {_ANSWER_SECONDS:.0f} s") from None
    finally:
        await client.close()
    # A server that tells no policy (a managed one may not) is not to be doubted.
    policy, max_bytes = str(info.get("maxmemory_policy", "")), int(info.get("maxmemory", 0))
    return RedisReport(str(info.get("redis_version", "?")), policy, max_bytes)


def advice(report: RedisReport, *, coordinates: bool, caches: bool) -> str:
    """What should be set otherwise, as a sentence; empty where all is well."""
    if coordinates and report.policy not in (KEEPS_ALL, ""):
        aside = " (or give the cache a Redis of its own, ASR_CACHE_REDIS_URL)" if caches else ""
        return (
            f"its maxmemory-policy is {report.policy}, which may drop what replicas coordinate with: set "
            f"`maxmemory-policy {KEEPS_ALL}` in redis.conf, or by `redis-cli config set maxmemory-policy {KEEPS_ALL}`"
            f"{aside}"
        )
    return ""


def remark(report: RedisReport, *, coordinates: bool) -> str:
    """What is worth knowing though nothing is wrong; may be empty."""
    if coordinates or report.policy != KEEPS_ALL or not report.max_bytes:
        return ""
    return "; once it is full nothing new is cached: `maxmemory-policy allkeys-lru` makes room"
