"""What is kept past its time and what is not, on both databases."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from domain.audio_keys import first_key_at, new_audio_key, put_at
from domain.errors import InvalidInput, InvalidOptions, NotFound
from domain.history import Deletion, HistoryQuery
from domain.ids import id_of, is_id
from domain.recognition import Hold, Status
from services.holds import MAX_REASON_CHARS, Holds
from services.sweeper import Sweeper
from storage import retention
from storage.audio_files import FileAudioStore
from storage.history import SqlHistory
from storage.retention import SqlRetention
from storage.sql import Database, open_database
from tests.helpers.house import ADMIN, ME, OTHER
from tests.helpers.postgres import PostgresServer
from tests.helpers.storage import a_row, succeeded

NOW = datetime.now(UTC)
HOLD = Hold("客户投诉", "visitor-1", NOW)


@pytest.fixture
def history(database: Database) -> SqlHistory:
    return SqlHistory(database)


@pytest.fixture
def retained(database: Database) -> SqlRetention:
    return SqlRetention(database)


def key_of(days: float, number: int = 0) -> str:
    """A recording that was put so many days ago."""
    moment = NOW - timedelta(days=days)
    return f"{moment:%Y/%m}/{id_of(int(moment.timestamp() * 1000), bytes([7, number, *range(8)]))}.wav"


def id_at(days: float, number: int = 0) -> str:
    moment = NOW - timedelta(days=days)
    return id_of(int(moment.timestamp() * 1000), bytes([number, *range(9)]))


async def key_in(history: SqlHistory, recognition_id: str) -> str | None:
    row = await history.get(recognition_id, user=None)
    assert row
    return row.audio_key


def test_keys_sort_by_their_time() -> None:
    keys = [key_of(days) for days in (400, 40, 8, 1)]
    assert keys == sorted(keys)
    put = put_at(keys[2])
    assert put and first_key_at(put) <= keys[2] < first_key_at(put + timedelta(milliseconds=1))
    assert is_id(new_audio_key(".wav")[8:44])


async def test_rows_let_go_of_old_recordings(history: SqlHistory, retained: SqlRetention) -> None:
    old, new = key_of(8), key_of(6)
    rows = [
        succeeded(audio_key=old),
        a_row(status=Status.FAILED, audio_key=key_of(9)),
        a_row(status=Status.CANCELLED, audio_key=key_of(10)),
        succeeded(audio_key=new),
        succeeded(),
    ]
    for row in rows:
        await history.insert(row)
    forgotten = await retained.forget_audio(NOW - timedelta(days=7))
    assert list(forgotten.keys) == [key_of(10), key_of(9), old]
    assert [await key_in(history, row.id) for row in rows] == [None, None, None, new, None]
    assert list((await retained.forget_audio(NOW - timedelta(days=7))).keys) == []


async def test_versions_share_a_recording_and_its_time(history: SqlHistory, retained: SqlRetention) -> None:
    """Recognised again a minute ago: the recording goes when it would have gone, and from both rows."""
    key = key_of(8)
    first = succeeded(audio_key=key)
    again = succeeded("再听一次", audio_key=key, version_of=first.id)
    for row in (first, again):
        await history.insert(row)
    assert list((await retained.forget_audio(NOW - timedelta(days=7))).keys) == [key]
    assert [await key_in(history, row.id) for row in (first, again)] == [None, None]


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
async def test_no_work_loses_its_recording(history: SqlHistory, retained: SqlRetention, status: Status) -> None:
    key = key_of(8)
    done = succeeded(audio_key=key)
    working = a_row(status=status, audio_key=key, attempt=int(status is Status.RUNNING))
    for row in (done, working):
        await history.insert(row)
    assert list((await retained.forget_audio(NOW)).keys) == []
    assert await key_in(history, done.id) == key
    if status is Status.QUEUED:
        assert await history.cancel_queued(working.id, user=None)
    else:
        assert await history.finish(working.with_changes(status=Status.FAILED))
    assert list((await retained.forget_audio(NOW)).keys) == [key]


async def test_many_are_looked_at_step_by_step(history: SqlHistory, retained: SqlRetention) -> None:
    keys = sorted(key_of(8, number) for number in range(7))
    rows = [succeeded(audio_key=key, hold=HOLD if key in keys[:3] else None) for key in keys]
    for row in rows:
        await history.insert(row)
    before, seen, after = NOW - timedelta(days=7), list[str](), ""
    while (forgotten := await retained.forget_audio(before, after=after, limit=2)).last is not None:
        seen += forgotten.keys
        after = forgotten.last
    assert seen == keys[3:]


async def test_two_that_sweep_at_once_do_no_harm(history: SqlHistory, retained: SqlRetention) -> None:
    keys = [key_of(8, number) for number in range(30)]
    for key in keys:
        await history.insert(succeeded(audio_key=key))
    both = await asyncio.gather(*(retained.forget_audio(NOW) for _ in range(4)))
    assert {key for forgotten in both for key in forgotten.keys} == set(keys)
    assert await history.audio_keys_in_use(keys) == set()


async def test_a_hold_keeps_the_recording_and_every_row_that_refers_to_it(
    history: SqlHistory, retained: SqlRetention
) -> None:
    key = key_of(8)
    first = succeeded(audio_key=key)
    again = succeeded("再听一次", audio_key=key, version_of=first.id)
    for row in (first, again):
        await history.insert(row)
    held = await retained.set_hold(again.id, HOLD, user="visitor-1")
    assert held and (held.id, held.hold) == (again.id, HOLD)
    assert list((await retained.forget_audio(NOW)).keys) == []
    assert await history.delete([first.id, again.id], user=None) == Deletion(held=2)
    lifted = await retained.set_hold(first.id, None, user=None)
    assert lifted and lifted.hold is None
    assert list((await retained.forget_audio(NOW)).keys) == [key]


def slow_sweep(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Two events: a sweep has chosen what goes, with its rows locked; and it may go on."""
    look, begun, go_on = retention._old_audio, threading.Event(), threading.Event()

    def slow(*given: Any, **options: Any) -> Any:
        old = look(*given, **options)
        if options.get("lock"):
            begun.set()
            go_on.wait(60)
        return old

    monkeypatch.setattr(retention, "_old_audio", slow)
    return begun, go_on


