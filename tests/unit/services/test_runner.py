"""The runner over the real history; the work is what the test controls."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from domain.errors import BadAudio, NotFound, StorageUnavailable
from domain.history import HistoryQuery
from domain.ids import new_id
from domain.options import RecognitionOptions
from domain.recognition import Progress, Recognition, Source, Stage, Status
from domain.transcript import Segment
from metrics import PrometheusObserver
from services import runner as module
from services.runner import MAX_ATTEMPTS, Report, Runner
from storage.history import SqlHistory
from storage.process_locks import ProcessLocks
from tests.helpers.storage import new_database

SO_FAR = Segment(0, 900, "今天是二号", "今天是2号")


class FailingHistory(SqlHistory):
    """The real history, which can be told to be away, or slow, when a row is finished."""

    away = 0
    gate: asyncio.Event | None = None
    is_asked_to_finish = False
    missed_heartbeats = 0

    async def heartbeat(self, owner: str) -> None:
        if self.missed_heartbeats:
            self.missed_heartbeats -= 1
            raise StorageUnavailable("away")
        await super().heartbeat(owner)

    async def finish(self, row: Recognition) -> bool:
        self.is_asked_to_finish = True
        if self.gate:
            await self.gate.wait()
        if self.away:
            self.away -= 1
            raise StorageUnavailable("away")
        return await super().finish(row)


@dataclass
class Bench:
    history: FailingHistory
    runner: Runner
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None

    async def work(self, row: Recognition, report: Report) -> Recognition:
        await report(Progress(Stage.RECOGNISING, segment=1, of=2, segments=(SO_FAR,)))
        await self.gate.wait()
        if self.error:
            raise self.error
        return row.with_changes(status=Status.SUCCEEDED)

    async def row(self, **changes: object) -> Recognition:
        row = Recognition(
            new_id(), "me", Source.API, "a.wav", RecognitionOptions(), Status.RUNNING, 1, self.runner.owner, "k"
        ).with_changes(**changes)
        await self.history.insert(row)
        return row

    async def begin(self) -> Recognition:
        row = await self.row()
        self.runner.run(row)
        return row

    async def status(self, row: Recognition) -> Status:
        stored = await self.history.get(row.id, user=None)
        assert stored
        return stored.status

    async def last(self, row: Recognition) -> Recognition:
        async with asyncio.timeout(60):
            states = [state async for state in self.runner.follow(row.id, user="me")]
        return states[-1]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async def work(row: Recognition, report: Report) -> Recognition:
        return await bench.work(row, report)

    with new_database(tmp_path) as database:
        history = FailingHistory(database)
        neighbours = ProcessLocks(tmp_path / "processes", "here")
        bench = Bench(history, Runner(history, work, PrometheusObserver(strict=True), neighbours))
        await history.heartbeat("here")
        yield bench
        await bench.runner.stop()
        neighbours.close()


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await look():
            await asyncio.sleep(0.01)


async def test_followers_see_every_state_and_the_history_has_the_last(bench: Bench) -> None:
    row = await bench.begin()
    seen: list[Status] = []
    async for state in bench.runner.follow(row.id, user="me"):
        seen.append(state.status)
        bench.gate.set()
        if state.status.is_final:
            assert await bench.status(row) is Status.SUCCEEDED, "who hears the end may ask the history at once"
    assert seen[0] is Status.RUNNING and seen[-1] is Status.SUCCEEDED


async def test_cancelling_again_and_again_ends_it_once(bench: Bench) -> None:
    row = await bench.begin()
    await asyncio.sleep(0.05)
    for _ in range(12):
        assert bench.runner.cancel(row.id) or bench.runner.live(row.id) is None
        await asyncio.sleep(0.002)
    assert (await bench.last(row)).status is Status.CANCELLED
    assert await bench.status(row) is Status.CANCELLED
    assert bench.runner.live(row.id) is None


@pytest.mark.parametrize("how", ["cancelled", "failed"])
async def test_what_ends_early_keeps_the_text_that_was_on_show(bench: Bench, how: str) -> None:
    row = await bench.begin()
    await asyncio.sleep(0.05)
    if how == "cancelled":
        bench.runner.cancel(row.id)
    else:
        bench.error = BadAudio("broken")
        bench.gate.set()
    last = await bench.last(row)
    assert last.status.value == how and last.text == SO_FAR.normalized_text
    stored = await bench.history.get(row.id, user="me")
    assert stored and stored.transcript.segments == (SO_FAR,)
    found = await bench.history.page(HistoryQuery(user="me", text="今天"))
    assert [item.id for item in found.rows] == [row.id]


async def test_a_cancel_while_the_end_is_recorded_comes_too_late(bench: Bench) -> None:
    bench.history.gate = asyncio.Event()
    bench.gate.set()
    row = await bench.begin()
    async with asyncio.timeout(60):
        while not bench.history.is_asked_to_finish:
            await asyncio.sleep(0.01)
    assert bench.runner.cancel(row.id)
    bench.history.gate.set()
    assert (await bench.last(row)).status is Status.SUCCEEDED
    assert await bench.status(row) is Status.SUCCEEDED


async def test_while_the_database_is_away_the_text_is_shown_and_recorded_later(bench: Bench) -> None:
    bench.history.away = 2
    bench.gate.set()
    row = await bench.begin()
    assert (await bench.last(row)).status is Status.SUCCEEDED

    async def recorded() -> bool:
        return await bench.status(row) is Status.SUCCEEDED

    await until(recorded)


async def test_errors_keep_their_code_and_faults_get_one(bench: Bench) -> None:
    bench.gate.set()
    for error, code in ((BadAudio("no", reason="empty"), "bad_audio"), (ZeroDivisionError(), "internal_error")):
        bench.error = error
        done = await bench.last(await bench.begin())
        assert done.status is Status.FAILED
        assert done.error and done.error["code"] == code
        assert "Zero" not in done.error["message"]


async def test_work_that_the_process_lost_is_taken_up_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALE_SECONDS", 0.0)
    bench.gate.set()
    lost = await bench.row()  # ours, running, and no task
    dead = await bench.row(owner="dead", attempt=MAX_ATTEMPTS)
    await asyncio.sleep(0.01)
    await bench.runner._take_over()
    assert (await bench.last(lost)).status is Status.SUCCEEDED
    ended = await bench.last(dead)
    assert ended.error and ended.error["details"]["reason"] == "crashes"
    # Without it the line of the log that says how long it took could not be written.
    assert ended.elapsed_ms
    assert [await bench.status(row) for row in (lost, dead)] == [Status.SUCCEEDED, Status.FAILED]


async def test_what_a_killed_neighbour_left_goes_on_at_once(bench: Bench, tmp_path: Path) -> None:
    neighbour = ProcessLocks(tmp_path / "processes", "neighbour")
    await bench.history.heartbeat("neighbour")
    bench.gate.set()
    left = await bench.row(owner="neighbour")
    await bench.runner._take_over()
    assert await bench.status(left) is Status.RUNNING and bench.runner.live(left.id) is None, "it lives"
    os.close(neighbour._file)  # what the kernel does for a process that was killed
    await bench.runner._take_over()
    done = await bench.last(left)
    assert (done.status, done.attempt) == (Status.SUCCEEDED, 2)
    assert [path.name for path in (tmp_path / "processes").iterdir()] == ["here"]


async def test_what_runs_here_is_never_taken_over(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALE_SECONDS", 0.0)
    row = await bench.begin()
    await asyncio.sleep(0.05)
    await bench.runner._take_over()
    bench.gate.set()
    done = await bench.last(row)
    assert (done.status, done.attempt) == (Status.SUCCEEDED, 1)


async def test_a_row_that_somebody_else_claimed_stops_here(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAVE_PROGRESS_SECONDS", 0.0)
    row = await bench.row()
    (claimed,) = await bench.history.claim("other", 5, stale_after_seconds=-3600, running=())
    assert claimed.attempt == 2
    bench.runner.run(row)
    async with asyncio.timeout(60):
        while bench.runner.live(row.id):
            await asyncio.sleep(0.01)
    assert await bench.status(row) is Status.RUNNING


async def test_following_what_is_not_there(bench: Bench) -> None:
    row = await bench.begin()
    for recognition_id, user in ((new_id(), None), (row.id, "somebody else")):
        with pytest.raises(NotFound):
            async for _ in bench.runner.follow(recognition_id, user=user):
                pass
    bench.gate.set()


async def test_a_database_that_is_away_at_first_is_no_reason_not_to_start(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.05)
    bench.history.missed_heartbeats = 2
    left = await bench.row(owner=None)
    await bench.runner.start()
    bench.gate.set()
    assert (await bench.last(left)).status is Status.SUCCEEDED
    assert bench.history.missed_heartbeats == 0
