"""The calls that users of the old WebUI have: ``/api/predict`` and ``/recognize``."""

import asyncio
import base64
import binascii
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from domain.errors import InvalidInput, InvalidOptions
from domain.options import RecognitionOptions
from domain.recognition import Recognition, Source
from services.filenames import UNNAMED
from webui.api.context import Api
from webui.api.fields import OPTION_FIELDS, Fields, options_from
from webui.api.uploads import read_json, receive
from webui.errors import failure_of

#: What comes after the audio in ``data``.
_POSITIONS = ("hotwords", "language", "itn", "vad", "max_segment_ms")
_DATA_URL = re.compile(r"data:[\w.+-]*/?[\w.+-]*(?:;[^,;]*)*;base64,", re.IGNORECASE)
#: No recording is so short in base64 (48 bytes); a path is.
_MIN_BASE64_CHARS = 64
_MAX_PATH_CHARS = 4096


def legacy_routes(api: Api) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["old WebUI"])

    @router.post("/api/predict")
    @router.post("/api/predict/", include_in_schema=False)
    async def predict(request: Request) -> Response:
        body = await read_json(request, api.config)
        data = cast("dict[str, Any]", body).get("data") if isinstance(body, dict) else None
        if not isinstance(data, list) or not 1 <= len(cast("list[Any]", data)) <= 1 + len(_POSITIONS):
            raise _refused(request, "a JSON object is expected: {data: [audio, hotwords, language, itn]}", "bad_data")
        audio, *rest = cast("list[Any]", data)
        options = options_from(Fields((n, v) for n, v in zip(_POSITIONS, rest, strict=False) if v is not None))
        async with _audio_file(request, api, audio) as (path, filename):
            row = await _recognised(request, api, path, filename, options)
        texts = row.transcript
        return JSONResponse({"data": [row.text, texts.raw_text, texts.normalized_text, row.id]})

    @router.post("/recognize")
    async def recognize(request: Request) -> Response:
        async with receive(request, api, "audio", "file") as received:
            received.fields.only(*OPTION_FIELDS)
            options = options_from(received.fields)
            row = await _recognised(request, api, received.file("audio"), received.filename, options)
        return JSONResponse({"code": 0, "msg": "ok", "result": api.services.retention.json(row)})

    return router


async def _recognised(
    request: Request, api: Api, path: Path, filename: str, options: RecognitionOptions
) -> Recognition:
    visitor = api.visitor(request)
    transcription = api.services.transcription
    row = await transcription.submit(path, filename, options, visitor=visitor, source=Source.API)
    row = await transcription.wait(row.id, visitor=visitor, timeout_seconds=api.config.wait_limit_seconds)
    if error := failure_of(row):
        raise error
    return row


@asynccontextmanager
async def _audio_file(request: Request, api: Api, audio: Any) -> AsyncIterator[tuple[Path, str]]:
    """The recording behind the first value of ``data``: an upload's reference, or base64."""
    given = cast("dict[str, Any]", audio) if isinstance(audio, dict) else {"path": audio}
    name = given.get("orig_name") or given.get("name")
    # Gradio 3 sent {"name": …, "data": base64}.
    value = given.get("data") or given.get("path")
    if not isinstance(value, str) or not value:
        raise _refused(request, "the first value of data is no recording", "missing")
    if path := _uploaded(value, api.config.upload_dir):
        yield path, str(name or path.name)
        return
    content = await asyncio.to_thread(_decoded, value)
    if content is None:
        raise _refused(request, "this server opens no path that a caller names; upload the file first", "server_path")
    api.config.temp_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix="predict-", dir=api.config.temp_dir) as file:
        await asyncio.to_thread(_fill, file, content)
        yield Path(file.name), str(name or UNNAMED)


def _uploaded(value: str, upload_dir: Path) -> Path | None:
    """The file that Gradio's upload answered with, and nothing outside its folder, by whatever way."""
    if len(value) > _MAX_PATH_CHARS or "\0" in value:
        return None
    try:
        path = Path(value).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    return path if path.is_relative_to(upload_dir.resolve()) and path.is_file() else None


def _decoded(value: str) -> bytes | None:
    prefix = _DATA_URL.match(value)
    text = value[prefix.end() :] if prefix else value
    if not prefix and len(text) < _MIN_BASE64_CHARS:
        return None
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        if prefix:
            raise InvalidInput("the base64 of the recording is damaged", field="data", reason="bad_base64") from None
        return None


def _fill(file: Any, content: bytes) -> None:
    file.write(content)
    file.flush()


def _refused(request: Request, message: str, reason: str) -> InvalidOptions:
    example = _example(str(request.base_url).rstrip("/"))
    return InvalidOptions(f"{message}. Example:\n{example}", field="data", reason=reason, example=example)


def _example(server: str) -> str:
    """Two commands that work as they are, with a ``speech.wav`` in the folder."""
    return (
        f"path=$(curl -sS -F files=@speech.wav {server}/gradio_api/upload | cut -d'\"' -f2)\n"
        f"curl -sS {server}/api/predict/ -H 'Content-Type: application/json' "
        '-d "{\\"data\\": [{\\"path\\": \\"$path\\"}, \\"\\", \\"auto\\", true]}"'
    )
