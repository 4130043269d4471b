"""A table for spreadsheets: UTF-8 with BOM (Excel takes anything else for the machine's old code page)."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime

from domain.recognition import Recognition
from services.export_tables import Cell, Tables

#: A cell that begins with one of these is a formula, or becomes one when its blanks are trimmed.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


class CsvWriter:
    """One line for each recording, after the headings."""

    media_type = "text/csv; charset=utf-8"
    suffix = ".csv"

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._buffer = io.StringIO(newline="")
        self._csv = csv.writer(self._buffer)
        self._buffer.write("\ufeff")
        self._csv.writerow([_cell(heading) for heading in tables.recording_headings()])

    def add(self, rows: Sequence[Recognition]) -> bytes:
        """The lines, after what was not taken yet."""
        for row in rows:
            self._csv.writerow([_cell(cell) for cell in self._tables.recording(row)])
        written = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return written.encode("utf-8", "replace")

    def end(self) -> Iterator[bytes]:
        """Nothing is left."""
        return iter(())

    def close(self) -> None:
        """Nothing to let go of."""


def _cell(value: Cell) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    text = "" if value is None else str(value)
    # Somebody may have said a formula, or called a file one: the apostrophe makes it text.
    # Some programs skip blanks before it.
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text
