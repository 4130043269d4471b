"""The named Gradio endpoint ``/recognize``, for ``gradio_client``."""

from typing import Any

import gradio as gr

from domain.errors import BadAudio, SpeechError, error_from_code
from domain.options import DEFAULT_SEGMENT_MS, RecognitionOptions
from domain.recognition import Source, Status
from webui.components.inputs import Upload, upload_field
from webui.pages.context import PageContext


def recognize_endpoint(context: PageContext) -> None:
    """Adds ``/recognize(audio, hotwords, language, itn, vad, max_segment_ms)`` → the JSON of a recognition."""

    async def recognize(
        audio: Upload | None,
        request: gr.Request,
        hotwords: str = "",
        language: str = "auto",
        itn: bool = True,
        vad: bool = True,
        max_segment_ms: float = DEFAULT_SEGMENT_MS,
    ) -> dict[str, Any]:
        """Speech in, text out. ``hotwords``: separated by commas or new lines. Returns the JSON of a recognition."""
        try:
            return await _recognize(
                context,
                audio,
                RecognitionOptions.of(
                    hotwords=hotwords, language=language, itn=itn, vad=vad, max_segment_ms=max_segment_ms
                ),
                request,
            )
        except SpeechError as error:
            text = context.sentence(error, request, reference=error.details.get("recognition_id"))
            raise gr.Error(text, title=error.code, print_exception=False) from None

    with gr.Column(visible=False):
        inputs = [
            upload_field(label="audio"),
            gr.Textbox("", label="hotwords"),
            gr.Textbox("auto", label="language"),
            gr.Checkbox(True, label="itn"),
            gr.Checkbox(True, label="vad"),
            gr.Number(DEFAULT_SEGMENT_MS, label="max_segment_ms"),
        ]
        output = gr.JSON(label="recognition")
        trigger = gr.Button()
    trigger.click(recognize, inputs, output, api_name="recognize", concurrency_limit=None, show_progress="hidden")


async def _recognize(
    context: PageContext, audio: Upload | None, options: RecognitionOptions, request: gr.Request
) -> dict[str, Any]:
    if audio is None:
        raise BadAudio("no audio was given", reason="empty")
    visitor = context.visitor(request)
    row = await context.services.transcription.submit(
        audio.path, audio.filename, options, visitor=visitor, source=Source.API
    )
    row = await context.services.transcription.wait(row.id, visitor=visitor)
    if row.status is Status.SUCCEEDED:
        return row.to_json()
    error = row.error or {}
    raise error_from_code(
        str(error.get("code") or row.status.value),
        str(error.get("message") or ""),
        {**(error.get("details") or {}), "recognition_id": row.id},
    )
