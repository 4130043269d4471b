"""The lines of a transcript: ``00:12 text``, on both tracks; a click plays from there."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from unicodedata import east_asian_width

from domain.labels import default_name, key_of, names_by_line
from domain.transcript import Segment
from webui.components.units import clock
from webui.i18n import Words

#: How much a snippet says before what was searched for, in letters of the Latin kind.
LEAD_WIDTH = 8


def live_lines(segments: Sequence[Segment], itn: bool, words: Words, labels: Mapping[str, str]) -> str:
    """The text so far, while the work runs. ``labels``: names that those who speak have from before."""
    if not segments:
        return ""
    names = names_by_line(segments, labels, words.language)
    lines = "".join(
        f'<li><span class="asr-clock">{clock(segment.start_ms)}</span>{_said_by(name)}'
        f'<span class="asr-text">{escape(segment.text(itn))}</span>{_suspect_mark(segment, words)}</li>'
        for segment, name in zip(segments, names, strict=True)
    )
    return f'<ol class="asr-lines live{" named" if any(names) else ""}">{lines}</ol>'


def lines(
    segments: Sequence[Segment],
    words: Words,
    *,
    search: str = "",
    labels: Mapping[str, str] | None = None,
    can_rename: bool = True,
) -> str:
    """The finished text. Both tracks are there; the style sheet shows those that ``data-track`` asks for.

    ``labels``: what people called those who speak; a click on a name changes it where ``can_rename``.
    """
    names = names_by_line(segments, labels or {}, words.language)
    keys = [key_of(segment) for segment in segments]
    counts = Counter(keys)

    def who(line: int) -> str:
        key, name = keys[line], names[line]
        return _who(line, key, name, counts[key], words) if key and name and can_rename else _said_by(name)

    rows = "".join(_line(segment, words, search, who(number)) for number, segment in enumerate(segments))
    named = " named" if any(names) else ""
    return f'<ol class="asr-lines{named}" aria-label="{words.html("segments")}">{rows}</ol>'


def _said_by(name: str) -> str:
    return f'<span class="asr-who">{escape(name)}</span>' if name else ""


def _who(line: int, key: str, name: str, count: int, words: Words) -> str:
    """Who speaks, as a button that asks for another name."""
    usual = escape(default_name(key, words.language))
    return (
        f'<button type="button" class="asr-who" data-event="rename" data-line="{line}" data-name="{escape(name)}" '
        f'data-usual="{usual}" data-count="{count}" title="{words.html("who_rename")}">{escape(name)}</button>'
    )


def _line(segment: Segment, words: Words, search: str, who: str) -> str:
    position = clock(segment.start_ms)
    both = (segment.text(True) + "\n" + segment.text(False)).lower()
    found = any(word in both for word in search_words(search))
    return (
        f'<li data-start="{segment.start_ms}" data-end="{segment.end_ms}"{" data-found" if found else ""}>'
        f'<button type="button" class="asr-clock" data-seek aria-label="'
        f'{words.html("segment_seek", time=position)}">{position}</button>{who}'
        f'<span class="asr-text written">{marked(segment.text(True), search)}</span>'
        f'<span class="asr-text spoken">{marked(segment.text(False), search)}</span>'
        f"{_suspect_mark(segment, words)}</li>"
    )


def _suspect_mark(segment: Segment, words: Words) -> str:
    """存疑 and why, where the text may be the model's own invention."""
    if segment.suspect is None:
        return ""
    reason = words.html("suspect", reason=words(f"suspect_{segment.suspect}"))
    return f'<span class="asr-suspect" title="{words.html("suspect_title")}">{reason}</span>'


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
    start = _start_before(text, hit)
    piece = text[start : start + length]
    return ("…" if start else "") + piece + ("…" if start + length < len(text) else "")


def _start_before(text: str, hit: int) -> int:
    """So little before the match that a telephone's line still holds it; a Chinese letter is as wide as two others."""
    room = LEAD_WIDTH
    for at in range(hit - 1, -1, -1):
        room -= 2 if east_asian_width(text[at]) in "WF" else 1
        if room < 0:
            return at + 1
    return 0
