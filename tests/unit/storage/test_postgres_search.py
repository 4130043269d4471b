"""Searching stretch by stretch: every row once, newest first, whenever it was made."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from domain.history import HistoryQuery
from domain.ids import new_id
from domain.recognition import Recognition, Status
from storage import postgres_search
from storage.history import SqlHistory
from storage.rows import sort_key
from storage.sql import Database, open_database
from tests.helpers.postgres import PostgresServer
from tests.helpers.storage import succeeded

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WORDS = ("天气", "气天", "会议", "开会", "report", "50%", "a_b", "it's", "back\\slash", "😀")


@pytest.fixture
def database(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(postgres_search, "_NEWEST_ROWS", 3)
    monkeypatch.setattr(postgres_search, "_MORE_ROWS", 20)
    monkeypatch.setattr(postgres_search, "_MORE_TIMES", 1)
    monkeypatch.setattr(postgres_search, "_COMMON_ONE_IN", 2)
    monkeypatch.setattr(postgres_search, "_SAMPLE_ROWS", 2)
    database = open_database(postgres.url())
    yield database
    database.close()


def made_at(moment: datetime) -> str:
    """An id of that time."""
    start = f"{round(moment.timestamp() * 1000):012x}"
    return f"{start[:8]}-{start[8:]}-{new_id()[14:]}"


def rows_of_years(dice: random.Random, count: int) -> list[Recognition]:
    ages = [dice.choice((1, 3_600, 86_400, 40 * 86_400, 900 * 86_400)) * dice.random() for _ in range(count)]
    moments = [NOW - timedelta(seconds=age) for age in ages]
    return [
        succeeded(
            "".join(dice.choices(WORDS, k=2)),
            id=made_at(moment),
            created_at=moment,
            finished_at=moment,
            user=dice.choice(("anna", "ben")),
            node=dice.choice(("one", "two")),
            filename=f"{number}.wav",
        ).with_changes(status=dice.choice((Status.SUCCEEDED, Status.FAILED)))
        for number, moment in enumerate(moments)
    ]


async def all_pages(history: SqlHistory, query: HistoryQuery) -> list[str]:
    seen: list[str] = []
    before: str | None = None
    while True:
        page = await history.page(replace(query, before_id=before))
        seen += [row.id for row in page.rows]
        before = page.next_before_id
        if before is None:
            return seen


def is_wanted(row: Recognition, query: HistoryQuery) -> bool:
    said = (row.transcript.raw_text or "", row.filename)
    return (
        all(any(term in part for part in said) for term in query.text.split())
        and query.user in (None, row.user)
        and (not query.nodes or row.node in query.nodes)
        and (not query.statuses or row.status in query.statuses)
        and (query.since is None or row.created_at >= query.since)
        and (query.until is None or row.created_at < query.until)
    )


async def test_every_row_of_years_is_found_once_newest_first(database: Database) -> None:
    dice = random.Random(5)
    history = SqlHistory(database)
    rows = rows_of_years(dice, 400)
    assert await history.insert_imported(rows) == len(rows)
    week = NOW - timedelta(days=7)
    for query in (
        HistoryQuery(user=None, text="天气"),
        HistoryQuery(user="anna", text="气天"),
        HistoryQuery(user=None, text="天气会"),
        HistoryQuery(user=None, text="会议 report"),
        HistoryQuery(user=None, text="0%"),
        HistoryQuery(user=None, text="a_b"),
        HistoryQuery(user=None, text="it's"),
        HistoryQuery(user=None, text="k\\s"),
        HistoryQuery(user=None, text="😀"),
        HistoryQuery(user=None, text="没有"),
        HistoryQuery(user=None, text="天气天气"),
        HistoryQuery(user=None, text="reportback\\slash"),
        HistoryQuery(user="anna", text="天", since=week),
        HistoryQuery(user=None, text="天", until=week, nodes=("two",)),
        HistoryQuery(user=None, nodes=("one",), statuses=(Status.FAILED,)),
        HistoryQuery(user="nobody", text="天"),
    ):
        expected = sorted((row for row in rows if is_wanted(row, query)), key=lambda row: -sort_key(row.id))
        assert await all_pages(history, replace(query, limit=7)) == [r.id for r in expected]


async def test_a_search_does_not_read_the_table(database: Database) -> None:
    """Where the planner would rather read every row, one search of a million rows would take minutes."""
    history = SqlHistory(database)
    await history.insert_imported(rows_of_years(random.Random(6), 300))
    plans: list[str] = []

    def explain(connection: Connection, cursor: object, statement: str, parameters: Any, *rest: object) -> None:
        if statement.startswith("WITH hits"):
            plan = connection.exec_driver_sql("EXPLAIN " + statement, parameters)
            plans.append("\n".join(plan.scalars()))

    event.listen(database.engine, "before_cursor_execute", explain)
    query = HistoryQuery(user=None, text="report 天气会")
    await history.page(query)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE recognitions"))
    await history.page(query)
    assert len(plans) > 3
    assert all("ix_recognitions_tokens" in plan and "Seq Scan" not in plan for plan in plans), plans[0]


async def test_a_long_search_over_decades_asks_little_at_a_time(database: Database) -> None:
    history = SqlHistory(database)
    said = "".join(map(chr, range(0x4E00, 0x4E00 + 150)))
    ages = [timedelta(days=days) for days in (0.1, 3, 400, 9_000)]
    rows = [succeeded(said, id=made_at(NOW - age), created_at=NOW - age, finished_at=NOW - age) for age in ages]
    await history.insert_imported(rows)
    asked: list[int] = []
    event.listen(database.engine, "before_cursor_execute", lambda *call: asked.append(len(str(call[3]))))
    found = (await history.page(HistoryQuery(user=None, text=said))).rows
    assert [row.id for row in found] == [row.id for row in rows]
    assert max(asked) < 20_000, "characters of one statement's values"


async def test_a_text_of_every_character_is_stored(database: Database) -> None:
    every = "".join(map(chr, range(0x3400, 0xD000)))
    row = succeeded(every + "天气", every[::-1])
    history = SqlHistory(database)
    async with asyncio.timeout(60):
        await history.insert(row)
        assert [found.id for found in (await history.page(HistoryQuery(user=None, text="天气"))).rows] == [row.id]
