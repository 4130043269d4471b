"""Numbers as people read them: durations, sizes, positions in a recording."""

from datetime import UTC, datetime, timedelta

from webui.i18n import Words

_KIB = 1024


def duration_text(seconds: float, words: Words) -> str:
    """One unit, rounded: 3 毫秒, 2.4 秒, 20 秒, 5 分钟, 3 小时, 2 天."""
    if seconds < 0.9995:
        return words("ms", value=max(1, round(seconds * 1000)))
    if seconds < 9.95:
        return words("seconds", value=f"{seconds:.1f}".removesuffix(".0"))
    if seconds < 90:
        return words("seconds", value=round(seconds))
    if seconds < 5400:
        return words("minutes", value=round(seconds / 60))
    if seconds < 36 * 3600:
        return words("hours", value=f"{seconds / 3600:.1f}".removesuffix(".0"))
    return words("days", value=round(seconds / 86400))


def wait_text(seconds: float, words: Words) -> str:
    """A forecast, in whole seconds at least."""
    return duration_text(max(1.0, float(round(seconds))), words)


def age_text(since: datetime, words: Words, *, now: datetime | None = None) -> str | None:
    """How long ago, in minutes at least (3 天前); ``None`` for the last minute."""
    age = (now or datetime.now(UTC)) - (since if since.tzinfo else since.replace(tzinfo=UTC))
    if age < timedelta(minutes=1):
        return None
    seconds = age.total_seconds()
    if seconds < 3600:
        return words("ago", duration=words("minutes", value=int(seconds // 60)))
    if seconds < 86400:
        return words("ago", duration=words("hours", value=int(seconds // 3600)))
    return words("ago", duration=words("days", value=int(seconds // 86400)))


def clock(ms: int) -> str:
    """A position in a recording: 00:12, 1:02:03."""
    seconds = max(0, ms) // 1000
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60:02}:{rest % 60:02}"


def bytes_text(size: int) -> str:
    """A size in the largest unit that leaves a whole part: 512 KB, 2.1 GB."""
    value, unit = float(size), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < _KIB or unit == "TB":
            break
        value /= _KIB
    return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"


def speed_text(speed: float) -> str:
    """Times real time, with one decimal below ten."""
    return f"{speed:.0f}" if speed >= 10 else f"{speed:.1f}"
