"""Rows of the history, as a list and as 最近 5 条."""

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from domain.recognition import Recognition
from webui.components.badge import cache_badge, status_mark
from webui.components.details import moment
from webui.components.transcript import marked, search_words, snippet
from webui.components.units import clock
from webui.i18n import Words
from webui.sentences import sentence


def recent_view(rows: Sequence[Recognition], words: Words) -> str:
    """最近: the last few, leading to the history."""
    if not rows:
        return ""
    items = "".join(f"<li>{_link(row, words, '')}</li>" for row in rows)
    return (
        f'<section class="asr-recent"><header><h2>{words.html("recent_title")}</h2>'
        f'<a href="./history">{words.html("recent_all")}</a></header><ul class="asr-rows">{items}</ul></section>'
    )


def history_rows(rows: Sequence[Recognition], words: Words, *, search: str = "") -> str:
    """List items with a checkbox each; a click opens the row."""
    return "".join(
        f'<li><input type="checkbox" data-select="{escape(row.id)}" data-name="{escape(row.filename)}" '
        f'aria-label="{words.html("history_select", filename=row.filename)}">'
        f"{_link(row, words, search, opens=True)}</li>"
        for row in rows
    )


def empty_view(words: Words, *, filtered: bool) -> str:
    """还没有记录 → 去识别, or that nothing matches."""
    if filtered:
        return f'<p class="asr-empty">{words.html("history_none_found")}</p>'
    return (
        f'<p class="asr-empty">{words.html("history_empty")} <a class="asr-go" href="./">'
        f"{words.html('history_go')} →</a></p>"
    )


def _link(row: Recognition, words: Words, search: str, *, opens: bool = False) -> str:
    seconds = row.audio.seconds
    event = f' data-event="open" data-id="{escape(row.id)}"' if opens else ""
    return (
        f'<a class="asr-row" href="./history?r={quote(row.id)}"{event}>'
        f'<span class="when">{moment(row.created_at.isoformat())}</span>'
        f'<span class="what"><b>{marked(row.filename, search)}</b><span>{_snippet(row, words, search)}</span></span>'
        f'<span class="long">{clock(round(seconds * 1000)) if seconds else ""}</span>'
        f'<span class="marks">{cache_badge(row, words, short=True)}{status_mark(row.status, words)}</span></a>'
    )


def _snippet(row: Recognition, words: Words, search: str) -> str:
    if row.error:
        return escape(snippet(sentence(row.error, words.language, catalogue=words.catalogue), ""))
    text = row.text
    other = row.transcript.raw_text or ""
    words_sought = search_words(search)
    if not any(word in text.lower() for word in words_sought) and any(word in other.lower() for word in words_sought):
        text = other
    return marked(snippet(text, search), search)
