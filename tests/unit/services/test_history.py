"""Whose rows a visitor is given, over the real database."""

import asyncio
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from domain.access import Visitor
from domain.errors import NotFound, StorageUnavailable
from domain.history import Deletion
from domain.ids import new_id
from domain.recognition import Hold, utc_now
from services import history as module
from services.history import Found, History
from storage.audio_files import FileAudioStore
from storage.history import SqlHistory
from tests.helpers.storage import a_row, new_database, succeeded

ANN, BOB, ADMIN = Visitor("visitor:ann"), Visitor("visitor:bob"), Visitor("visitor:root", is_admin=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlHistory]:
    with new_database(tmp_path) as database:
        yield SqlHistory(database)


@pytest.fixture
def history(store: SqlHistory, tmp_path: Path) -> History:
    async def forget(_: object) -> None: ...

    return History(store, FileAudioStore(tmp_path / "audio"), forget)


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


async def deleted(history: History, visitor: Visitor, **filters: Any) -> Deletion:
    done = Deletion()
    async for done in history.delete_found(visitor=visitor, **filters):
        pass
    return done


async def test_all_that_is_found_is_deleted_and_nothing_else(store: SqlHistory, history: History) -> None:
    rows = [succeeded("天气", user=ANN.user) for _ in range(250)]
    held = succeeded("天气", user=ANN.user, hold=Hold("evidence", ADMIN.user, utc_now()))
    others = [a_row(user=ANN.user), succeeded("别的", user=ANN.user), succeeded("天气", user=BOB.user)]
    for row in (*rows, held, *others):
        await store.insert(row)
    assert await history.count(visitor=ANN, text="天气") == Found(251, newest=max(row.id for row in (*rows, held)))
    done = await deleted(history, ANN, text="天气")
    assert (done.deleted, done.held, done.under_way) == (250, 1, 0)
    # What is under way and what is kept are told apart; another's row was never meant.
    done = await deleted(history, ANN)
    assert (done.deleted, done.held, done.under_way) == (1, 1, 1)
    assert {row.id for row in (await history.page(visitor=ADMIN)).rows} == {held.id, others[0].id, others[2].id}
    assert (await deleted(history, ADMIN, only_mine=True)).deleted == 0
    assert (await deleted(history, ADMIN)).deleted == 1


async def test_what_came_after_the_question_stays(store: SqlHistory, history: History) -> None:
    old, new = succeeded(user=ANN.user), succeeded(user=ANN.user, id=new_id())
    old, new = sorted((old, new), key=lambda row: row.id)
    await store.insert(old)
    found = await history.count(visitor=ANN)
    await store.insert(new)
    assert (await deleted(history, ANN, newest=found.newest)).deleted == 1
    assert [row.id for row in (await history.page(visitor=ANN)).rows] == [new.id]
    assert await history.count(visitor=BOB) == Found()


async def test_deleting_can_be_stopped(store: SqlHistory, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DELETE_ROWS", 2)
    for _ in range(7):
        await store.insert(succeeded(user=ANN.user))
    steps = history.delete_found(visitor=ANN)
    assert [(await anext(steps)).deleted, (await anext(steps)).deleted] == [2, 4]
    await steps.aclose()
    assert (await history.count(visitor=ANN)).count == 3


async def test_a_cancelled_deletion_leaves_no_recording_without_a_row(
    store: SqlHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_DELETE_ROWS", 2)
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Slow(FileAudioStore):
        async def delete(self, keys: Sequence[str]) -> None:
            begun.set()
            await go_on.wait()
            await super().delete(keys)

    async def forget(_: object) -> None: ...

    audio = Slow(tmp_path / "audio")
    history = History(store, audio, forget)
    source = tmp_path / "a.wav"
    source.write_bytes(b"x")
    for _ in range(5):
        await store.insert(succeeded(user=ANN.user, audio_key=await audio.put_file(source)))
    deleting = asyncio.create_task(deleted(history, ANN))
    await begun.wait()
    deleting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await deleting
    go_on.set()
    async with asyncio.timeout(60):
        while history._deleting:
            await asyncio.sleep(0.01)
    rows = (await history.page(visitor=ANN)).rows
    there = {row.audio_key for row in rows}
    assert len(there) == 3 and set(await audio.keys_older_than(-60)) == there


async def test_more_than_a_bound_is_not_counted(
    store: SqlHistory, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_COUNT_ROWS", 4)
    monkeypatch.setattr(module, "_ID_ROWS", 2)
    for number in range(5):
        await store.insert(succeeded(user=ANN.user))
        found = await history.count(visitor=ANN)
        assert (found.count, found.has_more) == (min(number + 1, 4), number == 4)


async def test_a_recording_that_cannot_be_removed_now_does_not_keep_the_row(store: SqlHistory) -> None:
    class Away(FileAudioStore):
        async def delete(self, keys: object) -> None:
            raise StorageUnavailable("away")

    async def forget(_: object) -> None: ...

    history = History(store, Away(Path()), forget)
    row = succeeded(user=ANN.user, audio_key="2026/11/a")
    await store.insert(row)
    assert (await history.delete([row.id], visitor=ANN)).deleted == 1
    assert history.unremoved == {"2026/11/a"}


async def test_a_deletion_ends_though_nobody_waits_for_it(store: SqlHistory, tmp_path: Path) -> None:
    audio = FileAudioStore(tmp_path / "audio")
    path = tmp_path / "a.wav"
    path.write_bytes(b"x")
    begun, go_on, forgotten = asyncio.Event(), asyncio.Event(), list[str]()

    async def forget(audio_ids: Collection[str]) -> None:
        begun.set()
        await go_on.wait()
        forgotten.extend(audio_ids)

    history = History(store, audio, forget)
    row = succeeded(user=ANN.user, audio_key=await audio.put_file(path), audio_id="its name")
    await store.insert(row)
    deleting = asyncio.create_task(history.delete([row.id], visitor=ANN))
    await begun.wait()
    deleting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await deleting
    go_on.set()
    deadline = time.monotonic() + 90
    while not forgotten or history.unremoved:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    assert forgotten == ["its name"]
    assert await audio.keys_older_than(-60) == []
