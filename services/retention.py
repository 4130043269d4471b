"""When a recording goes, and the JSON of a recognition, which says so."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.audio_keys import put_at
from domain.recognition import Recognition


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a recording is kept, counted from its upload: recognising it again changes nothing."""

    audio_seconds: float

    def audio_expires_at(self, row: Recognition) -> datetime | None:
        """When the next sweep removes the recording; ``None`` where it has gone, is worked on or is kept (保留)."""
        put = put_at(row.audio_key) if row.audio_key and row.status.is_final and row.hold is None else None
        try:
            return put + timedelta(seconds=self.audio_seconds) if put else None
        except OverflowError:
            return None  # after the end of the calendar

    def json(self, row: Recognition, *, with_segments: bool = True) -> dict[str, Any]:
        """The JSON of a recognition, everywhere the same."""
        expires_at = self.audio_expires_at(row)
        return {
            **row.to_json(with_segments=with_segments),
            "audio_expires_at": expires_at.isoformat() if expires_at else None,
        }
