"""A long recording over several nodes: the services around nodes that a test scripts, and the real model at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from domain.errors import DeadlineExceeded, RecognitionFailed, SpeechError
from domain.presets import Capabilities
from domain.recognition import Recognition, Status
from domain.transcript import SPEAKERS_FAILED
from tests.helpers.house import ME, House, house
from tests.helpers.parts_pool import PartsPool
from tests.helpers.scripted import URL
from tests.helpers.speech import write_wav

#: Of 150 s: six stretches, of which two fit into each part of a minute.
PLACES = [(start * 1000, start * 1000 + 20_000) for start in (1, 22, 50, 72, 100, 125)]
FIRST, SECOND, THIRD = "0:1000-42000", "0:50000-92000", "0:100000-145000"
#: What tells people apart, as real models do.
TELLS_SPEAKERS = Capabilities(("auto", "zh"), hotwords=True, speakers=True)


@pytest.fixture(scope="module")
def meeting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 s in which no two stretches are alike."""
    samples = np.random.default_rng(3).integers(-3_000, 3_000, 150 * 16_000, dtype=np.int16)
    return write_wav(tmp_path_factory.mktemp("long") / "meeting.wav", samples)


def pool(**fields: object) -> PartsPool:
    return PartsPool(places=PLACES, capabilities=TELLS_SPEAKERS, **fields)  # type: ignore[arg-type]


@asynccontextmanager
async def long_house(folder: Path, nodes: PartsPool, owner: str = "here") -> AsyncIterator[House]:
    async with house(folder, nodes, owner, long_seconds=100) as home:
        yield home


def ends(nodes: PartsPool) -> list[str]:
    """The jobs that were sent, without the id of their row."""
    return [job.id.split(":", 1)[1] for _, job in nodes.jobs]


def shown(row: Recognition) -> list[tuple[object, ...]]:
    assert row.status is Status.SUCCEEDED, row.error
    return [(s.start_ms, s.end_ms, s.raw_text, s.speaker, tuple(s.words)) for s in row.transcript.segments]


async def test_its_parts_make_the_text_of_one_job_with_one_detection_and_their_progress(
    meeting: Path, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    async with long_house(tmp_path / "one", alone := pool(urls=(URL,))) as home:
        whole = await home.recognise(meeting)
    assert (ends(alone), alone.detections) == (["0"], [])
    (tmp_path / "two").mkdir()
    nodes = pool(waits_at={FIRST})
    nodes.gate.clear()
    async with long_house(tmp_path / "two", nodes) as home:
        row = await home.submit(meeting)
        async for state in home.transcription.follow(row.id, visitor=ME):
            if state.progress.parts_done == 2 and not nodes.gate.is_set():
                # Two parts are done while the first one is not: their text is there, in its order.
                assert (state.progress.parts, state.progress.of, state.progress.segment) == (3, 6, 6)
                nodes.gate.set()
        row = await home.transcription.wait(row.id, visitor=ME)
        work_files = [path.name for path in tmp_path.rglob("*.wav") if path.parent.name.startswith("tmp")]
    assert shown(row) == shown(whole)
    assert len({text for _, _, text, _, _ in shown(row)}) == 6
    assert (row.transcript.language, row.transcript.warnings) == ("zh", ())
    assert nodes.detections == [f"{row.id}:0:speech"]
    assert sorted(ends(nodes)) == sorted([FIRST, SECOND, THIRD, "0:speakers"])
    # Which node gets which part depends on how fast they seem, and so on the machine.
    assert nodes.most_at_once >= 2
    assert not work_files


async def test_a_node_that_dies_costs_its_part_alone(meeting: Path, tmp_path: Path) -> None:
    async with long_house(tmp_path, nodes := pool(dies_at={SECOND})) as home:
        row = await home.recognise(meeting)
    assert len(shown(row)) == 6
    assert sorted(ends(nodes)) == sorted([FIRST, SECOND, SECOND, THIRD, "0:speakers"])


async def test_a_run_that_was_cut_short_goes_on_from_its_parts_even_on_one_node(meeting: Path, tmp_path: Path) -> None:
    nodes = pool(waits_at={SECOND})
    nodes.gate.clear()
    async with long_house(tmp_path, nodes, "first") as home:
        row = await home.submit(meeting)
        async for state in home.transcription.follow(row.id, visitor=ME):
            if state.progress.parts_done == 2:
                break
    async with long_house(tmp_path, later := pool(urls=(URL,)), "second") as home:
        row = await home.transcription.wait(row.id, visitor=ME, timeout_seconds=60)
    assert (ends(later), later.detections) == ([SECOND, "0:speakers"], [])
    assert [text for _, _, text, _, _ in shown(row)] and len(shown(row)) == 6


async def test_recognising_anew_takes_no_part_of_another_row_and_no_trace_leaves_none(
    meeting: Path, tmp_path: Path
) -> None:
    async with long_house(tmp_path, nodes := pool()) as home:
        await home.recognise(meeting, no_trace=True)
        await home.recognise(meeting)
        assert len(nodes.detections) == 2 and ends(nodes).count(FIRST) == 2
        assert (await home.recognise(meeting)).cache.value == "hit"
        await home.recognise(meeting, use_cache=False)
        assert len(nodes.detections) == 3 and ends(nodes).count(FIRST) == 3
        # Other hotwords are other parts; where somebody speaks is the same.
        await home.recognise(meeting, hotwords="李静")
        assert len(nodes.detections) == 3 and ends(nodes).count(FIRST) == 4


async def test_cancelling_ends_every_part(meeting: Path, tmp_path: Path) -> None:
    nodes = pool(waits_at={FIRST, SECOND, THIRD})
    nodes.gate.clear()
    async with long_house(tmp_path, nodes) as home:
        row = await home.submit(meeting)
        while len(nodes.jobs) < 3:
            await asyncio.sleep(0.01)
        cancelled = await home.transcription.cancel(row.id, visitor=ME)
    assert cancelled.status is Status.CANCELLED
    assert sorted(job.split(":", 1)[1] for job in nodes.cancelled) == sorted([FIRST, SECOND, THIRD])


@pytest.mark.parametrize("error", [RecognitionFailed("the model failed"), DeadlineExceeded("it took too long")])
async def test_without_its_speakers_the_text_is_shown_and_not_kept(
    meeting: Path, tmp_path: Path, error: SpeechError
) -> None:
    nodes = pool(fails_at={"0:speakers": error})
    async with long_house(tmp_path, nodes) as home:
        row = await home.recognise(meeting)
        assert SPEAKERS_FAILED in row.transcript.warnings and len(shown(row)) == 6
        nodes.fails_at.clear()
        again = await home.recognise(meeting)
    assert (again.cache.value, again.transcript.warnings) == ("miss", ())
    assert {speaker for _, _, _, speaker, _ in shown(again)} == {"1", "2"}
    # The speakers alone were asked for again.
    assert (len(nodes.detections), ends(nodes).count(FIRST)) == (1, 1)


async def test_where_nobody_speaks_there_is_no_part(meeting: Path, tmp_path: Path) -> None:
    nodes = pool()
    nodes.places = []
    async with long_house(tmp_path, nodes) as home:
        row = await home.recognise(meeting)
    assert (shown(row), row.transcript.warnings, row.node) == ([], ("no_speech",), "n0")
    assert nodes.jobs == []
