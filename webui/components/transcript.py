"""The lines of a transcript: ``00:12 text``, on both tracks; a click plays from there."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from unicodedata import east_asian_width

from domain.labels import default_name, key_of, names_by_line
from domain.transcript import Segment, Track
from webui.components.units import clock
from webui.i18n import Words

#: How much a snippet says before what was searched for, in letters of the Latin kind.
LEAD_WIDTH = 8
TRACKS: tuple[Track, ...] = ("written", "spoken")


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
    can_change: bool = True,
) -> str:
    """The finished text. Both tracks are there; the style sheet shows those that ``data-track`` asks for.

    ``labels``: what people called those who speak. Where ``can_change``, a click on a name asks for another one, and a
    click on a text lets one write in it.
    """
    rows = _Lines(segments, words, search, labels or {}, can_change)
    named = " named" if any(rows.names) else ""
    whole = "".join(map(rows.line, range(len(segments))))
    return f'<ol class="asr-lines{named}" aria-label="{words.html("segments")}">{whole}</ol>'


def some_lines(
    segments: Sequence[Segment], numbers: Iterable[int], words: Words, *, search: str, labels: Mapping[str, str]
) -> dict[int, str]:
    """Single items of :func:`lines`, by their number."""
    rows = _Lines(segments, words, search, labels, can_change=True)
    return {number: rows.line(number) for number in numbers if 0 <= number < len(segments)}


class _Lines:
    """What the lines of one text share."""

    def __init__(
        self, segments: Sequence[Segment], words: Words, search: str, labels: Mapping[str, str], can_change: bool
    ) -> None:
        self._segments, self._words, self._search, self._can_change = segments, words, search, can_change
        self.names = names_by_line(segments, labels, words.language)
        self._keys = [key_of(segment) for segment in segments]
        self._counts = Counter(self._keys)

    def line(self, number: int) -> str:
        segment, words = self._segments[number], self._words
        position = clock(segment.start_ms)
        both = (segment.text(True) + "\n" + segment.text(False)).lower()
        found = any(word in both for word in search_words(self._search))
        return (
            f'<li data-start="{segment.start_ms}" data-end="{segment.end_ms}"{" data-found" if found else ""}>'
            f'<button type="button" class="asr-clock" data-seek aria-label="'
            f'{words.html("segment_seek", time=position)}">{position}</button>{self._who(number)}'
            f"{self._text(segment, 'written')}{self._text(segment, 'spoken')}"
            f"{_corrected_mark(segment, words) or _suspect_mark(segment, words)}</li>"
        )

    def _who(self, number: int) -> str:
        key, name = self._keys[number], self.names[number]
        if not (key and name and self._can_change):
            return _said_by(name)
        return _who(number, key, name, self._counts[key], self._words)

    def _text(self, segment: Segment, track: Track) -> str:
        text = segment.text(itn=track == "written")
        edit = ' tabindex="0" data-edit' if self._can_change else ""
        nothing = "" if text else f' data-nothing="{self._words.html("line_says_nothing")}"'
        return f'<span class="asr-text {track}"{edit}{nothing}>{marked(text, self._search)}</span>'


def _said_by(name: str) -> str:
    return f'<span class="asr-who">{escape(name)}</span>' if name else ""


def _who(line: int, key: str, name: str, count: int, words: Words) -> str:
    """Who speaks, as a button that asks for another name."""
    usual = escape(default_name(key, words.language))
    return (
        f'<button type="button" class="asr-who" data-event="rename" data-line="{line}" data-name="{escape(name)}" '
        f'data-usual="{usual}" data-count="{count}" title="{words.html("who_rename")}">{escape(name)}</button>'
    )


def _corrected_mark(segment: Segment, words: Words) -> str:
    """已修改, what had been recognised on the track that is shown, and the way back to it."""
    if segment.corrected_text is None:
        return ""
    texts = [(track, segment.recognised_text(itn=track == "written")) for track in TRACKS]
    was = "".join(f'<span class="was {track}">{words.html("corrected_was", text=text)}</span>' for track, text in texts)
    return (
        f'<span class="asr-corrected"><b>{words.html("corrected")}</b>{was}'
        f'<button type="button" class="asr-link" data-restore title="{words.html("corrected_restore_title")}">'
        f"{words.html('corrected_restore')}</button></span>"
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
