"""The result cache that replicas share: implements ``domain.ports.ResultCache`` with Redis.

``asr:cache:{key}`` is a string: when it was written (Unix seconds, 8 bytes), then the packed value. Redis itself
forgets it when its time is over. Whatever else lies there is a miss, and removed.

``asr:cached:{recording}`` is the set of the keys of what is known of a recording; it lives as long as the last of them.
Where Redis has to make room and evicts it first, what it named can no longer be forgotten before its time is over.
"""

import asyncio
import logging
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from redis.exceptions import ResponseError

from domain.ports import CacheEntry, Observer
from storage.packing import GARBAGE, packed, unpacked
from storage.quiet_log import QuietLog
from storage.redis_link import RedisAway, RedisLink

_log = logging.getLogger(__name__)

PREFIX = "asr:cache:"
OF_PREFIX = "asr:cached:"
#: Recordings that are forgotten at a time: a script must not hold up Redis.
_FORGET_AT_ONCE = 100
#: Values from this size on are unpacked in a thread.
_LARGE_BYTES = 65_536
#: Longer than any entry lives, in seconds: Redis refuses numbers that leave its own range.
_MAX_TTL_SECONDS = 3e9
_WRITTEN = struct.Struct(">d")
_SCRIPTS = Path(__file__).parent / "lua"


class RedisCache:
    """``now`` gives Unix seconds: the age that people are shown. How long an entry lives is Redis's own clock."""

    def __init__(
        self, link: RedisLink, *, observer: Observer | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._link = link
        self._observer = observer
        self._now = now
        self._complaints = QuietLog(_log)
        self._put_script, self._forget_script = (
            (_SCRIPTS / f"cache_{name}.lua").read_text(encoding="utf-8") for name in ("put", "forget")
        )

    async def get(self, key: str) -> CacheEntry | None:
        """The entry, or ``None`` where it is missing, expired or garbage (which is then removed), or Redis is away."""
        data = await self._command("get", "GET", PREFIX + key)
        if data is None:
            return None
        try:
            return await asyncio.to_thread(_entry, data) if len(data) > _LARGE_BYTES else _entry(data)
        except GARBAGE as error:
            self._report("get", error)
            await self.delete([key])
            return None

    async def put(self, key: str, value: dict[str, Any], *, ttl_seconds: float, of: str = "") -> None:
        """Replaces what was there; one round trip."""
        ttl_ms = round(min(ttl_seconds, _MAX_TTL_SECONDS) * 1000)
        if ttl_ms <= 0:
            await self.delete([key])
            return
        data = _WRITTEN.pack(self._now()) + await asyncio.to_thread(packed, value)
        if of:
            keys = (PREFIX + key, OF_PREFIX + of)
            await self._command("put", "EVAL", self._put_script, len(keys), *keys, data, ttl_ms, key)
        else:
            await self._command("put", "SET", PREFIX + key, data, "PX", ttl_ms)

    async def delete(self, keys: Sequence[str]) -> None:
        """Forgets these keys."""
        if keys:
            await self._command("delete", "DEL", *(PREFIX + key for key in keys))

    async def forget(self, recordings: Sequence[str]) -> bool:
        """False where Redis is away, or refuses."""
        named = [OF_PREFIX + recording for recording in recordings if recording]
        for start in range(0, len(named), _FORGET_AT_ONCE):
            part = named[start : start + _FORGET_AT_ONCE]
            if await self._command("forget", "EVAL", self._forget_script, len(part), *part, PREFIX) is None:
                return False
        return True

    async def _command(self, operation: str, *command: Any) -> Any:
        """Redis's answer; ``None`` where it has none."""
        began = time.monotonic()
        try:
            return await self._link.call(lambda redis: redis.execute_command(*command))
        except RedisAway:
            # The link has said why. Each of these is counted: it may have cost a recognition.
            self._count_error(operation)
        except ResponseError as error:
            self._report(operation, error)
            if str(error).startswith("WRONGTYPE"):
                await self._command("delete", "DEL", command[1])
        finally:
            if self._observer:
                self._observer.observe("asr_cache_seconds", time.monotonic() - began, operation=operation)
        return None

    def _report(self, operation: str, error: Exception) -> None:
        self._count_error(operation)
        self._complaints.warning("result cache: %s failed, which costs a recognition: %s", operation, error)

    def _count_error(self, operation: str) -> None:
        if self._observer:
            self._observer.count("asr_cache_errors_total", operation=operation)


def _entry(data: bytes) -> CacheEntry:
    (written_at,) = _WRITTEN.unpack_from(data)
    # Neither garbage nor NaN is a time.
    if not 0 < written_at < 1e11:
        raise ValueError("no time")
    return CacheEntry(unpacked(data[_WRITTEN.size :]), written_at)