async def test_a_version_that_is_made_while_the_recording_expires_comes_too_late(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's writers take turns: there it comes before or after."""
    database, audio, key = open_database(postgres.url()), FileAudioStore(tmp_path), key_of(8)
    (tmp_path / key).parent.mkdir(parents=True)
    (tmp_path / key).write_bytes(b"x")
    history, retained = SqlHistory(database), SqlRetention(database)
    nothing = cast(Any, None)
    first = succeeded(audio_key=key)
    await history.insert(first)
    begun, go_on = slow_sweep(monkeypatch)
    sweeper = Sweeper(history, retained, audio, delete=nothing, audio_seconds=0)
    sweeping = asyncio.create_task(sweeper.expire_audio())
    await asyncio.to_thread(begun.wait, 60)
    inserting = asyncio.create_task(history.insert(a_row(audio_key=key, version_of=first.id)))
    await asyncio.sleep(0.3)  # it waits for the row that the sweep has in its hands
    go_on.set()
    await sweeping
    with pytest.raises(NotFound):
        await inserting
    assert not await audio.exists(key)
    # One that comes before keeps it.
    second = key_of(8, 1)
    (tmp_path / second).write_bytes(b"x")
    other = succeeded(audio_key=second)
    await history.insert(other)
    await history.insert(a_row(audio_key=second, version_of=other.id))
    await sweeper.expire_audio()
    assert await audio.exists(second)
    database.close()


async def test_a_hold_that_comes_after_the_sweep_still_keeps_the_text(
    history: SqlHistory, retained: SqlRetention, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = succeeded(audio_key=key_of(8))
    await history.insert(row)
    begun, go_on = slow_sweep(monkeypatch)
    sweeping = asyncio.create_task(retained.forget_audio(NOW))
    await asyncio.to_thread(begun.wait, 60)
    holding = asyncio.create_task(retained.set_hold(row.id, HOLD, user=None))
    await asyncio.sleep(0.3)  # it has read the row, and waits for it
    go_on.set()
    assert list((await sweeping).keys) == [row.audio_key]
    held = await holding
    assert held and (held.hold, held.audio_key) == (HOLD, None)
    assert await history.delete([row.id], user=None) == Deletion(held=1)


async def test_the_time_is_the_databases(retained: SqlRetention) -> None:
    assert abs(await retained.now() - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_row_without_recording_can_be_held(history: SqlHistory, retained: SqlRetention) -> None:
    row, other = succeeded(), succeeded()
    for item in (row, other):
        await history.insert(item)
    held = await retained.set_hold(row.id, HOLD, user=None)
    untouched = await history.get(other.id, user=None)
    assert held and held.hold == HOLD and untouched and untouched.hold is None


async def test_who_may_hold(history: SqlHistory, retained: SqlRetention) -> None:
    holds = Holds(history, retained)
    mine, running = succeeded(user="me", audio_key=key_of(1)), a_row(user="me")
    for row in (mine, running):
        await history.insert(row)
    held = await holds.hold(mine.id, " 客户\n投诉\0 ", visitor=ME)
    assert held.hold and (held.hold.reason, held.hold.user) == ("客户 投诉", "me")
    assert abs(held.hold.at - datetime.now(UTC)) < timedelta(minutes=1)
    again = await holds.hold(mine.id, "审计", visitor=ADMIN)
    assert again.hold and (again.hold.reason, again.hold.user) == ("审计", "root")
    for wrong in (mine.id[:-1] + "0", "nonsense", ""):
        with pytest.raises(NotFound):
            await holds.hold(wrong, "x", visitor=ME)
    with pytest.raises(NotFound):
        await holds.release(mine.id, visitor=OTHER)
    with pytest.raises(InvalidInput, match="under way"):
        await holds.hold(running.id, "x", visitor=ME)
    for reason in ("", " \n", "x" * (MAX_REASON_CHARS + 1)):
        with pytest.raises(InvalidOptions):
            await holds.hold(mine.id, reason, visitor=ME)
    assert (await holds.release(mine.id, visitor=ME)).hold is None


async def test_old_texts_are_found_oldest_first(history: SqlHistory, retained: SqlRetention) -> None:
    old = [succeeded(id=id_at(days, days)) for days in (20, 15, 12, 11)]
    kept = [
        succeeded(id=id_at(20, 1), hold=HOLD),
        a_row(id=id_at(20, 2)),
        a_row(id=id_at(20, 3), status=Status.QUEUED, attempt=0, owner=None),
        succeeded(id=id_at(9)),
    ]
    for row in (*old, *kept):
        await history.insert(row)
    before = NOW - timedelta(days=10)
    first = await retained.expired(before, limit=3)
    assert first == [row.id for row in old[:3]]
    assert await retained.expired(before, after_id=first[-1], limit=3) == [old[3].id]
    done = await history.delete(await retained.expired(before), user=None)
    assert done.deleted == 4
    found = await history.page(HistoryQuery(user=None, text="天气"))
    assert {row.id for row in found.rows} == {row.id for row in kept if row.status is Status.SUCCEEDED}
