"""What happens on the 节点 page."""

from collections.abc import Awaitable, Callable
from typing import Any

import gradio as gr

from domain.errors import SpeechError
from webui.components.admin import admin_view
from webui.components.nodes import overview_view
from webui.pages.context import PageContext


class NodesEvents:
    """One method per event."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._nodes = context.services.nodes

    async def look(self, request: gr.Request) -> str:
        """The page body as it is now."""
        visitor = self._context.visitor(request)
        return overview_view(await self._nodes.overview(), self._context.words(request), is_admin=visitor.is_admin)

    async def load(self, request: gr.Request) -> tuple[str, str]:
        """The page body, and the way to become an administrator or to cease being one."""
        is_admin = self._context.visitor(request).is_admin
        has_token = self._context.access.has_admin_token
        admin = admin_view(self._context.words(request), is_admin=is_admin, has_token=has_token)
        return await self.look(request), admin

    async def look_again(self, body: str, admin: str, request: gr.Request) -> list[Any]:
        """The same, each where it differs from what is shown."""
        shown = (body, admin)
        return [gr.skip() if view == old else view for view, old in zip(await self.load(request), shown, strict=True)]

    async def drain(self, event: gr.EventData, request: gr.Request) -> str:
        """排空."""
        return await self._change(self._nodes.drain, event, request)

    async def resume(self, event: gr.EventData, request: gr.Request) -> str:
        """恢复."""
        return await self._change(self._nodes.resume, event, request)

    async def _change(self, change: Callable[..., Awaitable[None]], event: gr.EventData, request: gr.Request) -> str:
        try:
            await change(str(event._data.get("node", "")), visitor=self._context.visitor(request))
        except SpeechError as error:
            raise gr.Error(self._context.sentence(error, request), print_exception=False) from None
        return await self.look(request)
