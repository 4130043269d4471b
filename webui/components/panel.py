"""The panel at the foot of a page that tells of long work: what it does, how far it is, and the way to end it."""

from webui.i18n import Words


def panel(body: str, buttons: str, *, kind: str = "") -> str:
    """``body`` and ``buttons`` are HTML."""
    return (
        f'<section class="asr-export{kind}"><div>{body}</div><div class="asr-export-buttons">{buttons}</div></section>'
    )


def panel_button(event: str, key: str, words: Words) -> str:
    """A button that is the event ``event``."""
    return f'<button type="button" class="asr-button quiet" data-event="{event}">{words.html(key)}</button>'


def bar(done: int, total: int | None) -> str:
    """How much of it is done; moving where nobody knows of how much."""
    if not total:
        return '<div class="asr-bar unknown"><i></i></div>'
    return f'<div class="asr-bar"><i style="width:{min(100.0, 100 * done / total):.1f}%"></i></div>'
