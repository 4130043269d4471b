"""Time zones as people name them; ``None`` is the machine's own, with its rules for summer time."""

import re
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from domain.errors import InvalidOptions

_OFFSET = re.compile(r"([+-])(\d{2}):?([0-5]\d)")


def zone_of(name: str) -> tzinfo:
    """``UTC``, ``+08:00`` or a name such as ``Asia/Shanghai``. Raises :class:`InvalidOptions`."""
    # A plus sign in a query string arrives as a space.
    offset = _OFFSET.fullmatch(re.sub(r"^ ", "+", name))
    try:
        if offset:
            sign = -1 if offset[1] == "-" else 1
            return timezone(sign * timedelta(hours=int(offset[2]), minutes=int(offset[3])))
        return ZoneInfo(name.strip())
    # Whoever asks may send anything: an absolute path, a NUL, a directory of the zones.
    except (ValueError, OSError, LookupError):
        raise InvalidOptions(
            f"timezone is {name[:40]!r}; UTC, +08:00 or Asia/Shanghai are possible",
            field="timezone",
            reason="unknown",
        ) from None


def zone_name(zone: tzinfo | None) -> str:
    """``UTC+08:00``, ``Asia/Shanghai``; empty for the machine's own."""
    if zone is None:
        return ""
    return zone.key if isinstance(zone, ZoneInfo) else str(zone)


def from_local(naive: datetime, zone: tzinfo | None) -> datetime:
    """A time that somebody wrote down without its zone."""
    return naive.replace(tzinfo=zone) if zone else naive.astimezone()
