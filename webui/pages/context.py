"""What every page needs, and the few steps that every handler takes."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from domain.access import Visitor
from domain.errors import SpeechError
from services.bundle import Services
from webui.access import Access
from webui.i18n import Catalogue, Words, language_of
from webui.sentences import sentence


@dataclass(frozen=True, slots=True)
class PageContext:
    """Services, doors and words, handed to each page by the shell."""

    services: Services
    access: Access
    catalogue: Catalogue
    default_language: str = "auto"

    def visitor(self, request: gr.Request) -> Visitor:
        """Who looks at the page. Raises ``AccessDenied``."""
        return self.access.visitor(request)

    def words(self, request: gr.Request) -> Words:
        """The sentences in this reader's language."""
        return Words(self.catalogue, language_of(request.request, self.default_language))

    def sentence(self, error: SpeechError, request: gr.Request, *, reference: str | None = None) -> str:
        """The error for this reader, as plain text."""
        return sentence(error, self.words(request).language, reference=reference, catalogue=self.catalogue)


async def cancelled(context: PageContext, recognition_id: str, request: gr.Request) -> None:
    """Ends a recognition, on whichever page; one that has ended already stays as it is."""
    try:
        await context.services.transcription.cancel(recognition_id, visitor=context.visitor(request))
    except SpeechError as error:
        raise gr.Error(context.sentence(error, request), print_exception=False) from None


def view(value: str = "", *, events: tuple[str, ...] = (), script: str = "", **more: Any) -> gr.HTML:
    """A piece of our own HTML. Its ``[data-event]`` elements trigger ``events``, with their data."""
    return gr.HTML(value, js_on_load=_relay(*events) + script, apply_default_css=False, **more)


def _relay(*events: str) -> str:
    names = ", ".join(f"'{event}'" for event in events)
    return (
        f"const events = [{names}];"
        "element.addEventListener('click', event => asr.relay(event, (name, data) => "
        "events.includes(name) && trigger(name, data)));"
    )
