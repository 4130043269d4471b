"""Ids that sort by time, so that the newest rows lie together in an index."""

import os
import threading
import time
import uuid

_lock = threading.Lock()
_last = (0, 0)


def new_id() -> str:
    """A UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then 74 random bits.

    Those that one process makes within a millisecond sort by when they were made, too (§6.2, method 2).
    """
    global _last
    with _lock:
        milliseconds, chance = time.time_ns() // 1_000_000, int.from_bytes(os.urandom(10), "big")
        if milliseconds == _last[0]:
            # A step of a random length, so that nobody guesses the next one.
            chance = _last[1] + 1 + (chance & 0xFFFFFFFF)
        else:
            # Room for a millisecond of steps below the bits that say the variant.
            chance &= ~(1 << 61)
        _last = milliseconds, chance
    return id_of(milliseconds, chance.to_bytes(10, "big"))


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
