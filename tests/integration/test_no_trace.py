"""不留痕: after it nothing is left of file, text and name, wherever one looks."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from domain.errors import InvalidInput, NotFound, RecognitionFailed
from domain.recognition import CacheOutcome, Status
from services.corrections import Corrections
from services.holds import Holds
from services.traceless_sounds import TracelessSounds
from services.versions import Versions
from storage import traceless
from tests.helpers.house import ADMIN, ME, OTHER, House, house, until_recognising
from tests.helpers.redis_server import RedisServer
from tests.helpers.scripted import ScriptedPool
from tests.helpers.sounds import noise, tone, write_sound

Houses = Callable[..., AbstractAsyncContextManager[House]]
#: What the scripted node hears, and what the file is called.
TEXT, NAME = "绝密口令四七二九", "机密谈话"


@pytest.fixture(params=["embedded", "redis"])
def open_house(request: pytest.FixtureRequest, tmp_path: Path) -> Houses:
    server: RedisServer | None = request.getfixturevalue("redis_server") if request.param == "redis" else None
    folder = tmp_path / "data"
    folder.mkdir()

    def opened(pool: ScriptedPool, **options: object) -> AbstractAsyncContextManager[House]:
        return house(folder, pool, redis_url=server.url() if server else "", **options)  # type: ignore[arg-type]

    return opened


def traces(folder: Path, *secrets: bytes) -> list[str]:
    """Files of the data folder that hold one of these, in their name or their content."""
    marks = [*secrets, *(word.encode() for word in (TEXT, NAME, TEXT[:4]))]
    # What JSON may make of it.
    marks += [word.encode("unicode_escape") for word in (TEXT, NAME)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(m in path.read_bytes() or m in str(path).encode() for m in marks)]


def left_in(redis_server: RedisServer) -> list[bytes]:
    """What Redis holds, besides how fast nodes are and whose turn it is."""
    return [key for key in redis_server.command("KEYS", "*") if not key.startswith(b"asr:{board}:")]


async def test_nothing_is_left(
    open_house: Houses, tmp_path: Path, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = write_sound(tmp_path / f"{NAME}.wav", noise(2.0))
    sound = path.read_bytes()[5000:5200]
    async with open_house(ScriptedPool(answer=TEXT)) as it:
        row = await it.recognise(path, no_trace=True)
        assert (row.status, row.text, row.audio_key, row.cache) == (
            Status.SUCCEEDED,
            "绝密口令4729",
            None,
            CacheOutcome.MISS,
        )
        # The page and the API read it by its id, for a while; nobody else does, and no list has it.
        assert await it.history.get(row.id, visitor=ME) == row
        with pytest.raises(NotFound):
            await it.history.get(row.id, visitor=OTHER)
        for text in ("", NAME, row.id):
            assert not (await it.history.page(visitor=ADMIN, text=text)).rows
        for asked in (
            it.transcription.submit_again(row.id, None, visitor=ME),
            Corrections(it.store).correct(row.id, {0: "x"}, visitor=ME),
            Holds(it.store, it.store).hold(row.id, "x", visitor=ME),
            Versions(it.store).of(row.id, visitor=ME),
            it.history.audio(row.id, visitor=ME),
        ):
            with pytest.raises(InvalidInput) as refused:
                await asked
            assert refused.value.details["reason"] == "no_trace"
        with pytest.raises(NotFound):
            await Versions(it.store).of(row.id, visitor=OTHER)
        assert path.exists(), "a person's own file is not ours to remove"
        assert traces(tmp_path / "data", sound) == []
        # Nobody is answered by it.
        assert (await it.recognise(path, no_trace=True)).cache is CacheOutcome.MISS
        assert await it.known.recall(path) is None
    assert traces(tmp_path / "data", sound) == []
    assert left_in(redis_server) == []
    # Libraries tell at this level what passes through them; this program does not.
    said = "\n".join(record.getMessage() for record in caplog.records if record.levelno >= logging.INFO)
    assert NAME not in said and TEXT not in said


async def test_what_is_looked_for_would_be_found(open_house: Houses, tmp_path: Path) -> None:
    path = write_sound(tmp_path / f"{NAME}.wav", noise(2.0))
    async with open_house(ScriptedPool(answer=TEXT)) as it:
        await it.recognise(path)
    assert traces(tmp_path / "data") and traces(tmp_path / "data", path.read_bytes()[5000:5200])


async def test_however_it_ends(
    open_house: Houses, tmp_path: Path, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = write_sound(tmp_path / f"{NAME}.wav", noise(2.0))
    junk, silent = tmp_path / f"{NAME}.mp3", write_sound(tmp_path / f"{NAME}2.wav", noise(2.0) * 0)
    junk.write_bytes(b"\xff\xfb\x90\x00" + bytes(range(256)) * 40)
    sound = path.read_bytes()[5000:5200]
    async with open_house(ScriptedPool(answer=TEXT, script=[RecognitionFailed("broken")])) as it:
        failed, refused, nothing = [await it.recognise(one, no_trace=True) for one in (path, junk, silent)]
        assert [row.status for row in (failed, refused, nothing)] == [Status.FAILED, Status.FAILED, Status.SUCCEEDED]
        it.pool.gate.clear()
        running = await it.submit(path, no_trace=True)
        await until_recognising(it, running)
        assert (await it.history.delete([running.id], visitor=ME)).under_way == 1
        cancelled = await it.transcription.cancel(running.id, visitor=ME)
        assert cancelled.status is Status.CANCELLED
        assert (await it.history.delete([cancelled.id], visitor=ME)).deleted == 1
        with pytest.raises(NotFound):
            await it.history.get(cancelled.id, visitor=ME)
        assert traces(tmp_path / "data", sound) == []
        # The process ends in the middle of one.
        await until_recognising(it, await it.submit(path, no_trace=True))
    assert traces(tmp_path / "data", sound) == []
    assert left_in(redis_server) == []
    assert NAME not in caplog.text and TEXT not in caplog.text
    async with open_house(ScriptedPool()) as it:
        assert not (await it.history.page(visitor=ADMIN)).rows


async def test_what_is_known_already_may_answer_and_stays_as_it_was(open_house: Houses, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", noise(2.0))
    async with open_house(ScriptedPool()) as it:
        first = await it.recognise(path)
        hit = await it.recognise(path, no_trace=True)
        assert (hit.cache, hit.text, hit.no_trace) == (CacheOutcome.HIT, first.text, True)
        assert [row.id for row in (await it.history.page(visitor=ADMIN)).rows] == [first.id]
        assert (await it.recognise(path, no_trace=True, use_cache=False)).cache is CacheOutcome.MISS
        await it.history.delete([first.id], visitor=ME)
        assert (await it.recognise(path)).cache is CacheOutcome.MISS


async def test_nobody_waits_for_what_is_kept_nowhere(open_house: Houses, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", tone())
    async with open_house(ScriptedPool()) as it:
        it.pool.gate.clear()
        traceless_row = await it.submit(path, no_trace=True)
        await until_recognising(it, traceless_row)
        other = await it.submit(path, visitor=OTHER)
        async with asyncio.timeout(60):
            while len(it.pool.jobs) < 2:
                await asyncio.sleep(0.01)
        it.pool.gate.set()
        for row, who in ((traceless_row, ME), (other, OTHER)):
            done = await it.transcription.wait(row.id, visitor=who, timeout_seconds=90)
            assert (done.status, done.cache) == (Status.SUCCEEDED, CacheOutcome.MISS)


async def test_what_has_ended_or_was_removed_is_not_written_once_more(open_house: Houses, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", tone())
    async with open_house(ScriptedPool()) as it:
        row = await it.recognise(path, no_trace=True)
        assert not await it.store.finish(row.with_changes(status=Status.FAILED))
        assert await it.store.get(row.id, user=None) == row
        await it.history.delete([row.id], visitor=ME)
        assert not await it.store.finish(row)
        assert await it.store.get(row.id, user=None) is None


async def test_it_is_forgotten_after_a_while_and_not_kept_without_end(
    open_house: Houses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traceless, "KEEP_ROWS", 2)
    path = write_sound(tmp_path / "a.wav", tone())
    async with open_house(ScriptedPool()) as it:
        rows = [await it.recognise(path, no_trace=True) for _ in range(3)]
        assert [await it.store.get(row.id, user=None) is None for row in rows] == [True, False, False]
        monkeypatch.setattr(traceless, "KEEP_SECONDS", 0.05)
        last = await it.recognise(path, no_trace=True)
        await asyncio.sleep(0.2)
        assert await it.store.get(last.id, user=None) is None


async def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    path, alive = write_sound(tmp_path / "a.wav", tone()), {"host:1:a", "host:2:b"}
    first, second = (TracelessSounds(tmp_path / "traceless", name, alive.__contains__) for name in sorted(alive))
    for sounds in (first, second):
        await sounds.put(path, "1")
    await second.sweep()
    assert first.path("1").exists() and second.path("1").exists()
    alive.remove("host:1:a")
    await second.sweep()
    assert not first.path("1").exists() and second.path("1").exists()
    second.close()
    assert not list((tmp_path / "traceless").iterdir())
