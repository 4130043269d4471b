"""What happens on the 历史 page."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import gradio as gr

from domain.access import Visitor
from domain.errors import SpeechError
from domain.recognition import HistoryPage, Recognition
from webui.components.details import node_name
from webui.components.history_detail import detail_view, missing_view
from webui.components.result import error_view
from webui.components.rows import empty_view, history_rows
from webui.pages.context import PageContext, cancelled
from webui.pages.history_filters import Looked, filters_title
from webui.pages.naming import renamed, shown_in, swapped

PAGE_ROWS = 30
#: A running recognition is drawn at most this often, in seconds.
DRAW_SECONDS = 0.3
Updates = tuple[Any, ...]


class HistoryEvents:
    """One method per event. What the page shows lies in the browser and the database, never in this process."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._services = context.services

    async def first_page(self, request: gr.Request, *form: Any) -> Updates:
        """The newest rows that match. ``form``: the fields of :class:`Looked`.

        Returns ``(rows, cursor, more, filters, clear)``.
        """
        words, looked = self._context.words(request), Looked(*form)
        extra = gr.Accordion(label=filters_title(looked.extra, words)), gr.Button(visible=looked.extra > 0)
        try:
            visitor = self._context.visitor(request)
            page = await self._page(looked, None, visitor)
        except SpeechError as error:
            return error_view(self._context.sentence(error, request)), "", gr.Button(visible=False), *extra
        rows = history_rows(page.rows, words, search=looked.text.strip(), viewer=visitor)
        empty = empty_view(words, filtered=looked.leaves_out(visitor))
        return rows or empty, page.next_before_id or "", gr.Button(visible=page.next_before_id is not None), *extra

    async def next_page(self, request: gr.Request, cursor: str, rows: str, *form: Any) -> Updates:
        """更多: the rows after ``cursor`` added to those on show. Returns ``(rows, cursor, more)``."""
        looked = Looked(*form)
        try:
            visitor = self._context.visitor(request)
            page = await self._page(looked, cursor, visitor)
        except SpeechError as error:
            raise gr.Error(self._context.sentence(error, request), print_exception=False) from None
        added = history_rows(page.rows, self._context.words(request), search=looked.text.strip(), viewer=visitor)
        return rows + added, page.next_before_id or "", gr.Button(visible=page.next_before_id is not None)

    async def offered(self, request: gr.Request) -> tuple[Any, Any]:
        """The nodes and models that there are now. Returns the choices of ``(nodes, models)``."""
        overview, words = await self._services.nodes.overview(), self._context.words(request)
        names = dict.fromkeys(node.name for node in overview.nodes)
        reported = [node.report.model for node in overview.nodes if node.report]
        models = dict.fromkeys(filter(None, [overview.model, *reported]))
        return gr.Dropdown([(node_name(name, words), name) for name in names]), gr.Dropdown(list(models))

    def open(self, event: gr.EventData) -> str:
        """The row that was clicked."""
        return str(event._data.get("id", ""))

    async def row(self, left: str, search: str, request: gr.Request) -> Any:
        """The list's item for a row that was left, as it is by now; nothing new where there is none."""
        if not left:
            return gr.skip()
        visitor = self._context.visitor(request)
        try:
            row = await self._services.history.get(left, visitor=visitor)
        except SpeechError:
            return gr.skip()
        return self._item(row, search, request)

    async def show(self, current: str, search: str, request: gr.Request) -> AsyncIterator[Any]:
        """The detail of a row, kept up to date while it runs; nothing of it brings the list back."""
        if not current:
            yield gr.skip()  # the page has cleared it; by now it may show the next one
            return
        words, visitor = self._context.words(request), self._context.visitor(request)
        try:
            async for row in self._services.transcription.follow(current, visitor=visitor):
                yield detail_view(row, words, search=search.strip(), viewer=visitor)
                await asyncio.sleep(DRAW_SECONDS)
        except SpeechError as error:
            yield missing_view(self._context.sentence(error, request), words)
            return
        # Gradio sends the last value once more when a handler ends: it would undo a name that was given meanwhile.
        yield gr.skip()

    async def cancel(self, current: str, request: gr.Request) -> None:
        """取消: whoever follows the row sees it end."""
        await cancelled(self._context, current, request)

    async def again(self, current: str, request: gr.Request) -> str:
        """重新识别 with the options of then; the 识别 page shows it. Returns the new id."""
        try:
            visitor = self._context.visitor(request)
            return (await self._services.transcription.submit_again(current, None, visitor=visitor)).id
        except SpeechError as error:
            raise gr.Error(self._context.sentence(error, request), print_exception=False) from None

    async def spoken(self, current: str, event: gr.EventData, request: gr.Request) -> str:
        """Has the spoken track made where the model writes by itself. Returns the detail."""
        words, visitor = self._context.words(request), self._context.visitor(request)
        try:
            row = await self._services.transcription.spoken(current, visitor=visitor)
        except SpeechError as error:
            raise gr.Error(self._context.sentence(error, request, reference=current), print_exception=False) from None
        shown = "both" if event._data.get("track") == "both" else "spoken"
        return detail_view(row, words, shown=shown, viewer=visitor)

    async def rename(self, current: str, search: str, event: gr.EventData, request: gr.Request) -> tuple[str, str]:
        """A name for who speaks in a line; see ``Labels.rename``. Returns ``(detail, item)``."""
        return self._named(await renamed(self._context, current, event, request), search, event, request)

    async def swap(self, current: str, search: str, event: gr.EventData, request: gr.Request) -> tuple[str, str]:
        """坐席 ⇄ 客户. Returns as :meth:`rename`."""
        return self._named(await swapped(self._context, current, event, request), search, event, request)

    def _named(self, row: Recognition, search: str, event: gr.EventData, request: gr.Request) -> tuple[str, str]:
        words, viewer = self._context.words(request), self._context.visitor(request)
        detail = detail_view(row, words, search=search.strip(), shown=shown_in(event), viewer=viewer)
        return detail, self._item(row, search, request)

    def _item(self, row: Recognition, search: str, request: gr.Request) -> str:
        words, viewer = self._context.words(request), self._context.visitor(request)
        return history_rows([row], words, search=search.strip(), viewer=viewer)

    async def remove(self, current: str, event: gr.EventData, request: gr.Request) -> str:
        """Deletes the selected rows, or the one on show (the browser has asked already). Returns what stays open."""
        words, visitor = self._context.words(request), self._context.visitor(request)
        ids = [item for item in str(event._data.get("ids") or current).split(",") if item]
        try:
            await self._services.history.delete(ids, visitor=visitor)
            kept = [item for item in ids if await self._exists(item, request)]
        except SpeechError as error:
            raise gr.Error(self._context.sentence(error, request), print_exception=False) from None
        if kept:
            gr.Warning(words("history_kept"), title="")
        if len(kept) < len(ids):
            gr.Info(words("history_deleted", count=len(ids) - len(kept)), title="", duration=4)
        return "" if current in ids and current not in kept else current

    async def _exists(self, recognition_id: str, request: gr.Request) -> bool:
        try:
            await self._services.history.get(recognition_id, visitor=self._context.visitor(request))
        except SpeechError:
            return False
        return True

    async def _page(self, looked: Looked, cursor: str | None, visitor: Visitor) -> HistoryPage:
        return await self._services.history.page(
            visitor=visitor, before_id=cursor or None, limit=PAGE_ROWS, **looked.filters()
        )
