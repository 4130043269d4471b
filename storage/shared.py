"""The cache and the flight as the settings want them: in this process, or in Redis for all replicas."""

from dataclasses import dataclass
from pathlib import Path

from domain.ports import Observer
from domain.redis_url import parse_redis_url
from storage.cache import EmbeddedCache
from storage.flight import LEASE_SECONDS, LocalFlight
from storage.redis_cache import RedisCache
from storage.redis_flight import RedisFlight
from storage.redis_link import RedisLink


@dataclass(frozen=True, slots=True)
class Shared:
    """What replicas may share."""

    cache: EmbeddedCache | RedisCache
    flight: LocalFlight | RedisFlight
    #: The Redis by which replicas coordinate, if there is one.
    coordination: RedisLink | None
    links: frozenset[RedisLink]

    async def close(self) -> None:
        """Closes files and connections."""
        if isinstance(self.flight, RedisFlight):
            await self.flight.close()
        if isinstance(self.cache, EmbeddedCache):
            self.cache.close()
        for link in self.links:
            await link.close()


def open_shared(
    redis_url: str,
    cache_redis_url: str,
    embedded_path: Path,
    embedded_bytes: int,
    *,
    observer: Observer,
    lease_seconds: float = LEASE_SECONDS,
) -> Shared:
    """``redis_url`` coordinates and caches; ``cache_redis_url`` takes the cache elsewhere. Either may be empty.

    Without any the cache is the file ``embedded_path`` of at most ``embedded_bytes``.

    Raises ``ValueError`` on an address that cannot be one. Nothing is connected yet.
    """
    coordination = RedisLink(parse_redis_url(redis_url), role="coordination", observer=observer) if redis_url else None
    caching = coordination
    if cache_redis_url and cache_redis_url != redis_url:
        caching = RedisLink(parse_redis_url(cache_redis_url), role="cache", observer=observer)
    local = LocalFlight(lease_seconds=lease_seconds)
    return Shared(
        RedisCache(caching, observer=observer)
        if caching
        else EmbeddedCache(embedded_path, embedded_bytes, observer=observer),
        RedisFlight(coordination, local=local, observer=observer, lease_seconds=lease_seconds)
        if coordination
        else local,
        coordination,
        frozenset(link for link in (coordination, caching) if link),
    )
