"""Many recordings to take away: a selection or a whole search as one file, made as it is sent.

Newest first, as the list shows them. The rows are read page by page, so that their number does not matter: what is
held at a time are the rows of one page.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Literal, Protocol, TypeVar, get_args

from domain.errors import InvalidInput, InvalidOptions
from domain.ids import is_id
from domain.labels import Language
from domain.ports import HistoryStore
from domain.recognition import HistoryQuery, Recognition
from domain.transcript import Track
from services.export import Format, export, has_text
from services.export_csv import CsvWriter
from services.export_tables import Tables
from services.export_words import word
from services.export_xlsx import XlsxWriter
from services.export_zip import ZipWriter
from services.threads import Threads

ManyFormat = Literal["xlsx", "csv", "txt", "srt", "vtt", "json"]
MANY_FORMATS: tuple[ManyFormat, ...] = get_args(ManyFormat)
#: Rows that are read at a time; a row of four hours has a megabyte of segments.
PAGE_ROWS = 50
#: Rows that can be named one by one.
MAX_IDS = 10_000
#: Exports whose files are written at a time; the others wait their turn row by row.
_THREADS = 2
#: What was left out is listed in files of at least so many lines.
_NOTE_LINES = 10_000

T = TypeVar("T")


class Writer(Protocol):
    """A format. Its methods run in a thread, one at a time."""

    media_type: str
    suffix: str

    def add(self, rows: Sequence[Recognition]) -> bytes:
        """What can be sent once these rows are there."""
        ...

    def end(self) -> Iterator[bytes]:
        """What follows the last row."""
        ...

    def close(self) -> None:
        """Lets go of its temporary files, whether or not it came to the end."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to export, and how.

    ``query``: which rows; with ``ids``, only whose. ``zone``: that of the times in tables and names (``None``: the
    machine's own). ``always_zip``: a zip even where there is only one text, so that a program need not look.
    """

    query: HistoryQuery
    format: ManyFormat = "xlsx"
    ids: tuple[str, ...] | None = None
    track: Track = "written"
    language: Language = "zh"
    zone: tzinfo | None = UTC
    always_zip: bool = False

    def __post_init__(self) -> None:
        if self.ids is not None and len(self.ids) > MAX_IDS:
            raise InvalidOptions(
                f"{MAX_IDS} recognitions can be named; these are {len(self.ids)}",
                field="ids",
                reason="too_many_ids",
                limit=MAX_IDS,
            )


@dataclass(slots=True)
class ExportProgress:
    """How far an export is.

    ``done``: recordings in the file. ``without_text``, ``gone``: left out, since they have no text or were deleted.
    ``total``: how many are wanted, where that is known. ``reached``: when the last one was made.
    """

    total: int | None = None
    done: int = 0
    without_text: int = 0
    gone: int = 0
    reached: datetime | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """One file on its way; the progress grows while the chunks are read. Whoever reads them closes them.

    An empty chunk only tells that there is progress. Reading raises ``StorageUnavailable``.
    """

    filename: str
    media_type: str
    progress: ExportProgress
    chunks: AsyncGenerator[bytes]


@dataclass(slots=True)
class _Run:
    wanted: Wanted
    progress: ExportProgress
    #: What was left out, a line each, until it is written down.
    left_out: list[str] = field(default_factory=list[str])

    def leave_out(self, *facts: str) -> None:
        self.left_out.append("\t".join(facts))


class Exports:
    """Files of many recordings."""

    def __init__(self, store: HistoryStore, folder: Path | None = None) -> None:
        """``folder``: where temporary files lie, which must exist; else where the system has them."""
        self._store = store
        self._folder = folder
        self._threads = Threads(_THREADS, "export")

    def close(self) -> None:
        """Begins no more."""
        self._threads.close()

    async def open(self, wanted: Wanted) -> Export:
        """Looks for the first rows and gives the file to read.

        Raises :class:`InvalidInput` where there is nothing to export.
        """
        run = _Run(wanted, ExportProgress(len(set(wanted.ids)) if wanted.ids is not None else None))
        pages = self._pages(run)
        first: list[Recognition] = []
        try:
            # Whether there is one or more decides what the file is.
            while len(first) < 2 and (page := await anext(pages, None)) is not None:
                first += page
            if not first:
                raise _nothing(run.progress)
            # What is left out is told in the zip.
            together = wanted.format in _TABLES or wanted.always_zip or len(first) > 1 or bool(run.left_out)
            if not together:
                return _single(run, first[0])
            return self._many(run, first, pages)
        except BaseException:
            await pages.aclose()
            raise

    def _many(self, run: _Run, first: list[Recognition], pages: AsyncGenerator[list[Recognition]]) -> Export:
        kind = _TABLES.get(run.wanted.format, _TextFiles)
        time = datetime.now(UTC).astimezone(run.wanted.zone)
        name = f"{word('all', run.wanted.language)}-{time:%Y%m%d-%H%M%S}{kind.suffix}"
        return Export(name, kind.media_type, run.progress, self._written(run, first, pages))

    async def _written(
        self, run: _Run, first: list[Recognition], pages: AsyncGenerator[list[Recognition]]
    ) -> AsyncGenerator[bytes]:
        # Not before somebody reads: what is never begun leaves no temporary files.
        writer = _writer(run, self._folder)
        try:
            async with aclosing(pages):
                page: list[Recognition] | None = first
                while page is not None:
                    chunk = await self._in_thread(lambda page=page: writer.add(page))
                    run.progress.done += len(page)
                    run.progress.reached = page[-1].created_at if page else run.progress.reached
                    yield chunk
                    page = await anext(pages, None)
            ending = writer.end()
            while (chunk := await self._in_thread(lambda: next(ending, None))) is not None:
                yield chunk
        finally:
            writer.close()

    async def _pages(self, run: _Run) -> AsyncGenerator[list[Recognition]]:
        """The rows to write, newest first; what is left out is counted."""
        needs_text = run.wanted.format in ("txt", "srt", "vtt")
        async for page in self._named(run) if run.wanted.ids is not None else self._found(run.wanted.query):
            kept = [row for row in page if has_text(row) or not needs_text]
            if len(kept) < len(page):
                run.progress.without_text += len(page) - len(kept)
                for row in page:
                    if not has_text(row):
                        run.leave_out(row.filename, row.id, _why(row, run.wanted.language))
            yield kept

    async def _found(self, query: HistoryQuery) -> AsyncIterator[Sequence[Recognition]]:
        before: str | None = query.before_id
        while True:
            page = await self._store.page(replace(query, before_id=before, limit=PAGE_ROWS))
            yield page.rows
            before = page.next_before_id
            if before is None:
                return

    async def _named(self, run: _Run) -> AsyncIterator[Sequence[Recognition]]:
        # Ids begin with their time.
        for an_id in sorted(set(run.wanted.ids or ()), reverse=True):
            row = await self._store.get(an_id, user=run.wanted.query.user) if is_id(an_id) else None
            if row is None:
                run.progress.gone += 1
                run.leave_out(an_id[:60], word("gone", run.wanted.language))
            yield [row] if row else []

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await self._threads.run(lambda _: work())


class _TextFiles:
    """One file for each recording, in a zip; what was left out is listed in a file of its own."""

    media_type = "application/zip"
    suffix = ".zip"

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._zip = ZipWriter()

    def add(self, rows: Sequence[Recognition]) -> bytes:
        content = b"".join(map(self._file, rows))
        return content + (self._note() if len(self._run.left_out) >= _NOTE_LINES else b"")

    def _file(self, row: Recognition) -> bytes:
        wanted = self._run.wanted
        exported = export(row, _single_format(wanted), wanted.track, wanted.language)
        return self._zip.add(exported.filename, exported.content, row.created_at.astimezone(wanted.zone))

    def end(self) -> Iterator[bytes]:
        yield self._note()
        yield from self._zip.end()

    def _note(self) -> bytes:
        wanted, lines = self._run.wanted, self._run.left_out
        self._run.left_out = []
        if not lines:
            return b""
        text = "\n".join([*lines, ""]).encode("utf-8", "replace")
        name = f"{word('left_out', wanted.language)}.txt"
        return self._zip.add(name, text, datetime.now(UTC).astimezone(wanted.zone))

    def close(self) -> None:
        self._zip.close()


_TABLES: dict[ManyFormat, type[CsvWriter | XlsxWriter]] = {"csv": CsvWriter, "xlsx": XlsxWriter}


def _writer(run: _Run, folder: Path | None) -> Writer:
    wanted = run.wanted
    tables = Tables(wanted.language, wanted.zone)
    if wanted.format == "csv":
        return CsvWriter(tables)
    return XlsxWriter(tables, wanted.language, folder) if wanted.format == "xlsx" else _TextFiles(run)


def _single(run: _Run, row: Recognition) -> Export:
    """The only recording there is: its file, as it is."""
    exported = export(row, _single_format(run.wanted), run.wanted.track, run.wanted.language)

    async def chunks() -> AsyncGenerator[bytes]:
        run.progress.done, run.progress.reached = 1, row.created_at
        yield exported.content

    return Export(exported.filename, exported.media_type, run.progress, chunks())


def _single_format(wanted: Wanted) -> Format:
    assert wanted.format not in ("csv", "xlsx")
    return wanted.format


def _why(row: Recognition, language: Language) -> str:
    return f"{word('no_text', language)} ({word(f'status_{row.status}', language)})"


def _nothing(progress: ExportProgress) -> InvalidInput:
    if progress.without_text:
        return InvalidInput("none of these recordings has a text", reason="none_has_text", count=progress.without_text)
    return InvalidInput("there is nothing to export", reason="nothing_to_export")
