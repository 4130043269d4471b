"""The story of a recognition over real storage and the real board; only the nodes are scripted (time and failure)."""

import asyncio
from datetime import timedelta
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import pytest

from domain import retry_budget
from domain.errors import InvalidOptions, NodeBusy, NodeUnreachable, NotFound, RecognitionFailed
from domain.ids import new_id
from domain.options import RecognitionOptions
from domain.presets import Capabilities
from domain.recognition import CacheOutcome, Recognition, Source, Stage, Status
from domain.transcript import Transcript
from services import runner as runner_module
from tests.helpers.house import ADMIN, ME, OTHER, House, house, until_recognising
from tests.helpers.scripted import OTHER_URL, URL, ScriptedPool
from tests.helpers.speech import write_wav


def tone(path: Path, hertz: float = 440.0) -> Path:
    wave = (np.sin(np.arange(16_000) * 2 * np.pi * hertz / 16_000) * 9000).astype(np.int16)
    return write_wav(path, wave)


def stage_of(house: House, row: Recognition) -> Stage:
    live = house.transcription.runner.live(row.id)
    assert live
    return live.progress.stage


async def test_the_second_upload_of_a_recording_is_a_hit(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool()) as it:
        first = await it.recognise(tone(tmp_path / "a.wav"))
        second = await it.submit(tone(tmp_path / "again.wav"), visitor=OTHER)
        assert (first.status, first.cache, first.node) == (Status.SUCCEEDED, CacheOutcome.MISS, "n0")
        assert (second.status, second.cache, second.filename) == (Status.SUCCEEDED, CacheOutcome.HIT, "again.wav")
        assert second.text == first.text == "今天是3月5号"
        assert second.transcript.raw_text == "今天是三月五号"
        assert second.cached_at is not None
        assert len(it.pool.jobs) == 1
        stored = (await it.history.get(second.id, visitor=OTHER)).to_json()
        clocks = {"created_at": ANY, "finished_at": ANY}  # the database's, not this process's
        assert stored == {**second.to_json(), **clocks}


async def test_other_options_are_another_question_and_itn_is_not(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool()) as it:
        path = tone(tmp_path / "a.wav")
        await it.recognise(path)
        spoken = await it.recognise(path, itn=False)
        assert (spoken.cache, spoken.text) == (CacheOutcome.HIT, "今天是三月五号")
        assert (await it.recognise(path, hotwords="空调")).cache is CacheOutcome.MISS
        assert (await it.recognise(path, hotwords=["空调", " 空调 "])).cache is CacheOutcome.HIT
        assert (await it.recognise(path, max_segment_ms=5000)).cache is CacheOutcome.MISS
        assert (await it.recognise(path, vad=False, max_segment_ms=5000)).cache is CacheOutcome.MISS
        # Without detection the recording is cut at the longest segment all the same, but no silence ends one.
        assert (await it.recognise(path, vad=False, max_segment_ms=9000)).cache is CacheOutcome.MISS
        assert (await it.recognise(path, vad=False, max_segment_ms=9000, end_silence_ms=2000)).cache is CacheOutcome.HIT


async def test_twenty_identical_requests_at_once_cause_one_recognition(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool()) as it:
        it.pool.gate.clear()
        path = tone(tmp_path / "a.wav")
        rows = [await it.submit(path) for _ in range(20)]
        async with asyncio.timeout(60):
            while any(stage_of(it, row) not in (Stage.RECOGNISING, Stage.JOINED) for row in rows):
                await asyncio.sleep(0.01)
        it.pool.gate.set()
        done = [await it.transcription.wait(row.id, visitor=ME, timeout_seconds=90) for row in rows]
        assert {row.text for row in done} == {"今天是3月5号"}
        assert sorted(row.cache or "" for row in done) == ["miss"] + ["shared"] * 19
        assert len(it.pool.jobs) == 1


async def test_when_the_leader_is_cancelled_a_waiter_leads(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool()) as it:
        it.pool.gate.clear()
        path = tone(tmp_path / "a.wav")
        leader = await it.submit(path)
        await until_recognising(it, leader)
        waiter = await it.submit(path)
        cancelled = await it.transcription.cancel(leader.id, visitor=ME)
        it.pool.gate.set()
        done = await it.transcription.wait(waiter.id, visitor=ME, timeout_seconds=90)
        assert (cancelled.status, done.status) == (Status.CANCELLED, Status.SUCCEEDED)
        assert it.pool.cancelled == [f"{leader.id}:0"]


