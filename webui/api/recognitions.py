"""``/v1/recognitions``: submit, list, follow, wait, cancel, do again, fetch, remove."""

from collections.abc import Iterator
from typing import cast

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from domain.errors import InvalidInput, InvalidOptions
from domain.history import Deletion
from domain.labels import Language
from domain.recognition import Recognition, Source
from domain.transcript import Track
from services.export import Format, export, has_text
from webui.api.context import Api
from webui.api.corrections import MAX_TEXTS_BYTES, corrections_from
from webui.api.fields import OPTION_FIELDS, Fields, options_from, query_fields
from webui.api.history_filters import FILTER_FIELDS, filters_from
from webui.api.hold import reason_from
from webui.api.labels import MAX_BODY_BYTES, labels_from
from webui.api.media import RecordingResponse, attachment
from webui.api.sse import event, first_of, stream
from webui.api.uploads import read_json, receive

_PATH = "/v1/recognitions"
_FORMATS = ("txt", "json", "srt", "vtt")


def recognition_routes(api: Api) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix=_PATH, tags=["recognitions"])
    transcription, history = api.services.transcription, api.services.history
    to_json = api.services.retention.json

    def shown(row: Recognition, status: int = 200) -> JSONResponse:
        return JSONResponse(to_json(row), status, {"location": f"{_PATH}/{row.id}"} if status == 202 else None)

    def as_event(row: Recognition) -> Iterator[str]:
        yield event(to_json(row), "done" if row.status.is_final else "progress")

    async def begun(row: Recognition, wait_seconds: float, request: Request) -> Response:
        if wait_seconds:
            row = await transcription.wait(row.id, visitor=api.visitor(request), timeout_seconds=wait_seconds)
            return shown(row, 200 if row.status.is_final else 202)
        return shown(row, 202)

    @router.post("")
    async def submit(request: Request) -> Response:
        async with receive(request, api, "file", "audio", raw=True) as received:
            fields = received.fields
            fields.only(*OPTION_FIELDS, "wait", "use_cache", "source", "no_trace")
            wait_seconds = _wait_seconds(fields, api)
            row = await transcription.submit(
                received.file("file"),
                received.filename,
                options_from(fields),
                visitor=api.visitor(request),
                source=Source(fields.choice("source", ("api", "cli"), "api")),
                use_cache=fields.flag("use_cache") is not False,
                no_trace=fields.flag("no_trace") is True,
            )
        return await begun(row, wait_seconds, request)

    @router.get("")
    async def page(request: Request) -> Response:
        fields = query_fields(request)
        fields.only(*FILTER_FIELDS, "before_id", "limit")
        found = await history.page(
            visitor=api.visitor(request),
            **filters_from(fields),
            before_id=fields.text("before_id") or None,
            limit=int(fields.number("limit") or 50),
        )
        # Hundreds of long recordings have millions of words with times: whoever wants them asks for the one.
        rows = [to_json(row, with_segments=False) for row in found.rows]
        return JSONResponse({"recognitions": rows, "next_before_id": found.next_before_id})

    @router.get("/{recognition_id}")
    async def show(request: Request, recognition_id: str) -> Response:
        wait_seconds = _wait_seconds(query_fields(request), api)
        visitor = api.visitor(request)
        if wait_seconds:
            return shown(await transcription.wait(recognition_id, visitor=visitor, timeout_seconds=wait_seconds))
        # Not the row of the history, which is up to a second older than the work that runs here.
        return shown(await first_of(transcription.follow(recognition_id, visitor=visitor)))

    @router.get("/{recognition_id}/events")
    async def events(request: Request, recognition_id: str) -> Response:
        visitor = api.visitor(request)
        await history.get(recognition_id, visitor=visitor)
        return stream(transcription.follow(recognition_id, visitor=visitor), as_event)

    @router.post("/{recognition_id}/cancel")
    async def cancel(request: Request, recognition_id: str) -> Response:
        return shown(await transcription.cancel(recognition_id, visitor=api.visitor(request)))

    @router.post("/{recognition_id}/again")
    async def again(request: Request, recognition_id: str) -> Response:
        body = await read_json(request, api.config) or {}
        if not isinstance(body, dict):
            raise InvalidInput("a JSON object with options is expected", reason="not_json")
        fields = Fields([*cast("dict[str, object]", body).items(), *request.query_params.multi_items()])
        fields.only(*OPTION_FIELDS, "wait")
        wait_seconds = _wait_seconds(fields, api)
        visitor = api.visitor(request)
        old = await history.get(recognition_id, visitor=visitor)
        options = options_from(fields, old.options) if fields.names() - {"wait"} else None
        return await begun(
            await transcription.submit_again(recognition_id, options, visitor=visitor), wait_seconds, request
        )

    @router.get("/{recognition_id}/versions")
    async def versions(request: Request, recognition_id: str) -> Response:
        rows = await api.services.versions.of(recognition_id, visitor=api.visitor(request))
        return JSONResponse({"versions": [to_json(row, with_segments=False) for row in rows]})

    @router.post("/{recognition_id}/labels")
    async def name(request: Request, recognition_id: str) -> Response:
        names, lines = labels_from(await read_json(request, api.config, max_bytes=MAX_BODY_BYTES))
        row = await api.services.labels.change(recognition_id, names, lines, visitor=api.visitor(request))
        return shown(row)

    @router.post("/{recognition_id}/hold")
    async def hold(request: Request, recognition_id: str) -> Response:
        reason = reason_from(await read_json(request, api.config, max_bytes=MAX_BODY_BYTES))
        return shown(await api.services.holds.hold(recognition_id, reason, visitor=api.visitor(request)))

    @router.delete("/{recognition_id}/hold")
    async def release(request: Request, recognition_id: str) -> Response:
        return shown(await api.services.holds.release(recognition_id, visitor=api.visitor(request)))

    @router.post("/{recognition_id}/corrections")
    async def correct(request: Request, recognition_id: str) -> Response:
        lines, based_on = corrections_from(await read_json(request, api.config, max_bytes=MAX_TEXTS_BYTES))
        visitor = api.visitor(request)
        return shown(await api.services.corrections.correct(recognition_id, lines, visitor=visitor, based_on=based_on))

    @router.delete("")
    async def delete_found(request: Request) -> Response:
        fields = query_fields(request)
        fields.only(*FILTER_FIELDS, "all")
        filters = filters_from(fields)
        if not any(filters.values()) and not fields.flag("all"):
            raise InvalidOptions("name a filter, or say all=true", field="all", reason="missing")
        done = Deletion()
        async for done in history.delete_found(visitor=api.visitor(request), **filters):
            pass
        return JSONResponse(
            {"deleted": done.deleted, "kept": done.kept, "under_way": done.under_way, "held": done.held}
        )

    @router.delete("/{recognition_id}")
    async def delete(request: Request, recognition_id: str) -> Response:
        visitor = api.visitor(request)
        row = await history.get(recognition_id, visitor=visitor)
        done = await history.delete([row.id], visitor=visitor)
        if done.under_way:
            raise InvalidInput("it is under way; cancel it first", reason="running", recognition_id=row.id)
        if done.held:
            raise InvalidInput("it is held; release it first", reason="held", recognition_id=row.id)
        return JSONResponse({"deleted": row.id})

    @router.head("/{recognition_id}/audio", include_in_schema=False)
    @router.get("/{recognition_id}/audio")
    async def audio(request: Request, recognition_id: str) -> Response:
        return RecordingResponse(await history.audio(recognition_id, visitor=api.visitor(request)))

    @router.get("/{recognition_id}/export")
    async def download(request: Request, recognition_id: str) -> Response:
        fields = query_fields(request)
        format = cast(Format, fields.choice("format", _FORMATS, "txt"))
        track = cast(Track, fields.choice("track", ("written", "spoken"), "written"))
        language = cast(Language, fields.choice("language", ("zh", "en"), "zh"))
        visitor = api.visitor(request)
        row = await history.get(recognition_id, visitor=visitor)
        if not has_text(row):
            raise InvalidInput("there is no text to export", reason="no_text", recognition_id=row.id)
        if track == "spoken" and row.transcript.raw_text is None:
            row = await transcription.spoken(row.id, visitor=visitor)
        exported = export(row, format, track, language, to_json)
        headers = {"content-disposition": attachment(exported.filename)}
        return Response(exported.content, media_type=exported.media_type, headers=headers)

    return router


def _wait_seconds(fields: Fields, api: Api) -> float:
    seconds = fields.number("wait") or 0.0
    if seconds < 0:
        raise InvalidOptions("wait is a number of seconds", field="wait", reason="out_of_range")
    return min(seconds, api.config.wait_limit_seconds)
