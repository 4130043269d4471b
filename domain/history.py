"""Questions to the history of recognitions, and what it answers."""

from dataclasses import dataclass
from datetime import datetime

from domain.recognition import CacheOutcome, Recognition, Source, Status


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which rows to list. ``user=None`` means everybody's and is for administrators only."""

    user: str | None
    text: str = ""
    statuses: tuple[Status, ...] = ()
    sources: tuple[Source, ...] = ()
    #: How the answer came.
    caches: tuple[CacheOutcome, ...] = ()
    nodes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    #: Codes of languages that were heard.
    languages: tuple[str, ...] = ()
    #: What somebody who speaks is called, whole.
    speaker: str = ""
    #: Only what somebody wants kept (保留), or only the others.
    held: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    #: The id of the last row of the page before; rows come newest first.
    before_id: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Rows, newest first. ``next_before_id`` asks for the following page; ``None`` at the end."""

    rows: tuple[Recognition, ...]
    next_before_id: str | None


@dataclass(frozen=True, slots=True)
class Deletion:
    """What became of rows that were to be deleted."""

    deleted: int = 0
    #: Rows that stay: they are under way, or somebody wants them kept (保留).
    under_way: int = 0
    held: int = 0
    #: Recordings that no row refers to any more: where they lie, and what they are called in the cache.
    audio_keys: tuple[str, ...] = ()
    audio_ids: tuple[str, ...] = ()

    @property
    def kept(self) -> int:
        """How many stay."""
        return self.under_way + self.held

    def __add__(self, other: "Deletion") -> "Deletion":
        """Both, as far as they are counted."""
        return Deletion(self.deleted + other.deleted, self.under_way + other.under_way, self.held + other.held)
