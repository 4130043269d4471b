"""What happens on the 节点 page."""

import hashlib
from collections.abc import AsyncGenerator, Awaitable
from html import escape
from typing import Any, TypeVar, cast

import gradio as gr

from domain.errors import SpeechError
from services.node_admin import Trial
from webui.components.admin import admin_view
from webui.components.charts import charts_view
from webui.components.node_log import log_view
from webui.components.nodes import overview_view
from webui.components.units import duration_text
from webui.i18n import Words
from webui.pages.context import PageContext

#: Lines of the log that the page shows.
LOG_LINES = 50
T = TypeVar("T")


class NodesEvents:
    """One method per event."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._nodes = context.services.nodes
        self._admin = context.services.node_admin

    async def look(self, request: gr.Request) -> str:
        """The page body as it is now."""
        visitor = self._context.visitor(request)
        return overview_view(await self._nodes.overview(), self._context.words(request), is_admin=visitor.is_admin)

    async def load(self, request: gr.Request) -> tuple[str, str, str]:
        """The page body, what is folded below it, and the way to become an administrator or to cease being one."""
        is_admin = self._context.visitor(request).is_admin
        has_token = self._context.access.has_admin_token
        admin = admin_view(self._context.words(request), is_admin=is_admin, has_token=has_token)
        return await self.look(request), await self._more(request), admin

    async def look_again(self, shown: str, request: gr.Request) -> list[Any]:
        """The same, each where it differs from what was sent last, and marks of all that for the next time.

        The marks alone come back to be compared: a page of a hundred nodes would be much, every two seconds.
        """
        views = await self.load(request)
        marks = [hashlib.blake2b(view.encode(), digest_size=8).hexdigest() for view in views]
        sent = shown.split() if shown else [""] * len(marks)
        news = [gr.skip() if mark == old else view for view, mark, old in zip(views, marks, sent, strict=True)]
        return [*news, " ".join(marks)]

    async def drain(self, event: gr.EventData, request: gr.Request) -> list[str]:
        """排空."""
        return await self._do(request, self._admin.drain(_node(event), visitor=self._context.visitor(request)))

    async def resume(self, event: gr.EventData, request: gr.Request) -> list[str]:
        """恢复."""
        return await self._do(request, self._admin.resume(_node(event), visitor=self._context.visitor(request)))

    async def promote_node(self, event: gr.EventData, request: gr.Request) -> list[str]:
        """设为预期版本."""
        return await self._do(request, self._admin.promote(_node(event), visitor=self._context.visitor(request)))

    async def remove_node(self, event: gr.EventData, request: gr.Request) -> list[str]:
        """移除."""
        return await self._do(request, self._admin.remove(_node(event), visitor=self._context.visitor(request)))

    async def change_node(self, event: gr.EventData, request: gr.Request) -> list[str]:
        """Name, weight, slots, backup."""
        doing = self._admin.change(_node(event), _given(event), visitor=self._context.visitor(request))
        return await self._do(request, doing)

    async def test_node(self, event: gr.EventData, request: gr.Request) -> AsyncGenerator[list[Any]]:
        """测试识别."""
        words = self._context.words(request)
        gr.Info(words("node_testing"), title="", duration=4)
        yield [gr.skip(), gr.skip()]
        trial = self._admin.test(_node(event), visitor=self._context.visitor(request))
        gr.Info(_heard(await self._done(request, trial), words), title="", duration=10)
        yield [gr.skip(), gr.skip()]

    async def add_node(self, event: gr.EventData, request: gr.Request) -> AsyncGenerator[list[Any]]:
        """添加节点, once it recognised something."""
        words, given = self._context.words(request), _given(event)
        gr.Info(words("node_testing"), title="", duration=4)
        yield [gr.skip(), gr.skip()]
        url, token = str(given.pop("url", "")), str(given.pop("token", ""))
        adding = self._admin.add(url, given, token=token, visitor=self._context.visitor(request))
        trial = await self._done(request, adding)
        told = words("node_added", url=escape(url))
        gr.Info(f"{told} {_heard(trial, words)}" if trial else told, title="", duration=10)
        yield [await self.look(request), await self._more(request)]

    async def _more(self, request: gr.Request) -> str:
        """The charts and the log, for administrators."""
        visitor, words = self._context.visitor(request), self._context.words(request)
        if not visitor.is_admin:
            return ""
        charts = charts_view(await self._context.services.activity.last_hour(), words)
        try:
            log = log_view(await self._admin.log(visitor=visitor, limit=LOG_LINES), words, visitor)
        except SpeechError as error:
            log = f'<p class="asr-empty">{escape(self._context.sentence(error, request))}</p>'
        return f"<div data-drawn>{charts}{log}</div>"

    async def _do(self, request: gr.Request, doing: Awaitable[None]) -> list[str]:
        await self._done(request, doing)
        return [await self.look(request), await self._more(request)]

    async def _done(self, request: gr.Request, doing: Awaitable[T]) -> T:
        try:
            return await doing
        except SpeechError as error:
            raise gr.Error(self._context.sentence(error, request), print_exception=False) from None


def _node(event: gr.EventData) -> str:
    return str(event._data.get("node", ""))


def _given(event: gr.EventData) -> dict[str, Any]:
    given: object = event._data.get("given")
    return dict(cast("dict[str, Any]", given)) if isinstance(given, dict) else {}


def _heard(trial: Trial, words: Words) -> str:
    duration = duration_text(trial.elapsed_ms / 1000, words)
    # Toasts are HTML, and this is what some node says.
    return words("node_tested", text=escape(trial.text), duration=duration, model=escape(trial.model))
