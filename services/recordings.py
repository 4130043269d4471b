"""A recording to listen to: how large it is, and any piece of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from domain.recognition import Recognition


@dataclass(frozen=True, slots=True)
class Recording:
    """What a player needs. ``read(start, end)`` gives the bytes from ``start`` up to ``end``."""

    row: Recognition
    size: int
    put_at: datetime
    read: Callable[[int, int], Awaitable[bytes]]
