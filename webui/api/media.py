"""The recording itself, for the player: by range, with a type that is never a page."""

import hashlib
import logging
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from domain.errors import SpeechError
from domain.recognition import Recognition
from services.filenames import suffix_of
from services.recordings import Recording

log = logging.getLogger(__name__)

_BY_PATH = "http.response.pathsend"

#: By container (FFmpeg's name, or its first part) and by suffix. What is not here is only bytes.
_TYPES = {
    "wav": "audio/wav",
    "w64": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "m4a": "audio/mp4",
    "mov": "audio/mp4",
    "mp4": "audio/mp4",
    "matroska": "audio/webm",
    "webm": "audio/webm",
    "mkv": "audio/webm",
    "amr": "audio/amr",
    "aiff": "audio/aiff",
    "aif": "audio/aiff",
    "caf": "audio/x-caf",
    "asf": "audio/x-ms-wma",
    "wma": "audio/x-ms-wma",
}


def audio_type(row: Recognition) -> str:
    """The media type of a row's recording."""
    for name in (row.audio.container.split(",")[0], row.filename.rpartition(".")[2]):
        if found := _TYPES.get(name.strip().lower()):
            return found
    return "application/octet-stream"


def attachment(filename: str) -> str:
    """A Content-Disposition that has the browser keep the file under this name, whatever its letters."""
    # Old programs read the first name only, which is ASCII.
    quoted = quote(filename.encode("utf-8", "replace"), safe="")
    return f"attachment; filename=\"recognition{suffix_of(filename)}\"; filename*=UTF-8''{quoted}"


class RecordingResponse(FileResponse):
    """A recording as if it were a file, wherever it lies: whole or by range, read piece by piece."""

    #: Bytes of a piece, each of which is one request where the recording lies elsewhere.
    chunk_size = 1 << 20

    def __init__(self, recording: Recording) -> None:
        row, put = recording.row, recording.put_at.timestamp()
        # What is stored under a key never changes: the key tells it apart on every replica.
        tag = hashlib.blake2b(str(row.audio_key).encode(), digest_size=16).hexdigest()
        super().__init__(
            "",
            media_type=audio_type(row),
            filename=row.filename,
            content_disposition_type="inline",
            stat_result=os.stat_result((stat.S_IFREG, 0, 0, 0, 0, 0, recording.size, put, put, put)),
            headers={
                "cache-control": "private, no-cache",
                "content-security-policy": "default-src 'none'; media-src 'self'; sandbox",
                "etag": f'"{tag}"',
            },
        )
        self._recording = recording

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI. A server that could send files by itself would find none here."""
        extensions = {name: value for name, value in scope.get("extensions", {}).items() if name != _BY_PATH}
        try:
            await super().__call__({**scope, "extensions": extensions}, receive, send)
        except SpeechError as error:
            # The answer has begun: that it breaks off is all that can still be said, and the server does so.
            log.warning("recording of %s breaks off: %s", self._recording.row.id, error.message)

    @asynccontextmanager
    async def _open_file(self) -> AsyncIterator["_Reader"]:  # pyright: ignore[reportIncompatibleMethodOverride]
        yield _Reader(self._recording)


class _Reader:
    """What the response reads from: as much of an open file as it uses."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._at = 0

    async def seek(self, at: int) -> None:
        self._at = at

    async def read(self, size: int) -> bytes:
        start, end = self._at, min(self._at + size, self._recording.size)
        piece = await self._recording.read(start, end) if start < end else b""
        self._at += len(piece)
        return piece
