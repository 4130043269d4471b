"""The OpenAI-compatible routes, as the ``openai`` package and curl use them."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from domain.errors import InvalidOptions, NotFound
from domain.options import RecognitionOptions
from domain.recognition import Recognition, Source
from domain.transcript import Segment, join_texts
from services.export import export
from services.hotwords import hotwords_from_prompt
from webui.api.context import Api
from webui.api.fields import Fields, hotwords_of, language_name, options_from
from webui.api.sse import event, stream
from webui.api.uploads import receive
from webui.errors import ID_HEADER, failure_of, openai_error

_FORMATS = ("json", "text", "srt", "vtt", "verbose_json")
_GRANULARITIES = ("segment", "word")


def openai_routes(api: Api) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1", tags=["openai"])
    transcription = api.services.transcription

    @router.post("/audio/transcriptions")
    async def transcribe(request: Request) -> Response:
        visitor = api.visitor(request)
        async with receive(request, api, "file") as received:
            fields = received.fields
            format, granularities = _format(fields)
            streamed = fields.flag("stream") or False
            if streamed and format not in ("json", "text"):
                raise InvalidOptions("stream goes with response_format json or text", field="stream", reason="conflict")
            row = await transcription.submit(
                received.file("file"),
                received.filename,
                _options(fields, _model_names(api)),
                visitor=visitor,
                source=Source.API,
                no_trace=fields.flag("no_trace") is True,
            )
        if streamed:
            return _streamed(transcription.follow(row.id, visitor=visitor), row)
        limit_seconds = api.config.wait_limit_seconds
        row = await transcription.wait(row.id, visitor=visitor, timeout_seconds=limit_seconds)
        if error := failure_of(row):
            raise error
        return _answer(row, format, granularities)

    @router.get("/models")
    async def models() -> Response:
        return JSONResponse({"object": "list", "data": [_model(name) for name in _model_names(api)]})

    @router.get("/models/{name:path}")
    async def model(name: str) -> Response:
        if name not in _model_names(api):
            raise NotFound(f"there is no model {name[:100]!r} here", field="model")
        return JSONResponse(_model(name))

    return router


def _options(fields: Fields, models: Collection[str]) -> RecognitionOptions:
    """``hotwords``, or else a list-like ``prompt``; what OpenAI's models know beyond (temperature …) has no say."""
    if not hotwords_of(fields.all("hotwords")):
        fields.add("hotwords", list(hotwords_from_prompt(fields.text("prompt"))))
    options = options_from(fields)
    # Any name is accepted: programs that know only OpenAI's send those.
    return options if options.model in models else options.with_changes(model="")


def _format(fields: Fields) -> tuple[str, set[str]]:
    format = fields.choice("response_format", _FORMATS, "json")
    name = "timestamp_granularities"
    given = [*fields.all(f"{name}[]"), *fields.all(name)]
    for value in given:
        Fields([(name, value)]).choice(name, _GRANULARITIES, "")
    if given and format != "verbose_json":
        raise InvalidOptions(f"{name} goes with response_format=verbose_json", field=name, reason="conflict")
    return format, set(given) or {"segment"}


def _answer(row: Recognition, format: str, granularities: set[str]) -> Response:
    headers = {ID_HEADER: row.id}
    if format in ("srt", "vtt"):
        file = export(row, "srt" if format == "srt" else "vtt", "written" if row.options.itn else "spoken")
        return Response(file.content, media_type=file.media_type, headers=headers)
    if format == "text":
        return Response(row.text + "\n", media_type="text/plain; charset=utf-8", headers=headers)
    body: dict[str, Any] = {"text": row.text, "usage": {"type": "duration", "seconds": row.audio.seconds}}
    if format == "verbose_json":
        body |= _verbose(row, granularities)
    return JSONResponse(body, headers=headers)


def _verbose(row: Recognition, granularities: set[str]) -> dict[str, Any]:
    segments = row.transcript.segments
    body: dict[str, Any] = {
        "task": "transcribe",
        "language": language_name(row.language),
        "duration": row.audio.seconds,
    }
    if "segment" in granularities:
        body["segments"] = [_segment(number, item, row.options.itn) for number, item in enumerate(segments)]
    if "word" in granularities:
        body["words"] = [
            {"word": word.text, "start": word.start_ms / 1000, "end": word.end_ms / 1000}
            for item in segments
            for word in item.words
        ]
    return body


def _segment(number: int, segment: Segment, itn: bool) -> dict[str, Any]:
    """Whisper's decoding figures are required by the shape and have no counterpart here: neutral values."""
    return {
        "id": number,
        "seek": 0,
        "start": segment.start_ms / 1000,
        "end": segment.end_ms / 1000,
        "text": segment.text(itn),
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }


def _streamed(rows: Any, row: Recognition) -> Response:
    response = stream(rows, _deltas())
    response.headers[ID_HEADER] = row.id
    return response


def _deltas() -> Callable[[Recognition], Iterator[str]]:
    """Renders each change as the text that is new since the one before."""
    sent = ""

    def render(row: Recognition) -> Iterator[str]:
        nonlocal sent
        if row.status.is_final and (error := failure_of(row)):
            yield event({"error": openai_error(error)})
            return
        whole = (
            row.text if row.status.is_final else join_texts([s.text(row.options.itn) for s in row.progress.segments])
        )
        # A retry on another node begins anew: nothing is said twice.
        if whole.startswith(sent) and len(whole) > len(sent):
            yield event({"type": "transcript.text.delta", "delta": whole[len(sent) :]})
            sent = whole
        if row.status.is_final:
            usage = {"type": "duration", "seconds": row.audio.seconds}
            yield event({"type": "transcript.text.done", "text": row.text, "usage": usage})

    return render


def _model_names(api: Api) -> list[str]:
    return list(api.services.nodes.offered())


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "fun-asr"}
