"""SubRip and WebVTT."""

from collections.abc import Iterable

from domain.labels import said_by
from speech.cues import Cue, readable

#: ``<i>`` and ``{\\an8}`` are orders to players, in a text as well.
_WIDE = str.maketrans("<>{}", "＜＞｛｝")


def to_srt(cues: Iterable[Cue]) -> str:
    """SubRip. It knows no escapes: what a player takes for a time, a tag or a command becomes its wide twin."""
    return "".join(
        f"{number}\n{_time(cue.start_ms, ',')} --> {_time(cue.end_ms, ',')}\n{_srt_text(cue)}\n\n"
        for number, cue in enumerate(readable(cues), 1)
    )


def to_vtt(cues: Iterable[Cue]) -> str:
    """WebVTT; who speaks is the cue's voice (``<v 客户>``)."""
    return "WEBVTT\n\n" + "".join(
        f"{_time(cue.start_ms, '.')} --> {_time(cue.end_ms, '.')}\n{_vtt_text(cue)}\n\n" for cue in readable(cues)
    )


def _time(milliseconds: int, mark: str) -> str:
    seconds, ms = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{ms:03}"


def _srt_text(cue: Cue) -> str:
    label = " ".join(cue.label.split())
    return said_by(label, cue.text).replace("-->", "→").translate(_WIDE)


def _vtt_text(cue: Cue) -> str:
    label = _escaped(" ".join(cue.label.split()))
    return f"<v {label}>{_escaped(cue.text)}" if label else _escaped(cue.text)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
