"""The banner of the demo model: what it is for, and the way to the real one."""

from html import escape

from domain.sizes import size_text
from services.model_download import DownloadState
from webui.i18n import Words

#: The reasons of a failure that have a sentence.
FAILURES = (
    "hub_unreachable",
    "hub_answer",
    "disk_full",
    "not_writable",
    "damaged",
    "already_running",
    "not_switched",
)


def demo_banner(state: DownloadState, words: Words, *, is_admin: bool) -> str:
    """The banner's HTML, with the download's progress while it runs."""
    return (
        f'<aside class="asr-banner" role="note" data-phase="{state.phase}"><div>{_text(state, words, is_admin)}</div>'
        f"{_bar(state)}{_buttons(state, words, is_admin)}</aside>"
    )


def _text(state: DownloadState, words: Words, is_admin: bool) -> str:
    intro = f"<p>{words.html('demo_banner')}</p>"
    if state.phase == "running":
        done = size_text(state.done_bytes)
        if state.total_bytes:
            text = words("demo_progress", done=done, total=size_text(state.total_bytes))
        else:
            text = words("demo_progress_open", done=done)
        return f"{intro}<p>{escape(text)}</p>"
    if state.phase in ("switching", "done"):
        return f"{intro}<p>{words.html(f'demo_{state.phase}')}</p>"
    return f"{intro}{_failure(state, words)}" if state.phase == "failed" and is_admin else intro


def _failure(state: DownloadState, words: Words) -> str:
    """Why, for those who can do something about it; the program's own words lie behind, or follow an unknown reason."""
    if state.reason in FAILURES:
        text, title = words.html(f"demo_failed_{state.reason}"), f' title="{escape(state.message)}"'
    else:
        text, title = words.html("demo_failed", reason=state.message), ""
    kept = words.html("demo_kept", size=size_text(state.done_bytes)) if _is_partial(state) else ""
    return f'<p class="asr-problem" role="alert"{title}>{text} {kept}</p>'


def _is_partial(state: DownloadState) -> bool:
    return 0 < state.done_bytes < state.total_bytes


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
    dismiss = _button("dismiss_download", words("demo_dismiss"), " quiet") if state.phase == "failed" else ""
    return f'<div class="asr-banner-buttons">{dismiss}{_button("start_download", _start(state, words))}</div>'


def _start(state: DownloadState, words: Words) -> str:
    if _is_partial(state):
        return words("demo_resume")
    return (
        words("demo_download", size=size_text(state.total_bytes)) if state.total_bytes else words("demo_download_plain")
    )


def _button(event: str, text: str, kind: str = "") -> str:
    return f'<button type="button" class="asr-button{kind}" data-event="{event}">{escape(text)}</button>'
