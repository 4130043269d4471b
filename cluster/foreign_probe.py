"""Asks a Gradio app that is no node of ours who it is, never behind its model."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from domain.foreign_api import AppApi


class AppProbe:
    """One app. ``read``: the JSON object at an address; it raises as :meth:`HealthProbe.read`."""

    def __init__(self, url: str, token: str, read: Callable[[str, str], Awaitable[dict[str, Any]]]) -> None:
        self._url = url
        self._token = token
        self._read = read
        self._prefix = ""
        #: What it last said of itself.
        self.known: AppApi | None = None

    async def api(self) -> AppApi:
        """The app as it runs now; its description is read once after each of its starts. Raises as ``read``."""
        known = self.known
        if known is not None:
            try:
                if await self._app_id() == known.app_id:
                    return known
            except httpx.HTTPStatusError:
                # Another Gradio may have its routes elsewhere.
                self.known = None
        self.known = await self._describe()
        return self.known

    async def _app_id(self) -> str:
        return str((await self._read(f"{self._url}{self._prefix}/app_id", self._token))["app_id"])

    async def _describe(self) -> AppApi:
        config = await self._read(f"{self._url}/config", self._token)
        # Gradio before 5 had no prefix.
        self._prefix = str(config.get("api_prefix") or "").rstrip("/")
        info = await self._read(f"{self._url}{self._prefix}/info?serialize=False", self._token)
        return AppApi.from_json(str(config["app_id"]), str(config.get("version") or ""), info)