async def test_recognise_anew_does_not_ask_the_cache_and_refreshes_it(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool()) as it:
        path = tone(tmp_path / "a.wav")
        first = await it.recognise(path)
        it.pool.answer = "别的话"
        again = await it.transcription.submit_again(first.id, None, visitor=ME)
        done = await it.transcription.wait(again.id, visitor=ME, timeout_seconds=90)
        assert (done.cache, done.text, done.id == first.id) == (CacheOutcome.MISS, "别的话", False)
        assert (await it.recognise(path)).text == "别的话"


async def test_a_failing_node_is_avoided_and_a_busy_one_asked_again(tmp_path: Path) -> None:
    pool = ScriptedPool((URL, OTHER_URL), script=[NodeUnreachable("gone"), NodeBusy("full"), NodeBusy("full")])
    async with house(tmp_path, pool) as it:
        done = await it.recognise(tone(tmp_path / "a.wav"))
        assert done.status is Status.SUCCEEDED
        first, *others = [url for url, _ in pool.jobs]
        assert len(others) == 3
        assert set(others) == {URL, OTHER_URL} - {first}
        assert {job.id for _, job in pool.jobs} == {f"{done.id}:0"}, "a repeated try must be able to join"


async def test_a_job_that_breaks_every_node_ends_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_budget, "ALWAYS", 100)
    pool = ScriptedPool(script=[NodeUnreachable("gone", reason="broken")] * 9)
    async with house(tmp_path, pool) as it:
        done = await it.recognise(tone(tmp_path / "a.wav"))
        assert done.status is Status.FAILED
        assert done.error and done.error["code"] == RecognitionFailed.code
        assert len(pool.jobs) == 5


async def test_a_result_of_an_unexpected_model_is_not_cached(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool(fingerprint="f2")) as it:
        path = tone(tmp_path / "a.wav")
        await it.recognise(path)
        assert (await it.recognise(path)).cache is CacheOutcome.MISS


async def test_a_result_without_the_speakers_that_were_asked_for_is_not_cached(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool(warnings=("speakers_failed",))) as it:
        path = tone(tmp_path / "a.wav")
        assert (await it.recognise(path)).transcript.warnings == ("speakers_failed",)
        it.pool.warnings = ()
        for outcome in (CacheOutcome.MISS, CacheOutcome.HIT):
            again = await it.recognise(path)
            assert (again.cache, again.transcript.warnings) == (outcome, ())


async def test_a_writing_model_makes_the_spoken_track_when_asked(tmp_path: Path) -> None:
    writer = Capabilities(("auto", "zh"), writes=True)
    async with house(tmp_path, ScriptedPool(capabilities=writer)) as it:
        path = tone(tmp_path / "a.wav")
        row = await it.recognise(path)
        assert row.transcript.raw_text is None
        assert row.text.endswith("·written")
        full = await it.transcription.spoken(row.id, visitor=ME)
        assert full.transcript.raw_text == "今天是三月五号·spoken"
        assert full.transcript.normalized_text == row.transcript.normalized_text
        assert [job.track for _, job in it.pool.jobs] == ["written", "spoken"]
        await it.transcription.spoken(row.id, visitor=ME)
        assert (await it.recognise(path, itn=False)).cache is CacheOutcome.HIT
        assert len(it.pool.jobs) == 2


async def test_rules_may_write_instead_of_the_model(tmp_path: Path) -> None:
    writer = Capabilities(("auto", "zh"), writes=True)
    async with house(tmp_path, ScriptedPool(capabilities=writer), itn_by="rules") as it:
        row = await it.recognise(tone(tmp_path / "a.wav"))
        assert row.transcript.raw_text == "今天是三月五号·spoken"
        assert row.text == "今天是3月5号·spoken"


