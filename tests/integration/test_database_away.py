"""PostgreSQL refuses, hangs, is cut off or killed: people get their text, and every row lands once."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from domain.errors import StorageUnavailable
from domain.history import HistoryQuery
from domain.ids import new_id
from domain.recognition import Recognition, Status
from storage import sql
from storage.history import SqlHistory
from storage.outbox import LastingHistory, Outbox
from storage.process_locks import ProcessLocks
from storage.sql import open_database
from tests.helpers.faulty_proxy import FaultyProxy, faulty_proxy
from tests.helpers.house import ME, House, house, until_recognising
from tests.helpers.postgres import PostgresServer
from tests.helpers.scripted import ScriptedPool
from tests.helpers.sounds import tone as tone_samples
from tests.helpers.speech import write_wav
from tests.helpers.storage import a_row, a_transcript, succeeded


def tone(path: Path, seconds: float = 1.0) -> Path:
    return write_wav(path, tone_samples(seconds))


@pytest.fixture
def proxy(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    monkeypatch.setattr("storage.postgres.SILENCE_SECONDS", 1.0)
    monkeypatch.setattr("storage.postgres.CONNECT_SECONDS", 1.0)
    with faulty_proxy(postgres.port) as proxy:
        yield proxy


@asynccontextmanager
async def at_home(folder: Path, postgres: PostgresServer, proxy: FaultyProxy) -> AsyncIterator[House]:
    url = postgres.url(port=proxy.port)
    async with house(folder, ScriptedPool(), database_url=url) as it:
        yield it


async def all_rows(history: SqlHistory) -> list[Recognition]:
    return list((await history.page(HistoryQuery(user=None, limit=500))).rows)


async def until_it_lands(history: LastingHistory) -> None:
    async with asyncio.timeout(60):
        while not await history.land():
            await asyncio.sleep(0.1)


FAULTS: dict[str, Callable[[FaultyProxy], None]] = {
    "refuses": lambda proxy: proxy.refuse(),
    "hangs": lambda proxy: proxy.blackhole(),
    "is cut off": lambda proxy: proxy.cut(after_bytes=100),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_who_comes_while_it_is_away_gets_the_text(
    tmp_path: Path, postgres: PostgresServer, proxy: FaultyProxy, fault: str
) -> None:
    async with at_home(tmp_path, postgres, proxy) as it:
        before = await it.recognise(tone(tmp_path / "before.wav", seconds=1))
        FAULTS[fault](proxy)
        # Identical ones are hits: they are born final.
        rows = [await it.recognise(tone(tmp_path / f"{name}.wav", seconds=2)) for name in ("first", "same")]
        assert [(row.status, row.text) for row in rows] == [(Status.SUCCEEDED, before.text)] * 2
        assert await it.history.get(rows[0].id, visitor=ME) == rows[0], "the address of a result stays good"
        proxy.heal()
        await until_it_lands(it.store)
        assert {row.id for row in await all_rows(it.store)} == {before.id, *(row.id for row in rows)}
        assert not await it.store.land(), "and nothing is left"
        assert list((tmp_path / "outbox").iterdir()) == []


async def test_a_row_that_was_begun_before_is_finished_after(
    tmp_path: Path, postgres: PostgresServer, proxy: FaultyProxy
) -> None:
    async with at_home(tmp_path, postgres, proxy) as it:
        it.pool.gate.clear()
        row = await it.submit(tone(tmp_path / "a.wav"))
        await until_recognising(it, row)
        proxy.refuse()
        it.pool.gate.set()
        done = await it.transcription.wait(row.id, visitor=ME, timeout_seconds=90)
        assert done.status is Status.SUCCEEDED
        proxy.heal()
        await until_it_lands(it.store)
        [stored] = await all_rows(it.store)
        assert (stored.id, stored.status, stored.text, stored.attempt) == (row.id, Status.SUCCEEDED, done.text, 1)


async def test_a_slow_one_costs_time_only(tmp_path: Path, postgres: PostgresServer, proxy: FaultyProxy) -> None:
    async with at_home(tmp_path, postgres, proxy) as it:
        proxy.delay(0.1)
        done = await asyncio.gather(*(it.recognise(tone(tmp_path / f"{n}.wav", seconds=n + 1)) for n in range(2)))
        assert {row.status for row in done} == {Status.SUCCEEDED}
        proxy.heal()
        assert {row.id for row in await all_rows(it.store)} == {row.id for row in done}
        assert not await it.store.land(), "none took the way round"


async def test_a_server_that_is_killed_and_comes_back(tmp_path: Path, postgres: PostgresServer) -> None:
    async with house(tmp_path, ScriptedPool(), database_url=postgres.url()) as it:
        first = await it.recognise(tone(tmp_path / "a.wav", seconds=1))
        postgres.kill()
        try:
            second = await it.recognise(tone(tmp_path / "b.wav", seconds=2))
            with pytest.raises(StorageUnavailable):
                await all_rows(it.store)
        finally:
            postgres.start()
        await until_it_lands(it.store)
        assert {row.id for row in await all_rows(it.store)} == {first.id, second.id}


async def test_while_it_hangs_nobody_waits_for_it_again_and_again(
    tmp_path: Path, postgres: PostgresServer, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "AWAY_SECONDS", 600.0)
    async with at_home(tmp_path, postgres, proxy) as it:
        proxy.blackhole()
        with pytest.raises(StorageUnavailable):
            await all_rows(it.store)
        await asyncio.sleep(1.5)  # what others asked at the same moment has failed by now, too
        asked = proxy.connections, proxy.requests
        row = await it.recognise(tone(tmp_path / "a.wav"))
        assert row.status is Status.SUCCEEDED
        assert (proxy.connections, proxy.requests) == asked


# What a process left behind


@asynccontextmanager
async def a_history(folder: Path, url: str, name: str) -> AsyncIterator[LastingHistory]:
    database, processes = open_database(url), ProcessLocks(folder / "processes", name)
    yield LastingHistory(database, Outbox(folder / "outbox", processes))
    processes.close()
    database.close()


async def refused(history: LastingHistory, work: Callable[[LastingHistory], Awaitable[object]]) -> None:
    """Does something while no database answers."""
    database = history._database
    database._away_until = time.monotonic() + 600
    await work(history)
    database._away_until = 0.0


async def test_the_next_process_lands_what_a_dead_one_left(tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.url()
    running, final = a_row(owner="first"), a_row(owner="first")
    done = final.with_changes(status=Status.SUCCEEDED, transcript=a_transcript("今天"), owner=None)
    async with a_history(tmp_path, url, "first") as first:

        async def leave(history: LastingHistory) -> None:
            for row in (running, final):
                await history.insert(row)
            assert await history.finish(done)

        await refused(first, leave)
        async with a_history(tmp_path, url, "second") as second:
            assert await second.land() == 0, "its owner lives, and goes on with it"
    async with a_history(tmp_path, url, "third") as third:
        assert await third.land() == 2
        stored = {row.id: row for row in await all_rows(third)}
        assert stored[final.id].text == "今天"
        assert abs((stored[final.id].created_at - done.created_at).total_seconds()) < 0.001
        [claimed] = await third.claim("third", 10, stale_after_seconds=3600, running=())
        assert (claimed.id, claimed.attempt) == (running.id, 2)


async def test_landing_twice_is_landing_once(tmp_path: Path, postgres: PostgresServer) -> None:
    """The commit came through and its answer did not; or the process died before the file was removed."""
    row = a_row(owner="here")
    done = row.with_changes(status=Status.SUCCEEDED, transcript=a_transcript("一次"), owner=None)
    async with a_history(tmp_path, postgres.url(), "here") as history:
        await SqlHistory(history._database).insert(row)
        await refused(history, lambda it: it.insert(row))
        await refused(history, lambda it: it.finish(done))
        [path] = (tmp_path / "outbox").iterdir()
        content = path.read_bytes()
        assert await history.land() == 1
        path.write_bytes(content)
        assert await history.land() == 1
        [stored] = await all_rows(history)
        assert (stored.status, stored.text) == (Status.SUCCEEDED, "一次")


async def test_a_row_that_was_deleted_meanwhile_does_not_come_back(tmp_path: Path, postgres: PostgresServer) -> None:
    row = a_row(owner="here")
    async with a_history(tmp_path, postgres.url(), "here") as history:
        await history.insert(row)
        done = row.with_changes(status=Status.SUCCEEDED, transcript=a_transcript("我的"), owner=None)
        await refused(history, lambda it: it.finish(done))
        await history.retire("here")
        [claimed] = await history.claim("other", 10, stale_after_seconds=3600, running=())
        assert await SqlHistory(history._database).finish(claimed.with_changes(status=Status.SUCCEEDED))
        await history.delete([row.id], user=None)
        assert await history.land() == 1
        assert await all_rows(history) == []


async def test_one_row_that_takes_too_long_does_not_hold_up_the_others(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, good = a_row(), a_row()
    async with a_history(tmp_path, f"{postgres.url()}?options=-c%20statement_timeout%3D200", "here") as history:
        for row in (slow, good):
            await refused(history, lambda it, row=row: it.insert(row))
        add = history.add_or_finish

        async def too_long(row: Recognition) -> None:
            if row.id == slow.id:
                await history._database.write(lambda connection: connection.execute(text("SELECT pg_sleep(1)")))
            await add(row)

        monkeypatch.setattr(history, "add_or_finish", too_long)
        assert await history.land() == 1
        assert [row.id for row in await all_rows(history)] == [good.id]


async def test_a_long_text_lands_however_long_it_takes(tmp_path: Path, postgres: PostgresServer) -> None:
    url = f"{postgres.url()}?options=-c%20statement_timeout%3D20"
    row = succeeded("".join(map(chr, range(0x3400, 0x9000))) * 2)
    async with a_history(tmp_path, url, "here") as history:
        await history.insert(row)  # the server stops it: it waits
        assert [path.name for path in (tmp_path / "outbox").iterdir()] == [row.id]
        assert await history.land() == 1
        assert await history.get(row.id, user=None)


async def test_recordings_of_rows_that_wait_are_in_use(tmp_path: Path, postgres: PostgresServer) -> None:
    async with a_history(tmp_path, postgres.url(), "here") as history:
        await refused(history, lambda it: it.insert(a_row(audio_key="2026/11/waits")))
        assert await history.audio_keys_in_use(["2026/11/waits", "2026/11/other"]) == {"2026/11/waits"}


async def test_what_cannot_land_is_set_aside_and_blocks_nobody(tmp_path: Path, postgres: PostgresServer) -> None:
    good = a_row()
    async with a_history(tmp_path, postgres.url(), "here") as history:
        await refused(history, lambda it: it.insert(good))
        folder = tmp_path / "outbox"
        (folder / new_id()).write_text("{")
        (unreadable := folder / new_id()).mkdir()
        (folder / new_id()).write_text(json.dumps({"owner": "here", "row": {"id": 1}}))
        assert await history.land() == 1
        assert [row.id for row in await all_rows(history)] == [good.id]
        unreadable.rmdir()
        assert sorted(path.suffix for path in folder.iterdir()) == [".refused", ".refused"]


async def test_a_row_that_neither_takes_is_refused(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Outbox, row: Recognition, *, is_new: bool) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Outbox, "put", full)
    async with a_history(tmp_path, postgres.url(), "here") as history:

        async def try_it(it: LastingHistory) -> None:
            with pytest.raises(StorageUnavailable):
                await it.insert(a_row())

        await refused(history, try_it)
