"""What every page's HTML gets before Gradio starts: the reader's language, the shared scripts, the title.

Gradio inserts its own ``head`` argument only after it has read the browser's language, which is too late for the
中/EN toggle. So the few HTML pages pass through here; everything else does not.
"""

import json
import re
from collections.abc import Collection
from html import escape
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.i18n import LANGUAGE_TAGS, Catalogue, Language, language_of

_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("app.js", "player.js", "admin.js")
#: Sentences that the scripts show.
_SCRIPT_KEYS = (
    "admin_no_answer",
    "confirm_no",
    "copied",
    "copy_failed",
    "error_access_denied_too_many_attempts",
    "error_access_denied_wrong_token",
    "error_internal_error",
    "history_confirm_many",
    "history_confirm_one",
    "history_delete",
    "history_selected",
    "one_file_only",
    "player_download",
    "player_pause",
    "player_play",
    "player_position",
    "player_speed",
    "player_unsupported",
)
#: Gradio reads the language from ``navigator``; this makes it the one that the server renders in.
_SPEAK = (
    "for (const [name, value] of [['language', asrPage.tag], ['languages', [asrPage.tag]]])"
    " Object.defineProperty(navigator, name, {get: () => value, configurable: true});"
)
#: Gradio's own advertising and its addresses on the internet, for pages that run where there is none.
_ADVERTISING = re.compile(r'<meta\s+(?:property|name)="(?:og|twitter):[^>]*?/>\s*', re.DOTALL)
_HTML_TAG = re.compile(r"<html\s+lang=\"[^\"]*\"")


class PageHead:
    """ASGI middleware around the app: changes the HTML of ``pages`` (paths), nothing else."""

    def __init__(self, app: ASGIApp, *, catalogue: Catalogue, pages: Collection[str], default_language: str) -> None:
        self._app = app
        self._pages = frozenset(pages)
        self._catalogue = catalogue
        self._default_language = default_language
        self._scripts = "".join(
            f"<script>{(_ASSETS / name).read_text(encoding='utf-8')}</script>\n" for name in _SCRIPTS
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] != "GET" or _path(scope) not in self._pages:
            await self._app(scope, receive, send)
            return
        language = language_of(Request(scope), self._default_language)
        held: list[Message] = []
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                held.append(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                await self._send(held[0], bytes(body), language, send)

        await self._app(scope, receive, collect)

    async def _send(self, start: Message, body: bytes, language: Language, send: Send) -> None:
        if "text/html" in Headers(raw=start["headers"]).get("content-type", ""):
            body = self.rewrite(body.decode("utf-8"), language).encode("utf-8")
            headers = MutableHeaders(raw=start["headers"])
            headers["content-length"] = str(len(body))
            headers["cache-control"] = "no-cache"
            headers.add_vary_header("Cookie, Accept-Language")
            start = {**start, "headers": headers.raw}
        await send(start)
        await send({"type": "http.response.body", "body": body})

    def rewrite(self, html: str, language: Language) -> str:
        """The page's HTML for a reader of this language."""
        tag = LANGUAGE_TAGS[language]
        page = {"language": language, "tag": tag, "texts": self._catalogue.some(language, _SCRIPT_KEYS)}
        data = json.dumps(page, ensure_ascii=False).replace("</", "<\\/")
        label = json.dumps(self._catalogue.text(language, "upload_label"), ensure_ascii=False)
        head = (
            f"<title>{escape(self._catalogue.text(language, 'app_name'))}</title>\n"
            f"<style>:root {{ --asr-upload-label: {label}; }}</style>\n"
            f"<script>window.asrPage = {data}; {_SPEAK}</script>\n{self._scripts}"
        )
        html = _ADVERTISING.sub("", html)
        html = _HTML_TAG.sub(f'<html lang="{tag}" data-lang="{language}"', html, count=1)
        return html.replace("<head>", f"<head>\n{head}", 1)


def _path(scope: Scope) -> str:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return path.rstrip("/") or "/"
