"""The shell's top line: name, pages, model, 中/EN. Static, in both languages; the style sheet shows one."""

from html import escape

from webui.i18n import Catalogue, Words, bilingual

#: Address and sentence of each page, in order.
PAGES = (("", "page_recognise"), ("history", "page_history"), ("nodes", "page_nodes"))


def header_view(catalogue: Catalogue, current: str) -> str:
    """The line for the page at the address ``current`` ("" is the first)."""
    here = ' aria-current="page"'
    links = "".join(
        f'<a href="./{path}"{here if path == current else ""}>{bilingual(catalogue, key)}</a>' for path, key in PAGES
    )
    return (
        f'<header class="asr-header"><a class="asr-brand" href="./"><i aria-hidden="true"></i>'
        f"{bilingual(catalogue, 'app_name')}</a><nav>{links}</nav>"
        '<button type="button" class="asr-language" data-language-toggle '
        f'aria-label="{escape(catalogue.text("zh", "shell_language"))} / '
        f'{escape(catalogue.text("en", "shell_language"))}"><span>中</span>/<span>EN</span></button></header>'
    )


def model_chip(model: str | None, *, is_demo: bool, state: str, words: Words) -> str:
    """Which model answers, or why none does."""
    if state == "down":
        text = words("shell_no_node")
    elif state == "loading" or model is None:
        text = words("shell_model_loading")
    else:
        text = words("demo_model") if is_demo else model
    title = words.html("shell_model", model=model) if model else ""
    return f'<a class="asr-chip {escape(state)}" href="./nodes" title="{title}"><i></i>{escape(text)}</a>'
