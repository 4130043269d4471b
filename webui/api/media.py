"""The recording itself, for the player: by range, with a type that is never a page."""

from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import quote

from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from domain.recognition import Recognition
from services.filenames import suffix_of

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
    """A file that is held (kept from being removed) until the answer has gone out."""

    def __init__(self, path: Path, row: Recognition, held: AsyncExitStack) -> None:
        super().__init__(
            path,
            media_type=audio_type(row),
            filename=row.filename,
            content_disposition_type="inline",
            headers={
                "cache-control": "private, no-cache",
                "content-security-policy": "default-src 'none'; media-src 'self'; sandbox",
            },
        )
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        async with self._held:
            await super().__call__(scope, receive, send)
