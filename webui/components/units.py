"""Numbers as people read them: durations, sizes, positions in a recording."""

from datetime import UTC, datetime, timedelta

from webui.i18n import Words


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


def length_text(seconds: float, words: Words) -> str:
    """How long a recording is, in words so that nobody takes it for a time of day: 32 秒, 14 分 5 秒, 1 小时 2 分."""
    if seconds < 0.95:
        return words("seconds", value=f"{max(0.1, seconds):.1f}")
    whole = _rounded(seconds)
    if whole < 60:
        return words("seconds", value=whole)
    if whole < 3600:
        return words("length_minutes", minutes=whole // 60, seconds=whole % 60)
    minutes = _rounded(seconds / 60)
    return words("length_hours", hours=minutes // 60, minutes=minutes % 60)


def length_limit_text(limit_seconds: float, words: Words) -> str:
    """The longest length, rounded down: what a page promises is not refused. 4 小时, 1 小时 30 分, 1 分 40 秒."""
    whole = int(limit_seconds)
    if whole >= 3600:
        whole -= whole % 60
    if whole and whole % 3600 == 0:
        return words("hours", value=whole // 3600)
    if whole and whole % 60 == 0 and whole < 3600:
        return words("minutes", value=whole // 60)
    return length_text(whole, words)


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


def length_clock(seconds: float) -> str:
    """How long a recording is, as a clock: rounded as :func:`length_text` is, and never nothing."""
    return clock(max(1, _rounded(seconds)) * 1000)


def _rounded(value: float) -> int:
    """Halves upwards, as the player in the browser does, not to the even number."""
    return int(value + 0.5)


def rate_text(hertz: int) -> str:
    """A sample rate: 8 kHz, 44.1 kHz; empty while unknown."""
    return f"{hertz / 1000:g} kHz" if hertz else ""


def speed_text(speed: float) -> str:
    """Times real time, with one decimal below ten."""
    return f"{speed:.0f}" if speed >= 10 else f"{speed:.1f}"
