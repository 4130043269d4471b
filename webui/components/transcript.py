"""The lines of a transcript: ``00:12 text``, on both tracks; a click plays from there."""

import re
from collections.abc import Sequence
from html import escape

from domain.transcript import Segment
from webui.components.units import clock
from webui.i18n import Words


def live_lines(segments: Sequence[Segment], itn: bool) -> str:
    """The text so far, while the work runs."""
    if not segments:
        return ""
    lines = "".join(
        f'<li><span class="asr-clock">{clock(segment.start_ms)}</span>'
        f'<span class="asr-text">{escape(segment.text(itn))}</span></li>'
        for segment in segments
    )
    return f'<ol class="asr-lines live">{lines}</ol>'


def lines(segments: Sequence[Segment], words: Words, *, search: str = "") -> str:
    """The finished text. Both tracks are there; the style sheet shows those that ``data-track`` asks for."""
    rows = "".join(_line(segment, words, search) for segment in segments)
    return f'<ol class="asr-lines" aria-label="{words.html("segments")}">{rows}</ol>'


def _line(segment: Segment, words: Words, search: str) -> str:
    position = clock(segment.start_ms)
    both = (segment.text(True) + "\n" + segment.text(False)).lower()
    found = any(word in both for word in search_words(search))
    return (
        f'<li data-start="{segment.start_ms}" data-end="{segment.end_ms}"{" data-found" if found else ""}>'
        f'<button type="button" class="asr-clock" data-seek aria-label="'
        f'{words.html("segment_seek", time=position)}">{position}</button>'
        f'<span class="asr-text written">{marked(segment.text(True), search)}</span>'
        f'<span class="asr-text spoken">{marked(segment.text(False), search)}</span></li>'
    )


def marked(text: str, search: str) -> str:
    """The text, escaped, with every word of ``search`` marked where it stands; upper and lower case are one."""
    words = search_words(search)
    folded = text.lower()
    if not words or len(folded) != len(text):  # a letter whose lower case is longer (İ): positions would not fit
        return escape(text)
    parts: list[str] = []
    at = 0
    for hit in re.finditer("|".join(re.escape(word) for word in words), folded):
        parts.append(f"{escape(text[at : hit.start()])}<mark>{escape(text[hit.start() : hit.end()])}</mark>")
        at = hit.end()
    return "".join(parts) + escape(text[at:])


def search_words(search: str) -> list[str]:
    """The words of a search, longest first: a row is found when it holds all of them."""
    return sorted(set(search.lower().split()), key=len, reverse=True)


def snippet(text: str, search: str, length: int = 60) -> str:
    """A piece of the text around the first match, else its beginning; as plain text."""
    hits = [hit for word in search_words(search) if (hit := text.lower().find(word)) >= 0]
    hit = min(hits, default=0)
    start = max(0, hit - length // 3)
    piece = text[start : start + length]
    return ("…" if start else "") + piece + ("…" if start + length < len(text) else "")
