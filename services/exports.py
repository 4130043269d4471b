"""Many recordings to take away: a selection or a whole search as one file, made as it is sent.

Newest first, as the list shows them. The rows are read page by page, so that their number does not matter: what is
held at a time are the rows of one page, and of those with word times one.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Literal, Protocol, TypeVar, get_args

from domain.errors import InvalidInput, InvalidOptions
from domain.history import HistoryQuery
from domain.history_ports import HistoryStore
from domain.ids import is_id
from domain.labels import Language
from domain.recognition import Recognition
from domain.transcript import Track
from services.export import Exported, ToJson, export, has_text
from services.export_csv import CsvWriter
from services.export_tables import Tables
from services.export_texts import TextFiles
from services.export_words import word
from services.export_xlsx import XlsxWriter
from services.threads import Threads

ManyFormat = Literal["xlsx", "csv", "txt", "srt", "vtt", "json"]
MANY_FORMATS: tuple[ManyFormat, ...] = get_args(ManyFormat)
#: Rows that are read at a time; a row of four hours has a megabyte of segments.
PAGE_ROWS = 50
#: Formats that tell when each word was said, which the rows of a page do not.
_WITH_WORDS = ("srt", "vtt", "json")
#: Rows that can be named one by one.
MAX_IDS = 10_000
#: Exports whose files are written at a time; the others wait their turn row by row.
_THREADS = 2

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
    to_json: ToJson
    #: Rows that were read.
    read: int = 0
    #: What was left out, a line each, until it is written down.
    left_out: list[str] = field(default_factory=list[str])

    def leave_out(self, *facts: str) -> None:
        self.left_out.append("\t".join(facts))


class Exports:
    """Files of many recordings."""

    def __init__(
        self, store: HistoryStore, folder: Path | None = None, *, to_json: ToJson = Recognition.to_json
    ) -> None:
        """``folder``: where temporary files lie, which must exist; else where the system has them."""
        self._store = store
        self._to_json = to_json
        self._folder = folder
        self._threads = Threads(_THREADS, "export")

    def close(self) -> None:
        """Begins no more."""
        self._threads.close()

    async def open(self, wanted: Wanted) -> Export:
        """Looks for the first rows and gives the file to read.

        Raises :class:`InvalidInput` where there is nothing to export.
        """
        run = _Run(wanted, ExportProgress(len(set(wanted.ids)) if wanted.ids is not None else None), self._to_json)
        pages = self._pages(run)
        first: list[Recognition] = []
        try:
            ended = False
            # One page at most: whoever waits shall see progress.
            while not ended and run.read < PAGE_ROWS and not (first and _together(run, first)):
                page = await anext(pages, None)
                ended = page is None
                first += page or []
            if ended and not first:
                raise nothing(run.progress)
            return self._many(run, first, pages) if not ended or _together(run, first) else _single(run, first[0])
        except BaseException:
            await pages.aclose()
            raise

    def _many(self, run: _Run, first: list[Recognition], pages: AsyncGenerator[list[Recognition]]) -> Export:
        kind = _TABLES.get(run.wanted.format, TextFiles)
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
        async for page in self._named(run) if run.wanted.ids is not None else self._found(run):
            kept = [row for row in page if not needs_text or _says_something(row)]
            if len(kept) < len(page):
                run.progress.without_text += len(page) - len(kept)
                for row in page:
                    if not _says_something(row):
                        run.leave_out(row.filename, row.id, _why(row, run.wanted.language))
            yield kept

    async def _found(self, run: _Run) -> AsyncIterator[Sequence[Recognition]]:
        query = run.wanted.query
        before: str | None = query.before_id
        while True:
            page = await self._store.page(replace(query, before_id=before, limit=PAGE_ROWS))
            if run.wanted.format in _WITH_WORDS:
                for row in page.rows:
                    yield await self._whole(run, row.id)
            else:
                run.read += len(page.rows)
                yield page.rows
            before = page.next_before_id
            if before is None:
                return

    async def _named(self, run: _Run) -> AsyncIterator[Sequence[Recognition]]:
        # Ids begin with their time.
        for an_id in sorted(set(run.wanted.ids or ()), reverse=True):
            yield await self._whole(run, an_id)

    async def _whole(self, run: _Run, an_id: str) -> list[Recognition]:
        run.read += 1
        row = await self._store.get(an_id, user=run.wanted.query.user) if is_id(an_id) else None
        if row is None:
            run.progress.gone += 1
            run.leave_out(an_id[:60], word("gone", run.wanted.language))
        return [row] if row else []

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await self._threads.run(lambda _: work())


_TABLES: dict[ManyFormat, type[CsvWriter | XlsxWriter]] = {"csv": CsvWriter, "xlsx": XlsxWriter}


def _says_something(row: Recognition) -> bool:
    """An empty file tells nobody anything, and nobody which of many it is."""
    return has_text(row) and any(segment.text(itn=True) for segment in row.transcript.segments)


def _writer(run: _Run, folder: Path | None) -> Writer:
    wanted = run.wanted
    tables = Tables(wanted.language, wanted.zone)
    if wanted.format == "csv":
        return CsvWriter(tables)
    if wanted.format == "xlsx":
        return XlsxWriter(tables, wanted.language, folder)
    return TextFiles(partial(_text, run), wanted.language, wanted.zone, run.left_out, folder)


def _together(run: _Run, first: list[Recognition]) -> bool:
    """Whether the file holds more than one text: what was left out is told in the zip."""
    return run.wanted.format in _TABLES or run.wanted.always_zip or len(first) > 1 or bool(run.left_out)


def _single(run: _Run, row: Recognition) -> Export:
    """The only recording there is: its file, as it is."""
    exported = _text(run, row)

    async def chunks() -> AsyncGenerator[bytes]:
        run.progress.done, run.progress.reached = 1, row.created_at
        yield exported.content

    return Export(exported.filename, exported.media_type, run.progress, chunks())


def _text(run: _Run, row: Recognition) -> Exported:
    wanted = run.wanted
    assert wanted.format not in ("csv", "xlsx")
    return export(row, wanted.format, wanted.track, wanted.language, run.to_json)


def _why(row: Recognition, language: Language) -> str:
    return f"{word('no_text', language)} ({word(f'status_{row.status}', language)})"


def nothing(progress: ExportProgress) -> InvalidInput:
    """Why there is no recording to take away."""
    if progress.without_text:
        return InvalidInput("none of these recordings has a text", reason="none_has_text", count=progress.without_text)
    return InvalidInput("there is nothing to export", reason="nothing_to_export")
