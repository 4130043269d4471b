"""导出: the choice of a format, how far it is, and the file."""

from html import escape
from urllib.parse import quote

from services.exports import MANY_FORMATS, ExportProgress
from webui.components.details import moment
from webui.components.panel import bar, panel, panel_button
from webui.i18n import Catalogue, Words, bilingual


def export_menu(catalogue: Catalogue, key: str) -> str:
    """A menu of the formats in both languages, called by the sentence ``key``; a choice is the event ``export``."""
    items = "".join(
        f'<a role="menuitem" href="#" data-event="export" data-format="{name}">'
        f"{bilingual(catalogue, f'export_{name}')}</a>"
        for name in MANY_FORMATS
    )
    return (
        f'<details class="asr-menu asr-export-menu"><summary class="asr-button">{bilingual(catalogue, key)}</summary>'
        f'<div role="menu">{items}</div></details>'
    )


def running_view(progress: ExportProgress, words: Words) -> str:
    """How far it is, and 取消."""
    if progress.total:
        text = words.html("export_running_of", done=f"{progress.done:,}", total=f"{progress.total:,}")
    else:
        text = words.html("export_running", done=f"{progress.done:,}")
    if progress.reached and not progress.total:
        date = moment(progress.reached.isoformat(), full=True)
        text = f"{text} · {words.html('export_reached', date='{}').replace('{}', date)}"
    return panel(
        f'<p role="status">{text}</p>{bar(progress.done, progress.total)}', panel_button("stop", "cancel", words)
    )


def ready_view(progress: ExportProgress, token: str, filename: str, words: Words) -> str:
    """The file: the browser fetches it by itself, and again by the button."""
    left_out = [
        words.html(key, count=f"{count:,}")
        for key, count in (("export_without_text", progress.without_text), ("export_gone", progress.gone))
        if count
    ]
    url = f"./v1/exports/{quote(token)}"
    text = " ".join([words.html("export_done", done=f"{progress.done:,}"), *left_out])
    link = f'<a class="asr-button" href="{url}" download="{escape(filename)}">{words.html("export_save")}</a>'
    buttons = f'<asr-save file="{url}">{link}</asr-save>{panel_button("stop", "export_close", words)}'
    return panel(f'<p role="status">{text}</p>', buttons)


def failed_view(sentence: str, words: Words) -> str:
    """Why there is no file, as plain text."""
    return panel(f'<p role="alert">{escape(sentence)}</p>', panel_button("stop", "export_close", words), kind=" failed")
