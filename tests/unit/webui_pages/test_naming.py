"""Naming from the pages: what the browser sends is anything, and a name that was given is given."""

from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest

from domain.errors import NoNodeAvailable
from domain.recognition import Recognition
from domain.transcript import Segment, Transcript
from tests.helpers.storage import succeeded
from webui.i18n import Catalogue, Words
from webui.pages.naming import renamed, swapped

ROW = succeeded().with_changes(
    transcript=Transcript((Segment(0, 1, None, "好", 0), Segment(1, 2, None, "好", 1)), "zh")
)


class Naming:
    """Labels and transcription at once: every name is given, no spoken track can be had."""

    def __init__(self) -> None:
        self.lines: list[int] = []

    async def rename(self, recognition_id: str, line: int, name: str, **_: Any) -> Recognition:
        self.lines.append(line)
        return ROW

    async def swap(self, recognition_id: str, **_: Any) -> Recognition:
        return ROW

    async def spoken(self, recognition_id: str, **_: Any) -> Recognition:
        raise NoNodeAvailable("nobody is there")


def context(naming: Naming) -> Any:
    return SimpleNamespace(
        services=SimpleNamespace(labels=naming, transcription=naming),
        visitor=lambda _request: None,
        words=lambda _request: Words(Catalogue(), "zh"),
        sentence=lambda error, _request: str(error),
    )


def event(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


@pytest.mark.parametrize("line", [None, [], {}, float("inf"), float("nan"), "x"])
async def test_what_is_no_line_is_refused(line: Any) -> None:
    naming = Naming()
    with pytest.raises(gr.Error, match="no line"):
        await renamed(context(naming), ROW.id, event(line=line, given="x"), cast(Any, None))
    assert naming.lines == []


async def test_a_name_is_given_even_where_the_spoken_track_cannot_be_had() -> None:
    assert ROW.transcript.raw_text is None
    naming, asked = Naming(), event(line="1", given="x", shown="spoken")
    assert await renamed(context(naming), ROW.id, asked, cast(Any, None)) == ROW
    assert naming.lines == [1]
    assert await swapped(context(naming), ROW.id, asked, cast(Any, None)) == ROW
