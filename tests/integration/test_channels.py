"""Two channels, two jobs, one recognition: over real storage and the real board; only the nodes are scripted."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from domain.errors import NodeUnreachable, RecognitionFailed, SpeechError
from domain.node import NodeJob, NodeProgress, NodeResult, NodeStatus
from domain.recognition import CacheOutcome, Recognition, Stage, Status
from domain.transcript import ModelOutput, ModelSegment
from domain.words import Word
from services import dispatch as dispatch_module
from tests.helpers.calls import two_people
from tests.helpers.house import ME, house, until_recognising
from tests.helpers.scripted import OTHER_URL, URL, ScriptedPool
from tests.helpers.speech import write_wav


def line(start_ms: int, text: str) -> ModelSegment:
    return ModelSegment(start_ms, start_ms + 800, text, (Word(text, start_ms, start_ms + 800),))


LEFT, RIGHT = (line(0, "您好"), line(2000, "请讲")), (line(1000, "空调坏了"), line(2000, "三月五号"))


@dataclass
class CallPool(ScriptedPool):
    """Hears other words on each channel; ``slots`` jobs at a time."""

    heard: dict[str, tuple[ModelSegment, ...]] = field(default_factory=lambda: {"0": LEFT, "1": RIGHT})
    slots: int = 4
    #: Without a step: before the first one, and after the last.
    quiet_seconds: float = 0.0
    fails: dict[str, SpeechError] = field(default_factory=dict[str, SpeechError])
    fingerprints: dict[str, str] = field(default_factory=dict[str, str])
    at_once: int = 0
    most_at_once: int = 0
    done: list[str] = field(default_factory=list[str])

    def statuses(self) -> list[NodeStatus]:
        return [
            replace(status, report=replace(status.report, slots=self.slots))
            for status in super().statuses()
            if status.report
        ]

    async def recognise(
        self, node_url: str, job: NodeJob, audio: Path, on_progress: Callable[[NodeProgress], Awaitable[None]]
    ) -> NodeResult:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._heard(node_url, job, audio, on_progress)
        except asyncio.CancelledError:
            self.cancelled.append(job.id)
            raise
        finally:
            self.at_once -= 1

    async def _heard(
        self, node_url: str, job: NodeJob, audio: Path, on_progress: Callable[[NodeProgress], Awaitable[None]]
    ) -> NodeResult:
        self.jobs.append((node_url, job))
        assert audio.read_bytes()[:4] == b"RIFF"
        part = job.id.rpartition(":")[2]
        await asyncio.sleep(self.quiet_seconds)
        await on_progress(NodeProgress(0, 2))
        await on_progress(NodeProgress(1, 2, self.heard[part][:1]))
        if part in self.fails:
            while len(self.jobs) < len(self.heard):  # the other one is under way then
                await asyncio.sleep(0.01)
            raise self.fails.pop(part)
        while not self.gate.is_set():
            await on_progress(NodeProgress(1, 2))
            await asyncio.sleep(0.02)
        await on_progress(NodeProgress(2, 2, self.heard[part][1:]))
        await asyncio.sleep(self.quiet_seconds)
        self.done.append(job.id)
        output = ModelOutput(job.track, self.heard[part], "zh", () if self.heard[part] else ("no_speech",))
        return NodeResult(output, self.model, self.fingerprints.get(part, self.fingerprint), "cpu", 18.0, 50)


@pytest.fixture
def call(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "call.wav", two_people())


def turns(row: Recognition) -> list[tuple[int | None, str | None]]:
    return [(segment.channel, segment.raw_text) for segment in row.transcript.segments]


def jobs_of(pool: ScriptedPool) -> Sequence[str]:
    return sorted(job.id.rpartition(":")[2] for _, job in pool.jobs)


MERGED = [(0, "您好"), (1, "空调坏了"), (0, "请讲"), (1, "三月五号")]


async def test_both_channels_at_once_merged_by_time_and_cached_as_one(tmp_path: Path, call: Path) -> None:
    async with house(tmp_path, CallPool()) as it:
        row = await it.recognise(call, speakers=3)
        assert turns(row) == MERGED
        assert row.text == "您好空调坏了请讲3月5号"
        assert [s.words[0].start_ms for s in row.transcript.segments] == [0, 1000, 2000, 2000]
        assert (row.node, row.node_ms, row.transcript.language) == ("n0", 100, "zh")
        assert [job.options.speakers for _, job in it.pool.jobs] == [1, 1], "a channel is one person"
        again = await it.recognise(call, speakers=3)
        assert again.cache is CacheOutcome.HIT and turns(again) == MERGED and len(it.pool.jobs) == 2
        assert (await it.recognise(call, channels="mix", speakers=3)).cache is CacheOutcome.MISS
        assert jobs_of(it.pool) == ["0", "0", "1"]


async def test_one_slot_takes_one_channel_after_the_other(
    tmp_path: Path, call: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second may wait longer than anybody may wait: it is its own other half that it waits for."""
    monkeypatch.setattr(dispatch_module, "WAIT_REPORT_SECONDS", 0.05)
    pool = CallPool(slots=1)
    pool.gate.clear()
    async with house(tmp_path, pool, queue_seconds=0.3) as it:
        row = await it.submit(call)
        await until_recognising(it, row)
        await asyncio.sleep(1.0)
        pool.gate.set()
        done = await it.transcription.wait(row.id, visitor=ME, timeout_seconds=90)
        assert turns(done) == MERGED and pool.most_at_once == 1


