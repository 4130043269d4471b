"""What every board must do; each implementation is one entry of ``BOARDS``."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cluster.local_board import LocalBoard
from domain.node import Availability, Health, NodeIntent, NodeReport, NodeStatus
from domain.ports import Board
from domain.ticket import TICKET_TTL_SECONDS, Grant, Share, Ticket, Waiting, WaitReason


@dataclass
class Clock:
    """Time as the test wants it, in seconds."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


BOARDS: dict[str, Callable[[Clock], Board]] = {"local": LocalBoard}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BOARDS)
def board(request: pytest.FixtureRequest, clock: Clock) -> Board:
    return BOARDS[request.param](clock)


def a_node(
    name: str, slots: int = 1, availability: Availability = Availability.READY, model: str = "m", **intent: Any
) -> NodeStatus:
    report = NodeReport(Health.READY, model, "fp", slots=slots)
    return NodeStatus(NodeIntent(f"http://{name}", name, **intent), availability, report)


def a_ticket(name: str, **changes: Any) -> Ticket:
    return Ticket(**{"id": name, "user": "u", "model": "m", "audio_seconds": 10.0, **changes})


async def granted(board: Board, *names: str) -> dict[str, str]:
    """Which of these tickets have a slot, and where."""
    states = {name: await board.wait(name, 0) for name in names}
    return {name: state.node_name for name, state in states.items() if isinstance(state, Grant)}


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
    for availability in (
        Availability.DRAINING,
        Availability.QUARANTINED,
        Availability.UNREACHABLE,
        Availability.FAILED,
    ):
        await board.observe([a_node("a", availability=availability)])
        assert await reason() is WaitReason.NO_NODE
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


class BoardMachine(RuleBasedStateMachine):
    """Any order of posts, releases, expiries and changes of the nodes: in flight ≤ slots, nothing lost."""

    make: Callable[[Clock], Board] = LocalBoard

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.board = type(self).make(self.clock)
        self.alive: dict[str, float] = {}
        self.slots = {"http://a": 1, "http://b": 2}
        self.allowed = dict(self.slots)
        self.granted: set[str] = set()
        self.count = 0
        self.run(self.board.observe(self.nodes()))

    def teardown(self) -> None:
        self.loop.close()

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def nodes(self) -> list[NodeStatus]:
        return [
            a_node(url[-1], max(slots, 1), Availability.READY if slots else Availability.UNREACHABLE)
            for url, slots in self.slots.items()
        ]

    def known(self) -> dict[str, float]:
        return {name: end for name, end in self.alive.items() if end > self.clock.now}

    @rule(seconds=st.floats(0, 4000), share=st.sampled_from(list(Share)), user=st.sampled_from("xyz"))
    def post(self, seconds: float, share: Share, user: str) -> None:
        self.count += 1
        name = f"t{self.count}"
        self.run(self.board.post(a_ticket(name, audio_seconds=seconds, share=share, user=user)))
        self.alive[name] = self.clock.now + TICKET_TTL_SECONDS

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), seconds=st.floats(0, 100))
    def release(self, data: st.DataObject, seconds: float) -> None:
        name = data.draw(st.sampled_from(sorted(self.alive)))
        self.run(self.board.release(name, node_seconds=seconds))
        del self.alive[name]

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.alive)))
        expected = name in self.known()
        assert self.run(self.board.renew(name)) is expected
        if expected:
            self.alive[name] = self.clock.now + TICKET_TTL_SECONDS

    @rule(seconds=st.floats(0, 20))
    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(url=st.sampled_from(["http://a", "http://b"]), slots=st.integers(0, 3))
    def change_node(self, url: str, slots: int) -> None:
        self.slots[url] = slots
        self.allowed[url] = max(self.allowed[url], slots)
        self.run(self.board.observe(self.nodes()))

    @invariant()
    def the_books_balance(self) -> None:
        known = self.known()
        load = self.run(self.board.load())
        waiting = self.run(self.board.queued()).ahead
        # Whatever was posted and lives is either waiting or in flight: nothing lost, nothing twice.
        assert sum(taken for taken, _ in load.values()) + waiting == len(known)
        # Looking grants what expiry has freed.
        for name in sorted(known):
            state = self.run(self.board.wait(name, 0))
            assert state is not None
            if isinstance(state, Waiting) or name not in self.granted:
                # Waiting renews, and a grant begins a new life.
                self.alive[name] = self.clock.now + TICKET_TTL_SECONDS
            if isinstance(state, Grant):
                self.granted.add(name)
        load, waiting = self.run(self.board.load()), self.run(self.board.queued()).ahead
        for url, slots in self.slots.items():
            taken = load[url][0]
            assert taken <= self.allowed[url]
            # Slots that were taken away stay in use only until their jobs end.
            self.allowed[url] = max(slots, taken)
        assert not waiting or not any(self.slots.values()) or any(taken for taken, _ in load.values())


BoardMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


class TestLocalBoardMachine(BoardMachine.TestCase):
    pass
