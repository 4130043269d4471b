"""Recognitions as rows of a table: one for each recording, or one for each of its segments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from domain.labels import Language, names_by_line, plain_text
from domain.recognition import Recognition
from domain.transcript import Segment, Track
from services.export_words import word
from services.zones import zone_name

Cell = str | float | int | datetime | None

_RECORDING = (
    "time filename seconds written spoken status language hotwords cache node model source user version".split()
    + "warnings error id".split()
)
_SEGMENT = "time filename line start end who written spoken suspect id".split()
#: Width of a column in a spreadsheet, in characters, where it is not the usual one.
_WIDTHS = {"time": 20, "filename": 28, "written": 60, "spoken": 60, "start": 13, "end": 13, "id": 38, "hotwords": 20}
_WIDTH = 12


@dataclass(frozen=True, slots=True)
class Tables:
    """The two tables in a reader's language; times are those of ``zone`` (``None``: the machine's own)."""

    language: Language
    zone: tzinfo | None

    def recording_headings(self) -> list[str]:
        """The first row of the recordings."""
        return [self._heading(name) for name in _RECORDING]

    def segment_headings(self) -> list[str]:
        """The first row of the segments."""
        return [self._heading(name) for name in _SEGMENT]

    def recording(self, row: Recognition) -> list[Cell]:
        """One recording. A track that was not made is an empty cell."""
        return [
            self._time(row),
            row.filename,
            round(row.audio.seconds, 3) or None,
            self._text(row, "written"),
            self._text(row, "spoken"),
            word(f"status_{row.status}", self.language),
            row.language or "",
            "、".join(row.options.hotwords),
            word(f"badge_{row.cache}", self.language) if row.cache else "",
            row.node or "",
            row.model or "",
            word(f"source_{row.source}", self.language),
            row.user,
            row.version,
            " ".join(row.transcript.warnings),
            str((row.error or {}).get("code") or ""),
            row.id,
        ]

    def segments(self, row: Recognition) -> Iterator[list[Cell]]:
        """The segments of a recording, in order."""
        time = self._time(row)
        names = names_by_line(row.transcript.segments, row.labels, self.language)
        for number, (segment, name) in enumerate(zip(row.transcript.segments, names, strict=True), 1):
            yield [
                time,
                row.filename,
                number,
                _clock(segment.start_ms),
                _clock(segment.end_ms),
                name,
                _said(segment, segment.normalized_text),
                _said(segment, segment.raw_text),
                segment.suspect or "",
                row.id,
            ]

    def _heading(self, name: str) -> str:
        if name != "time":
            return word(name, self.language)
        zone = zone_name(self.zone) or word("local", self.language)
        return f"{word(name, self.language)} ({zone})"

    def _time(self, row: Recognition) -> datetime:
        """Without its zone, which the heading tells: spreadsheets know none."""
        return row.created_at.astimezone(self.zone).replace(tzinfo=None, microsecond=0)

    def _text(self, row: Recognition, track: Track) -> str:
        whole = row.transcript.normalized_text if track == "written" else row.transcript.raw_text
        return "" if whole is None else plain_text(row.transcript.segments, row.labels, track, self.language)


def recording_widths() -> Sequence[int]:
    """How wide the columns of the recordings are shown, in characters."""
    return [_WIDTHS.get(name, _WIDTH) for name in _RECORDING]


def segment_widths() -> Sequence[int]:
    """The same for the segments."""
    return [_WIDTHS.get(name, _WIDTH) for name in _SEGMENT]


def _said(segment: Segment, recognised: str | None) -> str:
    """A track's text; what a person wrote stands for both."""
    return segment.corrected_text if segment.corrected_text is not None else recognised or ""


def _clock(milliseconds: int) -> str:
    seconds, ms = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"
