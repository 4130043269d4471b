"""A call that cannot be stopped holds a slot at the board until it has ended, whatever the board forgets meanwhile."""

import asyncio

import pytest

from cluster import left_calls
from cluster.left_calls import LeftCall, LeftCalls
from cluster.local_board import LocalBoard

URL = "http://127.0.0.1:9"


async def taken(board: LocalBoard) -> int:
    return (await board.load()).get(URL, (0, None))[0]


async def test_its_slot_is_taken_until_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_calls, "TICKET_RENEW_SECONDS", 0.01)
    clock = [0.0]
    board = LocalBoard(lambda: clock[0])
    left, ended = LeftCalls(board), asyncio.get_running_loop().create_future()
    await left.hold(LeftCall(URL, "old", 60.0, ended))
    assert await taken(board) == 1
    # Longer than a ticket lives: the board has forgotten it, and is told again.
    clock[0] = 100.0
    async with asyncio.timeout(60):
        while await taken(board) != 1:
            await asyncio.sleep(0.01)
        ended.set_result(None)
        while await taken(board):
            await asyncio.sleep(0.01)


async def test_whoever_stops_gives_it_back() -> None:
    board = LocalBoard()
    left, ended = LeftCalls(board), asyncio.get_running_loop().create_future()
    await left.hold(LeftCall(URL, "old", 60.0, ended))
    await asyncio.sleep(0)
    await left.close()
    assert await taken(board) == 0
