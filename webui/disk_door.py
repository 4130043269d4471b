"""Where files come in, nothing begins while the disk is nearly full: refused before the body is read."""

import re

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.errors import LowDisk
from services.disk_space import DiskSpace
from webui.api.uploads import drain
from webui.errors import refuse

#: Every address that takes a recording: of the pages, the API, and the calls of the old WebUI.
_UPLOADS = re.compile(
    r"^(?:(?:/gradio_api)?/upload|/v1/uploads(?:/.*)?|/v1/recognitions|/v1/audio/transcriptions|/recognize|/api/predict)/?$"
)
_METHODS = ("POST", "PUT", "PATCH")


class DiskDoor:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, space: DiskSpace) -> None:
        self._app = app
        self._space = space

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, or says that there is no room."""
        if scope["type"] == "http" and scope["method"] in _METHODS and _UPLOADS.match(scope["path"]):
            try:
                await self._space.check()
            except LowDisk as error:
                # Whoever is still sending would not get to read an answer; what comes is thrown away.
                await drain(Request(scope, receive))
                await refuse(scope, receive, send, error)
                return
        await self._app(scope, receive, send)
