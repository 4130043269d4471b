"""The named Gradio endpoint ``/recognize``, for ``gradio_client``."""

from typing import Any

import gradio as gr
from gradio.components import Component

from domain.errors import InvalidInput, SpeechError
from domain.options import DEFAULT_SEGMENT_MS, RecognitionOptions
from domain.recognition import Source
from webui.api.fields import Fields, options_from
from webui.components.inputs import Upload, upload_field
from webui.errors import failure_of
from webui.pages.context import PageContext


def recognize_endpoint(context: PageContext) -> None:
    """Adds ``/recognize(audio, hotwords, language, itn, vad, max_segment_ms, speakers, channels)`` → a recognition."""

    async def recognize(
        audio: Upload | None,
        request: gr.Request,
        hotwords: Any = "",
        language: Any = "auto",
        itn: Any = True,
        vad: Any = True,
        max_segment_ms: Any = DEFAULT_SEGMENT_MS,
        speakers: Any = 0,
        channels: Any = "auto",
    ) -> dict[str, Any]:
        """Speech in, text out. ``hotwords``: separated by commas or new lines. Returns the JSON of a recognition."""
        given = {
            "hotwords": hotwords,
            "language": language,
            "itn": itn,
            "vad": vad,
            "max_segment_ms": max_segment_ms,
            "speakers": speakers,
            "channels": channels,
        }
        try:
            return await _recognize(context, audio, options_from(Fields(given.items())), request)
        except SpeechError as error:
            text = context.sentence(error, request, reference=error.details.get("recognition_id"))
            raise gr.Error(text, title=error.code, print_exception=False) from None

    with gr.Column(visible=False):
        inputs = [
            upload_field(label="audio"),
            _as_sent(gr.Textbox("", label="hotwords")),
            _as_sent(gr.Textbox("auto", label="language")),
            _as_sent(gr.Checkbox(True, label="itn")),
            _as_sent(gr.Checkbox(True, label="vad")),
            _as_sent(gr.Number(DEFAULT_SEGMENT_MS, label="max_segment_ms")),
            _as_sent(gr.Number(0, label="speakers")),
            _as_sent(gr.Textbox("auto", label="channels")),
        ]
        output = gr.JSON(label="recognition")
        trigger = gr.Button()
    trigger.click(recognize, inputs, output, api_name="recognize", concurrency_limit=None, show_progress="hidden")


def _as_sent(field: Component) -> Component:
    """Leaves a value as the program sent it: Gradio writes a list of hotwords as text, brackets and all."""
    setattr(field, "preprocess", lambda value: value)  # noqa: B010
    return field


async def _recognize(
    context: PageContext, audio: Upload | None, options: RecognitionOptions, request: gr.Request
) -> dict[str, Any]:
    if audio is None:
        raise InvalidInput("no audio was given", reason="not_a_file")
    visitor = context.visitor(request)
    row = await context.services.transcription.submit(
        audio.path, audio.filename, options, visitor=visitor, source=Source.API
    )
    row = await context.services.transcription.wait(row.id, visitor=visitor)
    if error := failure_of(row):
        raise error
    return context.services.retention.json(row)
