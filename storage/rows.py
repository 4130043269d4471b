"""Between a :class:`Recognition` and its row."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement

from domain.corrections import Correction, corrected
from domain.options import RecognitionOptions
from domain.recognition import AudioInfo, CacheOutcome, Hold, Progress, Recognition, Source, Status
from domain.transcript import Segment, Transcript
from domain.words import Word
from storage.search import search_text
from storage.tables import recognitions

#: What a list of rows reads: everything that a page shows, without the word times.
LIST_COLUMNS: Sequence[ColumnElement[Any]] = [c for c in recognitions.c if c.name not in ("words", "search_text")]
#: What a single row reads.
ALL_COLUMNS: Sequence[ColumnElement[Any]] = [c for c in recognitions.c if c.name != "search_text"]


def sort_key(recognition_id: str) -> int:
    """63 bits of a UUIDv7 that sort as the id does: 48 of the time in ms, then the first 15 random ones."""
    value = uuid.UUID(recognition_id).int
    time_ms, random_a, random_b = value >> 80, value >> 64 & 0xFFF, value >> 59 & 0x7
    return time_ms << 15 | random_a << 3 | random_b


def first_key_at(moment: datetime, shift_seconds: float = 0.0) -> int:
    """The smallest :func:`sort_key` of ids that are made ``shift_seconds`` after ``moment``, or later."""
    time_ms = round((moment.timestamp() + shift_seconds) * 1000)
    return max(0, min(time_ms, (1 << 48) - 1)) << 15


def new_values(row: Recognition) -> dict[str, Any]:
    """The columns that are written when the row is born; the times are the database's."""
    return {
        "id": row.id,
        "user": _storable(row.user),
        "status": row.status.value,
        "attempt": row.attempt,
        "owner": row.owner,
        "source": row.source.value,
        "filename": _storable(row.filename),
        "options": row.options.to_json(),
        "use_cache": row.use_cache,
        "version_of": row.version_of,
        "version": row.version,
        "corrections": [item.to_json() for item in row.corrections],
        "hold": row.hold.to_json() if row.hold else None,
        "progress": None if row.status.is_final else row.progress.to_json(),
        **outcome_values(row),
    }


def outcome_values(row: Recognition) -> dict[str, Any]:
    """The columns that are written when it ends; the times are the database's."""
    segments = row.transcript.segments
    return {
        "audio_key": row.audio_key,
        "audio_id": row.audio_id,
        "audio": row.audio.to_json(),
        "cache": row.cache.value if row.cache else None,
        "cached_at": row.cached_at,
        "node": row.node,
        "model": row.model,
        "fingerprint": row.fingerprint,
        "elapsed_ms": row.elapsed_ms,
        "node_ms": row.node_ms,
        "error": row.error,
        "language": row.transcript.language,
        "warnings": list(row.transcript.warnings),
        "labels": dict(row.labels),
        "segments": [_bare(segment) for segment in segments],
        "words": _words(segments),
        "search_text": found_by(row.filename, row.transcript, row.labels),
    }


def found_by(filename: str, transcript: Transcript, labels: Mapping[str, str]) -> str:
    """The ``search_text`` column: the file name, both tracks as corrected, and what people call those who speak."""
    return search_text(filename, transcript.text(itn=True), transcript.text(itn=False), *labels.values())


def with_names(labels: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """The ``labels`` column with these names added; an empty one is taken away."""
    merged = {**labels, **{key: _storable(name) for key, name in names.items()}}
    return {key: name for key, name in merged.items() if name}


def with_speakers(segments: Sequence[dict[str, Any]], speakers: Mapping[int, str]) -> list[dict[str, Any]]:
    """The ``segments`` column with these speakers, by number of the segment."""
    return [
        {**data, "speaker": speakers[number]} if number in speakers else data for number, data in enumerate(segments)
    ]


def bare_segments(segments: Sequence[dict[str, Any]]) -> list[Segment]:
    """The ``segments`` column, without word times and as recognised."""
    return [Segment.from_json(data) for data in segments]


def corrections_of(stored: Sequence[dict[str, Any]]) -> tuple[Correction, ...]:
    """The ``corrections`` column."""
    return tuple(Correction.from_json(data) for data in stored)


def recognition_of(row: Mapping[str, Any]) -> Recognition:
    """The inverse. Without a ``words`` column the segments come without word times."""
    words: Sequence[Any] = row.get("words") or [()] * len(row["segments"])
    # Rows that waited in an outbox while the program was renewed have neither these nor those at the end.
    corrections = corrections_of(row.get("corrections") or ())
    segments = [_segment(data, times) for data, times in zip(row["segments"], words, strict=True)]
    return Recognition(
        id=row["id"],
        user=row["user"],
        source=Source(row["source"]),
        filename=row["filename"],
        options=RecognitionOptions.from_json(row["options"]),
        status=Status(row["status"]),
        attempt=row["attempt"],
        owner=row["owner"],
        audio_key=row["audio_key"],
        audio=AudioInfo.from_json(row["audio"]),
        transcript=Transcript(
            corrected(segments, corrections),
            row["language"],
            tuple(row["warnings"]),
        ),
        progress=Progress.from_json(row["progress"]),
        cache=CacheOutcome(row["cache"]) if row["cache"] else None,
        cached_at=row["cached_at"],
        use_cache=row["use_cache"],
        node=row["node"],
        model=row["model"],
        fingerprint=row["fingerprint"],
        elapsed_ms=row["elapsed_ms"],
        node_ms=row["node_ms"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        error=row["error"],
        labels=row["labels"],
        corrections=corrections,
        version_of=row.get("version_of"),
        version=row.get("version") or 1,
        audio_id=row.get("audio_id"),
        hold=Hold.from_json(row["hold"]) if row.get("hold") else None,
    )


def _bare(segment: Segment) -> dict[str, Any]:
    data = segment.to_json()
    # Words have a column of their own, and so have corrections: what was recognised stays as it is.
    del data["words"], data["corrected_text"]
    return data


def _words(segments: Sequence[Segment]) -> list[list[tuple[str, int, int]]] | None:
    if not any(segment.words for segment in segments):
        return None
    return [[(word.text, word.start_ms, word.end_ms) for word in segment.words] for segment in segments]


def _segment(data: dict[str, Any], times: Sequence[Any]) -> Segment:
    segment = Segment.from_json(data)
    if not times:
        return segment
    words = tuple(Word(text, start_ms, end_ms) for text, start_ms, end_ms in times)
    return replace(segment, words=words)


def _storable(text: str) -> str:
    # A file name may hold what no UTF-8 column takes: half a surrogate pair, or NUL on PostgreSQL.
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
