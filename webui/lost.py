"""Addresses that lead nowhere: people get a small page with a way home, programs the usual error."""

from html import escape

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount

from domain.errors import NotFound
from webui.errors import answer
from webui.i18n import LANGUAGE_TAGS, LANGUAGES, Catalogue

#: Gradio's own scripts read its answers under these.
_OF_GRADIO = ("/gradio_api/",)
_STYLE = (
    ":root{color-scheme:light dark}body{font:1.1rem/1.6 system-ui,sans-serif;max-width:34rem;margin:18vh auto 0;"
    "padding:0 1.5rem}h1{font-size:1.5rem;margin:0}p{margin:.3rem 0 1.6rem}a{color:light-dark(#0f6f64,#58b8ab)}"
)


def answer_unknown_addresses(app: FastAPI, catalogue: Catalogue) -> None:
    """Replaces what the pages, mounted last, answer where there is none."""
    page = _page(catalogue)

    async def lost(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        if path.startswith(_OF_GRADIO):
            return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(page.format(home=escape(f"{request.scope.get('root_path', '')}/")), 404)
        return answer(path, NotFound(f"there is no {path[:100]} here"))

    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.add_exception_handler(404, lost)


def _page(catalogue: Catalogue) -> str:
    """In both languages: who is lost may have come with any. One placeholder: ``home``."""
    parts = "".join(
        f'<section lang="{LANGUAGE_TAGS[language]}"><h1>{escape(catalogue.text(language, "lost_title"))}</h1>'
        f"<p>{escape(catalogue.text(language, 'lost_text'))} "
        f'<a href="{{home}}">{escape(catalogue.text(language, "lost_home"))}</a></p></section>'
        for language in LANGUAGES
    )
    title = escape(" · ".join(catalogue.text(language, "lost_title") for language in LANGUAGES))
    style = _STYLE.replace("{", "{{").replace("}", "}}")
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}</style></head><body>{parts}</body></html>"
    )
