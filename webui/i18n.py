"""The sentences of the pages in Chinese and English: one catalogue, ``webui/locales/{zh,en}.json``."""

import json
import string
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any, Literal, Protocol

import gradio as gr
from gradio.i18n import I18nData

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
#: What browsers call them.
LANGUAGE_TAGS: dict[Language, str] = {"zh": "zh-CN", "en": "en"}
#: Set by the 中/EN toggle; wins over the browser's language.
LANGUAGE_COOKIE = "asr_lang"

_FOLDER = Path(__file__).parent / "locales"


class HasHeaders(Protocol):
    """What a Gradio and a FastAPI request have in common."""

    @property
    def headers(self) -> Any:
        """Request headers, by lower-case name."""
        ...

    @property
    def cookies(self) -> Any:
        """Cookies, by name."""
        ...


class Catalogue:
    """Every sentence in both languages, by key."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._texts: dict[Language, dict[str, str]] = {
            language: json.loads((folder / f"{language}.json").read_text(encoding="utf-8")) for language in LANGUAGES
        }

    def keys(self, language: Language) -> set[str]:
        """The keys that this language has."""
        return set(self._texts[language])

    def has(self, key: str) -> bool:
        """Whether there is a sentence of this name."""
        return key in self._texts["en"]

    def text(self, language: Language, key: str, **values: Any) -> str:
        """The sentence with its values filled in, as plain text: escape it before it goes into HTML."""
        return self._texts[language][key].format(**values)

    def placeholders(self, language: Language, key: str) -> set[str]:
        """Names of the values that the sentence takes."""
        return {name for _, name, _, _ in string.Formatter().parse(self._texts[language][key]) if name}

    def some(self, language: Language, keys: Iterable[str]) -> dict[str, str]:
        """Sentences for the page's own scripts, placeholders kept."""
        return {key: self._texts[language][key] for key in keys}

    def for_browser(self) -> gr.I18n:
        """The sentences without values, for Gradio's own translation in the browser."""
        fixed = {
            language: {key: text for key, text in texts.items() if "{" not in text}
            for language, texts in self._texts.items()
        }
        return gr.I18n(**{"zh": fixed["zh"], "zh-CN": fixed["zh"], "en": fixed["en"]})


class Words:
    """The catalogue in one reader's language: ``words("start")``, ``words.html("start")``."""

    def __init__(self, catalogue: Catalogue, language: Language) -> None:
        self.catalogue = catalogue
        self.language: Language = language

    def __call__(self, key: str, **values: Any) -> str:
        """Plain text."""
        return self.catalogue.text(self.language, key, **values)

    def html(self, key: str, **values: Any) -> str:
        """The same, escaped for HTML (text and attributes)."""
        return escape(self(key, **values))


def label(key: str) -> I18nData:
    """A label that the browser translates (Gradio components' labels, placeholders, button texts)."""
    return I18nData(key)


def bilingual(catalogue: Catalogue, key: str) -> str:
    """HTML that holds the sentence in both languages; the style sheet shows the reader's."""
    return "".join(
        f'<span class="only-{language}">{escape(catalogue.text(language, key))}</span>' for language in LANGUAGES
    )


def language_of(request: HasHeaders | None, default: str = "auto") -> Language:
    """The reader's language: the toggle's cookie, else the server's setting, else the browser's wish, else English."""
    if request is None:
        return "zh" if default == "zh" else "en"
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    if default in LANGUAGES:
        return default  # pyright: ignore[reportReturnType]
    return _wished(str(request.headers.get("accept-language") or ""))


def _wished(accept_language: str) -> Language:
    """The first language that we have, in order of the browser's weights (RFC 9110 §12.5.4)."""
    wishes: list[tuple[float, str]] = []
    for item in accept_language.split(","):
        tag, _, weight = item.strip().partition(";q=")
        try:
            wishes.append((float(weight) if weight else 1.0, tag.lower()))
        except ValueError:
            continue
    for _, tag in sorted(wishes, key=lambda wish: -wish[0]):
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return "en"