async def test_rows_belong_to_their_visitor(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool()) as it:
        row = await it.recognise(tone(tmp_path / "a.wav"))
        for attempt in (
            it.history.get(row.id, visitor=OTHER),
            it.transcription.cancel(row.id, visitor=OTHER),
            it.transcription.submit_again(row.id, None, visitor=OTHER),
            it.transcription.wait(row.id, visitor=OTHER, timeout_seconds=5),
            it.transcription.wait("../etc/passwd", visitor=ADMIN, timeout_seconds=5),
        ):
            with pytest.raises(NotFound):
                await attempt
        assert (await it.history.get(row.id, visitor=ADMIN)).id == row.id
        assert not (await it.history.page(visitor=OTHER)).rows


async def test_options_that_the_model_does_not_know_are_refused_before_anything_is_stored(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool()) as it:
        with pytest.raises(InvalidOptions, match="ja"):
            await it.submit(tone(tmp_path / "a.wav"), language="ja")
        assert not (await it.history.page(visitor=ADMIN)).rows
        assert await it.audio.keys_older_than(-1) == []


async def test_a_deleted_row_takes_its_recording_along(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool()) as it:
        row = await it.recognise(tone(tmp_path / "a.wav"))
        recording = await it.history.audio(row.id, visitor=ME)
        assert await recording.read(0, recording.size) == (tmp_path / "a.wav").read_bytes()
        await it.history.delete([row.id], visitor=OTHER)
        assert await it.history.get(row.id, visitor=ME)
        await it.history.delete([row.id], visitor=ME)
        with pytest.raises(NotFound):
            await it.history.get(row.id, visitor=ME)
        assert await it.audio.keys_older_than(-1) == []


async def test_a_process_that_goes_leaves_its_rows_to_the_next(tmp_path: Path) -> None:
    pool = ScriptedPool()
    pool.gate.clear()
    async with house(tmp_path, pool, owner="first") as it:
        row = await it.submit(tone(tmp_path / "a.wav"))
        await until_recognising(it, row)
    async with house(tmp_path, ScriptedPool(), owner="second") as it:
        done = await it.transcription.wait(row.id, visitor=ME, timeout_seconds=90)
        assert (done.status, done.attempt, done.text) == (Status.SUCCEEDED, 2, "今天是3月5号")


async def test_a_row_whose_process_vanished_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "STALE_SECONDS", 2.0)
    monkeypatch.setattr(runner_module, "HEARTBEAT_SECONDS", 0.05)
    async with house(tmp_path, ScriptedPool()) as it:
        key = await it.audio.put_file(tone(tmp_path / "a.wav"), suffix=".wav")
        lost = Recognition(
            new_id(), "me", Source.WEB, "a.wav", RecognitionOptions(), Status.RUNNING, 1, owner="dead", audio_key=key
        )
        crashing = lost.with_changes(id=new_id(), attempt=runner_module.MAX_ATTEMPTS)
        for row in (lost, crashing):
            await it.store.insert(row)
        done = await it.transcription.wait(lost.id, visitor=ME, timeout_seconds=90)
        assert (done.status, done.attempt) == (Status.SUCCEEDED, 2)
        ended = await it.transcription.wait(crashing.id, visitor=ME, timeout_seconds=90)
        assert ended.status is Status.FAILED
        assert ended.error and ended.error["details"]["reason"] == "crashes"


async def test_a_row_whose_result_was_cached_before_its_process_ended_is_answered_by_it(tmp_path: Path) -> None:
    """The crash between steps 8 and 9: nobody recognises it a second time."""
    async with house(tmp_path, ScriptedPool(), owner="first") as it:
        row = await it.recognise(tone(tmp_path / "a.wav"))
        unfinished = row.with_changes(
            id=new_id(), status=Status.RUNNING, owner=None, transcript=Transcript(), cache=None, elapsed_ms=None
        )
        key = await it.audio.put_file(tmp_path / "a.wav", suffix=".wav")
        await it.store.insert(unfinished.with_changes(audio_key=key))
    async with house(tmp_path, ScriptedPool(), owner="second") as it:
        done = await it.transcription.wait(unfinished.id, visitor=ME, timeout_seconds=90)
        assert (done.status, done.cache, done.attempt, done.text) == (Status.SUCCEEDED, CacheOutcome.HIT, 2, row.text)
        assert not it.pool.jobs


