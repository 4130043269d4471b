"""Rows that are versions of one another, on every database."""

import asyncio

import pytest

from domain.history import HistoryQuery
from domain.ids import new_id
from domain.recognition import Status
from storage.history import SqlHistory
from storage.sql import Database
from tests.helpers.storage import a_row, succeeded


@pytest.fixture
def history(database: Database) -> SqlHistory:
    return SqlHistory(database)


async def versions(history: SqlHistory, recognition_id: str, user: str | None = None) -> list[tuple[str, int]]:
    return [(row.id, row.version) for row in await history.versions(recognition_id, user=user)]


async def three(history: SqlHistory) -> list[str]:
    ids = sorted(new_id() for _ in range(4))
    await history.insert(succeeded("一", id=ids[0]))
    await history.insert(succeeded("别的", id=ids[1]))
    await history.insert(succeeded("二", id=ids[2], version_of=ids[0]))
    await history.insert(a_row(id=ids[3], version_of=ids[0]))
    return ids


async def test_all_versions_are_found_from_each_of_them(history: SqlHistory) -> None:
    first, other, second, third = await three(history)
    for one in (first, second, third):
        assert await versions(history, one) == [(first, 1), (second, 2), (third, 3)]
    assert await versions(history, other) == [(other, 1)]
    [_, listed, _] = await history.versions(first, user="visitor-1")
    assert (listed.text, listed.transcript.segments[0].words) == ("二", ())


async def test_lists_and_single_rows_say_which_version_they_are(history: SqlHistory) -> None:
    first, other, second, third = await three(history)
    page = await history.page(HistoryQuery(user="visitor-1"))
    assert {row.id: row.version for row in page.rows} == {first: 1, other: 1, second: 2, third: 3}
    row = await history.get(third, user=None)
    assert row is not None
    assert (row.version, row.version_of, row.to_json()["version"]) == (3, first, 3)
    assert await history.finish(row.with_changes(status=Status.SUCCEEDED))
    assert (await versions(history, third))[-1] == (third, 3)


async def test_a_version_that_is_deleted_leaves_the_others_with_their_numbers(history: SqlHistory) -> None:
    first, _, second, third = await three(history)
    await history.delete([second], user=None)
    assert await versions(history, first) == [(first, 1), (third, 3)]
    row = await history.get(third, user=None)
    assert row is not None and await history.finish(row.with_changes(status=Status.SUCCEEDED))
    await history.delete([first], user=None)
    assert await versions(history, third) == [(third, 3)]
    assert await versions(history, first) == []
    # Recognised once more, it is a version of what is left.
    again = succeeded(version_of=first)
    assert (await history.insert(again)).version == 4
    assert await versions(history, third) == [(third, 3), (again.id, 4)]


async def test_no_number_is_given_twice_whichever_versions_are_deleted(history: SqlHistory) -> None:
    first = succeeded("一")
    assert (await history.insert(first)).version == 1
    for gone_too in (False, True):
        newest = [await history.insert(succeeded(version_of=first.id)) for _ in range(3)]
        await history.delete([row.id for row in newest[1 - gone_too :]], user=None)
    assert [number for _, number in await versions(history, first.id)] == [1, 2]
    assert (await history.insert(succeeded(version_of=first.id))).version == 8
    # The same again, as after an answer that was lost, changes nothing.
    last = succeeded(version_of=first.id)
    assert [(await history.insert(last)).version for _ in range(2)] == [9, 9]
    # Not even where only one is left that was there from the beginning.
    await history.delete([row.id for row in (await history.versions(first.id, user=None))[1:]], user=None)
    assert (await history.insert(succeeded(version_of=first.id))).version == 10


async def test_versions_that_are_asked_for_at_once_have_numbers_of_their_own(history: SqlHistory) -> None:
    first = succeeded("一")
    await history.insert(first)
    rows = await asyncio.gather(*(history.insert(succeeded(version_of=first.id)) for _ in range(12)))
    assert sorted(row.version for row in rows) == list(range(2, 14))
    listed = await versions(history, first.id)
    assert listed == [(first.id, 1), *sorted(((row.id, row.version) for row in rows), key=lambda one: one[1])]


async def test_a_version_whose_siblings_are_deleted_meanwhile_keeps_a_number(history: SqlHistory) -> None:
    for _ in range(6):
        first = succeeded("一")
        await history.insert(first)
        new = [succeeded(version_of=first.id, version=2) for _ in range(2)]
        *rows, _ = await asyncio.gather(*map(history.insert, new), history.delete([first.id], user=None))
        assert len({row.version for row in rows}) == 2 and min(row.version for row in rows) == 2
        assert [number for _, number in await versions(history, new[0].id)] == sorted(row.version for row in rows)


async def test_others_see_no_versions(history: SqlHistory) -> None:
    first, *_ = await three(history)
    assert await versions(history, first, "visitor-2") == []
    # Nor a row of somebody else's that names theirs.
    await history.insert(succeeded(user="visitor-2", version_of=first))
    assert len(await versions(history, first, "visitor-1")) == 3
    for unknown in (new_id(), "no-id", "\ud800"):
        assert await versions(history, unknown) == []


async def test_the_newest_of_very_many_are_listed(history: SqlHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.versions.MAX_VERSIONS", 2)
    first, _, second, third = await three(history)
    assert await versions(history, first) == [(second, 2), (third, 3)]
