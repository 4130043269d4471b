"""What search and filters of the 历史 page mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.access import Visitor
from domain.recognition import CacheOutcome, Source, Status
from services.history import Filters
from webui.i18n import Words

#: What the page offers → the sentence's key and the states it means.
STATUS_FILTERS: dict[str, tuple[str, tuple[Status, ...]]] = {
    "all": ("filter_all", ()),
    "succeeded": ("status_succeeded", (Status.SUCCEEDED,)),
    "failed": ("status_failed", (Status.FAILED,)),
    "running": ("filter_running", (Status.QUEUED, Status.RUNNING)),
    "cancelled": ("status_cancelled", (Status.CANCELLED,)),
}
TIME_FILTERS = {"any": "when_any", "today": "when_today", "week": "when_week"}
#: Offered to administrators; everybody else has only its own rows.
WHOSE_FILTERS = {"mine": "whose_mine", "all": "whose_all"}


@dataclass(frozen=True, slots=True)
class Looked:
    """The values of the fields above the list, one for each, in the order in which the page hands them over;
    what the browser says of itself comes last."""

    text: str = ""
    status: str = "all"
    when: str = "any"
    whose: str = "all"
    nodes: Sequence[str] = ()
    models: Sequence[str] = ()
    languages: Sequence[str] = ()
    #: ``None`` as long as it was never unfolded.
    speaker: str | None = None
    caches: Sequence[str] = ()
    sources: Sequence[str] = ()
    #: The first and the last day, as ``2026-11-20``.
    first_day: str | None = None
    last_day: str | None = None
    #: Only what is kept (保留); ``None`` as ``speaker`` is.
    held: bool | None = None
    #: Minutes that the browser's clock is behind UTC, as JavaScript says it.
    zone: str = ""

    @property
    def extra(self) -> int:
        """How many of 更多筛选 are in use."""
        named = (self.nodes, self.models, self.languages, (self.speaker or "").strip(), self.caches, self.sources)
        days = (_day(self.first_day), _day(self.last_day))
        return sum(map(bool, (*named, self.held))) + sum(day is not None for day in days)

    def leaves_out(self, visitor: Visitor) -> bool:
        """Whether there may be rows that this does not find."""
        only_mine = visitor.is_admin and self.whose == "mine"
        return bool(self.text.strip() or self.extra) or self.status != "all" or self.when != "any" or only_mine

    def filters(self, now: datetime | None = None) -> Filters:
        """As the history takes it."""
        first, last = self._midnight(self.first_day), self._midnight(self.last_day)
        begins = [moment for moment in (since(self.when, self.zone, now or datetime.now(UTC)), first) if moment]
        return {
            "only_mine": self.whose == "mine",
            "text": self.text,
            "statuses": STATUS_FILTERS.get(self.status, STATUS_FILTERS["all"])[1],
            "nodes": self.nodes,
            "models": self.models,
            "languages": self.languages,
            "speaker": self.speaker or "",
            "held": self.held or None,
            "caches": [CacheOutcome(name) for name in self.caches],
            "sources": [Source(name) for name in self.sources],
            "since": max(begins, default=None),
            "until": last and last + timedelta(days=1),
        }

    def _midnight(self, written: str | None) -> datetime | None:
        day = _day(written)
        return day and day.replace(tzinfo=UTC) + behind_utc(self.zone)


def filters_title(extra: int, words: Words) -> str:
    """更多筛选, and how many of them are in use."""
    return f"{words('filters_more')} · {extra}" if extra else words("filters_more")


def _day(written: str | None) -> datetime | None:
    """A day that was chosen; ``None`` for what is none (the field itself shows that)."""
    try:
        day = datetime.strptime((written or "").strip(), "%Y-%m-%d")
    except ValueError:
        return None
    # A day before or after it must be one, too.
    return day if 1970 <= day.year < 9999 else None


def behind_utc(zone: str) -> timedelta:
    """How far a browser's clock is behind UTC, from JavaScript's number of minutes."""
    try:
        return timedelta(minutes=max(-1439, min(1439, int(zone))))
    except ValueError:
        return timedelta()


def since(when: str, zone: str, now: datetime) -> datetime | None:
    """The beginning of 今天 or 7 天 for a browser whose clock is ``zone`` minutes behind UTC (JavaScript's sign)."""
    if when not in ("today", "week"):
        return None
    offset = behind_utc(zone)
    midnight = (now - offset).replace(hour=0, minute=0, second=0, microsecond=0) + offset
    return midnight if when == "today" else midnight - timedelta(days=6)
