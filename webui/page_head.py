"""What every page's HTML gets before Gradio starts: the reader's language, the shared scripts, the title.

Gradio inserts its own ``head`` argument only after it has read the browser's language, which is too late for the
中/EN toggle. So the few HTML pages pass through here; everything else does not.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.corrections import MAX_TEXT_CHARS
from domain.labels import MAX_NAME_CHARS, MAX_SPEAKER_NUMBER, default_name
from webui.i18n import LANGUAGE_TAGS, Catalogue, Language, language_of

_ASSETS = Path(__file__).parent / "assets"
#: In this order: the others use what the first of them shares.
_NAMES = (
    "app draw dialogs language naming form result unsaved editing versions "
    "time rows selection export player admin numbers connection"
)
_SCRIPTS = tuple(f"{name}.js" for name in _NAMES.split())
#: Sentences that the scripts show.
_SCRIPT_KEYS = (
    "admin_no_answer",
    "audio_away",
    "audio_gone",
    "cancel",
    "confirm_no",
    "copied",
    "copy_failed",
    "correction_keys",
    "correction_mine",
    "correction_mine_drop",
    "correction_mine_take",
    "correction_unanswered",
    "correction_unsaved",
    "error_access_denied_too_many_attempts",
    "error_access_denied_wrong_token",
    "error_internal_error",
    "error_invalid_options_name_too_long",
    "error_invalid_options_text_too_long",
    "error_low_disk",
    "history_confirm_many",
    "history_confirm_one",
    "history_confirm_version",
    "history_delete",
    "history_kept_this",
    "history_link_copied",
    "history_selected",
    "language_loses",
    "language_switch",
    "language_waits",
    "node_drain",
    "nodes_confirm_drain",
    "number_cut_off",
    "number_default",
    "number_reset",
    "number_slider",
    "number_value",
    "one_file_only",
    "player_download",
    "player_pause",
    "player_play",
    "player_position",
    "player_speed",
    "player_unsupported",
    "retention_confirm",
    "retention_question",
    "retention_release",
    "retention_yes",
    "server_lost",
    "when_today",
    "who_empty",
    "who_everyone",
    "who_merge",
    "who_name_label",
    "who_save",
    "who_swap_names",
    "who_taken",
    "who_taken_speaker",
    "who_this_line",
)
_SIDES = ("channel0", "channel1")
#: Gradio heads its messages with their kind, in English.
_TOASTS = ("toast_error", "toast_info", "toast_warning")
#: Gradio reads the language from ``navigator``; this makes it the one that the server renders in.
_SPEAK = (
    "for (const [name, value] of [['language', asrPage.tag], ['languages', [asrPage.tag]]])"
    " Object.defineProperty(navigator, name, {get: () => value, configurable: true});"
)
#: Gradio's own advertising and its addresses on the internet, for pages that run where there is none.
_ADVERTISING = re.compile(r'<meta\s+(?:property|name)="(?:og|twitter):[^>]*?/>\s*', re.DOTALL)
_HTML_TAG = re.compile(r"<html\s+lang=\"[^\"]*\"")


class PageHead:
    """ASGI middleware around the app: changes the HTML of ``pages``, nothing else.

    ``pages``: path → key of the page's name. ``upload_limits``: what the upload field says that it takes.
    ``is_admin``: whether a request is an administrator's, so that what is theirs is there from the first moment.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        catalogue: Catalogue,
        pages: Mapping[str, str],
        default_language: str,
        upload_limits: Mapping[Language, str],
        is_admin: Callable[[Request], bool],
    ) -> None:
        self._app = app
        self._pages = pages
        self._upload_limits = upload_limits
        self._catalogue = catalogue
        self._default_language = default_language
        self._is_admin = is_admin
        self._scripts = "".join(
            f"<script>{(_ASSETS / name).read_text(encoding='utf-8')}</script>\n" for name in _SCRIPTS
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] != "GET" or _path(scope) not in self._pages:
            await self._app(scope, receive, send)
            return
        language = language_of(Request(scope), self._default_language)
        is_admin = self._is_admin(Request(scope))
        held: list[Message] = []
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                held.append(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                rewrite = partial(self.rewrite, language=language, path=_path(scope), is_admin=is_admin)
                await self._send(held[0], bytes(body), rewrite, send)

        await self._app(scope, receive, collect)

    async def _send(self, start: Message, body: bytes, rewrite: Callable[[str], str], send: Send) -> None:
        if "text/html" in Headers(raw=start["headers"]).get("content-type", ""):
            body = rewrite(body.decode("utf-8")).encode("utf-8")
            headers = MutableHeaders(raw=start["headers"])
            headers["content-length"] = str(len(body))
            headers["cache-control"] = "no-cache"
            headers.add_vary_header("Cookie, Accept-Language")
            start = {**start, "headers": headers.raw}
        await send(start)
        await send({"type": "http.response.body", "body": body})

    def rewrite(self, html: str, language: Language, path: str, is_admin: bool) -> str:
        """The HTML of the page at ``path`` for a reader of this language."""
        tag, title = LANGUAGE_TAGS[language], self._title(language, path)
        label, limits = self._catalogue.text(language, "upload_label"), self._upload_limits[language]
        page = {
            "language": language,
            "tag": tag,
            "title": title,
            "longest_name": MAX_NAME_CHARS,
            "longest_text": MAX_TEXT_CHARS,
            "sides": [default_name(key, language) for key in _SIDES],
            "usual_names": _usual_names(language),
            "upload": self._catalogue.text(language, "upload_name", label=label, limits=limits),
            "texts": self._catalogue.some(language, _SCRIPT_KEYS),
        }
        data = json.dumps(page, ensure_ascii=False).replace("</", "<\\/")
        contents = {"upload-label": label, "upload-limits": limits} | {
            key.replace("_", "-"): self._catalogue.text(language, key)
            for key in ("uploading", "no_trace_label", *_TOASTS)
        }
        head = (
            f"<title>{escape(title)}</title>\n"
            f"<style>:root {{ {_properties(contents)} }}</style>\n"
            f"<script>window.asrPage = {data}; {_SPEAK}</script>\n{self._scripts}"
        )
        html = _ADVERTISING.sub("", html)
        admin = " data-admin" if is_admin else ""
        html = _HTML_TAG.sub(f'<html lang="{tag}" data-lang="{language}"{admin}', html, count=1)
        return html.replace("<head>", f"<head>\n{head}", 1)

    def _title(self, language: Language, path: str) -> str:
        name = self._catalogue.text(language, "app_name")
        return name if path == "/" else f"{self._catalogue.text(language, self._pages[path])} · {name}"


def _usual_names(language: Language) -> dict[str, str]:
    """The usual names of the other language → those of this one, as the server takes them."""
    other: Language = "en" if language == "zh" else "zh"
    keys = [*_SIDES, *(f"speaker{number}" for number in range(1, MAX_SPEAKER_NUMBER + 1))]
    return {default_name(key, other): default_name(key, language) for key in keys}


def _properties(contents: Mapping[str, str]) -> str:
    """CSS properties ``--asr-…`` for text that the style sheet puts in the place of Gradio's English."""
    texts = {name: json.dumps(text, ensure_ascii=False).replace("<", "\\3c ") for name, text in contents.items()}
    return " ".join(f"--asr-{name}: {text};" for name, text in texts.items())


def _path(scope: Scope) -> str:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return path.rstrip("/") or "/"
