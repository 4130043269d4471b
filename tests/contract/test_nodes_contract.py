"""What administrators said of nodes, on both databases."""

import asyncio
from datetime import UTC, datetime

import pytest

from domain.ids import new_id
from domain.membership import Membership, NodeEvent, StoredNode
from storage import nodes as module
from storage.nodes import SqlNodes
from storage.sql import Database, open_database

URL = "http://10.0.0.5:7861"


@pytest.fixture
def store(database: Database) -> SqlNodes:
    return SqlNodes(database)


def event(action: str = "add", **details: object) -> NodeEvent:
    return NodeEvent(new_id(), datetime.now(UTC), "visitor-1", action, URL, details)


async def test_what_was_not_said_stays_open(store: SqlNodes) -> None:
    await store.change(URL, {"drain": True}, event("drain"))
    assert await store.rows() == [StoredNode(URL, drain=True)]
    await store.change(URL, {"weight": 2.5, "backup": False}, event("weight"))
    assert await store.rows() == [StoredNode(URL, weight=2.5, backup=False, drain=True)]
    await store.change(URL, {"membership": "removed", "weight": None}, event("remove"))
    assert await store.rows() == [StoredNode(URL, Membership.REMOVED, backup=False, drain=True)]


async def test_each_change_has_its_line_and_the_newest_comes_first(store: SqlNodes) -> None:
    for number in range(5):
        await store.change(URL, {"slots": number + 1}, event("slots", slots=number + 1))
    newest, *_ = lines = await store.log(3)
    assert [line.details["slots"] for line in lines] == [5, 4, 3]
    assert (newest.user, newest.action, newest.node) == ("visitor-1", "slots", URL)
    assert abs((newest.at - datetime.now(UTC)).total_seconds()) < 60
    assert [line.details["slots"] for line in await store.log(3, before=lines[-1].id)] == [2, 1]


async def test_a_line_without_a_change(store: SqlNodes) -> None:
    await store.change(URL, {}, event("promote", fingerprint="f"))
    assert await store.rows() == []
    assert [line.action for line in await store.log(10)] == ["promote"]


async def test_a_change_without_its_line_is_none(store: SqlNodes) -> None:
    line = event()
    await store.change(URL, {"drain": True}, line)
    with pytest.raises(Exception, match=r"(?i)unique"):
        await store.change(URL, {"drain": False}, line)
    assert await store.rows() == [StoredNode(URL, drain=True)]


async def test_the_log_does_not_grow_for_ever(store: SqlNodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_EVENTS", 3)
    for number in range(6):
        await store.change(URL, {}, event("slots", slots=number))
    assert [line.details["slots"] for line in await store.log(10)] == [5, 4, 3]


async def test_two_replicas_that_say_something_at_once_are_both_heard(database: Database, database_url: str) -> None:
    other = open_database(database_url)
    try:
        stores = SqlNodes(database), SqlNodes(other)
        await asyncio.gather(
            stores[0].change(URL, {"weight": 2.0}, event("weight")),
            stores[1].change(URL, {"drain": True}, event("drain")),
        )
    finally:
        other.close()
    assert await stores[0].rows() == [StoredNode(URL, weight=2.0, drain=True)]
