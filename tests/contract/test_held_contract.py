"""Listing what somebody wants kept (保留), on every database."""

from dataclasses import replace

import pytest

from domain.history import HistoryQuery
from domain.ids import new_id
from domain.recognition import Hold, Recognition, Status, utc_now
from storage.history import SqlHistory
from storage.retention import SqlRetention
from storage.sql import Database
from tests.helpers.storage import succeeded

HOLD = Hold("投诉", "visitor-1", utc_now())
#: Of everybody, newest last: who, what was said, how it ended, whether it is held.
ROWS = (
    ("anna", "今天天气很好 50%", Status.SUCCEEDED, True),
    ("ben", "今天天气很好", Status.SUCCEEDED, True),
    ("anna", "今天下雨 500", Status.FAILED, True),
    ("anna", "今天天气很好", Status.SUCCEEDED, False),
)


@pytest.fixture
async def rows(database: Database) -> list[Recognition]:
    ids = sorted(new_id() for _ in ROWS)
    rows = [
        succeeded(text, id=row_id, user=user, hold=HOLD if held else None).with_changes(status=status)
        for row_id, (user, text, status, held) in zip(ids, ROWS, strict=True)
    ]
    for row in rows:
        await SqlHistory(database).insert(row)
    return rows


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (HistoryQuery(None, held=True), [2, 1, 0]),
        (HistoryQuery(None, held=False), [3]),
        (HistoryQuery("anna", held=True), [2, 0]),
        (HistoryQuery(None, "天气", held=True), [1, 0]),
        (HistoryQuery(None, "天气", held=False), [3]),
        (HistoryQuery("anna", "今天 天气", held=True), [0]),
        (HistoryQuery(None, "50%", held=True), [0]),
        (HistoryQuery(None, held=True, statuses=(Status.FAILED,)), [2]),
        (HistoryQuery(None, held=True, speaker="王经理"), []),
        (HistoryQuery("nobody", held=True), []),
    ],
)
async def test_only_what_is_held_or_only_the_rest(
    database: Database, rows: list[Recognition], query: HistoryQuery, found: list[int]
) -> None:
    history = SqlHistory(database)
    page = await history.page(query)
    assert [row.id for row in page.rows] == [rows[place].id for place in found]
    assert all((row.hold == HOLD) is bool(query.held) for row in page.rows)
    assert await history.ids(replace(query, limit=1)) == [rows[place].id for place in found[:1]]


async def test_what_is_released_is_listed_as_such(database: Database, rows: list[Recognition]) -> None:
    await SqlRetention(database).set_hold(rows[2].id, None, user=None)
    await SqlRetention(database).set_hold(rows[3].id, HOLD, user=None)
    page = await SqlHistory(database).page(HistoryQuery("anna", held=True, before_id=rows[3].id))
    assert [row.id for row in page.rows] == [rows[0].id]
    [released] = (await SqlHistory(database).page(HistoryQuery("anna", held=False))).rows
    assert released.id == rows[2].id
