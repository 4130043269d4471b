"""The node protocol's way of failing: the code as the title, ``{code, message, details}`` as the message."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from domain.errors import SpeechError


def as_gradio_error(error: SpeechError) -> gr.Error:
    """The error that Gradio passes on to the caller."""
    message = json.dumps(error.to_json(), ensure_ascii=False, default=str)
    return gr.Error(message, title=error.code, print_exception=False)


@contextmanager
def told_to_the_caller() -> Iterator[None]:
    """Turns errors of the tree into what the caller reads."""
    try:
        yield
    except SpeechError as error:
        raise as_gradio_error(error) from error
