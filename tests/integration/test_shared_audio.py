"""One bucket for all: what one replica took in, any other plays and recognises again; and how it goes in time."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from domain.access import Visitor
from domain.errors import NotFound, StorageUnavailable
from domain.ids import new_id
from domain.recognition import CacheOutcome, Stage, Status, utc_now
from services.holds import Holds
from services.sweeper import Sweeper
from storage.retention import SqlRetention
from storage.sql import open_database
from tests.helpers.faulty_proxy import faulty_proxy
from tests.helpers.house import ME, House, house, until_recognising
from tests.helpers.s3_server import S3Server
from tests.helpers.scripted import ScriptedPool
from tests.helpers.sounds import tone, write_sound


@asynccontextmanager
async def replicas(folder: Path, server: S3Server, port: int | None = None) -> AsyncIterator[tuple[House, House]]:
    prefix = new_id()
    async with AsyncExitStack() as life:
        houses: list[House] = []
        for name in ("one", "other"):
            work = folder / name
            work.mkdir()
            store = server.store(work, prefix=prefix, port=port, request_seconds=4)
            houses.append(await life.enter_async_context(house(folder, ScriptedPool(), name, audio=store)))
        yield houses[0], houses[1]


@asynccontextmanager
async def sweeper_of(it: House, folder: Path, **seconds: float) -> AsyncIterator[Sweeper]:
    database = open_database(f"sqlite:///{folder / 'history.db'}")
    try:
        yield Sweeper(
            it.store,
            SqlRetention(database),
            it.audio,
            delete=partial(it.history.delete, visitor=Visitor("retention", is_admin=True)),
            **{"audio_seconds": 0.0, **seconds},
        )
    finally:
        database.close()


async def test_any_replica_plays_and_recognises_again(tmp_path: Path, s3_server: S3Server) -> None:
    path = write_sound(tmp_path / "a.wav", tone())
    async with replicas(tmp_path, s3_server) as (one, other):
        row = await one.recognise(path)
        assert (row.status, row.cache) == (Status.SUCCEEDED, CacheOutcome.MISS)
        recording = await other.history.audio(row.id, visitor=ME)
        assert await recording.read(0, recording.size) == path.read_bytes()
        again = await other.transcription.submit_again(row.id, None, visitor=ME)
        done = await other.transcription.wait(again.id, visitor=ME, timeout_seconds=90)
        assert (done.status, done.audio_key, done.version_of) == (Status.SUCCEEDED, row.audio_key, row.id)
        assert len(other.pool.jobs) == 1
        # The copies that the work needed have gone.
        assert [item for name in ("one", "other") for item in (tmp_path / name).iterdir()] == []
        await other.history.delete([row.id, again.id], visitor=ME)
        assert await one.audio.keys_older_than(-60) == []


async def test_a_recording_is_gone_when_the_work_is_done_and_not_before(tmp_path: Path, s3_server: S3Server) -> None:
    path = write_sound(tmp_path / "a.wav", tone())
    async with replicas(tmp_path, s3_server) as (one, other), sweeper_of(other, tmp_path) as sweeper:
        one.pool.gate.clear()
        row = await one.submit(path)
        while not one.pool.jobs:
            await sweeper.sweep()
        await sweeper.sweep()
        assert len(await one.audio.keys_older_than(-60)) == 1
        one.pool.gate.set()
        done = await one.transcription.wait(row.id, visitor=ME, timeout_seconds=90)
        assert done.status is Status.SUCCEEDED
        await sweeper.expire_audio()
        assert await one.audio.keys_older_than(-60) == []
        stored = await other.history.get(row.id, visitor=ME)
        assert (stored.text, stored.audio_key) == (done.text, None)
        with pytest.raises(NotFound, match="removed"):
            await other.history.audio(row.id, visitor=ME)
        with pytest.raises(NotFound, match="removed"):
            await one.transcription.submit_again(row.id, None, visitor=ME)


async def test_a_crash_between_row_and_recording_leaves_what_a_later_sweep_finds(
    tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_sound(tmp_path / "a.wav", tone())
    async with replicas(tmp_path, s3_server) as (one, other), sweeper_of(other, tmp_path) as sweeper:
        row = await one.recognise(path)
        database = open_database(f"sqlite:///{tmp_path / 'history.db'}")
        forgotten = await SqlRetention(database).forget_audio(utc_now())
        database.close()
        assert list(forgotten.keys) == await one.audio.keys_older_than(-60) == [row.audio_key]
        assert (await other.history.get(row.id, visitor=ME)).audio_key is None
        monkeypatch.setattr("services.sweeper.ORPHAN_SECONDS", -60.0)
        monkeypatch.setattr("services.sweeper.LONELY_SECONDS", 0.0)
        await sweeper.sweep()
        assert await one.audio.keys_older_than(-60) == []


async def test_what_is_held_stays_and_so_does_its_text(tmp_path: Path, s3_server: S3Server) -> None:
    kept, gone = write_sound(tmp_path / "a.wav", tone(hertz=440)), write_sound(tmp_path / "b.wav", tone(hertz=880))
    async with replicas(tmp_path, s3_server) as (one, _), sweeper_of(one, tmp_path, text_seconds=1e-6) as sweeper:
        held, other = await one.recognise(kept), await one.recognise(gone)
        database = open_database(f"sqlite:///{tmp_path / 'history.db'}")
        holds = Holds(one.store, SqlRetention(database))
        await holds.hold(held.id, "客户投诉", visitor=ME)
        # A version that is made meanwhile is of the same recording, and held as it is.
        again = await one.transcription.submit_again(held.id, None, visitor=ME)
        await one.transcription.wait(again.id, visitor=ME, timeout_seconds=90)
        await sweeper.sweep()
        assert await one.audio.keys_older_than(-60) == [held.audio_key]
        assert {row.id for row in (await one.history.page(visitor=ME)).rows} == {held.id, again.id}
        with pytest.raises(NotFound):
            await one.history.get(other.id, visitor=ME)
        await holds.release(again.id, visitor=ME)
        await sweeper.sweep()
        assert await one.audio.keys_older_than(-60) == []
        assert (await one.history.page(visitor=ME)).rows == ()
        database.close()


async def test_a_store_that_hangs_is_said_and_ends_no_work(tmp_path: Path, s3_server: S3Server) -> None:
    path = write_sound(tmp_path / "a.wav", tone())
    with faulty_proxy(s3_server.port) as proxy:
        async with replicas(tmp_path, s3_server, proxy.port) as (one, _):
            one.pool.gate.clear()
            row = await one.submit(path)
            await until_recognising(one, row)
            proxy.blackhole()
            with pytest.raises(StorageUnavailable) as caught:
                await one.submit(path)
            assert caught.value.details["part"] == "audio"
            one.pool.gate.set()
            done = await one.transcription.wait(row.id, visitor=ME, timeout_seconds=90)
            assert (done.status, done.progress.stage) == (Status.SUCCEEDED, Stage.RECEIVED)
            with pytest.raises(StorageUnavailable):
                await one.history.audio(row.id, visitor=ME)
            assert len((await one.history.page(visitor=ME)).rows) == 1
