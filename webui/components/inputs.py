"""The upload field of the 识别 page and of the ``/recognize`` endpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from domain.sizes import size_limit_text
from webui.components.units import length_limit_text
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
        size=size_limit_text(max_upload_bytes),
        length=length_limit_text(max_audio_seconds, words),
    )


def upload_field(**options: Any) -> gr.File:
    """A ``gr.File`` for one file of any kind whose handlers get an :class:`Upload`, or ``None``.

    Gradio's own way of handing files over leaves an empty temporary file behind at each call and changes the name.
    It is replaced on the object: a subclass would have Gradio write a stub file beside this one at import.
    """
    field = gr.File(file_count="single", **options)
    setattr(field, "preprocess", _received)  # noqa: B010
    return field


def seconds_field(low_ms: int, high_ms: int, default_ms: int, **options: Any) -> gr.Slider:
    """A slider in seconds; handlers get what stands in it, ``None`` where it is empty.

    Gradio would refuse what lies outside in English: the options are checked where they are made, in both languages.
    """
    field = gr.Slider(low_ms / 1000, high_ms / 1000, default_ms / 1000, **options)
    setattr(field, "preprocess", _as_it_is)  # noqa: B010
    return field


def milliseconds(seconds: float | None) -> int | None:
    """What a field in seconds asks for; ``None``, the default, where it was emptied."""
    return None if seconds is None else round(seconds * 1000)


def _as_it_is(payload: float | None) -> float | None:
    return payload


def _received(payload: FileData | None) -> Upload | None:
    return Upload(Path(payload.path), payload.orig_name or Path(payload.path).name) if payload else None
