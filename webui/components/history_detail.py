"""One row of the history, opened."""

from collections.abc import Mapping, Sequence
from html import escape

from domain.access import Visitor
from domain.presets import Capabilities
from domain.recognition import Recognition
from services.retention import Retention
from webui.components.again_form import again_form
from webui.components.details import moment
from webui.components.origin import recording_name, source_badge, user_mark
from webui.components.progress import progress_view
from webui.components.result import Shown, error_view, result_view
from webui.components.retention import retention_view
from webui.components.units import length_text
from webui.components.versions import version_mark, versions_view
from webui.i18n import Words


def detail_view(
    row: Recognition,
    words: Words,
    *,
    search: str = "",
    shown: Shown | None = None,
    viewer: Visitor | None = None,
    retention: Retention | None = None,
    versions: Sequence[Recognition] = (),
    offered: Mapping[str, Capabilities] | None = None,
) -> str:
    """Title (it stays in sight), how long it is kept, what the 识别 page shows of it, and its ``versions``.

    ``offered``: what 重新识别 may ask of each model.
    """
    kept = retention_view(row, words, retention, viewer=viewer) if retention else ""
    body = result_view(row, words, shown=shown, search=search) if row.status.is_final else progress_view(row, words)
    return (
        f'<article class="asr-detail"><header>{_back(words)}<h1>{escape(recording_name(row.filename, words))}</h1>'
        f"{_end(row, len(versions) > 1, words)}</header>{_origin(row, len(versions), words, viewer)}{kept}"
        # The text comes first. Beside it where there is room.
        f'{body}<div data-slot="versions">{versions_view(row, versions, words, viewer)}</div>'
        f"{again_form(row, offered, words) if offered else ''}</article>"
    )


def _end(row: Recognition, has_others: bool, words: Words) -> str:
    """删除; what still runs is cancelled first. With other versions the recording stays, and the question says so."""
    if not row.status.is_final:
        return f'<button type="button" class="asr-button danger" data-event="cancel">{words.html("cancel")}</button>'
    question = "history_confirm_version" if has_others else "history_confirm_one"
    return (
        f'<button type="button" class="asr-button danger" data-event="remove" data-confirm="{question}" '
        f'data-ids="{escape(row.id)}">{words.html("history_delete")}</button>'
    )


def missing_view(text: str, words: Words) -> str:
    """In the place of a row that cannot be shown: why (plain text), and the way back."""
    return f'<article class="asr-detail"><header>{_back(words)}</header>{error_view(text)}</article>'


def _origin(row: Recognition, versions: int, words: Words, viewer: Visitor | None) -> str:
    """The whole date, the length, the door, and its address, which opens for its submitter and administrators only.

    The way to its ``versions`` below a long text, where they do not stand beside it.
    """
    others = ""
    if versions > 1:
        told = words.html("versions_count", count=versions)
        others = f'<button type="button" class="asr-link" data-to-versions>{told}</button>'
    length = f"<span>{escape(length_text(row.audio.seconds, words))}</span>" if row.audio.seconds else ""
    return (
        f'<p class="asr-origin">{moment(row.created_at.isoformat(), full=True)}{length}'
        f"{version_mark(row, words)}{others}{source_badge(row, words)}{user_mark(row, words, viewer)}"
        f'<button type="button" class="asr-link" data-copy-link="{escape(row.id)}" '
        f'title="{words.html("history_link_title")}">{words.html("history_link")}</button></p>'
    )


def _back(words: Words) -> str:
    return f'<a href="./history" class="asr-back" data-event="back">{words.html("history_back")}</a>'
