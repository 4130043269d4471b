"""What a row of the original WebUI's table means."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal

from domain.errors import InvalidOptions
from domain.options import MAX_HOTWORDS, RecognitionOptions
from services.zones import from_local

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


def understood(number: int, row: Mapping[str, Any], zone: tzinfo | None) -> OldRow | SkippedRow:
    """``row``: values by their meaning (``domain.history_ports.OldTable``). ``zone``: that of times which name none."""
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
