"""What the chosen file is, and the choice that only a recording of two channels has."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from domain.errors import BadAudio, SpeechError
from services.file_facts import file_facts
from webui.components.file_facts import facts_view, unreadable_view
from webui.components.inputs import Upload
from webui.i18n import Words
from webui.pages.context import PageContext


def chosen_file(upload: Upload | None, microphone: str | None, words: Words) -> Upload | None:
    """The file that the form holds, by whichever way."""
    return upload or (Upload(Path(microphone), f"{words('tab_microphone')}.wav") if microphone else None)


async def discard(chosen: Upload) -> None:
    """Removes the server's copy of an upload, of which nothing is to be kept."""

    def remove() -> None:
        path = chosen.path.resolve()
        if path.is_relative_to(Path(get_upload_folder()).resolve()):
            path.unlink(missing_ok=True)
            with suppress(OSError):  # the folder is the file's own, unless another name of it lies there
                path.parent.rmdir()

    await asyncio.to_thread(remove)


class ChosenFile:
    """One event: a file was chosen, or taken out again."""

    def __init__(self, context: PageContext) -> None:
        self._context = context

    async def look(self, upload: Upload | None, microphone: str | None, request: gr.Request) -> tuple[Any, Any, bool]:
        """``8 kHz · 立体声 · 12:34``, or why it cannot be read. Returns ``(facts, channels, has_channels)``."""
        words = self._context.words(request)
        chosen = chosen_file(upload, microphone, words)
        if chosen is None:
            return "", *_choice(0)
        self._context.services.uploads.foresee(chosen.path)
        try:
            facts = await file_facts(chosen.path, chosen.filename)
        except SpeechError as error:
            reason = self._context.sentence(error, request)
            return unreadable_view(reason, is_hopeless=isinstance(error, BadAudio)), *_choice(0)
        return facts_view(facts.info, words, is_truncated=facts.is_truncated), *_choice(facts.info.channels)


def _choice(channels: int) -> tuple[Any, bool]:
    """Whether 声道 is there. What it says is the browser's alone: by now somebody may have chosen."""
    return gr.Dropdown(visible=channels == 2), channels == 2
