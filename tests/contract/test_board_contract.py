"""What every board must do; each implementation is one entry of ``BOARDS``."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from cluster.local_board import LocalBoard
from domain.node import Availability
from domain.ports import Board
from domain.ticket import TICKET_TTL_SECONDS, Grant, Waiting, WaitReason
from tests.helpers.boards import Clock, a_node, a_ticket, granted, replicas


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["local", "redis"])
async def board(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Board]:
    if request.param == "local":
        yield LocalBoard(clock)
        return
    async with replicas(request.getfixturevalue("redis_server"), 1, now=clock) as (it,):
        yield it.board


async def test_a_free_slot_is_granted_at_once(board: Board) -> None:
    await board.observe([a_node("a")])
    await board.post(a_ticket("t"))
    assert await board.wait("t", 0) == Grant("t", "http://a", "a")
    assert await board.load() == {"http://a": (1, None)}


async def test_never_more_than_the_slots(board: Board) -> None:
    await board.observe([a_node("a", 2), a_node("b")])
    names = [f"t{number}" for number in range(6)]
    for name in names:
        await board.post(a_ticket(name))
    held = await granted(board, *names)
    assert sorted(held.values()) == ["a", "a", "b"]
    assert (await board.queued()).ahead == 3


async def test_a_released_slot_wakes_the_next(board: Board) -> None:
    await board.observe([a_node("a")])
    await board.post(a_ticket("first"))
    await board.post(a_ticket("second"))
    waiting = asyncio.create_task(board.wait("second", 30))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await board.release("first")
    assert isinstance(await waiting, Grant)


async def test_a_node_that_comes_wakes_who_waits(board: Board) -> None:
    await board.post(a_ticket("t"))
    waiting = asyncio.create_task(board.wait("t", 30))
    await asyncio.sleep(0.01)
    await board.observe([a_node("a")])
    assert isinstance(await waiting, Grant)


async def test_why_a_ticket_waits(board: Board) -> None:
    async def reason() -> WaitReason:
        state = await board.wait("t", 0)
        assert isinstance(state, Waiting)
        return state.reason

    await board.post(a_ticket("other"))
    await board.post(a_ticket("t"))
    assert await reason() is WaitReason.NO_NODE
    for availability, why in (
        (Availability.DRAINING, WaitReason.ALL_DRAINING),
        (Availability.QUARANTINED, WaitReason.ALL_QUARANTINED),
        (Availability.UNREACHABLE, WaitReason.NONE_REACHABLE),
        (Availability.FAILED, WaitReason.NONE_REACHABLE),
    ):
        await board.observe([a_node("a", availability=availability)])
        assert await reason() is why
    await board.observe([a_node("a", availability=Availability.LOADING)])
    assert await reason() is WaitReason.LOADING
    await board.observe([a_node("a", availability=Availability.LOADING, model="another")])
    assert await reason() is WaitReason.NO_NODE
    await board.observe([a_node("a")])
    assert await reason() is WaitReason.QUEUED


async def test_a_place_in_the_queue_says_how_long(board: Board, clock: Clock) -> None:
    await board.observe([a_node("a")])
    for name in ("t1", "t2", "t3"):
        await board.post(a_ticket(name))
        clock.now += 0.1
    second, third = await board.wait("t2", 0), await board.wait("t3", 0)
    assert isinstance(second, Waiting) and isinstance(third, Waiting)
    assert (second.ahead, third.ahead) == (0, 1)
    assert second.expected_wait_seconds is not None and third.expected_wait_seconds is not None
    assert 0 < second.expected_wait_seconds < third.expected_wait_seconds
    place = await board.queued()
    assert place.ahead == 2 and place.expected_wait_seconds is not None


async def test_an_unrenewed_ticket_expires_and_frees_its_slot(board: Board, clock: Clock) -> None:
    await board.observe([a_node("a")])
    await board.post(a_ticket("lost"))
    clock.now += TICKET_TTL_SECONDS / 2
    await board.post(a_ticket("next"))
    assert await granted(board, "lost", "next") == {"lost": "a"}
    clock.now += TICKET_TTL_SECONDS / 2 + 0.1
    assert await granted(board, "next") == {"next": "a"}
    assert await board.wait("lost", 0) is None
    assert not await board.renew("lost")


async def test_a_renewed_ticket_stays(board: Board, clock: Clock) -> None:
    await board.observe([a_node("a")])
    await board.post(a_ticket("t"))
    for _ in range(10):
        clock.now += TICKET_TTL_SECONDS * 0.9
        assert await board.renew("t")
    assert await granted(board, "t") == {"t": "a"}


async def test_a_grant_begins_a_new_life(board: Board, clock: Clock) -> None:
    await board.observe([a_node("a")])
    await board.post(a_ticket("busy"))
    await board.post(a_ticket("next"))
    clock.now += TICKET_TTL_SECONDS * 0.9
    await board.release("busy")
    clock.now += TICKET_TTL_SECONDS * 0.9
    assert await granted(board, "next") == {"next": "a"}
    clock.now += TICKET_TTL_SECONDS * 0.1
    assert await board.wait("next", 0) is None


async def test_waiting_and_posting_again_renew(board: Board, clock: Clock) -> None:
    await board.observe([a_node("a")])
    await board.post(a_ticket("busy"))
    for name in ("waits", "posts"):
        await board.post(a_ticket(name))
    for _ in range(4):
        clock.now += TICKET_TTL_SECONDS * 0.9
        await board.renew("busy")
        assert isinstance(await board.wait("waits", 0), Waiting)
        await board.post(a_ticket("posts"))
    assert (await board.queued()).ahead == 2


async def test_posting_a_known_id_keeps_its_slot(board: Board) -> None:
    await board.observe([a_node("a", 2)])
    await board.post(a_ticket("t"))
    await board.post(a_ticket("t"))
    assert await board.load() == {"http://a": (1, None)}


async def test_release_is_idempotent_and_of_unknown_tickets_harmless(board: Board) -> None:
    await board.observe([a_node("a")])
    await board.release("never posted", node_seconds=1.0)
    await board.post(a_ticket("t"))
    await board.release("t")
    await board.release("t")
    assert await board.load() == {"http://a": (0, None)}
    assert await board.wait("t", 0) is None


async def test_a_released_ticket_that_waits_is_told(board: Board) -> None:
    await board.post(a_ticket("t"))
    waiting = asyncio.create_task(board.wait("t", 30))
    await asyncio.sleep(0.01)
    await board.release("t")
    assert await waiting is None


async def test_the_speed_is_learned_from_releases(board: Board) -> None:
    for name, seconds in (("fast", 2.0), ("slow", 50.0)):
        await board.observe([a_node(name)])
        for _ in range(30):
            await board.post(a_ticket("x", audio_seconds=100.0))
            assert await granted(board, "x") == {"x": name}
            await board.release("x", node_seconds=seconds, audio_seconds=100.0)
    await board.observe([a_node("fast"), a_node("slow")])
    speeds = {url: speed for url, (_, speed) in (await board.load()).items()}
    assert speeds["http://fast"] == pytest.approx(100 / 1.8, rel=0.2)
    assert speeds["http://slow"] == pytest.approx(2.0, rel=0.2)
    await board.post(a_ticket("t", audio_seconds=100.0))
    assert await granted(board, "t") == {"t": "fast"}


async def test_backup_and_avoided_nodes_come_last(board: Board) -> None:
    await board.observe([a_node("main"), a_node("spare", backup=True)])
    await board.post(a_ticket("t1"))
    await board.post(a_ticket("t2"))
    assert await granted(board, "t1", "t2") == {"t1": "main"}
    await board.post(a_ticket("t2", avoid=frozenset({"http://main"})))
    assert await granted(board, "t2") == {"t2": "spare"}
    await board.observe([a_node("main", availability=Availability.UNREACHABLE), a_node("spare", 2, backup=True)])
    await board.post(a_ticket("t3", avoid=frozenset({"http://spare"})))
    assert await granted(board, "t3") == {"t3": "spare"}


async def test_tickets_go_only_to_their_model(board: Board) -> None:
    await board.observe([a_node("a", model="one")])
    await board.post(a_ticket("t", model="two"))
    await board.post(a_ticket("any", model=""))
    assert await granted(board, "t", "any") == {"any": "a"}


async def test_what_runs_already_is_posted_with_its_slot(board: Board) -> None:
    await board.observe([a_node("a"), a_node("b")])
    await board.post(a_ticket("runs"), grant=Grant("runs", "http://a", "a"))
    await board.post(a_ticket("comes"))
    await board.post(a_ticket("waits"))
    assert await granted(board, "runs", "comes", "waits") == {"runs": "a", "comes": "b"}
    # Who has a slot keeps that one.
    await board.post(a_ticket("comes"), grant=Grant("comes", "http://a", "a"))
    assert await granted(board, "comes") == {"comes": "b"}
