"""What happens when somebody exports: a selection of the list, or all that search and filters find."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timezone
from typing import Any, cast

import gradio as gr

from domain.errors import SpeechError
from services.exports import MANY_FORMATS, ExportProgress, ManyFormat, Wanted
from services.history import history_query
from webui.components.export import failed_view, ready_view, running_view
from webui.pages.context import PageContext
from webui.pages.history_filters import Looked, behind_utc


class ExportEvents:
    """One event, for the selection bar and for the whole search."""

    def __init__(self, context: PageContext) -> None:
        self._context = context

    async def export(self, request: gr.Request, event: gr.EventData, *form: Any) -> AsyncIterator[Any]:
        """Makes the file and shows how far it is. ``event``: the format and, of a selection, the ids.

        ``form``: the fields of :class:`Looked`.
        """
        words, looked = self._context.words(request), Looked(*form)
        yield running_view(ExportProgress(), words)
        try:
            visitor = self._context.visitor(request)
            wanted = Wanted(
                history_query(visitor=visitor, **looked.filters()),
                _format(event),
                _ids(event),
                language=words.language,
                zone=timezone(-behind_utc(looked.zone)),
            )
            making = self._context.services.export_files.make(wanted, visitor=visitor)
            async with aclosing(making):
                async for export, token in making:
                    if token is None:
                        yield running_view(export.progress, words)
                    else:
                        yield ready_view(export.progress, token, export.filename, words)
        except SpeechError as error:
            yield failed_view(self._context.sentence(error, request), words)
        # Gradio sends the last value once more when a handler ends: by then somebody may have closed it.
        yield gr.skip()


def _format(event: gr.EventData) -> ManyFormat:
    name = event._data.get("format")
    return cast(ManyFormat, name) if name in MANY_FORMATS else "xlsx"


def _ids(event: gr.EventData) -> tuple[str, ...] | None:
    """``None``: whatever search and filters find."""
    ids = event._data.get("ids")
    return None if ids is None else tuple(item for item in str(ids).split(",") if item)
