"""A workbook: one sheet by recording, one by segment. Every text is a text: no formulas, no links, no numbers."""
# pyright: standard
# The library has no types of its own.

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.labels import Language
from domain.recognition import Recognition
from services.export_tables import Cell, Tables, recording_widths, segment_widths
from services.export_words import word

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

#: Rows of a sheet, the headings included: the format's own limit. What is more goes into a further sheet.
MAX_ROWS = 1_048_576
#: Text in a cell, in UTF-16 units: the format's own limit is 32,767.
MAX_CELL_UNITS = 32_700
#: Bytes that are read back at a time.
_PART_BYTES = 1 << 18


class XlsxWriter:
    """Rows go to temporary files as they come; the workbook is put together at the end."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    suffix = ".xlsx"

    def __init__(self, tables: Tables, language: Language, folder: Path | None = None) -> None:
        """``folder``: where the temporary files lie; else where the system has such files."""
        from xlsxwriter.workbook import Workbook

        self._tables = tables
        self._language: Language = language
        self._folder = Path(tempfile.mkdtemp(prefix="export-", dir=folder))
        self._path = self._folder / "workbook.xlsx"
        options = {"constant_memory": True, "tmpdir": str(self._folder), "strings_to_formulas": False}
        self._workbook = Workbook(str(self._path), options)
        self._workbook.use_zip64()
        look: dict[str, Any] = {"valign": "top", "text_wrap": True}
        self._recordings = _Table(
            self._workbook,
            word("recordings", language),
            tables.recording_headings(),
            recording_widths(),
            self._workbook.add_format(look),
        )
        self._segments = _Table(
            self._workbook,
            word("segments", language),
            tables.segment_headings(),
            segment_widths(),
            self._workbook.add_format(look),
        )

    def add(self, rows: Sequence[Recognition]) -> bytes:
        """Nothing comes before the end."""
        more = word("more", self._language)
        for row in rows:
            self._recordings.add([_cut(cell, more) for cell in self._tables.recording(row)])
            for cells in self._tables.segments(row):
                for part in _parts(cells):
                    self._segments.add(part)
        return b""

    def end(self) -> Iterator[bytes]:
        """The workbook."""
        from xlsxwriter.exceptions import FileCreateError

        try:
            self._workbook.close()
        except FileCreateError as error:
            # The library hides why a file cannot be written, such as a full disk.
            cause = error.args[0] if error.args else None
            raise cause if isinstance(cause, OSError) else error from None
        with self._path.open("rb") as file:
            while part := file.read(_PART_BYTES):
                yield part

    def close(self) -> None:
        """Removes the temporary files."""
        # A workbook that is not closed complains when it is collected.
        setattr(self._workbook, "fileclosed", 1)  # noqa: B010
        for sheet in self._workbook.worksheets():
            if file := getattr(sheet, "row_data_fh", None):
                file.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class _Table:
    """A sheet, and further ones when it is full."""

    def __init__(
        self, workbook: "Workbook", name: str, headings: Sequence[str], widths: Sequence[int], look: "Format"
    ) -> None:
        self._workbook, self._name, self._headings, self._widths = workbook, name, headings, widths
        self._look = look
        self._heading_look = workbook.add_format({"bold": True, "valign": "top"})
        self._time_look = workbook.add_format({"valign": "top", "num_format": "yyyy-mm-dd hh:mm:ss"})
        self._sheets = 0
        self._sheet, self._next = self._begin(), 1

    def _begin(self) -> "Worksheet":
        self._sheets += 1
        sheet = self._workbook.add_worksheet(self._name if self._sheets == 1 else f"{self._name} {self._sheets}")
        for column, width in enumerate(self._widths):
            sheet.set_column(column, column, width)
        for column, heading in enumerate(self._headings):
            sheet.write_string(0, column, heading, self._heading_look)
        sheet.freeze_panes(1, 0)
        return sheet

    def add(self, cells: Sequence[Cell]) -> None:
        if self._next == MAX_ROWS:
            self._sheet, self._next = self._begin(), 1
        for column, cell in enumerate(cells):
            if isinstance(cell, datetime):
                self._sheet.write_datetime(self._next, column, cell, self._time_look)
            elif isinstance(cell, str):
                if cell:
                    self._sheet.write_string(self._next, column, _storable(cell), self._look)
            elif cell is not None:
                self._sheet.write_number(self._next, column, cell, self._look)
        self._next += 1


def _cut(cell: Cell, more: str) -> Cell:
    """A text that a cell can hold; ``more`` tells that it is not all."""
    if not isinstance(cell, str) or _units(cell) <= MAX_CELL_UNITS:
        return cell
    return _first_units(cell, MAX_CELL_UNITS - len(more)) + more


def _parts(cells: list[Cell]) -> Iterator[list[Cell]]:
    """The row, and again with the rest of its texts as long as they do not fit into a cell."""
    while any(isinstance(cell, str) and _units(cell) > MAX_CELL_UNITS for cell in cells):
        first = [_first_units(cell, MAX_CELL_UNITS) if isinstance(cell, str) else cell for cell in cells]
        yield first
        # What was whole is said again, so that each row can be read by itself.
        cells = [
            cell[len(start) :] if isinstance(cell, str) and isinstance(start, str) and cell != start else cell
            for cell, start in zip(cells, first, strict=True)
        ]
    yield cells


def _units(text: str) -> int:
    # The length in characters is enough for all but the longest.
    return len(text) if len(text) <= MAX_CELL_UNITS // 2 else len(text.encode("utf-16-le", "replace")) // 2


def _first_units(text: str, units: int) -> str:
    if _units(text) <= units:
        return text
    return text.encode("utf-16-le", "replace")[: units * 2].decode("utf-16-le", "ignore")


def _storable(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    # What has this shape is written as the library's own marks of rich text, unescaped.
    return f"{text} " if text.startswith("<r>") and text.endswith("</r>") else text
