"""What the pages say in a toast, and leave as it is."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest

from domain.access import Visitor
from domain.audio_keys import audio_gone
from domain.history import Deletion
from services.history import Found
from webui.components.deleting import question
from webui.i18n import Catalogue, Words
from webui.pages.delete_events import DeleteEvents
from webui.pages.recognise_events import RecogniseEvents
from webui.sentences import sentence

ZH = Words(Catalogue(), "zh")
REQUEST = cast(Any, SimpleNamespace(session_hash="page"))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    for kind in ("Info", "Warning"):
        monkeypatch.setattr(gr, kind, lambda text, **_: said.append(text))
    return said


def context(**services: Any) -> Any:
    return SimpleNamespace(
        services=SimpleNamespace(**services),
        visitor=lambda _request: Visitor("me"),
        words=lambda _request: ZH,
        sentence=lambda error, _request: sentence(error.to_json(), "zh"),
    )


async def test_a_deletion_that_is_stopped_says_how_many_went(told: list[str]) -> None:
    async def delete_found(**_: Any) -> AsyncIterator[Deletion]:
        for count in (300, 600):
            events.stop(REQUEST)
            yield Deletion(count)

    events = DeleteEvents(context(history=SimpleNamespace(delete_found=delete_found)))
    async for _ in events.remove_found(REQUEST, '{"newest": null, "total": 900}'):
        pass
    assert told == ["已停止：已删除 300 条"]
    events.stop(REQUEST)  # too late to matter


async def test_the_open_row_that_is_held_says_so_in_one_sentence(told: list[str]) -> None:
    async def delete(*_: Any, **__: Any) -> Deletion:
        return Deletion(held=1)

    events = DeleteEvents(context(history=SimpleNamespace(delete=delete)))
    assert await events.remove("a", gr.EventData(None, {"ids": "a"}), REQUEST) == "a"
    assert told == ["这条已保留，请先解除保留。"]


def test_the_question_speaks_of_others_only_where_there_are() -> None:
    for others in (True, False):
        assert ("他人" in question(Found(3), ZH, filtered=False, others=others)) is others


async def test_a_recording_that_has_gone_leaves_the_text_on_show(told: list[str]) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise audio_gone()

    transcription = SimpleNamespace(submit_again=refuse)
    events = RecogniseEvents(context(transcription=transcription, history=None), ())
    form = ["", "auto", True, True, 30, 0.8, 0, "auto", False]
    panels = [panel async for _, panel, *_ in events.again(REQUEST, "a", True, *form)]
    assert panels == [gr.skip()] * len(panels) and told == ["录音已经删除，无法再次识别。"]
