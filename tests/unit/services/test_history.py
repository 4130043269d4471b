"""Whose rows a visitor is given, over the real database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.access import Visitor
from domain.errors import NotFound
from services.history import History
from storage.audio import FileAudioStore
from storage.history import SqlHistory
from tests.helpers.storage import new_database, succeeded

ANN, BOB, ADMIN = Visitor("visitor:ann"), Visitor("visitor:bob"), Visitor("visitor:root", is_admin=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlHistory]:
    with new_database(tmp_path) as database:
        yield SqlHistory(database)


@pytest.fixture
def history(store: SqlHistory, tmp_path: Path) -> History:
    return History(store, FileAudioStore(tmp_path / "audio"))


async def seen(history: History, visitor: Visitor, *, only_mine: bool) -> set[str]:
    page = await history.page(visitor=visitor, only_mine=only_mine, text="天气")
    return {row.user for row in page.rows}


async def test_only_an_administrator_ever_sees_anothers_rows(store: SqlHistory, history: History) -> None:
    for user in (ANN.user, BOB.user, ADMIN.user):
        await store.insert(succeeded(user=user))
    assert await seen(history, ANN, only_mine=False) == await seen(history, ANN, only_mine=True) == {ANN.user}
    assert await seen(history, ADMIN, only_mine=False) == {ANN.user, BOB.user, ADMIN.user}
    assert await seen(history, ADMIN, only_mine=True) == {ADMIN.user}


async def test_anothers_row_is_not_found_and_not_deleted(store: SqlHistory, history: History) -> None:
    row = succeeded(user=ANN.user)
    await store.insert(row)
    with pytest.raises(NotFound):
        await history.get(row.id, visitor=BOB)
    await history.delete([row.id], visitor=BOB)
    assert (await history.get(row.id, visitor=ANN)).id == row.id
