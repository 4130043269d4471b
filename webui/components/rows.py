"""Rows of the history, as a list and as 最近 5 条."""

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from domain.access import Visitor
from domain.labels import plain_text
from domain.recognition import CacheOutcome, Recognition, Status
from webui.components.badge import cache_badge, status_mark
from webui.components.details import moment
from webui.components.origin import recording_name, source_badge, user_mark
from webui.components.retention import held_mark
from webui.components.transcript import marked, search_words, snippet
from webui.components.units import length_clock, length_text
from webui.components.versions import version_mark
from webui.i18n import Words
from webui.sentences import sentence

#: The warnings that a list tells too: the text may lack what was said.
DAMAGES = ("truncated", "damaged")


def recent_view(rows: Sequence[Recognition], words: Words, *, limit: int = 5) -> str:
    """最近: the last few, leading to the history. What the cache answered again and again is one line."""
    if not rows:
        return ""
    groups: list[list[Recognition]] = []
    for row in rows:
        if groups and _same_hit(groups[-1][0], row):
            groups[-1].append(row)
        else:
            groups.append([row])
    items = "".join(f"<li>{_link(group[0], words, '', times=len(group))}</li>" for group in groups[:limit])
    return (
        f'<section class="asr-recent"><header><h2>{words.html("recent_title")}</h2>'
        f'<a href="./history">{words.html("recent_all")}</a></header><ul class="asr-rows">{items}</ul></section>'
    )


def _same_hit(newer: Recognition, older: Recognition) -> bool:
    """Whether both are answers from the cache to the same question."""
    # Not the segments, of which a long recording has thousands: their text, which comes last.
    alike = ("cache", "user", "filename", "model", "fingerprint", "options", "audio", "labels", "text")
    return newer.cache is CacheOutcome.HIT and all(getattr(newer, name) == getattr(older, name) for name in alike)


def history_rows(rows: Sequence[Recognition], words: Words, *, search: str = "", viewer: Visitor | None = None) -> str:
    """List items with a checkbox each; a click opens the row. ``viewer`` is told whose each is, if it may know."""
    return "".join(_item(row, words, search, viewer) for row in rows)


def waiting_rows() -> str:
    """In the place of the rows until they come: their outlines."""
    return '<li class="asr-waiting" aria-hidden="true"><i></i><i></i></li>' * 3


def empty_view(words: Words, *, filtered: bool) -> str:
    """还没有记录 → 去识别, or that nothing matches."""
    if filtered:
        return f'<p class="asr-empty">{words.html("history_none_found")}</p>'
    return (
        f'<p class="asr-empty">{words.html("history_empty")} <a class="asr-go" href="./">'
        f"{words.html('history_go')} →</a></p>"
    )


def _item(row: Recognition, words: Words, search: str, viewer: Visitor | None) -> str:
    name = recording_name(row.filename, words)
    event = f' data-event="open" data-id="{escape(row.id)}"'
    origin = f'<span class="from">{source_badge(row, words)}{user_mark(row, words, viewer)}</span>'
    return (
        f'<li><input type="checkbox" data-select="{escape(row.id)}" data-name="{escape(name)}" '
        f'aria-label="{words.html("history_select", filename=name)}">'
        f"{_link(row, words, search, event=event, origin=origin)}</li>"
    )


def _link(row: Recognition, words: Words, search: str, *, event: str = "", origin: str = "", times: int = 1) -> str:
    name = marked(recording_name(row.filename, words), search)
    return (
        f'<a class="asr-row" href="./history?r={quote(row.id)}"{event}>'
        f'<span class="when">{moment(row.created_at.isoformat())}{origin}</span>'
        f'<span class="what"><b>{held_mark(row, words)}{name}</b>'
        f"<span>{_damage(row, words)}{_snippet(row, words, search)}</span></span>"
        f"{_length(row.audio.seconds, words)}"
        f'<span class="marks">{_times(times, words)}{version_mark(row, words)}{cache_badge(row, words, short=True)}'
        f"{status_mark(row.status, words)}</span></a>"
    )


def _times(times: int, words: Words) -> str:
    if times == 1:
        return ""
    return f'<span class="asr-times" title="{words.html("recent_times_title", count=times)}">×{times}</span>'


def _length(seconds: float, words: Words) -> str:
    if not seconds:
        return '<span class="long"></span>'
    title = words.html("length_title", length=length_clock(seconds))
    return f'<span class="long" title="{title}">{escape(length_text(seconds, words))}</span>'


def _damage(row: Recognition, words: Words) -> str:
    """That the file was not whole, before the text that came of it."""
    marks = (
        f'<i class="asr-damage" title="{words.html(f"warning_{name}")}">{words.html(f"file_{name}")}</i> '
        for name in DAMAGES
        if name in row.transcript.warnings
    )
    return "".join(marks)


def _snippet(row: Recognition, words: Words, search: str) -> str:
    if row.error and not row.text:
        return escape(snippet(sentence(row.error, words.language, catalogue=words.catalogue), ""))
    if not row.text and row.status is Status.SUCCEEDED:
        return words.html("row_no_speech")
    text = _said(row, row.options.itn, words)
    words_sought = search_words(search)
    if words_sought and not any(word in text.lower() for word in words_sought):
        other = _said(row, False, words)
        text = other if any(word in other.lower() for word in words_sought) else text
    return marked(snippet(text, search), search)


def _said(row: Recognition, is_written: bool, words: Words) -> str:
    track = "written" if is_written else "spoken"
    return plain_text(row.transcript.segments, row.labels, track, words.language).replace("\n", " ")
