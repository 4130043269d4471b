"""What happens on the 历史 page."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import gradio as gr

from domain.access import Visitor
from domain.errors import SpeechError
from domain.history import HistoryPage
from domain.recognition import Recognition
from webui.components.details import node_name
from webui.components.history_detail import detail_view, missing_view
from webui.components.patch import slots_patch
from webui.components.result import Shown, error_view
from webui.components.rows import empty_view, history_rows
from webui.components.versions import comparison_view, versions_view
from webui.pages.asked import asked_again
from webui.pages.context import PageContext, cancelled
from webui.pages.correcting import corrected
from webui.pages.history_filters import Looked, filters_title
from webui.pages.naming import renamed, shown_in, swapped

PAGE_ROWS = 30
#: Rows that are looked at once more when a detail is left.
MAX_LOOKED_AT = 10
#: A running recognition is drawn at most this often, in seconds.
DRAW_SECONDS = 0.3
Updates = tuple[Any, ...]


class HistoryEvents:
    """One method per event. What the page shows lies in the browser and the database, never in this process."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._services = context.services
        self._retention = context.services.retention

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

    async def news(self, request: gr.Request, begun: str, *form: Any) -> Updates:
        """The list drawn anew where a version was ``begun`` on the page: by now it has the text that is looked for.

        Returns as :meth:`first_page`, and what is to be said the next time.
        """
        return (*(await self.first_page(request, *form) if begun else [gr.skip()] * 5), "")

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

    async def rows(self, unfinished: str, search: str, request: gr.Request) -> Any:
        """Items of the list for rows that it shows as not ended, as they are by now; nothing where there are none."""
        visitor, items = self._context.visitor(request), ""
        for recognition_id in unfinished.split(",")[:MAX_LOOKED_AT]:
            with suppress(SpeechError):
                row = await self._services.history.get(recognition_id, visitor=visitor)
                items += self._item(row, search, request)
        return items or gr.skip()

    async def show(self, current: str, search: str, request: gr.Request) -> AsyncIterator[Any]:
        """The detail of a row, kept up to date while it runs; nothing of it brings the list back."""
        if not current:
            yield gr.skip()  # the page has cleared it; by now it may show the next one
            return
        words, visitor = self._context.words(request), self._context.visitor(request)
        versions: list[Recognition] | None = None
        try:
            async for row in self._services.transcription.follow(current, visitor=visitor):
                # They change when it ends; meanwhile they are not asked for at each step.
                if versions is None or row.status.is_final:
                    versions = await self._versions(row, request)
                yield self._detail(row, versions, request, search=search)
                await asyncio.sleep(DRAW_SECONDS)
        except SpeechError as error:
            yield missing_view(self._context.sentence(error, request), words)
            return
        # Gradio sends the last value once more when a handler ends: it would undo a name that was given meanwhile.
        yield gr.skip()

    async def cancel(self, current: str, request: gr.Request) -> None:
        """取消: whoever follows the row sees it end."""
        await cancelled(self._context, current, request)

    async def again(self, current: str, event: gr.EventData, request: gr.Request) -> str:
        """重新识别 as the form asks (``asr.askForm``), the rest as before. Returns the id of the new version."""
        visitor, given = self._context.visitor(request), event._data.get("given")
        try:
            old = await self._services.history.get(current, visitor=visitor)
            options = asked_again(old.options, given if isinstance(given, dict) else {})
            return (await self._services.transcription.submit_again(current, options, visitor=visitor)).id
        except SpeechError as error:
            raise gr.Error(self._context.sentence(error, request), print_exception=False) from None

    async def spoken(self, current: str, event: gr.EventData, request: gr.Request) -> str:
        """Has the spoken track made where the model writes by itself. Returns the detail."""
        visitor = self._context.visitor(request)
        try:
            row = await self._services.transcription.spoken(current, visitor=visitor)
        except SpeechError as error:
            raise gr.Error(self._context.sentence(error, request, reference=current), print_exception=False) from None
        shown = "both" if event._data.get("track") == "both" else "spoken"
        return self._detail(row, await self._versions(row, request), request, shown=shown)

    async def rename(self, current: str, search: str, event: gr.EventData, request: gr.Request) -> tuple[str, str]:
        """A name for who speaks in a line; see ``Labels.rename``. Returns ``(detail, item)``."""
        return await self._named(await renamed(self._context, current, event, request), search, event, request)

    async def swap(self, current: str, search: str, event: gr.EventData, request: gr.Request) -> tuple[str, str]:
        """坐席 ⇄ 客户. Returns as :meth:`rename`."""
        return await self._named(await swapped(self._context, current, event, request), search, event, request)

    async def correct(self, search: str, event: gr.EventData, request: gr.Request) -> tuple[str, Any]:
        """Lines as somebody typed them; see ``Corrections.correct``. Returns ``(patch, item)``."""

        async def slots(row: Recognition) -> dict[str, str]:
            words, viewer = self._context.words(request), self._context.visitor(request)
            return {"versions": versions_view(row, await self._versions(row, request), words, viewer)}

        row, changed = await corrected(self._context, event, request, search=search.strip(), slots=slots)
        return changed, self._item(row, search, request) if row else gr.skip()

    async def compare(self, current: str, event: gr.EventData, request: gr.Request) -> str:
        """比较: what differs between the version on show and another one. Returns the patch."""
        visitor, other = self._context.visitor(request), str(event._data.get("with", ""))
        try:
            found = await self._services.versions.compare(
                current, other, itn=shown_in(event) != "spoken", visitor=visitor
            )
        except SpeechError as error:
            raise gr.Error(self._context.sentence(error, request), print_exception=False) from None
        words = self._context.words(request)
        return slots_patch(current, {"comparison": comparison_view(found, words)})

    async def _named(self, row: Recognition, search: str, event: gr.EventData, request: gr.Request) -> tuple[str, str]:
        versions = await self._versions(row, request)
        detail = self._detail(row, versions, request, search=search, shown=shown_in(event))
        return detail, self._item(row, search, request)

    async def _versions(self, row: Recognition, request: gr.Request) -> list[Recognition]:
        try:
            return await self._services.versions.of(row.id, visitor=self._context.visitor(request))
        except SpeechError:
            return []  # the text counts: it may wait for a database that is away

    def _detail(
        self,
        row: Recognition,
        versions: Sequence[Recognition],
        request: gr.Request,
        *,
        search: str = "",
        shown: Shown | None = None,
    ) -> str:
        return detail_view(
            row,
            self._context.words(request),
            search=search.strip(),
            shown=shown,
            viewer=self._context.visitor(request),
            retention=self._retention,
            versions=versions,
            offered=self._services.nodes.offered(),
        )

    async def items(self, row: Recognition, search: str, request: gr.Request) -> str:
        """A row and its other versions, as items of the list."""
        return "".join(self._item(one, search, request) for one in await self._versions(row, request) or [row])

    def _item(self, row: Recognition, search: str, request: gr.Request) -> str:
        words, viewer = self._context.words(request), self._context.visitor(request)
        return history_rows([row], words, search=search.strip(), viewer=viewer)

    async def _page(self, looked: Looked, cursor: str | None, visitor: Visitor) -> HistoryPage:
        return await self._services.history.page(
            visitor=visitor, before_id=cursor or None, limit=PAGE_ROWS, **looked.filters()
        )
