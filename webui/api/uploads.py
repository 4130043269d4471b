"""Receives recordings: streamed to a temporary file, the limit enforced on the way, nothing kept on refusal."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from domain.errors import InvalidInput, InvalidOptions, UploadTooLarge
from services.filenames import UNNAMED, name_in_form
from services.upload_digests import RunningDigest
from webui.api.context import Api, ApiConfig
from webui.api.fields import Fields

#: What a form may hold beside its file.
_MAX_FIELD_BYTES, _MAX_PARTS = 1024 * 1024, 100
#: What goes to the disk at once.
_WRITE_BYTES = 1024 * 1024
#: How much of a refused body is read on, so that the caller gets to read why (a reset connection says nothing).
_DRAIN_BYTES, _DRAIN_SECONDS = 64 * 1024 * 1024, 10.0


@dataclass(slots=True)
class Received:
    """A form or a raw body. ``path`` is ``None`` where no file came; it goes when the request ends."""

    path: Path | None = None
    filename: str = ""
    fields: Fields = field(default_factory=Fields)

    def file(self, name: str) -> Path:
        """The file. Raises :class:`InvalidOptions` where none came."""
        if self.path is None:
            raise InvalidOptions(f"no file came; send it as the form field {name!r}", field=name, reason="missing")
        return self.path


@asynccontextmanager
async def receive(request: Request, api: Api, *file_fields: str, raw: bool = False) -> AsyncIterator[Received]:
    """The request's file and fields (query string included) for as long as the block lasts.

    A form's file comes in one of ``file_fields``. With ``raw``, any other body is the file itself. ``?filename=`` names
    the file: a form cannot say every name as it is, since its senders write quotes in it as ``%22``.
    Raises :class:`UploadTooLarge`, :class:`InvalidInput`.
    """
    config = api.config
    config.temp_dir.mkdir(parents=True, exist_ok=True)
    kind, options = parse_options_header(request.headers.get("content-type"))
    # The suffix is ours: no name from outside becomes part of a path.
    with tempfile.NamedTemporaryFile(prefix="upload-", dir=config.temp_dir) as file:
        received = Received(filename=request.query_params.get("filename", ""))
        sink = _Sink(file, api.services.uploads.begin(), config.max_upload_bytes)
        try:
            _check_announced(request, config)
            if kind == b"multipart/form-data":
                await _read_form(request, _Form(options.get(b"boundary", b""), file_fields, sink, received), sink)
            elif not raw:
                raise InvalidOptions(
                    f"send a form (multipart/form-data) with the file as {file_fields[0]!r}",
                    field=file_fields[0],
                    reason="missing",
                )
            else:
                await _read_raw(request, sink)
                # A named file may be empty; no name and no body is no file.
                sink.is_open = bool(received.filename or sink.size_bytes)
                received.filename = received.filename or UNNAMED
        except (UploadTooLarge, InvalidInput):
            await drain(request)
            raise
        await sink.flush()
        if sink.is_open:
            received.path = Path(file.name)
            api.services.uploads.learn(received.path, sink.digest.value)
        in_query = request.query_params.multi_items()
        received.fields.add_missing((name, value) for name, value in in_query if name != "filename")
        yield received


async def read_json(request: Request, config: ApiConfig, *, max_bytes: int | None = None) -> Any:
    """The JSON body (``None`` where there is none); ``max_bytes`` where it may not hold a recording.

    Raises :class:`UploadTooLarge`, :class:`InvalidInput`.
    """
    body = bytearray()
    limit = config.max_json_bytes if max_bytes is None else min(max_bytes, config.max_json_bytes)
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            await drain(request)
            raise UploadTooLarge(
                f"the JSON is larger than {limit} bytes" + ("; send the file as a form" if max_bytes is None else ""),
                limit_bytes=limit,
            )
    if not body:
        return None
    try:
        return await asyncio.to_thread(json.loads, body)
    except (ValueError, RecursionError):
        raise InvalidInput("the body is not JSON", reason="not_json") from None


@dataclass(slots=True)
class _Sink:
    """Where the file goes; what arrives between two awaits is held, at most about a network chunk more."""

    file: IO[bytes]
    digest: RunningDigest
    limit_bytes: int
    size_bytes: int = 0
    is_open: bool = False
    held: bytearray = field(default_factory=bytearray)

    def take(self, data: bytes | memoryview) -> None:
        self.size_bytes += len(data)
        if self.size_bytes > self.limit_bytes:
            raise _too_large(self.limit_bytes)
        self.held += data

    async def flush(self, at_least: int = 0) -> None:
        if len(self.held) >= at_least:
            data, self.held = self.held, bytearray()
            await asyncio.to_thread(self._write, data)

    def _write(self, data: bytearray) -> None:
        self.file.write(data)
        self.file.flush()
        self.digest.update(data)


class _Form:
    """The callbacks of the multipart parser."""

    def __init__(self, boundary: bytes, file_fields: tuple[str, ...], sink: _Sink, received: Received) -> None:
        if not boundary:
            raise InvalidInput("the form has no boundary", reason="bad_form")
        self._file_fields = file_fields
        self._sink = sink
        self._received = received
        self._headers: dict[bytes, bytes] = {}
        self._header = (bytearray(), bytearray())
        self._name = ""
        self._is_file = False
        self._value = bytearray()
        self._parts = self._field_bytes = 0
        self.is_complete = False
        self.parser = MultipartParser(
            boundary,
            {
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._part_begin,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    def _header_end(self) -> None:
        self._headers[bytes(self._header[0]).lower()] = bytes(self._header[1]).strip()
        self._header = (bytearray(), bytearray())

    def _part_begin(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._headers = {}
        self._value = bytearray()
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise InvalidInput(f"the form has more than {_MAX_PARTS} parts", reason="bad_form")
        self._name = options.get(b"name", b"").decode(errors="replace")
        self._is_file = self._name in self._file_fields
        if b"filename" in options and not self._is_file:
            wanted = " or ".join(repr(name) for name in self._file_fields)
            raise InvalidOptions(
                f"the file came as {self._name[:40]!r}; {wanted} is expected", field=self._name[:40], reason="unknown"
            )
        if self._is_file:
            if self._sink.is_open:
                raise InvalidOptions("one file at a time, please", field=self._name, reason="several")
            self._sink.is_open = True
            given = options.get(b"filename", b"").decode(errors="replace")
            self._received.filename = self._received.filename or name_in_form(given)

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._sink.take(memoryview(data)[start:end])
            return
        self._field_bytes += end - start
        if self._field_bytes > _MAX_FIELD_BYTES:
            raise InvalidInput("the form's fields are too large", field=self._name[:40], reason="bad_form")
        self._value += data[start:end]

    def _part_end(self) -> None:
        if not self._is_file:
            self._received.fields.add(self._name, self._value.decode(errors="replace"))

    def _end(self) -> None:
        self.is_complete = True


async def _read_form(request: Request, form: _Form, sink: _Sink) -> None:
    try:
        async for chunk in request.stream():
            form.parser.write(chunk)
            await sink.flush(_WRITE_BYTES)
    except FormParserError as error:
        raise InvalidInput(f"the form cannot be read: {error}", reason="bad_form") from None
    if not form.is_complete:
        raise InvalidInput("the form ends in the middle", reason="bad_form")


async def _read_raw(request: Request, sink: _Sink) -> None:
    async for chunk in request.stream():
        sink.take(chunk)
        await sink.flush(_WRITE_BYTES)


def _check_announced(request: Request, config: ApiConfig) -> None:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > config.max_upload_bytes + 2 * _MAX_FIELD_BYTES:
        raise _too_large(config.max_upload_bytes)


def _too_large(limit_bytes: int) -> UploadTooLarge:
    return UploadTooLarge(
        f"the file is larger than {limit_bytes / 1_000_000:g} MB, the most that this server accepts",
        limit_bytes=limit_bytes,
    )


async def drain(request: Request) -> None:
    """Reads on what a refused caller sends, up to a limit, so that it gets to read why."""
    if "100-continue" in request.headers.get("expect", "").lower():
        return  # this caller waits for a word before it sends anything
    read = 0
    with suppress(TimeoutError, RuntimeError):  # RuntimeError: it was read to its end already
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for chunk in request.stream():
                read += len(chunk)
                if read > _DRAIN_BYTES:
                    return
