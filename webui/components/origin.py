"""Where a recording came from: its name, the door it came through, and whose it is."""

from html import escape

from domain.access import Visitor
from domain.recognition import Recognition
from services.filenames import UNNAMED
from webui.i18n import Words

#: Enough of a visitor's mark to tell two apart.
_MARK_CHARS = 4


def recording_name(filename: str, words: Words) -> str:
    """The name to show, as plain text; 未命名录音 for a recording that was sent without one."""
    return words("unnamed_recording") if filename == UNNAMED else filename


def source_badge(row: Recognition, words: Words) -> str:
    """网页, 命令行, 接口 …: through which door it came."""
    return (
        f'<span class="asr-source" data-source="{row.source.value}" title="{words.html("source_title")}">'
        f"{words.html(f'source_{row.source.value}')}</span>"
    )


def user_mark(row: Recognition, words: Words, viewer: Visitor | None) -> str:
    """Whose it is, for administrators; nobody else sees what is another's."""
    if viewer is None or not viewer.is_admin:
        return ""
    name = words("user_me") if row.user == viewer.user else user_name(row.user, words)
    return f'<span class="asr-user" title="{words.html("user_title", user=row.user)}">{escape(name)}</span>'


def person(user: str, words: Words, viewer: Visitor | None) -> str:
    """Who did something to a row. A person sees administrators as such: whose other rows are is nobody's business."""
    if viewer is None or user == viewer.user:
        return words("user_me")
    return user_name(user, words) if viewer.is_admin else words("user_admin")


def user_name(user: str, words: Words) -> str:
    """A user as people would say it: the holder of an API key by its name, a visitor by the first of its mark."""
    kind, _, mark = user.partition(":")
    if kind == "api" and mark:
        return mark
    if kind in ("visitor", "address") and mark:
        return words("user_visitor", mark=mark[:_MARK_CHARS])
    return words("user_local") if user == "local" else user
