"""The file of the original WebUI: one table of an SQLite database, whatever columns its version had.

The file is only read, never changed.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from domain.errors import InvalidInput

_TABLE = "recognition_history"
#: What a column was called in one version or another.
_COLUMNS: dict[str, Sequence[str]] = {
    "time": ("timestamp", "created_at", "create_time", "time"),
    "filename": ("filename", "file_name"),
    "filepath": ("filepath", "file_path"),
    "language": ("language",),
    "hotwords": ("hotwords", "hotword"),
    "itn": ("itn_enabled", "itn"),
    "raw": ("raw_text", "result_text", "text"),
    "normalized": ("normalized_text", "itn_text"),
    "seconds": ("duration", "audio_duration"),
}
#: The header of a file that is written ahead: reading it would write beside it.
_HEADER_BYTES, _WRITE_AHEAD_AT, _WRITE_AHEAD = 20, 18, 2


class OldHistoryFile:
    """Implements ``domain.history_ports.OldTable``."""

    def __init__(self, path: Path) -> None:
        """Raises :class:`InvalidInput` where it is no such history."""
        if not path.is_file():
            raise InvalidInput(f"{path} cannot be read: there is no such file", reason="no_such_file")
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        try:
            self._database = self._open(path)
            self._columns = self._find_columns(path)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise InvalidInput(f"{path} cannot be read: {error}", reason="no_history") from None
        except InvalidInput:
            self.close()
            raise

    def close(self) -> None:
        """Lets go of the file."""
        if database := getattr(self, "_database", None):
            database.close()
        if self._copy:
            self._copy.cleanup()

    def count(self) -> int:
        """Rows in the table."""
        return int(self._database.execute(f'SELECT count(*) FROM "{_TABLE}"').fetchone()[0])

    def rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Every row in the order of the table: SQLite's ``rowid``, and the values by their meaning."""
        names = ", ".join(map(_first_filled, self._columns.values()))
        # A text that is no UTF-8 must not end the reading of the others.
        self._database.text_factory = _decoded
        number = 0
        try:
            for number, *values in self._database.execute(f'SELECT rowid, {names} FROM "{_TABLE}" ORDER BY rowid'):
                yield number, dict(zip(self._columns, values, strict=True))
        except sqlite3.Error as error:
            raise InvalidInput(f"the file is damaged after row {number}: {error}", reason="no_history") from None

    def _open(self, path: Path) -> sqlite3.Connection:
        if _needs_copy(path):
            # What is not in the file yet would be written into it, or beside it, by reading.
            self._copy = tempfile.TemporaryDirectory(prefix="history-import-")
            copied = Path(self._copy.name) / "history.db"
            for suffix in ("", "-wal", "-journal"):
                if (part := path.with_name(path.name + suffix)).exists():
                    shutil.copyfile(part, copied.with_name(copied.name + suffix))
            return sqlite3.connect(copied, check_same_thread=False)
        uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        return sqlite3.connect(uri, uri=True, check_same_thread=False)

    def _find_columns(self, path: Path) -> dict[str, Sequence[str]]:
        """By meaning: one column, or the newer and the older one of a table that was extended."""
        present = {str(row[1]).lower(): str(row[1]) for row in self._database.execute(f'PRAGMA table_info("{_TABLE}")')}
        if not present:
            raise InvalidInput(f"{path} has no table {_TABLE}: it is no history of the old WebUI", reason="no_history")
        found: dict[str, Sequence[str]] = {}
        for meaning, names in _COLUMNS.items():
            if columns := [present[name] for name in names if name in present]:
                found[meaning] = columns
        if "time" not in found or not {"raw", "normalized"} & found.keys():
            raise InvalidInput(
                f"the table {_TABLE} of {path} has no column for the time or none for the text; "
                f"it has {', '.join(present.values())}",
                reason="no_history",
            )
        return found


def _needs_copy(path: Path) -> bool:
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    written_ahead = len(header) == _HEADER_BYTES and header[_WRITE_AHEAD_AT] == _WRITE_AHEAD
    return written_ahead or any(path.with_name(path.name + suffix).exists() for suffix in ("-wal", "-journal"))


def _first_filled(columns: Sequence[str]) -> str:
    """In SQL: rows from before a table was extended have nothing in its newer columns."""
    *others, last = (f'"{column}"' for column in columns)
    filled = [f"NULLIF({column}, '')" for column in others]
    return f"COALESCE({', '.join([*filled, last])})" if filled else last


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")
