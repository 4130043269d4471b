"""What people write over segments, on every database: kept, shown, found, and nothing of it lost."""

import asyncio
from datetime import UTC, datetime

import pytest

from domain.corrections import Correction
from domain.errors import Overtaken
from domain.history import HistoryQuery
from domain.history_ports import Amendment, Change
from domain.recognition import Recognition, Source, Status
from domain.transcript import Segment, Transcript
from services.corrections import Corrections
from storage.history import SqlHistory
from storage.sql import Database
from tests.helpers.house import ADMIN
from tests.helpers.storage import a_row, succeeded

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
HELLO = Transcript((Segment(0, 900, "二号好", "2号好"), Segment(900, 1800, "天器很好", "天器很好")), "zh")


@pytest.fixture
def history(database: Database) -> SqlHistory:
    return SqlHistory(database)


def writing(*lines: tuple[int, str | None]) -> Change:
    return lambda _row: Amendment(corrections=[Correction(n, text, "visitor-1", AT) for n, text in lines])


async def stored(history: SqlHistory, recognition_id: str) -> Recognition:
    row = await history.get(recognition_id, user=None)
    assert row is not None
    return row


async def found(history: SqlHistory, text: str) -> set[str]:
    return {row.id for row in (await history.page(HistoryQuery(user="visitor-1", text=text))).rows}


async def test_a_corrected_row_comes_back_with_both_texts(history: SqlHistory) -> None:
    row = a_row(status=Status.SUCCEEDED, transcript=HELLO)
    await history.insert(row)
    changed = await history.amend(row.id, writing((1, "天气很好")), user="visitor-1")
    assert changed is not None
    assert changed == await stored(history, row.id)
    assert changed.corrections == (Correction(1, "天气很好", "visitor-1", AT),)
    assert [(item.raw_text, item.corrected_text) for item in changed.transcript.segments] == [
        ("二号好", None),
        ("天器很好", "天气很好"),
    ]
    assert (changed.text, changed.transcript.raw_text) == ("2号好天气很好", "二号好天器很好")
    [listed] = (await history.page(HistoryQuery(user="visitor-1"))).rows
    assert (listed.text, listed.corrections) == (changed.text, changed.corrections)


async def test_the_words_keep_their_times_as_recognised(history: SqlHistory) -> None:
    row = succeeded("天器很好")
    await history.insert(row)
    changed = await history.amend(row.id, writing((0, "天气很好")), user=None)
    assert changed is not None
    assert changed.transcript.segments[0].words == row.transcript.segments[0].words


async def test_search_finds_the_new_words_and_the_old_ones_no_more(history: SqlHistory) -> None:
    row, other = a_row(status=Status.SUCCEEDED, transcript=HELLO), succeeded("天器")
    await history.insert(row)
    await history.insert(other)
    await history.amend(row.id, writing((1, "天气很好，Émile")), user=None)
    assert await found(history, "天气") == await found(history, "ÉMILE") == {row.id}
    assert await found(history, "天器") == {other.id}
    assert await found(history, "二号") == await found(history, "2号") == {row.id}, "the other lines stay"
    # Both tracks read as corrected.
    await history.amend(row.id, writing((0, "三号好")), user=None)
    assert await found(history, "三号") == {row.id}
    assert await found(history, "2号") == await found(history, "二号") == set()
    await history.amend(row.id, writing((0, None), (1, "")), user=None)
    assert await found(history, "2号") == {row.id}
    assert await found(history, "三号") == await found(history, "天气") == set()
    # A name that is given later leaves the words as they are.
    await history.amend(row.id, lambda _row: Amendment({"speaker1": "王"}), user=None)
    assert await found(history, "王") == {row.id}
    assert await found(history, "天器") == {other.id}
    await history.delete([row.id, other.id], user=None)
    assert await found(history, "2号") == await found(history, "天器") == set()


async def test_people_who_correct_at_once_lose_nothing(history: SqlHistory) -> None:
    segments = tuple(Segment(n, n + 1, "错", "错") for n in range(8))
    row = a_row(status=Status.SUCCEEDED, transcript=Transcript(segments, "zh"))
    await history.insert(row)
    service = Corrections(history)
    edits = [service.correct(row.id, {n: f"对{n}"}, visitor=ADMIN) for n in range(8)]
    again = [service.correct(row.id, {0: f"又{n}"}, visitor=ADMIN) for n in range(4)]
    await asyncio.gather(*edits, *again)
    back = await stored(history, row.id)
    assert [item.corrected_text for item in back.transcript.segments[1:]] == [f"对{n}" for n in range(1, 8)]
    assert len(back.corrections) == 12
    newest = [item.text for item in back.corrections if item.segment == 0][-1]
    assert back.transcript.segments[0].corrected_text == newest


async def test_of_those_who_write_in_one_line_at_once_one_wins_and_the_others_are_told(history: SqlHistory) -> None:
    row = a_row(status=Status.SUCCEEDED, transcript=HELLO)
    await history.insert(row)
    service = Corrections(history)
    edits = (service.correct(row.id, {0: f"第{n}个"}, visitor=ADMIN, based_on=0) for n in range(6))
    done = await asyncio.gather(*edits, return_exceptions=True)
    [won] = [one for one in done if isinstance(one, Recognition)]
    assert {type(one) for one in done} == {Recognition, Overtaken}
    back = await stored(history, row.id)
    assert (back.corrections, back.text) == (won.corrections, won.text)
    assert len(back.corrections) == 1 and await found(history, won.transcript.segments[0].text(itn=True)) == {row.id}


async def test_a_correction_and_a_name_at_once(history: SqlHistory) -> None:
    row = a_row(status=Status.SUCCEEDED, transcript=HELLO)
    await history.insert(row)
    await asyncio.gather(
        history.amend(row.id, writing((0, "好")), user=None),
        history.amend(row.id, lambda _row: Amendment({"speaker1": "王"}, {0: "1"}), user=None),
    )
    back = await stored(history, row.id)
    assert (back.labels, back.transcript.segments[0].speaker) == ({"speaker1": "王"}, "1")
    assert back.transcript.segments[0].corrected_text == "好"
    assert await found(history, "王 好") == {row.id}


async def test_a_row_that_comes_with_corrections_keeps_them(history: SqlHistory) -> None:
    """From an outbox, or from another history."""
    row = a_row(status=Status.SUCCEEDED, transcript=HELLO, source=Source.IMPORT, finished_at=AT)
    await history.insert(row)
    changed = await history.amend(row.id, writing((0, "三号好")), user=None)
    assert changed is not None
    await history.delete([row.id], user=None)
    await history.insert_imported([changed])
    assert await stored(history, row.id) == changed
    assert await found(history, "三号") == {row.id}


async def test_what_is_under_way_or_somebody_elses_is_not_corrected(history: SqlHistory) -> None:
    row, running = a_row(status=Status.SUCCEEDED, transcript=HELLO), a_row()
    for item in (row, running):
        await history.insert(item)
    assert await history.amend(row.id, writing((0, "x")), user="somebody") is None
    assert await history.amend(running.id, writing((0, "x")), user=None) is None
    await history.delete([row.id], user=None)
    assert await history.amend(row.id, writing((0, "x")), user=None) is None
