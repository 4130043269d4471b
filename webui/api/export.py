"""``/v1/recognitions/export``: many recordings as one file; ``/v1/exports``: the files that a page had made."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from domain.errors import InvalidInput
from domain.labels import Language
from domain.transcript import Track
from services.exports import MANY_FORMATS, Export, ManyFormat, Wanted
from services.history import history_query
from services.zones import zone_of
from webui.api.context import Api
from webui.api.fields import Fields, query_fields
from webui.api.history_filters import FILTER_FIELDS, filters_from
from webui.api.media import attachment
from webui.api.uploads import read_json

_FIELDS = ("format", "ids", "track", "language", "timezone", "zip", *FILTER_FIELDS)
#: Ten thousand ids.
_MAX_BODY_BYTES = 1024 * 1024
_HEADERS = {"cache-control": "private, no-store"}


def export_routes(api: Api) -> APIRouter:
    """The routes. They come before those of one recognition, whose id may be any word."""
    router = APIRouter(tags=["export"])
    exports, files = api.services.exports, api.services.export_files

    async def streamed(request: Request, fields: Fields) -> Response:
        return _Streamed(await exports.open(_wanted(fields, api, request)))

    @router.get("/v1/recognitions/export")
    async def by_query(request: Request) -> Response:
        return await streamed(request, query_fields(request))

    @router.post("/v1/recognitions/export")
    async def by_body(request: Request) -> Response:
        body = await read_json(request, api.config, max_bytes=_MAX_BODY_BYTES)
        if not isinstance(body, dict):
            raise InvalidInput('a JSON object is expected: {"format": "xlsx", "ids": ["…"]}', reason="not_json")
        fields = query_fields(request)
        for name, value in cast("dict[str, Any]", body).items():
            for item in cast("list[Any]", value) if isinstance(value, list) else [value]:
                fields.add(name, item)
        return await streamed(request, fields)

    @router.get("/v1/exports/{token}")
    async def fetch(request: Request, token: str) -> Response:
        ready = files.get(token, visitor=api.visitor(request))
        headers = {**_HEADERS, "content-disposition": attachment(ready.filename)}
        return FileResponse(ready.path, media_type=ready.media_type, headers=headers)

    return router


class _Streamed(StreamingResponse):
    """The file as it is made. A failure on the way breaks the connection, so that nobody takes it for all."""

    def __init__(self, export: Export) -> None:
        # Nothing on the way shall hold back what is there.
        headers = {**_HEADERS, "content-disposition": attachment(export.filename), "x-accel-buffering": "no"}
        super().__init__(_not_empty(export.chunks), media_type=export.media_type, headers=headers)
        self._export = export

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        async with aclosing(self._export.chunks):
            await super().__call__(scope, receive, send)


async def _not_empty(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async for chunk in chunks:
        if chunk:
            yield chunk


def _wanted(fields: Fields, api: Api, request: Request) -> Wanted:
    fields.only(*_FIELDS)
    zone = fields.text("timezone")
    return Wanted(
        history_query(visitor=api.visitor(request), **filters_from(fields)),
        cast(ManyFormat, fields.choice("format", MANY_FORMATS, "xlsx")),
        _ids(fields),
        cast(Track, fields.choice("track", ("written", "spoken"), "written")),
        cast(Language, fields.choice("language", ("zh", "en"), "zh")),
        zone_of(zone or "UTC"),
        fields.flag("zip") is True,
    )


def _ids(fields: Fields) -> tuple[str, ...] | None:
    if "ids" not in fields.names():
        return None
    return tuple(part.strip() for value in fields.all("ids") for part in str(value).split(",") if part.strip())