async def test_a_late_result_of_a_lost_attempt_is_dropped(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool()) as it:
        it.pool.gate.clear()
        row = await it.submit(tone(tmp_path / "a.wav"))
        await until_recognising(it, row)
        await it.store.retire("here")
        (claimed,) = await it.store.claim("elsewhere", 5, stale_after_seconds=0, running=())
        assert claimed.attempt == 2
        it.pool.gate.set()
        async with asyncio.timeout(60):
            while it.transcription.runner.live(row.id):
                await asyncio.sleep(0.01)
        stored = await it.store.get(row.id, user=None)
        assert stored and (stored.status, stored.owner) == (Status.RUNNING, "elsewhere")


async def test_the_row_says_when_and_how_long(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool()) as it:
        row = await it.recognise(tone(tmp_path / "a.wav"))
        assert row.audio.seconds == pytest.approx(1.0, abs=0.05)
        assert (row.audio.sample_rate, row.audio.channels) == (16_000, 1)
        assert row.elapsed_ms is not None and row.finished_at is not None
        assert row.finished_at - row.created_at < timedelta(minutes=1)
        assert row.node_ms == 50
        assert row.real_time_speed == pytest.approx(20, rel=0.1)


async def test_a_switched_model_answers_what_waited_for_the_old_one(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool()) as it:
        it.pool.urls = ()
        await it.pool.refresh()
        row = await it.submit(tone(tmp_path / "a.wav"))
        async with asyncio.timeout(60):
            while stage_of(it, row) is not Stage.WAITING_NODE:
                await asyncio.sleep(0.01)
            it.pool.urls, it.pool.model = (URL,), "bigger"
            await it.pool.refresh()
        done = await it.transcription.wait(row.id, visitor=ME, timeout_seconds=90)
        assert (done.status, done.model) == (Status.SUCCEEDED, "bigger"), done.error


async def test_a_caller_that_goes_away_during_the_insert_loses_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool()) as it:
        for delay_ms in (1, 3, 6, 10, 20, 40):
            task = asyncio.create_task(it.submit(tone(tmp_path / f"{delay_ms}.wav", 400 + delay_ms)))
            await asyncio.sleep(delay_ms / 1000)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        async def all_ended() -> bool:
            rows = (await it.history.page(visitor=ADMIN)).rows
            assert not any(row.status is Status.FAILED for row in rows)
            return all(row.status is Status.SUCCEEDED for row in rows)

        async with asyncio.timeout(60):
            await asyncio.sleep(0.3)
            while not await all_ended():
                await asyncio.sleep(0.05)


async def test_a_cancelled_decode_ends_and_leaves_no_sound_behind(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool()) as it:
        long = write_wav(tmp_path / "long.wav", np.zeros(16_000 * 3600, np.int16) + 50)
        for _ in range(4):
            row = await it.submit(long, use_cache=False)
            await asyncio.sleep(0.05)
            done = await it.transcription.cancel(row.id, visitor=ME)
            assert done.status is Status.CANCELLED
        assert (await it.recognise(tone(tmp_path / "a.wav"))).status is Status.SUCCEEDED
        assert not list(tmp_path.glob("tmp*")), "decoded sound was left behind"


async def test_silence_is_recognised_once(tmp_path: Path) -> None:
    async with house(tmp_path, ScriptedPool()) as it:
        path = write_wav(tmp_path / "a.wav", np.zeros(32_000, np.int16))
        first, second = await it.recognise(path), await it.recognise(path)
        assert (first.text, first.transcript.warnings) == ("", ("silent", "no_speech"))
        assert (second.cache, second.transcript.warnings) == (CacheOutcome.HIT, first.transcript.warnings)
        assert not it.pool.jobs


async def test_japanese_is_not_rewritten_by_chinese_rules(tmp_path: Path) -> None:
    japanese = Capabilities(("auto", "zh", "ja"))
    async with house(tmp_path, ScriptedPool(capabilities=japanese, answer="来月二十日", language="ja")) as it:
        assert (await it.recognise(tone(tmp_path / "a.wav"), language="ja")).text == "来月二十日"
