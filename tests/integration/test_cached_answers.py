"""What is kept of an answer, for whom and for how long; on the cache of one machine and on Redis."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import numpy as np
import pytest

from domain.errors import BadAudio, RecognitionFailed
from domain.options import RecognitionOptions
from domain.recognition import AudioInfo, CacheOutcome, Recognition, Status
from domain.transcript import ModelOutput
from services.known_audio import Question
from storage import redis_link as link_module
from tests.helpers.faulty_proxy import faulty_proxy
from tests.helpers.house import ADMIN, ME, OTHER, House, house, until_recognising
from tests.helpers.redis_server import RedisServer
from tests.helpers.scripted import ScriptedPool
from tests.helpers.sounds import ffmpeg, noise, tone, write_sound

Houses = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture(params=["embedded", "redis"])
def open_house(request: pytest.FixtureRequest, tmp_path: Path) -> Houses:
    server: RedisServer | None = request.getfixturevalue("redis_server") if request.param == "redis" else None

    def opened(pool: ScriptedPool, **options: object) -> AbstractAsyncContextManager[House]:
        url = server.url() if server else ""
        return house(tmp_path, pool, redis_url=url, **options)  # type: ignore[arg-type]

    return opened


def count_of(house: House, outcome: str) -> float:
    for line in house.observer.render().decode().splitlines():
        if line.startswith(f'asr_cache_lookups_total{{outcome="{outcome}"}}'):
            return float(line.rpartition(" ")[2])
    return 0


def badge(row: Recognition) -> tuple[Status, CacheOutcome | None]:
    return row.status, row.cache


HIT, MISS = (Status.SUCCEEDED, CacheOutcome.HIT), (Status.SUCCEEDED, CacheOutcome.MISS)


async def test_other_tags_and_another_lossless_format_are_the_same_recording(
    open_house: Houses, tmp_path: Path
) -> None:
    wav, mp3, tagged, flac = (tmp_path / name for name in ("a.wav", "a.mp3", "tagged.mp3", "a.flac"))
    write_sound(wav, noise(2.0))
    ffmpeg("-i", wav, mp3)
    ffmpeg("-i", mp3, "-c", "copy", "-metadata", "title=A whole new name", tagged)
    ffmpeg("-i", wav, flac)
    assert mp3.read_bytes() != tagged.read_bytes()
    async with open_house(ScriptedPool()) as it:
        assert [badge(await it.recognise(path)) for path in (wav, mp3)] == [MISS, MISS]
        assert [badge(await it.recognise(path)) for path in (flac, tagged, wav)] == [HIT, HIT, HIT]
        assert len(it.pool.jobs) == 2
        # The next time the very file is known.
        assert [badge(await it.submit(path)) for path in (flac, tagged)] == [HIT, HIT]


async def test_what_hits_save_is_counted(open_house: Houses, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", tone())
    async with open_house(ScriptedPool()) as it:
        for _ in range(4):
            await it.recognise(path)
        # The scripted node takes 50 ms.
        assert it.known.saved_seconds == pytest.approx(0.15)
        assert it.known.hit_rate == 0.75
        assert (count_of(it, "miss"), count_of(it, "hit"), count_of(it, "negative")) == (1, 3, 0)
        metrics = it.observer.render().decode()
        assert "asr_cache_saved_seconds_total 0.15" in metrics
        assert 'asr_cache_seconds_count{operation="get"}' in metrics


async def test_scope_user_answers_nobody_with_anothers_result(open_house: Houses, tmp_path: Path) -> None:
    path, junk = write_sound(tmp_path / "a.wav", tone()), tmp_path / "junk.wav"
    junk.write_bytes(b"RIFF" + bytes(500))
    async with open_house(ScriptedPool(), per_user=True) as it:
        assert badge(await it.recognise(path)) == MISS
        assert badge(await it.recognise(path, visitor=OTHER)) == MISS
        assert badge(await it.recognise(path)) == badge(await it.recognise(path, visitor=OTHER)) == HIT
        assert [(await it.recognise(junk, visitor=who)).cache for who in (ME, OTHER)] == [None, None]


async def test_scope_user_does_not_join_anothers_work(open_house: Houses, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", tone())
    async with open_house(ScriptedPool(), per_user=True) as it:
        it.pool.gate.clear()
        rows = [(who, await it.submit(path, visitor=who)) for who in (ME, OTHER)]
        it.pool.gate.set()
        for who, row in rows:
            assert badge(await it.transcription.wait(row.id, visitor=who, timeout_seconds=90)) == MISS


async def test_scope_all_answers_everybody(open_house: Houses, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", tone())
    async with open_house(ScriptedPool()) as it:
        assert badge(await it.recognise(path)) == MISS
        assert badge(await it.recognise(path, visitor=OTHER)) == HIT


async def test_that_nobody_speaks_is_known_for_a_while(open_house: Houses, tmp_path: Path) -> None:
    silent = write_sound(tmp_path / "silent.wav", np.zeros(32_000, np.int16))
    async with open_house(ScriptedPool(answer="", warnings=("no_speech",))) as it:
        for path in (silent, write_sound(tmp_path / "noise.wav", noise(2.0))):
            first, second = await it.recognise(path), await it.recognise(path)
            assert [badge(first), badge(second)] == [MISS, HIT]
            assert second.text == "" and second.transcript.warnings == first.transcript.warnings
        assert len(it.pool.jobs) == 1
        assert count_of(it, "negative") == 2


async def test_undecodable_audio_gets_the_same_answer_without_a_second_look(open_house: Houses, tmp_path: Path) -> None:
    junk = tmp_path / "junk.mp3"
    junk.write_bytes(b"\xff\xfb\x90\x00" + bytes(range(256)) * 40)
    async with open_house(ScriptedPool()) as it:
        first = await it.recognise(junk)
        second = await it.submit(junk, visitor=OTHER)
        assert (first.status, first.cache) == (Status.FAILED, None)
        assert (second.status, second.cache, second.error) == (Status.FAILED, CacheOutcome.HIT, first.error)
        assert second.cached_at is not None
        stored = await it.history.get(second.id, visitor=OTHER)
        assert (stored.status, stored.cache, stored.error) == (second.status, second.cache, second.error)
        assert count_of(it, "negative") == 1
        # 重新识别 looks anew; and what is said of a file depends on its ending, too.
        assert (await it.recognise(junk, use_cache=False)).cache is None
        assert (await it.recognise(junk.rename(tmp_path / "junk.pcm"))).cache is None


async def test_negative_answers_may_be_switched_off(open_house: Houses, tmp_path: Path) -> None:
    silent, junk = write_sound(tmp_path / "a.wav", np.zeros(32_000, np.int16)), tmp_path / "junk.wav"
    junk.write_bytes(b"RIFF" + bytes(500))
    async with open_house(ScriptedPool(), negative_ttl_seconds=0) as it:
        assert [badge(await it.recognise(silent)) for _ in range(2)] == [MISS, MISS]
        assert [(await it.recognise(junk)).cache for _ in range(2)] == [None, None]


async def test_negative_answers_end_before_the_others(tmp_path: Path, redis_server: RedisServer) -> None:
    silent, junk = write_sound(tmp_path / "a.wav", np.zeros(32_000, np.int16)), tmp_path / "junk.wav"
    junk.write_bytes(b"RIFF" + bytes(500))
    spoken = write_sound(tmp_path / "b.wav", tone())
    async with house(tmp_path, ScriptedPool(), redis_url=redis_server.url(), negative_ttl_seconds=600) as it:
        for path in (silent, junk, spoken):
            await it.recognise(path)
        redis_server.let_pass(500)
        assert [(await it.recognise(path)).cache for path in (silent, junk, spoken)] == [CacheOutcome.HIT] * 3
        redis_server.let_pass(101)
        outcomes = [(await it.recognise(path)).cache for path in (silent, junk, spoken)]
        assert outcomes == [CacheOutcome.MISS, None, CacheOutcome.HIT]


@pytest.mark.parametrize("failure", [RecognitionFailed("broken"), BadAudio("too short", reason="too_short")])
async def test_what_a_node_fails_at_is_asked_again(open_house: Houses, tmp_path: Path, failure: Exception) -> None:
    path = write_sound(tmp_path / "a.wav", tone())
    async with open_house(ScriptedPool(script=[failure])) as it:
        first = await it.recognise(path)
        assert (first.status, first.cache) == (Status.FAILED, None)
        assert badge(await it.recognise(path)) == MISS


async def test_garbage_in_place_of_a_result_is_recognised_anew(tmp_path: Path, redis_server: RedisServer) -> None:
    path = write_sound(tmp_path / "a.wav", tone())
    async with house(tmp_path, ScriptedPool(), redis_url=redis_server.url()) as it:
        await it.recognise(path)
        for value in (b"garbage", None, b"A\xd9\0\0\0\0\0\0j" + b'{"output":{"track":"spoken"}}'):
            for key in redis_server.command("KEYS", "asr:cache:*"):
                if value is None:
                    redis_server.command("DEL", key)
                    redis_server.command("HSET", key, "a", "b")
                else:
                    redis_server.command("SET", key, value)
            assert badge(await it.recognise(path)) == MISS
            assert badge(await it.recognise(path)) == HIT


async def test_nothing_is_known_of_a_recording_once_its_last_row_has_gone(open_house: Houses, tmp_path: Path) -> None:
    """Results of every question, and every digest that led to them: whoever comes next begins anew."""
    wav, flac = write_sound(tmp_path / "a.wav", noise(2.0)), tmp_path / "a.flac"
    ffmpeg("-i", wav, flac)
    async with open_house(ScriptedPool()) as it:
        rows = [await it.recognise(wav), await it.recognise(wav, hotwords="空调"), await it.recognise(flac)]
        others = await it.recognise(flac, visitor=OTHER)
        assert [row.cache for row in (*rows, others)] == [CacheOutcome.MISS] * 2 + [CacheOutcome.HIT] * 2
        assert len({row.audio_id for row in (*rows, others)}) == 1
        done = await it.history.delete([row.id for row in rows], visitor=ME)
        assert (done.deleted, done.kept) == (3, 0)
        # Somebody else's row refers to it.
        (again,) = [await it.recognise(wav)]
        assert badge(again) == HIT
        await it.history.delete([again.id, others.id], visitor=ADMIN)
        assert badge(await it.recognise(flac, use_cache=False)) == MISS
        # The row that has just been made counts; what it left answers.
        assert badge(await it.recognise(wav)) == HIT
        everything = [row.id for row in (await it.history.page(visitor=ADMIN)).rows]
        await it.history.delete(everything, visitor=ADMIN)
        assert badge(await it.recognise(wav)) == MISS
        assert badge(await it.recognise(wav, hotwords="空调")) == MISS


async def test_a_refused_file_is_forgotten_with_its_last_row(open_house: Houses, tmp_path: Path) -> None:
    junk = tmp_path / "junk.mp3"
    junk.write_bytes(b"\xff\xfb\x90\x00" + bytes(range(256)) * 40)
    async with open_house(ScriptedPool()) as it:
        rows = [await it.recognise(junk), await it.recognise(junk)]
        assert [row.cache for row in rows] == [None, CacheOutcome.HIT]
        assert rows[0].audio_id and rows[0].audio_id == rows[1].audio_id
        await it.history.delete([rows[0].id], visitor=ME)
        third = await it.recognise(junk)
        assert third.cache is CacheOutcome.HIT
        await it.history.delete([rows[1].id, third.id], visitor=ME)
        assert (await it.recognise(junk)).cache is None


@pytest.mark.parametrize("ending", ["failed", "cancelled"])
async def test_what_ended_early_knows_its_recording(open_house: Houses, tmp_path: Path, ending: str) -> None:
    path = write_sound(tmp_path / "a.wav", tone())
    async with open_house(ScriptedPool(script=[RecognitionFailed("broken")])) as it:
        it.pool.gate.clear()
        row = await it.submit(path)
        await until_recognising(it, row)
        if ending == "cancelled":
            await it.transcription.cancel(row.id, visitor=ME)
        it.pool.gate.set()
        row = await it.transcription.wait(row.id, visitor=ME, timeout_seconds=90)
        stored = await it.history.get(row.id, visitor=ME)
        assert (stored.status.value, bool(stored.audio_id)) == (ending, True)
        assert await it.known.recall(path) == stored.audio_id
        await it.history.delete([row.id], visitor=ME)
        assert await it.known.recall(path) is None


async def test_what_was_made_a_moment_ago_is_forgotten_too(open_house: Houses) -> None:
    async with open_house(ScriptedPool()) as it:
        question = Question("demo", "f", RecognitionOptions(), "spoken")
        for audio_id in ("one", "two"):
            await it.known.keep(audio_id, question, ModelOutput("spoken", ()), AudioInfo())
        await it.known.forget(["one"])
        assert it.known.fresh("one", question) is None
        assert it.known.fresh("two", question)


async def test_a_cache_that_is_away_forgets_later(
    tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "PROBE_PAUSES", (0.05, 0.1))
    path = write_sound(tmp_path / "a.wav", tone())
    with faulty_proxy(redis_server.port) as proxy:
        async with house(tmp_path, ScriptedPool(), redis_url=redis_server.url(port=proxy.port)) as it:
            row = await it.recognise(path)
            proxy.refuse()
            # The row goes all the same, and so does what this process holds.
            assert (await it.history.delete([row.id], visitor=ME)).deleted == 1
            proxy.heal()
            async with asyncio.timeout(60):
                while await it.known.recall(path) is None:
                    await asyncio.sleep(0.02)
            await it.known.forget()
            assert badge(await it.recognise(path)) == MISS
            # Once it is forgotten, what comes later stays.
            await it.known.forget()
            assert badge(await it.recognise(path)) == HIT
