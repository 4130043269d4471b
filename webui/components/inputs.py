"""The upload field of the 识别 page and of the ``/recognize`` endpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from domain.sizes import size_text
from webui.components.units import duration_text
from webui.i18n import Words


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that has arrived: where it lies, and its name as the person's computer has it."""

    path: Path
    filename: str


def limits_text(max_upload_bytes: int, max_audio_seconds: float, words: Words) -> str:
    """Which files are taken: formats, size and length."""
    return words(
        "upload_limits",
        size=size_text(max_upload_bytes).replace(".0 ", " "),
        length=duration_text(max_audio_seconds, words),
    )


def upload_field(**options: Any) -> gr.File:
    """A ``gr.File`` for one file of any kind whose handlers get an :class:`Upload`, or ``None``.

    Gradio's own way of handing files over leaves an empty temporary file behind at each call and changes the name.
    It is replaced on the object: a subclass would have Gradio write a stub file beside this one at import.
    """
    field = gr.File(file_count="single", **options)
    setattr(field, "preprocess", _received)  # noqa: B010
    return field


def _received(payload: FileData | None) -> Upload | None:
    return Upload(Path(payload.path), payload.orig_name or Path(payload.path).name) if payload else None
