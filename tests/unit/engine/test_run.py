import asyncio

import pytest

from domain.errors import RecognitionCancelled, RecognitionFailed
from domain.node import NodeJob, NodeProgress, NodeResult
from domain.options import RecognitionOptions
from domain.transcript import ModelOutput, ModelSegment
from engine.run import Run

RESULT = NodeResult(ModelOutput("spoken", ()), "demo", "f", "cpu", 1.0, 1)


def step(number: int) -> NodeProgress:
    return NodeProgress(number, 3, (ModelSegment(number, number + 1, str(number)),) if number else ())


@pytest.fixture
def run() -> Run:
    return Run(NodeJob("a:0", RecognitionOptions()))


async def collect(run: Run) -> list[NodeProgress | NodeResult]:
    return [item async for item in run.follow()]


async def test_followers_see_every_segment_and_the_result(run: Run) -> None:
    following = asyncio.create_task(collect(run))
    for number in range(4):
        await asyncio.to_thread(run.publish, step(number))
        await asyncio.sleep(0)
    await asyncio.to_thread(run.finish, RESULT)
    seen = await following
    assert seen[0] == step(0)
    assert seen[-1] == RESULT
    segments = [segment for item in seen if isinstance(item, NodeProgress) for segment in item.segments]
    assert [segment.text for segment in segments] == ["1", "2", "3"]
    assert run.followers == 0


async def test_who_joins_late_gets_it_all_in_two_steps(run: Run) -> None:
    for number in range(4):
        run.publish(step(number))
    run.finish(RESULT)
    first, rest, result = await collect(run)
    assert (first, result) == (step(0), RESULT)
    assert isinstance(rest, NodeProgress)
    assert (rest.segment, [item.text for item in rest.segments]) == (3, ["1", "2", "3"])


async def test_an_error_reaches_every_follower(run: Run) -> None:
    tasks = [asyncio.create_task(collect(run)) for _ in range(2)]
    await asyncio.sleep(0)
    run.finish(RecognitionFailed("no", reason="model_error"))
    for task in tasks:
        with pytest.raises(RecognitionFailed):
            await task


async def test_a_follower_that_leaves_stops_nothing(run: Run) -> None:
    follower = run.follow()
    run.publish(step(0))
    await anext(follower)
    await follower.aclose()
    run.publish(step(1))
    run.finish(RESULT)
    assert (await collect(run))[-1] == RESULT


def test_cancelling(run: Run) -> None:
    run.check()
    assert run.cancel()
    with pytest.raises(RecognitionCancelled):
        run.check()
    run.finish(RESULT)
    assert not run.cancel()
