"""Versions of a recording, on a real history."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.access import Visitor
from domain.errors import NotFound
from domain.ids import new_id
from domain.recognition import Recognition, Status
from domain.transcript import Segment, Transcript
from services.corrections import Corrections
from services.versions import Versions
from storage.history import SqlHistory
from tests.helpers.house import ME, house
from tests.helpers.scripted import ScriptedPool
from tests.helpers.speech import say, write_wav
from tests.helpers.storage import a_row, new_database

OWNER, STRANGER = Visitor("visitor-1"), Visitor("visitor-2")


@pytest.fixture
def history(tmp_path: Path) -> Iterator[SqlHistory]:
    with new_database(tmp_path) as database:
        yield SqlHistory(database)


async def added(history: SqlHistory, text: str, of: Recognition | None = None) -> Recognition:
    transcript = Transcript((Segment(0, 900, text, text),), "zh")
    row = a_row(status=Status.SUCCEEDED, transcript=transcript, version_of=of.id if of else None)
    await history.insert(row)
    return row


async def test_two_versions_are_compared_as_corrected_older_first(history: SqlHistory) -> None:
    first = await added(history, "今天天器很好")
    second = await added(history, "今天天七很好", of=first)
    await Corrections(history).correct(second.id, {0: "今天天气很好"}, visitor=OWNER)
    older, newer = sorted((first, second), key=lambda row: row.id)
    for one, other in ((first, second), (second, first)):
        found = await Versions(history).compare(one.id, other.id, itn=True, visitor=OWNER)
        assert (found.older.id, found.newer.id, found.count) == (older.id, newer.id, 1)
        assert {piece.text for piece in found.lines[0].pieces} == {"今天天", "器", "气", "很好"}


async def test_places_are_counted_however_many_are_in_one_line(history: SqlHistory) -> None:
    first = await added(history, "今天天器很好，打开空条吧")
    second = await added(history, "今天天气很好，打开空调吧", of=first)
    found = await Versions(history).compare(first.id, second.id, itn=True, visitor=OWNER)
    assert (len(found.lines), found.count) == (1, 2)


async def test_what_is_no_version_or_not_ones_own_is_not_compared(history: SqlHistory) -> None:
    first = await added(history, "一")
    second, other = await added(history, "二", of=first), await added(history, "三")
    service = Versions(history)
    for one, two, visitor in (
        (first.id, other.id, OWNER),
        (first.id, second.id, STRANGER),
        (first.id, new_id(), OWNER),
        ("no-id", first.id, OWNER),
    ):
        with pytest.raises(NotFound):
            await service.compare(one, two, itn=True, visitor=visitor)
    with pytest.raises(NotFound):
        await service.of(first.id, visitor=STRANGER)
    await history.delete([first.id], user=None)
    with pytest.raises(NotFound):
        await service.compare(second.id, first.id, itn=True, visitor=OWNER)


async def test_recognising_anew_adds_a_version_each_time(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", say("打开空调"))
    async with house(tmp_path, ScriptedPool()) as it:
        first = await it.recognise(path)
        ids = [first.id]
        for again in (first.id, None):
            begun = await it.transcription.submit_again(again or ids[-1], None, visitor=ME)
            assert (begun.version, begun.version_of) == (len(ids) + 1, first.id)
            await it.transcription.wait(begun.id, visitor=ME, timeout_seconds=90)
            ids.append(begun.id)
        await Corrections(it.store).correct(ids[1], {0: "改好了"}, visitor=ME)
        found = await Versions(it.store).of(ids[1], visitor=ME)
        assert [(row.id, row.version, row.text == "改好了") for row in found] == [
            (ids[0], 1, False),
            (ids[1], 2, True),
            (ids[2], 3, False),
        ]
