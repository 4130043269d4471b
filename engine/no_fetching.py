"""Gradio fetches what a caller names by address. A node takes uploads only, and calls nobody."""

import re
from typing import Any

import gradio as gr
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.errors import InvalidInput, NotFound
from engine.node_errors import as_gradio_error

#: A scheme of two letters or more: one letter is a drive.
_ADDRESS = re.compile(r"\s*[a-z][a-z0-9+.-]+:[/\\]", re.IGNORECASE)
#: Routes that fetch for the caller, or run ffmpeg on what comes: nobody who calls a node needs them.
_CLOSED_ROUTES = re.compile(r"(?:/gradio_api)?/(?:proxy=|process_recording|file=\s*[a-z][a-z0-9+.-]+:/)", re.IGNORECASE)


def refuse_addresses(blocks: gr.Blocks) -> None:
    """A file among an event's data whose path is an address ends the event, before anything is fetched."""
    for block in blocks.blocks.values():
        _guard(block)


def check_path(path: object) -> None:
    """Raises :class:`InvalidInput` for what is an address and not a path."""
    if _ADDRESS.match(str(path)):
        raise InvalidInput("a recording is uploaded to the node, not fetched from an address", reason="address")


def _guard(block: Any) -> None:
    # Every file of every input goes this way, those inside of JSON as well; a subclass would be unknown to the page.
    move = block.async_move_resource_to_block_cache

    async def move_uploads_only(path: Any) -> str | None:
        try:
            check_path(path)
        except InvalidInput as error:
            raise as_gradio_error(error) from error
        return await move(path)

    block.async_move_resource_to_block_cache = move_uploads_only


class ClosedRoutes:
    """Answers 404 where Gradio would fetch for the caller."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request through, or not."""
        if scope["type"] == "http" and _CLOSED_ROUTES.match(scope["path"]):
            body: dict[str, Any] = NotFound("There is no such address.").to_json()
            await JSONResponse({"error": body}, 404)(scope, receive, send)
            return
        await self._app(scope, receive, send)
