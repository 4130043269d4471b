"""The original WebUI's table, whatever columns its version had. The file is only read, never changed."""

import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from domain.errors import InvalidInput, InvalidOptions
from domain.options import MAX_HOTWORDS, RecognitionOptions
from services.zones import from_local

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
_LANGUAGES = {
    "中文": "zh",
    "普通话": "zh",
    "chinese": "zh",
    "mandarin": "zh",
    "英文": "en",
    "英语": "en",
    "english": "en",
    "日文": "ja",
    "日语": "ja",
    "japanese": "ja",
    "韩文": "ko",
    "韩语": "ko",
    "korean": "ko",
    "粤语": "yue",
    "cantonese": "yue",
    "自动": "",
    "自动检测": "",
    "auto": "",
    "自动识别": "",
}
_WRITTEN_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y%m%d_%H%M%S", "%Y-%m-%d_%H-%M-%S")
#: A number this large counts milliseconds.
_MILLISECONDS_FROM = 1e11
#: The header of a file that is written ahead: reading it would write beside it.
_HEADER_BYTES, _WRITE_AHEAD_AT, _WRITE_AHEAD = 20, 18, 2

#: Why a row is left out.
Reason = Literal["no_time", "impossible_time", "no_text"]


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row that is left out. ``number``: its place in the table (SQLite's ``rowid``)."""

    number: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class OldRow:
    """A row as this program understands it. ``written_time``: the time as it stands there."""

    number: int
    time: datetime
    written_time: str
    filename: str
    filepath: str
    language: str
    hotwords: tuple[str, ...]
    itn: bool
    raw_text: str | None
    normalized_text: str | None
    seconds: float


class OldHistory:
    """One file. Its methods may run in any thread, one at a time."""

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

    def rows(self, zone: tzinfo | None) -> Iterator[OldRow | SkippedRow]:
        """Every row in the order of the table. ``zone``: that of times which name none."""
        names = ", ".join(f'"{column}"' for column in self._columns.values())
        # A text that is no UTF-8 must not end the reading of the others.
        self._database.text_factory = _decoded
        number = 0
        try:
            for number, *values in self._database.execute(f'SELECT rowid, {names} FROM "{_TABLE}" ORDER BY rowid'):
                yield _understood(number, dict(zip(self._columns, values, strict=True)), zone)
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

    def _find_columns(self, path: Path) -> dict[str, str]:
        present = {str(row[1]).lower(): str(row[1]) for row in self._database.execute(f'PRAGMA table_info("{_TABLE}")')}
        if not present:
            raise InvalidInput(f"{path} has no table {_TABLE}: it is no history of the old WebUI", reason="no_history")
        found: dict[str, str] = {}
        for meaning, names in _COLUMNS.items():
            if name := next((name for name in names if name in present), None):
                found[meaning] = present[name]
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


def _understood(number: int, row: Mapping[str, Any], zone: tzinfo | None) -> OldRow | SkippedRow:
    raw, normalized = (_text(row.get(name)) or None for name in ("raw", "normalized"))
    time = _time(row["time"], zone)
    if time is None:
        return SkippedRow(number, "no_time")
    if raw is None and normalized is None:
        return SkippedRow(number, "no_text")
    return OldRow(
        number,
        time,
        str(row["time"]),
        _text(row.get("filename")),
        _text(row.get("filepath")),
        _language(_text(row.get("language"))),
        _hotwords(_text(row.get("hotwords"))),
        _text(row.get("itn")).lower() not in ("0", "false", "no", "off"),
        raw,
        normalized,
        _seconds(row.get("seconds")),
    )


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    return "" if value is None else str(value).strip()


def _time(value: Any, zone: tzinfo | None) -> datetime | None:
    """A moment, from seconds, milliseconds or a written time; ``None`` where it says none."""
    text = _text(value)
    try:
        if re.fullmatch(r"\d{9,13}(?:\.\d+)?", text):
            number = float(text)
            return datetime.fromtimestamp(number / 1000 if number > _MILLISECONDS_FROM else number, UTC)
        moment = _written_time(text)
        return (moment if moment.tzinfo else from_local(moment, zone)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _written_time(text: str) -> datetime:
    for form in _WRITTEN_TIMES:
        with suppress(ValueError):
            return datetime.strptime(text, form)
    return datetime.fromisoformat(text)


def _language(name: str) -> str:
    code = _LANGUAGES.get(name.lower(), name.lower())
    try:
        return RecognitionOptions(language=code).language if code else "auto"
    except InvalidOptions:
        return "auto"


def _hotwords(text: str) -> tuple[str, ...]:
    """Those that are still taken; the old program took anything."""
    words: list[str] = []
    # Some versions kept a list as it is printed.
    for word in re.split(r"[\n\r,，、;；]+", text.strip("[]")):
        with suppress(InvalidOptions):
            words += RecognitionOptions(hotwords=(word.strip(" \"'"),)).hotwords
    return tuple(words[:MAX_HOTWORDS])


def _seconds(value: Any) -> float:
    try:
        seconds = float(value or 0)
    except (TypeError, ValueError):
        return 0.0
    return seconds if 0 < seconds < 1e6 else 0.0
