"""The history of the original single-machine WebUI (``webui/data/history.db``), taken over as it was.

Rows keep their times. Ids are made of a row's time, content and user, so that importing again adds nothing twice.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from pathlib import Path

from domain.errors import BadAudio, NotFound
from domain.history_ports import HistoryStore, OldTable
from domain.ids import id_of
from domain.options import RecognitionOptions
from domain.ports import AudioStore
from domain.recognition import AudioInfo, Recognition, Source, Status
from domain.transcript import Segment, Transcript
from services.file_facts import file_facts
from services.filenames import clean_filename, suffix_of
from services.old_history import OldRow, SkippedRow, understood

#: Rows that are added in one transaction.
_BATCH = 200
#: Clocks are wrong, but not by more: what lies further ahead would stay the newest for ever.
_AHEAD = timedelta(days=1)
#: Before this nobody recognised speech with this program's forerunner; a clock that had lost its battery did.
_FIRST_YEAR = 2000
#: Whose the rows become where nobody is named.
_DEFAULT_USER = "local"


@dataclass(slots=True)
class ImportReport:
    """What has become of the rows so far. ``skipped``: number of the row in its table, and why."""

    total: int = 0
    read: int = 0
    added: int = 0
    known: int = 0
    #: Recordings that were taken along.
    audio: int = 0
    skipped: list[SkippedRow] = field(default_factory=list[SkippedRow])

    def reasons(self) -> dict[str, int]:
        """How often each reason for skipping occurred."""
        return dict(Counter(row.reason for row in self.skipped).most_common())


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """``zone``: that of the old program's clock (``None``: this machine's). ``audio_root``: where its files may be."""

    user: str = _DEFAULT_USER
    zone: tzinfo | None = None
    audio_root: Path | None = None


class HistoryImport:
    """Adds what another program had recognised."""

    def __init__(self, store: HistoryStore, audio: AudioStore, open_table: Callable[[Path], OldTable]) -> None:
        self._open_table = open_table
        self._store = store
        self._audio = audio

    async def run(self, path: Path, options: ImportOptions) -> AsyncGenerator[ImportReport]:
        """Takes over every row of the file, which is only read; yields the report after each batch, and at the end.

        Raises :class:`InvalidInput` where the file is no such history, and :class:`StorageUnavailable`.
        """
        old = await asyncio.to_thread(self._open_table, path)
        try:
            report = ImportReport(total=await asyncio.to_thread(old.count))
            yield report
            rows = (understood(number, row, options.zone) for number, row in old.rows())
            while batch := await asyncio.to_thread(_next, rows):
                await self._add(batch, options, report)
                yield report
        finally:
            old.close()

    async def _add(self, batch: Sequence[OldRow | SkippedRow], options: ImportOptions, report: ImportReport) -> None:
        report.read += len(batch)
        skipped_before = len(report.skipped)
        latest = datetime.now(UTC) + _AHEAD
        # By id: the old program may have stored the same twice.
        wanted: dict[str, tuple[OldRow, Recognition]] = {}
        for item in batch:
            if isinstance(item, SkippedRow):
                report.skipped.append(item)
            elif not (item.time.year >= _FIRST_YEAR and item.time <= latest):
                report.skipped.append(SkippedRow(item.number, "impossible_time"))
            else:
                row = _recognition(item, options.user)
                wanted[row.id] = item, row
        complete = [
            await self._with_audio(old, row, options.audio_root, report) if options.audio_root else row
            for old, row in wanted.values()
        ]
        added = await self._store.insert_imported(complete) if complete else 0
        report.added += added
        report.known += len(batch) - added - (len(report.skipped) - skipped_before)

    async def _with_audio(self, old: OldRow, row: Recognition, root: Path, report: ImportReport) -> Recognition:
        """The row with its recording, where that is still there, can be read, and was not taken along before."""
        path = _below(root, old.filepath)
        if path is None or await self._store.get(row.id, user=None) is not None:
            return row
        try:
            facts = await file_facts(path, row.filename)
            key = await self._audio.put_file(path, suffix=suffix_of(row.filename))
        except (BadAudio, NotFound):
            return row
        report.audio += 1
        segments = tuple(_timed(segment, facts.info) for segment in row.transcript.segments)
        transcript = Transcript(segments, row.transcript.language)
        return row.with_changes(audio_key=key, audio=facts.info, transcript=transcript)


def _next(rows: Iterator[OldRow | SkippedRow]) -> list[OldRow | SkippedRow]:
    return list(islice(rows, _BATCH))


def _recognition(old: OldRow, user: str) -> Recognition:
    options = RecognitionOptions.of(language=old.language, hotwords=old.hotwords, itn=old.itn)
    length_ms = round(old.seconds * 1000)
    segment = Segment(0, length_ms, old.raw_text, old.normalized_text)
    return Recognition(
        id=_id(old, user),
        user=user,
        source=Source.IMPORT,
        filename=clean_filename(old.filename or old.filepath),
        options=options,
        status=Status.SUCCEEDED,
        audio=AudioInfo(seconds=old.seconds),
        transcript=Transcript((segment,), old.language or "auto"),
        created_at=old.time,
        finished_at=old.time,
    )


def _id(old: OldRow, user: str) -> str:
    """The same for the same row and user, whichever copy of the file it is in."""
    parts = (old.written_time, old.filename, old.filepath, old.raw_text, old.normalized_text)
    if user != _DEFAULT_USER:
        parts += (user,)
    digest = hashlib.sha256("\0".join(part or "" for part in parts).encode("utf-8", "replace")).digest()
    return id_of(int(old.time.timestamp() * 1000), digest)


def _timed(segment: Segment, info: AudioInfo) -> Segment:
    return Segment(0, max(segment.end_ms, round(info.seconds * 1000)), segment.raw_text, segment.normalized_text)


def _below(root: Path, filepath: str) -> Path | None:
    """The file that the old program named, where it lies below ``root``; relative names count from there."""
    if not filepath:
        return None
    try:
        path = (root / filepath).resolve()
        return path if path.is_relative_to(root.resolve()) and path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None
