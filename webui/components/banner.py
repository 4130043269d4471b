"""The banner of the demo model: what it is for, and the way to the real one."""

from html import escape

from domain.sizes import size_text
from services.model_download import DownloadState
from webui.i18n import Words


def demo_banner(state: DownloadState, words: Words, *, is_admin: bool) -> str:
    """The banner's HTML, with the download's progress while it runs."""
    return (
        f'<aside class="asr-banner" role="note" data-phase="{state.phase}"><div>{_text(state, words)}</div>'
        f"{_bar(state)}{_buttons(state, words, is_admin)}</aside>"
    )


def _text(state: DownloadState, words: Words) -> str:
    intro = f"<p>{words.html('demo_banner')}</p>"
    if state.phase == "running":
        done = size_text(state.done_bytes)
        if state.total_bytes:
            text = words("demo_progress", done=done, total=size_text(state.total_bytes))
        else:
            text = words("demo_progress_open", done=done)
        return f"{intro}<p>{escape(text)}</p>"
    if state.phase in ("failed", "switching", "done"):
        reason = f'<p class="asr-note">{escape(state.message)}</p>' if state.phase == "failed" and state.message else ""
        return f"{intro}<p>{words.html(f'demo_{state.phase}')}</p>{reason}"
    return intro


def _bar(state: DownloadState) -> str:
    if state.phase != "running" or not state.total_bytes:
        return ""
    percent = min(100.0, 100 * state.done_bytes / state.total_bytes)
    return f'<div class="asr-bar"><i style="width:{percent:.1f}%"></i></div>'


def _buttons(state: DownloadState, words: Words, is_admin: bool) -> str:
    if state.phase in ("unavailable", "switching", "done"):
        return ""
    if not is_admin:
        return f'<p class="asr-note">{words.html("demo_ask_admin")}</p>'
    if state.phase == "running":
        return _button("stop_download", words("demo_stop"))
    if state.done_bytes and state.done_bytes < state.total_bytes:
        return _button("start_download", words("demo_resume"))
    if state.total_bytes:
        return _button("start_download", words("demo_download", size=size_text(state.total_bytes)))
    return _button("start_download", words("demo_download_plain"))


def _button(event: str, text: str) -> str:
    return f'<button type="button" class="asr-button" data-event="{event}">{escape(text)}</button>'
