"""Identical work under way on many replicas: implements ``domain.ports.Flight`` with Redis.

Within a process the local flight decides first, so that of 200 who ask here one asks Redis. Where Redis is away every
process leads for itself: the flight saves work, it never decides who is right.

Who waits for another replica looks every 0.2 s whether the lead is free, one look a process for all who wait here.
Publish and subscribe would be quicker by 0.1 s, but would need a connection of its own for each Redis, and this very
polling besides: a message is lost with a connection, a failover or a leader that died.
"""

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

from redis.exceptions import ResponseError

from domain.ports import Observer
from storage.flight import LEASE_SECONDS, LocalFlight
from storage.quiet_log import QuietLog
from storage.redis_link import RedisAway, RedisLink

_log = logging.getLogger(__name__)

#: The layout of ``asr:flight:{key}`` is described in the scripts.
PREFIX = "asr:flight:"
#: How often a process looks whether another one's lead is free, in seconds.
POLL_SECONDS = 0.2
#: A process goes on looking for this long after the last one wanted to know: they come back every few seconds.
_WANTED_SECONDS = 10.0

_SCRIPTS = Path(__file__).parent / "lua"


class RedisFlight:
    """One process's part of the flight. ``local`` holds the leads within it."""

    def __init__(
        self,
        link: RedisLink,
        *,
        local: LocalFlight | None = None,
        observer: Observer | None = None,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._link = link
        self._observer = observer
        self._local = local or LocalFlight(lease_seconds=lease_seconds)
        self._lease_ms = round(lease_seconds * 1000)
        self._lead_script, self._land_script = (
            (_SCRIPTS / f"flight_{name}.lua").read_text(encoding="utf-8") for name in ("lead", "land")
        )
        #: Tokens to which Redis gave the lead, by key.
        self._given: dict[str, str] = {}
        #: Leads of other processes that somebody here waits for, and until when he is known to wait.
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._wanted_until: dict[str, float] = {}
        self._complaints = QuietLog(_log)

    async def lead(self, key: str, token: str) -> bool:
        """Takes the lead where nobody in any process has it or its time has run out; renews it for who has it."""
        # The second of those who come here must not ask Redis what the first one knows. (Who renews may.)
        if key in self._watches and self._given.get(key) != token:
            return False
        if not await self._local.lead(key, token):
            return False
        answer = await self._ask(self._lead_script, key, token, str(self._lease_ms))
        if answer == 0:
            # In this order: whoever wakes must find that it is led elsewhere.
            self._watch(key, 0)
            if self._given.get(key) == token:
                del self._given[key]
            await self._local.land(key, token)
            return False
        if answer == 1:
            self._given[key] = token
        return True

    async def land(self, key: str, token: str) -> None:
        """Wakes who waits, here and elsewhere; means nothing from who does not lead (any more)."""
        try:
            if self._given.get(key) == token:
                del self._given[key]
                await self._ask(self._land_script, key, token)
        finally:
            await self._local.land(key, token)

    async def wait(self, key: str, timeout_seconds: float) -> None:
        """Returns at once where nobody leads."""
        if self._local.is_led(key):
            await self._local.wait(key, timeout_seconds)
        else:
            await asyncio.wait({self._watch(key, timeout_seconds)}, timeout=timeout_seconds)

    async def close(self) -> None:
        """Ends what looks for others' leads."""
        tasks = list(self._watches.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _watch(self, key: str, seconds: float) -> asyncio.Task[None]:
        until = time.monotonic() + seconds + _WANTED_SECONDS
        self._wanted_until[key] = max(until, self._wanted_until.get(key, until))
        if key not in self._watches:
            self._watches[key] = asyncio.create_task(self._until_free(key), name=f"flight {key}")
        return self._watches[key]

    async def _until_free(self, key: str) -> None:
        try:
            while time.monotonic() < self._wanted_until[key]:
                if not await self._is_led_elsewhere(key):
                    return
                await asyncio.sleep(POLL_SECONDS)
        finally:
            del self._watches[key], self._wanted_until[key]

    async def _is_led_elsewhere(self, key: str) -> bool:
        try:
            left_ms = await self._link.call(lambda redis: redis.execute_command("PTTL", PREFIX + key))
            return 0 <= left_ms <= self._lease_ms
        except (RedisAway, ResponseError):
            return False

    async def _ask(self, script: str, key: str, *arguments: str) -> Any:
        """The script's answer; ``None`` where Redis has none (away, full, something else under the key)."""
        try:
            return await self._link.call(
                lambda redis: redis.execute_command("EVAL", script, 1, PREFIX + key, *arguments)
            )
        except RedisAway:
            return None
        except ResponseError as error:
            if self._observer:
                self._observer.count("asr_cache_errors_total", operation="flight")
            self._complaints.warning("identical work may be done twice: %s", error)
            return None
