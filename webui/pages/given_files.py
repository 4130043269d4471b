"""Which files a call may name: those that were uploaded, and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import gradio as gr
from gradio.utils import get_upload_folder

from domain.errors import AccessDenied
from webui.pages.context import PageContext


def accept_uploads_only(demo: gr.Blocks, context: PageContext) -> None:
    """Makes every call refuse a file that was not uploaded, before Gradio looks at it.

    Gradio refuses paths elsewhere by itself, with a traceback in the log, but fetches whatever address it is given.
    """
    process = demo.process_api

    async def checked(*, inputs: Any, request: Any = None, **more: Any) -> Any:
        if not all(map(_is_uploaded, named_paths(inputs))):
            error = AccessDenied("Only uploaded files are taken, no address and no path.", reason="not_uploaded")
            raise gr.Error(context.sentence(error, request), title=error.code, print_exception=False)
        return await process(inputs=inputs, request=request, **more)

    setattr(demo, "process_api", checked)  # noqa: B010


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
