"""What is refused before Gradio looks at a call: files that were not uploaded, and what is no file at all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.data_classes import FileData
from gradio.utils import get_upload_folder

from domain.errors import AccessDenied, InvalidInput, SpeechError
from webui.pages.context import PageContext


def accept_uploads_only(demo: gr.Blocks, context: PageContext) -> None:
    """Makes every call refuse a file that was not uploaded, before Gradio looks at it.

    Gradio refuses paths elsewhere by itself, with a traceback in the log, but fetches whatever address it is given.
    Text where a file belongs, and a call with too few values, end in a traceback too, and in no word to the caller.
    """
    process = demo.process_api

    async def checked(*, block_fn: BlockFunction | int, inputs: Any, request: Any = None, **more: Any) -> Any:
        called = demo.fns[block_fn] if isinstance(block_fn, int) else block_fn
        if error := _refusal(called, inputs):
            raise gr.Error(context.sentence(error, request), title=error.code, print_exception=False)
        # What a program leaves out at the end is not given.
        inputs = [*inputs, *[None] * (len(called.inputs) - len(inputs))]
        return await process(block_fn=called, inputs=inputs, request=request, **more)

    setattr(demo, "process_api", checked)  # noqa: B010


def _refusal(called: BlockFunction, inputs: list[Any]) -> SpeechError | None:
    if not all(map(_is_uploaded, named_paths(inputs))):
        return AccessDenied("Only uploaded files are taken, no address and no path.", reason="not_uploaded")
    if len(inputs) < len(called.inputs) and called.api_visibility != "public":
        # Only what programs are meant to call has a default for what they leave out.
        return InvalidInput(f"{len(called.inputs)} values are expected, not {len(inputs)}", reason="too_few_values")
    # A caller may send fewer or more values than there are fields.
    for field, value in zip(called.inputs, inputs, strict=False):
        if getattr(field, "data_model", None) is FileData and value is not None and not _is_reference(value):
            return InvalidInput("a file is expected, not its name: handle_file uploads it", reason="not_a_file")
    return None


def named_paths(inputs: Any) -> Iterator[str]:
    """Every path in a call's inputs, however deep it lies."""
    left = [inputs]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            fields = cast("dict[str, Any]", item)
            if isinstance(path := fields.get("path"), str):
                yield path
            left.extend(fields.values())
        elif isinstance(item, (list, tuple)):
            left.extend(cast("list[Any]", item))


def _is_uploaded(path: str) -> bool:
    """Whether it lies where uploads do; an address, read as a path, does not."""
    try:
        return Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def _is_reference(value: Any) -> bool:
    """Whether it is what an upload is answered with; Gradio's own check, whose refusal is a traceback."""
    try:
        FileData.model_validate(value, context={"validate_meta": True})
    except ValueError:
        return False
    return True
