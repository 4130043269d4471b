"""Identical work under way in one process: implements ``domain.ports.Flight`` for a single event loop."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

#: How long a leader leads without renewing.
LEASE_SECONDS = 15.0


@dataclass(slots=True)
class _Led:
    token: str
    until: float
    landed: asyncio.Event = field(default_factory=asyncio.Event)


class LocalFlight:
    """``now`` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic, lease_seconds: float = LEASE_SECONDS) -> None:
        self._now = now
        self._lease_seconds = lease_seconds
        self._led: dict[str, _Led] = {}

    async def lead(self, key: str, token: str) -> bool:
        """Takes the lead where nobody has it or its time has run out; renews it for who has it."""
        self._forget_expired()
        current = self._led.setdefault(key, _Led(token, 0.0))
        if current.token != token:
            return False
        current.until = self._now() + self._lease_seconds
        return True

    async def land(self, key: str, token: str) -> None:
        """Wakes who waits; means nothing from who does not lead (any more)."""
        current = self._led.get(key)
        if current and current.token == token:
            del self._led[key]
            current.landed.set()

    async def wait(self, key: str, timeout_seconds: float) -> None:
        """Returns at once where nobody leads."""
        deadline = self._now() + timeout_seconds
        current = self._led.get(key)
        # The leader may renew while we wait, so its time is looked at again whenever it seems to have run out.
        while current and not current.landed.is_set():
            left = min(current.until, deadline) - self._now()
            if left <= 0:
                return
            try:
                await asyncio.wait_for(current.landed.wait(), left)
            except TimeoutError:
                continue

    def is_led(self, key: str) -> bool:
        """Whether somebody in this process leads."""
        current = self._led.get(key)
        return current is not None and current.until > self._now()

    def _forget_expired(self) -> None:
        now = self._now()
        for key in [key for key, led in self._led.items() if led.until <= now]:
            # Who waits for it finds out by itself that its time is over.
            del self._led[key]
