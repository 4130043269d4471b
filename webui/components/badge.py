"""How the answer came (新识别 · 缓存命中 · 共享结果) and how the work stands, as small marks."""

from datetime import datetime
from html import escape

from domain.recognition import CacheOutcome, Recognition, Status
from webui.components.units import age_text, duration_text
from webui.i18n import Words


def cache_badge(row: Recognition, words: Words, *, short: bool = False, now: datetime | None = None) -> str:
    """The badge with its time: 新识别 · 2.4 秒, 缓存命中 · 3 天前 · 3 毫秒; nothing while there is no outcome.

    ``short`` leaves the times out (lists).
    """
    if row.cache is None:
        return ""
    parts = [words(f"badge_{row.cache.value}")]
    if not short:
        age = age_text(row.cached_at, words, now=now) if row.cached_at and row.cache is CacheOutcome.HIT else None
        took = duration_text(row.elapsed_ms / 1000, words) if row.elapsed_ms is not None else None
        parts += [part for part in (age, took) if part]
    title = words.html(f"badge_{row.cache.value}_title")
    return (
        f'<span class="asr-badge {row.cache.value}" data-badge="{row.cache.value}" title="{title}">'
        f"{escape(' · '.join(parts))}</span>"
    )


def status_mark(status: Status, words: Words) -> str:
    """The state in a word; a finished recognition needs none."""
    if status is Status.SUCCEEDED:
        return ""
    return f'<span class="asr-status {status.value}">{words.html(f"status_{status.value}")}</span>'
