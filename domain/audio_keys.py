"""Keys of recordings: ``2026/11/<uuid>.<suffix>``. The UUIDv7 says when the recording was put, and keys sort by it."""

import re
from datetime import UTC, datetime

from domain.errors import NotFound
from domain.ids import id_of, milliseconds_of, new_id

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_KEY = re.compile(rf"\d{{4}}/\d{{2}}/(?P<id>{_UUID})(?:\.[a-z0-9]{{1,8}})?(?P<part>#\d{{1,6}})?", re.ASCII)
_SUFFIX = re.compile(r"\.?([a-z0-9]{1,8})", re.ASCII)


def new_audio_key(suffix: str) -> str:
    """``suffix`` comes from a visitor's file name: anything but a plain short one is left out."""
    plain = _SUFFIX.fullmatch(suffix.strip().lower())
    return f"{datetime.now(UTC):%Y/%m}/{new_id()}" + (f".{plain[1]}" if plain else "")


def is_audio_key(key: str, *, or_part: bool = False) -> bool:
    """Whether it is one that a store hands out; ``or_part``: or what a writer that died left of one (``<key>#1``)."""
    match = _KEY.fullmatch(key)
    return match is not None and (or_part or match["part"] is None)


def put_at(key: str) -> datetime | None:
    """When the recording, or this part of one, was put; ``None`` where it is no such key."""
    match = _KEY.fullmatch(key)
    try:
        return datetime.fromtimestamp(milliseconds_of(match["id"]) / 1000, UTC) if match else None
    except (ValueError, OverflowError):
        return None  # an id of no calendar's year


def first_key_at(moment: datetime) -> str:
    """The smallest key of recordings that are put at this moment, or later."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y/%m}/{id_of(int(moment.timestamp() * 1000), bytes(10))}"


def audio_gone() -> NotFound:
    """There is no such recording any more."""
    return NotFound("the recording has been removed", reason="audio_gone")
