"""Correcting lines, on a real history."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.access import Visitor
from domain.errors import InvalidInput, InvalidOptions, NotFound, StorageUnavailable
from domain.ids import new_id
from domain.recognition import Recognition, Status
from domain.transcript import Segment, Transcript
from services.corrections import Corrections
from storage.history import SqlHistory
from storage.outbox import LastingHistory, Outbox
from storage.process_locks import ProcessLocks
from tests.helpers.storage import a_row, new_database, succeeded

OWNER, STRANGER, ADMIN = Visitor("visitor-1"), Visitor("visitor-2"), Visitor("root", is_admin=True)
HELLO = Transcript((Segment(0, 900, "二号好", "2号好"), Segment(900, 1800, "天器很好", "天器很好")), "zh")


@pytest.fixture
def history(tmp_path: Path) -> Iterator[SqlHistory]:
    with new_database(tmp_path) as database:
        yield SqlHistory(database)


async def talk(history: SqlHistory) -> Recognition:
    row = a_row(status=Status.SUCCEEDED, transcript=HELLO)
    await history.insert(row)
    return row


async def test_a_line_is_corrected_and_taken_back(history: SqlHistory) -> None:
    row = await talk(history)
    service = Corrections(history)
    done = await service.correct(row.id, {1: "天气很好"}, visitor=OWNER)
    assert done.text == "2号好天气很好"
    done = await service.correct(row.id, {1: "<b>天气</b>", 0: ""}, visitor=ADMIN)
    assert done.text == "<b>天气</b>"
    done = await service.correct(row.id, {0: None, 1: None}, visitor=OWNER)
    assert done.transcript == HELLO
    assert [(item.segment, item.text, item.user) for item in done.corrections] == [
        (1, "天气很好", "visitor-1"),
        (1, "<b>天气</b>", "root"),
        (0, "", "root"),
        (0, None, "visitor-1"),
        (1, None, "visitor-1"),
    ]


async def test_only_the_owner_and_administrators_correct(history: SqlHistory) -> None:
    row = await talk(history)
    service = Corrections(history)
    for recognition_id, visitor in ((row.id, STRANGER), (new_id(), ADMIN), ("no-id", ADMIN)):
        with pytest.raises(NotFound):
            await service.correct(recognition_id, {0: "x"}, visitor=visitor)
    await history.delete([row.id], user=None)
    with pytest.raises(NotFound):
        await service.correct(row.id, {0: "x"}, visitor=OWNER)


async def test_one_wrong_line_leaves_all_as_they_were(history: SqlHistory) -> None:
    row = await talk(history)
    with pytest.raises(InvalidOptions):
        await Corrections(history).correct(row.id, {0: "x", 9: "y"}, visitor=OWNER)
    stored = await history.get(row.id, user=None)
    assert stored is not None
    assert stored.corrections == ()


@pytest.mark.parametrize("status", [Status.RUNNING, Status.QUEUED, Status.FAILED, Status.CANCELLED])
async def test_only_a_whole_text_is_corrected(history: SqlHistory, status: Status) -> None:
    row = a_row(status=status, transcript=HELLO if status.is_final else Transcript())
    await history.insert(row)
    with pytest.raises(InvalidInput) as refused:
        await Corrections(history).correct(row.id, {0: "x"}, visitor=OWNER)
    assert refused.value.details["reason"] == "no_text"


async def test_a_row_that_waits_for_its_database_says_so(tmp_path: Path) -> None:
    processes = ProcessLocks(tmp_path / "processes", "here")
    outbox = Outbox(tmp_path / "outbox", processes)
    with new_database(tmp_path) as database:
        row = succeeded()
        outbox.put(row, is_new=True)
        with pytest.raises(StorageUnavailable):
            await Corrections(LastingHistory(database, outbox)).correct(row.id, {0: "x"}, visitor=OWNER)
    processes.close()


async def test_a_row_in_an_outbox_keeps_its_corrections_and_older_files_have_none(tmp_path: Path) -> None:
    processes = ProcessLocks(tmp_path / "processes", "here")
    outbox = Outbox(tmp_path / "outbox", processes)
    row = succeeded()
    with new_database(tmp_path) as database:
        history = SqlHistory(database)
        await history.insert(row)
        row = await Corrections(history).correct(row.id, {0: "改好了"}, visitor=OWNER)
    outbox.put(row, is_new=True)
    assert outbox.get(row.id) == row
    [path] = outbox.waiting()
    data = json.loads(path.read_bytes())
    assert [item["corrected_text"] for item in data["row"]["segments"] if "corrected_text" in item] == []
    # As the program before wrote it.
    for name in ("corrections", "version_of", "audio_id", "hold"):
        del data["row"][name]
    path.write_text(json.dumps(data), encoding="utf-8")
    old = outbox.get(row.id)
    assert old is not None
    assert (old.corrections, old.version, old.transcript.segments[0].corrected_text) == ((), 1, None)
    processes.close()