async def test_a_call_that_has_the_only_slot_is_never_said_to_queue_behind_itself(
    tmp_path: Path, call: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch_module, "WAIT_REPORT_SECONDS", 0.05)
    async with house(tmp_path, CallPool(slots=1, quiet_seconds=0.3)) as it:
        row = await it.submit(call)
        stages = [state.progress.stage async for state in it.transcription.follow(row.id, visitor=ME)]
    assert Stage.RECOGNISING in stages and Stage.QUEUED not in stages


async def test_progress_counts_both_channels_and_shows_them_in_order(tmp_path: Path, call: Path) -> None:
    pool = CallPool()
    pool.gate.clear()
    async with house(tmp_path, pool) as it:
        row = await it.submit(call)
        progress = row.progress
        async with asyncio.timeout(60):
            async for state in it.transcription.follow(row.id, visitor=ME):
                progress = state.progress
                if progress.segment == 2:
                    break
        assert (progress.stage, progress.of) == (Stage.RECOGNISING, 4)
        assert [(s.channel, s.raw_text) for s in progress.segments] == [(0, "您好"), (1, "空调坏了")]
        pool.gate.set()
        await it.transcription.wait(row.id, visitor=ME, timeout_seconds=90)


async def test_cancelling_stops_both(tmp_path: Path, call: Path) -> None:
    pool = CallPool()
    pool.gate.clear()
    async with house(tmp_path, pool) as it:
        row = await it.submit(call)
        await until_recognising(it, row)
        async with asyncio.timeout(60):
            while len(pool.jobs) < 2:
                await asyncio.sleep(0.01)
        done = await it.transcription.cancel(row.id, visitor=ME)
        assert done.status is Status.CANCELLED
        assert sorted(pool.cancelled) == [f"{row.id}:0", f"{row.id}:1"]


async def test_a_channel_whose_node_fails_goes_to_another_and_the_other_is_not_repeated(
    tmp_path: Path, call: Path
) -> None:
    pool = CallPool((URL, OTHER_URL), fails={"1": NodeUnreachable("gone")})
    async with house(tmp_path, pool) as it:
        row = await it.recognise(call)
        assert turns(row) == MERGED
        assert jobs_of(pool) == ["0", "1", "1"]
        assert len({url for url, job in pool.jobs if job.id.endswith(":1")}) == 2


async def test_a_channel_that_cannot_be_recognised_ends_the_other(tmp_path: Path, call: Path) -> None:
    pool = CallPool(fails={"1": RecognitionFailed("the model refused")})
    pool.gate.clear()
    async with house(tmp_path, pool) as it:
        row = await it.recognise(call)
        assert row.status is Status.FAILED and row.error and row.error["code"] == RecognitionFailed.code
        assert pool.cancelled == [f"{row.id}:0"]


async def test_who_takes_over_a_row_sends_the_same_jobs(tmp_path: Path, call: Path) -> None:
    pool = CallPool()
    pool.gate.clear()
    async with house(tmp_path, pool, owner="first") as it:
        row = await it.submit(call)
        await until_recognising(it, row)
    async with house(tmp_path, CallPool(), owner="second") as it:
        done = await it.transcription.wait(row.id, visitor=ME, timeout_seconds=90)
        assert (done.status, done.attempt, turns(done)) == (Status.SUCCEEDED, 2, MERGED)
        assert {job.id for _, job in it.pool.jobs} == {f"{row.id}:0", f"{row.id}:1"}


async def test_channels_of_different_models_are_shown_and_not_cached(tmp_path: Path, call: Path) -> None:
    pool = CallPool(fingerprints={"1": "f2"})
    async with house(tmp_path, pool) as it:
        assert turns(await it.recognise(call)) == MERGED
        pool.fingerprints.clear()
        assert (await it.recognise(call)).cache is CacheOutcome.MISS


async def test_nobody_on_one_channel_is_no_warning_and_nobody_on_both_is(tmp_path: Path, call: Path) -> None:
    async with house(tmp_path, CallPool(heard={"0": LEFT, "1": ()})) as it:
        assert (await it.recognise(call)).transcript.warnings == ()
    (other := tmp_path / "other").mkdir()
    async with house(other, CallPool(heard={"0": (), "1": ()})) as it:
        assert (await it.recognise(call)).transcript.warnings == ("no_speech",)


async def test_the_same_sound_twice_is_one_job_and_keeps_its_speakers(tmp_path: Path) -> None:
    mono = two_people().sum(1).astype(np.int16)
    async with house(tmp_path, CallPool()) as it:
        row = await it.recognise(write_wav(tmp_path / "x.wav", np.stack([mono, -mono], 1)), channels="split")
        assert {channel for channel, _ in turns(row)} == {None}
        assert [(job.id, job.options.speakers) for _, job in it.pool.jobs] == [(f"{row.id}:0", 0)]
