"""Ids that sort by time, so that the newest rows lie together in an index."""

import os
import time
import uuid


def new_id() -> str:
    """A UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then 74 random bits."""
    return id_of(time.time_ns() // 1_000_000, os.urandom(10))


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
