"""Ids that sort by time, so that the newest rows lie together in an index."""

import os
import threading
import time
import uuid

#: Of the random bits, these first ones tell ids of one millisecond apart in a sort key (``storage.rows.sort_key``).
_COUNTER_BITS = 15
_FIRST_COUNTERS = 1 << 14

_lock = threading.Lock()
_last = (0, 0)


def new_id() -> str:
    """A UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then 74 random bits.

    Those that one process makes within a millisecond sort by when they were made, too: the first 15 of the random bits
    begin anywhere in their lower half, and are counted up (§6.2, method 1).
    """
    milliseconds, counter = _next_count()
    # Twelve bits of the counter before the version's place, three behind the variant's, and 59 that nobody can guess.
    chance = (counter >> 3) << 64 | (counter & 7) << 59 | int.from_bytes(os.urandom(8), "big") >> 5
    return id_of(milliseconds, chance.to_bytes(10, "big"))


def _next_count() -> tuple[int, int]:
    global _last
    with _lock:
        while True:
            milliseconds = time.time_ns() // 1_000_000
            if milliseconds != _last[0]:
                _last = milliseconds, int.from_bytes(os.urandom(2), "big") % _FIRST_COUNTERS
                return _last
            if _last[1] + 1 < 1 << _COUNTER_BITS:
                _last = milliseconds, _last[1] + 1
                return _last


def id_of(milliseconds: int, chance: bytes) -> str:
    """The id of this moment; ``chance``: at least 10 bytes, which tell it from others of the same millisecond."""
    value = milliseconds << 80 | int.from_bytes(chance[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def milliseconds_of(an_id: str) -> int:
    """When ``new_id`` made it: Unix milliseconds. Raises ``ValueError`` where it is no id."""
    return uuid.UUID(an_id).int >> 80


def is_id(text: str) -> bool:
    """Whether ``text`` has the one spelling that ``new_id`` produces."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
