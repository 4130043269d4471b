"""The running server, seen from a shell."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import httpx

from domain.access import ADMIN_HEADER
from domain.errors import InvalidInput, NodeUnreachable, SpeechError, error_from_code
from domain.options import RecognitionOptions
from settings import Settings, is_loopback_host

#: How long the local server may take to say that it is there, in seconds.
PROBE_SECONDS = 1.0
#: How long one request for news waits, in seconds.
FOLLOW_SECONDS = 2.0


class RemoteServer:
    """A web UI reached over HTTP."""

    def __init__(self, url: str, api_key: str | None = None, admin_token: str = "") -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        if admin_token:
            headers[ADMIN_HEADER] = admin_token
        self.url = url.rstrip("/")
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers=headers,
            timeout=httpx.Timeout(10, read=600, write=600),
            # A proxy of the environment is for other machines: it must not get what stays on this one.
            trust_env=not is_loopback_host(httpx.URL(self.url).host),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def answers(self) -> bool:
        """Whether it is this program, and alive."""
        try:
            answer = await self._http.get("/healthz", timeout=PROBE_SECONDS)
            # One that refuses this caller says so at once, and once more when it is asked what is wanted.
            return not {"status", "error"}.isdisjoint(answer.json())
        except (httpx.HTTPError, TypeError, ValueError):
            return False

    async def ask(
        self, method: str, path: str, json: dict[str, Any] | None = None, **query: str | int
    ) -> dict[str, Any]:
        """What it answers. Raises what it says went wrong, or :class:`NodeUnreachable`."""
        try:
            return self._read(await self._http.request(method, path, json=json, params=query))
        except httpx.HTTPError as error:
            raise NodeUnreachable(f"{self.url} does not answer: {error}") from error

    async def transcribe(
        self, path: Path, options: RecognitionOptions, *, no_trace: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """Uploads a file and yields its recognition (JSON) at each change; the last is final."""
        vad = options.vad
        form = {
            "language": options.language,
            "hotwords": "\n".join(options.hotwords),
            "itn": str(options.itn).lower(),
            "vad": str(vad.enabled).lower(),
            "max_segment_ms": str(vad.max_segment_ms),
            "end_silence_ms": str(vad.end_silence_ms),
            "speakers": str(options.speakers),
            "channels": options.channels,
            "source": "cli",
            # A server of before does not know the field, and need not where it is not asked for.
            **({"no_trace": "true"} if no_trace else {}),
        }
        try:
            with path.open("rb") as file:
                # The name beside the form: in it a quote would become %22.
                name = os.fsencode(path.name).decode(errors="replace")
                answer = await self._http.post(
                    "/v1/recognitions", params={"filename": name}, data=form, files={"file": (name, file)}
                )
                row = self._read(answer)
            yield row
            while row["status"] in ("queued", "running"):
                row = self._read(await self._http.get(f"/v1/recognitions/{row['id']}", params={"wait": FOLLOW_SECONDS}))
                yield row
        except OSError as error:
            raise InvalidInput(f"the file cannot be read: {error.strerror or error}", reason="no_such_file") from error
        except httpx.HTTPError as error:
            raise NodeUnreachable(f"{self.url} does not answer: {error}") from error

    def _read(self, answer: httpx.Response) -> dict[str, Any]:
        try:
            data = answer.json()
        except ValueError:
            raise SpeechError(f"{self.url} answered {answer.status_code} without JSON") from None
        if answer.is_error:
            error = data.get("error") or {}
            raise error_from_code(str(error.get("code")), str(error.get("message")), error.get("details"))
        return data


def local_url(settings: Settings) -> str:
    """Where the server of this machine would be."""
    return f"http://127.0.0.1:{settings.port}"


async def find_server(
    url: str | None, settings: Settings, api_key: str | None, admin_token: str = ""
) -> RemoteServer | None:
    """The server that was named, else the local one if it answers. Raises :class:`NodeUnreachable`."""
    server = RemoteServer(url or local_url(settings), api_key, admin_token)
    if await server.answers():
        return server
    await server.__aexit__()
    if url:
        raise NodeUnreachable(f"{url} does not answer")
    return None
