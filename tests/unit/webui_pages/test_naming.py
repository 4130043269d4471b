"""Naming from the pages: what the browser sends is anything, and a name that was given is given."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args

import gradio as gr
import pytest

from domain.access import Visitor
from domain.errors import InvalidOptions, NoNodeAvailable, NotFound
from domain.labels import MAX_NAME_CHARS, MAX_NAMES, MAX_SPEAKER_NUMBER
from domain.recognition import Recognition
from domain.transcript import Segment, Transcript
from services.history import History
from services.labels import Labels, Whom
from storage.history import SqlHistory
from tests.helpers.storage import a_row, new_database, succeeded
from webui.i18n import Catalogue, Words
from webui.pages.naming import renamed, swapped
from webui.sentences import sentence

OWNER = Visitor("visitor-1")
NO_LINE, NOBODY = "找不到这一句，请刷新页面再试。", "找不到这个说话人，请刷新页面再试。"
ROW = succeeded().with_changes(
    transcript=Transcript((Segment(0, 1, None, "好", 0), Segment(1, 2, None, "好", 1)), "zh")
)


class Naming:
    """Labels, history and transcription at once: every name is given, no row and no spoken track can be had."""

    def __init__(self) -> None:
        self.lines: list[int] = []

    async def rename(self, recognition_id: str, line: int, name: str, **_: Any) -> Recognition:
        self.lines.append(line)
        return ROW

    async def swap(self, recognition_id: str, **_: Any) -> Recognition:
        return ROW

    async def get(self, recognition_id: str, **_: Any) -> Recognition:
        raise NotFound("it was deleted")

    async def spoken(self, recognition_id: str, **_: Any) -> Recognition:
        raise NoNodeAvailable("nobody is there")


@pytest.fixture
def history(tmp_path: Path) -> Iterator[SqlHistory]:
    with new_database(tmp_path) as database:
        yield SqlHistory(database)


def context(naming: Naming | Labels, history: Naming | History | None = None) -> Any:
    return SimpleNamespace(
        services=SimpleNamespace(labels=naming, transcription=naming, history=history or naming),
        visitor=lambda _request: OWNER,
        words=lambda _request: Words(Catalogue(), "zh"),
        sentence=lambda error, _request: sentence(error, "zh"),
    )


def event(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


@pytest.mark.parametrize("line", [None, [], {}, float("inf"), float("nan"), "x"])
async def test_what_is_no_line_is_refused(line: Any) -> None:
    naming = Naming()
    with pytest.raises(gr.Error, match=NO_LINE):
        await renamed(context(naming), ROW.id, event(line=line, given="x"), cast(Any, None))
    assert naming.lines == []


async def test_a_name_is_given_even_where_the_spoken_track_cannot_be_had() -> None:
    assert ROW.transcript.raw_text is None
    naming, asked = Naming(), event(line="1", given="x", shown="spoken")
    assert await renamed(context(naming), ROW.id, asked, cast(Any, None)) == ROW
    assert naming.lines == [1]
    assert await swapped(context(naming), ROW.id, asked, cast(Any, None)) == ROW


@pytest.mark.parametrize(
    ("labels", "lines", "told"),
    [
        ({"speaker1": "长" * (MAX_NAME_CHARS + 1)}, {}, f"名字太长：最多 {MAX_NAME_CHARS} 个字。"),
        ({"speaker1": "长" * 2_000}, {}, f"名字太长：最多 {MAX_NAME_CHARS} 个字。"),
        ({f"x{number}": "" for number in range(MAX_NAMES + 1)}, {}, f"说话人太多：最多 {MAX_NAMES} 个。"),
        ({"boss": "x"}, {}, NOBODY),
        ({}, {0: "boss"}, NOBODY),
        ({}, {2: "speaker1"}, NO_LINE),
        ({"channel0": "Customer"}, {}, "“客户”是这里另一个人的名字：请换一个名字，或互换两个名字。"),
    ],
    ids=("long", "very long", "many", "name for nobody", "line for nobody", "no line", "taken"),
)
async def test_every_refused_change_says_why(
    history: SqlHistory, labels: dict[str, str], lines: dict[int, str], told: str
) -> None:
    await history.insert(ROW)
    with pytest.raises(InvalidOptions) as refused:
        await Labels(history).change(ROW.id, labels, lines, visitor=OWNER)
    assert sentence(refused.value, "zh") == told
    assert sentence(refused.value, "en") != Catalogue().text("en", "error_invalid_options")


def over(history: SqlHistory) -> Any:
    """The page over the real rows."""
    return context(Labels(history), History(history, cast(Any, None), cast(Any, None)))


@pytest.mark.parametrize("whom", [*get_args(Whom), None])
@pytest.mark.parametrize("line", [2, -1], ids=("after the last", "before the first"))
async def test_every_refused_name_says_why(history: SqlHistory, line: int, whom: str | None) -> None:
    await history.insert(ROW)
    with pytest.warns(UserWarning, match=NO_LINE):
        row = await renamed(over(history), ROW.id, event(line=line, given="x", whom=whom), cast(Any, None))
    assert row.labels == {}


async def test_what_has_no_text_yet_has_nobody_to_name(history: SqlHistory) -> None:
    row = a_row()
    await history.insert(row)
    with pytest.raises(gr.Error, match="这条记录还没有文字，请等识别完成。"):
        await renamed(over(history), row.id, event(line=0, given="x"), cast(Any, None))


async def test_a_name_that_another_page_gave_meanwhile_is_refused_and_shown(history: SqlHistory) -> None:
    await history.insert(ROW)
    await renamed(over(history), ROW.id, event(line=1, given="王", whom="everyone"), cast(Any, None))
    with pytest.warns(UserWarning, match="“王”是这里另一个人的名字"):
        row = await renamed(over(history), ROW.id, event(line=0, given="王", whom="everyone"), cast(Any, None))
    assert row.labels == {"channel1": "王"}


async def test_one_speaker_too_many_is_told(history: SqlHistory) -> None:
    last = Segment(0, 1, None, "好", speaker=str(MAX_SPEAKER_NUMBER))
    row = succeeded().with_changes(transcript=Transcript((last,), "zh"))
    await history.insert(row)
    with pytest.warns(UserWarning, match=f"说话人太多：最多 {MAX_SPEAKER_NUMBER} 个。"):
        await renamed(over(history), row.id, event(line=0, given="x"), cast(Any, None))


async def test_what_the_browser_asks_for_is_done_to_all_to_one_line_or_to_both(history: SqlHistory) -> None:
    await history.insert(ROW)
    asked = over(history)
    row = await renamed(asked, ROW.id, event(line=0, given="客户", whom="swap"), cast(Any, None))
    assert row.labels == {"channel0": "客户", "channel1": "坐席"}
    row = await renamed(asked, ROW.id, event(line=0, given="王", whom="everyone"), cast(Any, None))
    assert row.labels == {"channel0": "王", "channel1": "坐席"}
    row = await renamed(asked, ROW.id, event(line=0, given="坐席", whom="line"), cast(Any, None))
    assert row.transcript.segments[0].speaker == "channel1"
