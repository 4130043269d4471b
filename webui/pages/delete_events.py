"""What happens when somebody deletes: rows that are named, or all that search and filters find."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import gradio as gr

from domain.errors import SpeechError
from domain.history import Deletion
from webui.components.deleting import deleting_view, kept_sentences, question
from webui.pages.context import PageContext
from webui.pages.history_filters import Looked

#: The page is told of progress at most this often, in seconds.
_TELL_SECONDS = 0.3


class DeleteEvents:
    """One method per event."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._history = context.services.history
        #: Deletions that run, by page: set where somebody stops one.
        self._stops: dict[str, asyncio.Event] = {}

    async def remove(self, current: str, event: gr.EventData, request: gr.Request) -> str:
        """Deletes the selected rows, or the one on show (the browser has asked already). Returns what stays open."""
        ids = [item for item in str(event._data.get("ids") or current).split(",") if item]
        try:
            done = await self._history.delete(ids, visitor=self._context.visitor(request))
        except SpeechError as error:
            raise gr.Error(self._context.sentence(error, request), print_exception=False) from None
        if done.held and ids == [current]:
            gr.Warning(self._context.words(request)("history_kept_this"), title="")
            return current
        self._tell(done, len(ids) - done.kept, request)
        return current if done.kept else ""

    async def ask(self, request: gr.Request, *form: Any) -> str:
        """全部删除: how many it would be. ``form``: the fields of :class:`Looked`.

        Returns what the browser asks the person, and gives back when the answer is yes.
        """
        words, looked = self._context.words(request), Looked(*form)
        try:
            visitor, filters = self._context.visitor(request), looked.filters()
            found = await self._history.count(visitor=visitor, **filters)
            mine = await self._history.count(visitor=visitor, **{**filters, "only_mine": True})
        except SpeechError as error:
            raise gr.Error(self._context.sentence(error, request), print_exception=False) from None
        if not found.count:
            gr.Info(words("history_none_found"), title="", duration=4)
            return ""
        asked = {
            "question": question(
                found,
                words,
                filtered=looked.leaves_out(visitor),
                others=found != mine or (found.has_more and visitor.is_admin and looked.whose != "mine"),
            ),
            "newest": found.newest,
            "total": None if found.has_more else found.count,
            # The same question may be asked again.
            "asked": secrets.token_hex(4),
        }
        return json.dumps(asked, ensure_ascii=False)

    async def remove_found(self, request: gr.Request, agreed: str, *form: Any) -> AsyncIterator[Any]:
        """Deletes all that is found, but for what came since ``ask``; yields how far it is."""
        if not agreed:
            yield gr.skip()
            return
        words, asked = self._context.words(request), json.loads(agreed)
        done, told = Deletion(), 0.0
        page, stop = str(request.session_hash), asyncio.Event()
        self._stops[page] = stop
        try:
            deleting = self._history.delete_found(
                visitor=self._context.visitor(request), newest=asked["newest"], **Looked(*form).filters()
            )
            async with aclosing(deleting):
                async for done in deleting:
                    if stop.is_set():
                        break
                    if time.monotonic() - told >= _TELL_SECONDS:
                        yield deleting_view(done, asked["total"], words)
                        told = time.monotonic()
        except SpeechError as error:
            gr.Warning(self._context.sentence(error, request), title="")
        finally:
            self._stops.pop(page, None)
        self._tell(done, done.deleted, request, "history_stopped" if stop.is_set() else "history_deleted")
        yield ""

    def stop(self, request: gr.Request) -> None:
        """取消: :meth:`remove_found` ends after the rows that are being deleted, and tells how many went."""
        if stop := self._stops.get(str(request.session_hash)):
            stop.set()

    def _tell(self, done: Deletion, gone: int, request: gr.Request, said: str = "history_deleted") -> None:
        words = self._context.words(request)
        for sentence in kept_sentences(done, words):
            gr.Warning(sentence, title="")
        if gone:
            gr.Info(words(said, count=f"{gone:,}"), title="", duration=4)
