"""What happens on the 识别 page. Handlers only subscribe: the work belongs to the services and outlives the browser."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from typing import Any

import gradio as gr

from domain.errors import SpeechError
from domain.recognition import Recognition, Source
from webui.components.banner import demo_banner
from webui.components.details import language_name
from webui.components.header import model_chip
from webui.components.inputs import Upload
from webui.components.progress import progress_view, waiting_view
from webui.components.result import error_view, result_view
from webui.components.rows import recent_view
from webui.components.samples import Sample
from webui.pages.asked import Asked
from webui.pages.chosen_file import chosen_file, discard
from webui.pages.context import PageContext, cancelled
from webui.pages.correcting import corrected
from webui.pages.naming import renamed, shown_in, swapped

#: A running recognition is drawn at most this often, in seconds.
DRAW_SECONDS = 0.2
RECENT_ROWS = 5
#: As many are read for them: what answered again and again from the cache is one line. Each comes with its whole text.
RECENT_READ = 10

Updates = tuple[Any, ...]


class RecogniseEvents:
    """One method per event."""

    def __init__(self, context: PageContext, samples: tuple[Sample, ...]) -> None:
        self._context = context
        self._services = context.services
        self._samples = samples

    # -- from the click to the text --------------------------------------------------------------------------------

    async def begin(
        self, request: gr.Request, upload: Upload | None, microphone: str | None, *form: Any
    ) -> AsyncIterator[Updates]:
        """Hands the recording over; the new id makes the page follow. Yields ``(id, panel, start, cancel)``.

        ``form``: the fields of :class:`Asked`.
        """
        words = self._context.words(request)
        chosen = chosen_file(upload, microphone, words)
        if chosen is None:
            yield gr.skip(), error_view(words("nothing_chosen")), gr.skip(), gr.skip()
            return
        yield gr.skip(), waiting_view(words), *_buttons(running=True)
        asked = Asked(*form)
        try:
            row = await self._services.transcription.submit(
                chosen.path,
                chosen.filename,
                asked.options(),
                visitor=self._context.visitor(request),
                source=Source.WEB,
                no_trace=asked.no_trace,
            )
        except SpeechError as error:
            yield gr.skip(), error_view(self._context.sentence(error, request)), *_buttons(running=False)
            return
        if asked.no_trace:
            await discard(chosen)
        yield row.id, gr.skip(), gr.skip(), gr.skip()

    async def again(self, request: gr.Request, current: str, has_channels: bool, *form: Any) -> AsyncIterator[Updates]:
        """重新识别 with the options that the form shows now; yields as :meth:`begin`.

        ``has_channels``: whether the form shows 声道; where it does not, the recording is taken as it was before.
        """
        # What is on show stays until there is a new one: the recording may have gone.
        yield gr.skip(), gr.skip(), *_buttons(running=True)
        try:
            options = Asked(*form).options()
            visitor = self._context.visitor(request)
            if not has_channels:
                old = await self._services.history.get(current, visitor=visitor)
                options = replace(options, channels=old.options.channels)
            row = await self._services.transcription.submit_again(current, options, visitor=visitor)
        except SpeechError as error:
            gr.Warning(self._context.sentence(error, request), title="")
            yield gr.skip(), gr.skip(), *_buttons(running=False)
            return
        yield row.id, gr.skip(), gr.skip(), gr.skip()

    async def follow(self, current: str, request: gr.Request) -> AsyncIterator[Updates]:
        """Draws the recognition until it is final. Yields ``(panel, start, cancel, recent)``."""
        if not current:
            yield tuple(gr.skip() for _ in range(4))  # a handler that yields nothing empties its outputs
            return
        visitor = self._context.visitor(request)
        listed = False
        try:
            async for row in self._services.transcription.follow(current, visitor=visitor):
                # What has just begun belongs to the last few at once, not only when it is done.
                rows = gr.skip() if listed or row.status.is_final else await self.recent(request)
                listed = True
                yield self._panel(row, request), *_buttons(running=not row.status.is_final), rows
                await asyncio.sleep(DRAW_SECONDS)
        except SpeechError as error:
            yield error_view(self._context.sentence(error, request)), *_buttons(running=False), gr.skip()
            return
        yield gr.skip(), gr.skip(), gr.skip(), await self.recent(request)

    async def cancel(self, current: str, request: gr.Request) -> None:
        """取消: whoever follows sees it end."""
        if current:
            await cancelled(self._context, current, request)

    async def spoken(self, current: str, event: gr.EventData, request: gr.Request) -> AsyncIterator[Any]:
        """Has the spoken track made where the model writes by itself. Yields the panel."""
        shown = event._data.get("track") if isinstance(event._data, dict) else None
        words = self._context.words(request)
        gr.Info(words("track_waiting"), duration=3, title="")
        try:
            row = await self._services.transcription.spoken(current, visitor=self._context.visitor(request))
        except SpeechError as error:
            raise gr.Error(self._context.sentence(error, request, reference=current), print_exception=False) from None
        yield result_view(row, words, shown="both" if shown == "both" else "spoken")

    async def rename(self, current: str, event: gr.EventData, request: gr.Request) -> Updates:
        """A name for who speaks in a line; see ``Labels.rename``. Returns ``(panel, recent)``."""
        row = await renamed(self._context, current, event, request)
        return result_view(row, self._context.words(request), shown=shown_in(event)), await self.recent(request)

    async def swap(self, current: str, event: gr.EventData, request: gr.Request) -> Updates:
        """坐席 ⇄ 客户. Returns ``(panel, recent)``."""
        row = await swapped(self._context, current, event, request)
        return result_view(row, self._context.words(request), shown=shown_in(event)), await self.recent(request)

    async def correct(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Lines as somebody typed them; see ``Corrections.correct``. Returns ``(patch, recent)``."""
        row, changed = await corrected(self._context, event, request)
        return changed, await self.recent(request) if row else gr.skip()

    async def recent(self, request: gr.Request) -> str:
        """最近 5 条, as HTML; nothing while the history cannot be read."""
        try:
            page = await self._services.history.page(visitor=self._context.visitor(request), limit=RECENT_READ)
        except SpeechError:
            return ""
        return recent_view(page.rows, self._context.words(request), limit=RECENT_ROWS)

    def _panel(self, row: Recognition, request: gr.Request) -> str:
        words = self._context.words(request)
        return result_view(row, words) if row.status.is_final else progress_view(row, words)

    # -- the form --------------------------------------------------------------------------------------------------

    def take_sample(self, kept: str, hotwords: str, language: str, event: gr.EventData) -> Updates:
        """Puts a sample and the options that show what it is for into the form.

        ``kept`` remembers what stood there before, so that the person's own recording finds it again
        (``asr.ownRecording``). Returns ``(upload, microphone, kept, hotwords, language, channels)``.
        """
        sample = self._samples[int(event._data["index"])]
        given = [sample.hotwords, sample.language]
        kept = json.dumps({"before": before_samples(kept, [hotwords, language]), "sample": given})
        return str(sample.path), None, kept, *given, "auto"

    # -- the server ------------------------------------------------------------------------------------------------

    async def look_at_server(self, seen: str, request: gr.Request) -> Updates:
        """What the model can do, and the banner; nothing where nothing changed.

        Returns ``(seen, clock, chip, banner, hotwords, language, speakers)``. The clock stops once there is nothing to
        wait for.
        """
        words, visitor = self._context.words(request), self._context.visitor(request)
        overview = await self._services.nodes.overview()
        download = self._services.downloads.state()
        capabilities = self._services.nodes.capabilities()
        now = json.dumps(
            [overview.state, overview.model, asdict(capabilities), asdict(download) if overview.is_demo else None]
        )
        if now == seen:
            return tuple(gr.skip() for _ in range(7))
        waiting = overview.state in ("loading", "down") or download.phase in ("running", "switching")
        banner = demo_banner(download, words, is_admin=visitor.is_admin) if overview.is_demo else ""
        known = overview.model is not None
        languages = [(language_name(code, words), code) for code in capabilities.languages]
        return (
            now,
            gr.Timer(active=waiting),
            model_chip(overview.model, is_demo=overview.is_demo, state=overview.state, words=words),
            gr.HTML(banner, visible=bool(banner)),
            gr.Textbox(visible=capabilities.hotwords or not known),
            gr.Dropdown(choices=languages, visible=len(languages) > 1),
            gr.Dropdown(visible=capabilities.speakers),
        )

    async def start_download(self, request: gr.Request) -> Updates:
        """下载真实模型, or 继续下载."""
        return await self._change_download(self._services.downloads.start, request)

    async def stop_download(self, request: gr.Request) -> Updates:
        """停止; what has arrived is kept."""
        return await self._change_download(self._services.downloads.stop, request)

    async def dismiss_download(self, request: gr.Request) -> Updates:
        """知道了: nothing more is said of the download that failed."""
        return await self._change_download(self._services.downloads.dismiss, request)

    async def _change_download(self, change: Any, request: gr.Request) -> Updates:
        try:
            await change(visitor=self._context.visitor(request))
        except SpeechError as error:
            raise gr.Error(self._context.sentence(error, request), print_exception=False) from None
        return await self.look_at_server("", request)


def before_samples(kept: str, now: list[str]) -> list[str]:
    """The form without what an earlier sample put into it and nobody changed since; ``kept`` as the page has it."""
    try:
        known = json.loads(kept or "{}")
        pairs = zip(now, known["before"], known["sample"], strict=True)
        return [before if value == given else value for value, before, given in pairs]
    except (KeyError, TypeError, ValueError):
        return now


def _buttons(*, running: bool) -> tuple[Any, Any]:
    """开始识别 and 取消: one of them is there."""
    return gr.Button(visible=not running), gr.Button(visible=running)
