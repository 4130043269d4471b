"""Rows that are versions of one another, on every database."""

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


async def test_a_version_that_is_deleted_leaves_the_others(history: SqlHistory) -> None:
    first, _, second, third = await three(history)
    await history.delete([second], user=None)
    assert await versions(history, first) == [(first, 1), (third, 2)]
    await history.delete([first], user=None)
    assert await versions(history, third) == [(third, 1)]
    assert await versions(history, first) == []
    # Recognised once more, it is a version of what is left.
    again = new_id()
    await history.insert(succeeded(id=again, version_of=first))
    assert await versions(history, third) == [(third, 1), (again, 2)]


async def test_others_see_no_versions(history: SqlHistory) -> None:
    first, *_ = await three(history)
    assert await versions(history, first, "visitor-2") == []
    # Nor a row of somebody else's that names theirs.
    await history.insert(succeeded(user="visitor-2", version_of=first))
    assert len(await versions(history, first, "visitor-1")) == 3
    for unknown in (new_id(), "no-id", "\ud800"):
        assert await versions(history, unknown) == []


async def test_the_newest_of_very_many_are_listed(history: SqlHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.pages.MAX_VERSIONS", 2)
    first, _, second, third = await three(history)
    assert await versions(history, first) == [(second, 2), (third, 3)]
