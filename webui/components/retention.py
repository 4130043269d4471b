"""When a recording goes, or why it is kept; and the way to change that."""

from datetime import datetime
from html import escape

from domain.access import Visitor
from domain.recognition import Recognition, utc_now
from services.retention import Retention
from webui.components.details import moment
from webui.components.origin import person
from webui.i18n import Words


def held_mark(row: Recognition, words: Words) -> str:
    """A small sign in a list: somebody wants it kept."""
    if row.hold is None:
        return ""
    told = words.html("retention_held" if row.audio_key else "retention_held_text", reason=row.hold.reason)
    return f'<i class="asr-held" role="img" title="{told}" aria-label="{told}"></i>'


def retention_view(
    row: Recognition,
    words: Words,
    retention: Retention,
    *,
    viewer: Visitor | None = None,
    now: datetime | None = None,
) -> str:
    """音频将于 3 天后删除 [保留…], or 录音已保留：客户投诉 [解除保留]; empty where there is nothing to keep."""
    if not row.status.is_final or (row.audio_key is None and row.hold is None):
        return ""
    content = _held(row, words, viewer) if row.hold else _expires(row, words, retention, now or utc_now())
    return f'<p class="asr-retention" data-id="{escape(row.id)}">{content}</p>'


def _held(row: Recognition, words: Words, viewer: Visitor | None) -> str:
    assert row.hold
    key = "retention_held" if row.audio_key else "retention_held_text"
    who = escape(person(row.hold.user, words, viewer))
    return (
        f"<span>{words.html(key, reason=row.hold.reason)}</span>"
        f"<span>{who} {moment(row.hold.at.isoformat(), full=True)}</span>"
        f'<button type="button" class="asr-link" data-event="release" data-id="{escape(row.id)}" '
        f'data-confirm="retention_confirm" data-confirm-yes="retention_release">'
        f"{words.html('retention_release')}</button>"
    )


def _expires(row: Recognition, words: Words, retention: Retention, now: datetime) -> str:
    expires_at = retention.audio_expires_at(row)
    when = f"<span>{escape(_when((expires_at - now).total_seconds(), words))}</span>" if expires_at else ""
    return (
        f'{when}<button type="button" class="asr-link" data-event="hold" data-id="{escape(row.id)}" '
        f'data-ask="retention_question">{words.html("retention_hold")}</button>'
    )


def _when(seconds: float, words: Words) -> str:
    # Whole ones only: it is never kept for less than what is said.
    if seconds < 60:
        return words("retention_soon")
    if seconds < 2 * 3600:
        left = words("minutes", value=int(seconds // 60))
    elif seconds < 2 * 86400:
        left = words("hours", value=int(seconds // 3600))
    else:
        left = words("whole_days", value=int(seconds // 86400))
    return words("retention_expires", duration=left)
