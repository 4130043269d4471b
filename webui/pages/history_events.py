"""What happens on the 历史 page."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import gradio as gr

from domain.access import Visitor
from domain.errors import SpeechError
from domain.recognition import HistoryPage, Recognition, Status
from webui.components.history_detail import detail_view, missing_view
from webui.components.result import error_view
from webui.components.rows import empty_view, history_rows
from webui.pages.context import PageContext, cancelled
from webui.pages.naming import renamed, shown_in, swapped

PAGE_ROWS = 30
#: A running recognition is drawn at most this often, in seconds.
DRAW_SECONDS = 0.3
#: What the page offers → the sentence's key and the states it means.
STATUS_FILTERS: dict[str, tuple[str, tuple[Status, ...]]] = {
    "all": ("filter_all", ()),
    "succeeded": ("status_succeeded", (Status.SUCCEEDED,)),
    "failed": ("status_failed", (Status.FAILED,)),
    "running": ("filter_running", (Status.QUEUED, Status.RUNNING)),
    "cancelled": ("status_cancelled", (Status.CANCELLED,)),
}
TIME_FILTERS = {"any": "when_any", "today": "when_today", "week": "when_week"}
#: Offered to administrators; everybody else has only its own rows.
WHOSE_FILTERS = {"mine": "whose_mine", "all": "whose_all"}

Updates = tuple[Any, ...]


class HistoryEvents:
    """One method per event. What the page shows lies in the browser and the database, never in this process."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._services = context.services

    async def first_page(
        self, text: str, status: str, when: str, whose: str, zone: str, request: gr.Request
    ) -> Updates:
        """The newest rows that match. Returns ``(rows, cursor, more)``."""
        words = self._context.words(request)
        try:
            visitor = self._context.visitor(request)
            page = await self._page(text, status, when, whose, zone, None, visitor)
        except SpeechError as error:
            return error_view(self._context.sentence(error, request)), "", gr.Button(visible=False)
        filtered = bool(text.strip()) or status != "all" or when != "any" or (visitor.is_admin and whose == "mine")
        rows = history_rows(page.rows, words, search=text.strip(), viewer=visitor) or empty_view(
            words, filtered=filtered
        )
        return rows, page.next_before_id or "", gr.Button(visible=page.next_before_id is not None)

    async def next_page(
        self,
        text: str,
        status: str,
        when: str,
        whose: str,
        zone: str,
        cursor: str,
        rows: str,
        request: gr.Request,
    ) -> Updates:
        """更多: the rows after ``cursor`` added to those on show; returns as :meth:`first_page`."""
        try:
            visitor = self._context.visitor(request)
            page = await self._page(text, status, when, whose, zone, cursor, visitor)
        except SpeechError as error:
            raise gr.Error(self._context.sentence(error, request), print_exception=False) from None
        added = history_rows(page.rows, self._context.words(request), search=text.strip(), viewer=visitor)
        return rows + added, page.next_before_id or "", gr.Button(visible=page.next_before_id is not None)

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

    async def _page(
        self, text: str, status: str, when: str, whose: str, zone: str, cursor: str | None, visitor: Visitor
    ) -> HistoryPage:
        asked = asked_for(text, status, when, whose, zone)
        return await self._services.history.page(visitor=visitor, **asked, before_id=cursor or None, limit=PAGE_ROWS)


def asked_for(text: str, status: str, when: str, whose: str, zone: str) -> dict[str, Any]:
    """What search and filters mean, as the history takes it."""
    return {
        "only_mine": whose == "mine",
        "text": text,
        "statuses": STATUS_FILTERS.get(status, STATUS_FILTERS["all"])[1],
        "since": since(when, zone, datetime.now(UTC)),
    }


def behind_utc(zone: str) -> timedelta:
    """How far a browser's clock is behind UTC, from JavaScript's number of minutes."""
    try:
        return timedelta(minutes=max(-1439, min(1439, int(zone))))
    except ValueError:
        return timedelta()


def since(when: str, zone: str, now: datetime) -> datetime | None:
    """The beginning of 今天 or 7 天 for a browser whose clock is ``zone`` minutes behind UTC (JavaScript's sign)."""
    if when not in ("today", "week"):
        return None
    offset = behind_utc(zone)
    midnight = (now - offset).replace(hour=0, minute=0, second=0, microsecond=0) + offset
    return midnight if when == "today" else midnight - timedelta(days=6)
