"""A recognition as a file to take away."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from domain.labels import Language, names_by_line, plain_text
from domain.recognition import Recognition, Status
from domain.transcript import Segment, Track
from speech.subtitles import Cue, to_srt, to_vtt

Format = Literal["txt", "json", "srt", "vtt"]
#: Makes the JSON of a recognition.
ToJson = Callable[[Recognition], dict[str, Any]]
MEDIA_TYPES: dict[Format, str] = {
    "txt": "text/plain; charset=utf-8",
    "json": "application/json",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Exported:
    """A file's name, media type and content."""

    filename: str
    media_type: str
    content: bytes


def has_text(row: Recognition) -> bool:
    """Whether there is something to take away: what was cancelled or failed may have kept its text until then."""
    return row.status is Status.SUCCEEDED or (row.status.is_final and bool(row.transcript.segments))


def export(
    row: Recognition,
    format: Format,
    track: Track = "written",
    language: Language = "zh",
    to_json: ToJson = Recognition.to_json,
) -> Exported:
    """The row as ``txt``, ``json``, ``srt`` or ``vtt``, on one track (the other where that was not made).

    ``language``: that of the names of those whom nobody named (坐席, Agent). ``to_json``: see ``Retention.json``.
    """
    stem = PurePosixPath(row.filename).stem or "recognition"
    content = _render(row, format, track, language, to_json).encode("utf-8", "replace")
    return Exported(f"{stem}.{format}", MEDIA_TYPES[format], content)


def _render(row: Recognition, format: Format, track: Track, language: Language, to_json: ToJson) -> str:
    if format == "json":
        return json.dumps(to_json(row), ensure_ascii=False, indent=2) + "\n"
    if format == "txt":
        return plain_text(row.transcript.segments, row.labels, track, language) + "\n"
    names = names_by_line(row.transcript.segments, row.labels, language)
    cues = [_cue(segment, track, name) for segment, name in zip(row.transcript.segments, names, strict=True)]
    return to_srt(cues) if format == "srt" else to_vtt(cues)


def _cue(segment: Segment, track: Track, name: str) -> Cue:
    text = segment.text(itn=track == "written")
    # Word times belong to the words as spoken: they cannot place a written number, nor what a person wrote.
    words = segment.words if text == segment.raw_text else ()
    return Cue(segment.start_ms, segment.end_ms, text, name, words)
