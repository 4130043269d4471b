"""Rounds are shared, and one that fails is not the last."""

import asyncio
import logging

import pytest

from cluster.rounds import Rounds


async def test_whoever_asks_meanwhile_shares_the_next_round() -> None:
    begun, gate = 0, asyncio.Event()

    async def work() -> None:
        nonlocal begun
        begun += 1
        await gate.wait()

    rounds = Rounds(work, lambda: None)
    first = asyncio.create_task(rounds.whole())
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(rounds.whole()) for _ in range(50)]
    await asyncio.sleep(0.01)
    assert begun == 1 and not first.done()
    gate.set()
    await asyncio.gather(first, *others)
    assert begun == 2
    await rounds.close()
    await rounds.whole()
    assert begun == 2


async def test_a_failure_is_told_and_the_next_round_comes(caplog: pytest.LogCaptureFixture) -> None:
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        raise ValueError("no")

    rounds = Rounds(work, lambda: 0.01)
    with caplog.at_level(logging.CRITICAL):
        await rounds.whole()
        while begun < 3:
            await asyncio.sleep(0.01)
    await rounds.close()
