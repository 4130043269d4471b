"""The way to one Redis, behind a breaker: whatever happens to it, it costs this process half a second, once.

A call has 0.25 s, which is half a second where cache and coordination are two servers that go at once. The first that
fails, or is slow, opens the breaker: from then on every call ends at once, until a probe in the background finds Redis
well again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as TooLate

from domain.ports import Observer
from domain.redis_calls import RedisAway
from domain.redis_url import RedisAddress
from storage.quiet_log import QuietLog
from storage.redis_client import RedisClient

_log = logging.getLogger(__name__)

#: Time is counted in ticks of this length, in seconds. While this process itself is held up (a busy machine, a long
#: computation) no tick ends, so that its own slowness is not taken for that of Redis.
TICK_SECONDS = 0.05
#: How long a call may take; and from when on its answer, though used, says that Redis is too slow.
CALL_TICKS, SLOW_TICKS = 5, 3
#: How long a probe may take, which often has to connect first.
PROBE_TICKS = 40
#: Calls at a time, and so connections. Whoever waits for his turn does not wait for Redis.
CALLS_AT_ONCE = 8
#: The pause between two probes grows from the first to the second, in seconds.
PROBE_PAUSES = (0.5, 5.0)
#: Who fails again so soon after it was found well, in seconds, is not asked again at once.
STEADY_SECONDS = 10.0

#: A connection that listens and hears nothing for so long, in seconds, is asked whether it lives; a second silence
#: ends it. (What lies between may drop an idle connection without a word.)
SILENCE_SECONDS = 5.0
#: The pause before somebody listens again, in seconds.
LISTEN_AGAIN_SECONDS = 0.5

T = TypeVar("T")


class RedisLink:
    """Calls to one Redis; implements ``domain.redis_calls.RedisCalls``. ``role`` names it in metrics."""

    def __init__(self, address: RedisAddress, *, role: str = "redis", observer: Observer | None = None) -> None:
        self.address = address
        self._role = role
        self._observer = observer
        self._client = RedisClient(address)
        self._turns = asyncio.Semaphore(CALLS_AT_ONCE)
        self._probing: asyncio.Task[None] | None = None
        self._given_up: set[asyncio.Future[Any]] = set()
        self._well_since = -STEADY_SECONDS
        self._complaints = QuietLog(_log)
        self._say_up(True)

    @property
    def is_up(self) -> bool:
        """Whether Redis is asked at the moment."""
        return self._probing is None

    async def call(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Does ``work`` with the client. Raises :class:`RedisAway`, or ``ResponseError`` when Redis says no."""
        if not self.is_up:
            raise RedisAway
        async with self._turns:
            # Many may have come in the same moment; those who waited need not find out for themselves.
            if not self.is_up:
                raise RedisAway
            try:
                answer, ticks = await self._within(CALL_TICKS, work(self._client.commands))
            except ReadOnlyError:
                # This server has become a replica: a new connection may lead to the primary.
                await self._client.forget_connections()
                raise
            except ResponseError:
                raise
            except (RedisError, OSError) as error:
                self._open(str(error) or type(error).__name__)
                raise RedisAway from error
        if ticks >= SLOW_TICKS:
            self._open("it answers too slowly")
        return answer

    async def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Tells ``heard`` every message, and "" whenever some may have been missed. Goes on until it is cancelled.

        It has a connection of its own, and leaves Redis alone as long as calls do.
        """
        while True:
            if self.is_up:
                try:
                    await self._hear(channel, heard)
                except (RedisError, OSError, TimeoutError) as error:
                    _log.debug("nothing is heard from Redis at %s: %s", self.address, error)
            await asyncio.sleep(LISTEN_AGAIN_SECONDS)

    async def close(self) -> None:
        """Ends the probe and closes every connection."""
        ending = [*self._given_up, *([self._probing] if self._probing else [])]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await self._client.close()

    async def _hear(self, channel: str, heard: Callable[[str], None]) -> None:
        silences = 0
        async with self._client.commands.pubsub() as ears:
            async with asyncio.timeout(PROBE_TICKS * TICK_SECONDS):
                await ears.subscribe(channel)
                # A connection whose first words were lost answers, but tells nothing.
                if (await ears.get_message(timeout=None))["type"] != "subscribe":
                    return
            heard("")
            while self.is_up and silences < 2:
                message = await ears.get_message(timeout=SILENCE_SECONDS)
                silences = 0 if message else silences + 1
                if not message:
                    await ears.ping()
                elif message["type"] == "message":
                    heard(message["data"].decode(errors="replace"))
                elif message["type"] == "subscribe":
                    heard("")

    async def _within(self, ticks: int, work: Awaitable[T]) -> tuple[T, int]:
        """The answer, and how many ticks it took. What takes too long is not waited for, not even for its end."""
        task = asyncio.ensure_future(work)
        try:
            for used in range(ticks):
                if (await asyncio.wait({task}, timeout=TICK_SECONDS))[0]:
                    return task.result(), used
            raise TooLate("no answer in time")
        finally:
            if not task.done():
                self._given_up.add(task)
                task.add_done_callback(self._forget)
                task.cancel()

    def _forget(self, task: asyncio.Future[Any]) -> None:
        self._given_up.discard(task)
        if not task.cancelled():
            task.exception()  # nobody else looks at it

    def _open(self, why: str) -> None:
        if not self.is_up:
            return
        self._complaints.warning("Redis at %s is left out until it is well again: %s", self.address, why)
        if self._observer:
            self._observer.count("asr_redis_failures_total", role=self._role)
        self._say_up(False)
        self._probing = asyncio.create_task(self._probe(), name=f"probe of {self._role}")

    async def _probe(self) -> None:
        shortest, longest = PROBE_PAUSES
        # A hiccup is over by now, as a rule; but what fails again and again must not be believed each time.
        pause = 0.0 if time.monotonic() - self._well_since > STEADY_SECONDS else shortest
        began = time.monotonic()
        await asyncio.sleep(pause)
        while not await self._is_well():
            pause = min(longest, max(shortest, 2 * pause))
            await asyncio.sleep(pause)
        self._probing = None
        self._well_since = time.monotonic()
        self._say_up(True)
        # A short absence was perhaps never said either.
        level = logging.INFO if self._well_since - began > 1 else logging.DEBUG
        _log.log(level, "Redis at %s is well again after %.1f s", self.address, self._well_since - began)

    async def _is_well(self) -> bool:
        try:
            await self._client.forget_connections()
            await self._within(PROBE_TICKS, self._client.commands.execute_command("PING"))
            # Over the connection that there is now, an answer takes no time.
            await self._within(SLOW_TICKS, self._client.commands.execute_command("PING"))
        except Exception as error:  # a probe that died would leave the breaker open for ever
            _log.debug("Redis at %s is not well: %s", self.address, error)
            return False
        return True

    def _say_up(self, is_up: bool) -> None:
        if self._observer:
            self._observer.gauge("asr_redis_up", float(is_up), role=self._role)
