"""Any order of posts, releases, expiries, changes of the nodes and faults of Redis, against what must always hold.

Nothing lost: whoever renews his ticket has it, and is served in the end. Nothing twice: a ticket has one slot, and
keeps it. In flight ≤ slots: but for slots that were taken away, and for those that Redis had lost or reclaimed.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from cluster.board_records import KEYS
from cluster.local_board import LocalBoard
from cluster.redis_board import RedisBoard
from domain.node import Availability, NodeStatus
from domain.ports import Board
from domain.redis_url import parse_redis_url
from domain.ticket import TICKET_TTL_SECONDS, Grant, Share, Waiting
from storage.redis_link import RedisLink
from tests.helpers.boards import Clock, Switch, a_node, a_ticket, let_pass, patience
from tests.helpers.redis_server import RedisServer

_, RECORDS, SLOTS, _, _ = KEYS
#: Living replicas keep their leases by looking this often, in seconds.
LOOK_SECONDS = 4.0


@dataclass
class Held:
    """A ticket as its owner knows it."""

    end: float
    node: str = ""


class BoardMachine(RuleBasedStateMachine):
    """One replica or several, and their tickets by replica and name."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.boards: dict[str, Board] = {}
        self.tickets: dict[tuple[str, str], Held] = {}
        self.slots = {"http://a": 1, "http://b": 2}
        self.unseen: set[tuple[str, str]] = set()
        self.taken = dict.fromkeys(self.slots, 0)
        self.count = 0
        self.open()

    def open(self) -> None:
        self.boards["here"] = LocalBoard(self.clock)
        self.observe()

    def teardown(self) -> None:
        try:
            self.everybody_is_served()
        finally:
            self.run(self.end())
            self.loop.close()

    async def end(self) -> None:
        return

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def observe(self) -> None:
        for name, board in self.boards.items():
            self.run(board.observe([self.status(name, url) for url in self.slots]))

    def status(self, name: str, url: str) -> NodeStatus:
        usable = self.slots[url] and (name, url) not in self.unseen
        return a_node(url[-1], max(self.slots[url], 1), Availability.READY if usable else Availability.UNREACHABLE)

    def known(self) -> dict[tuple[str, str], Held]:
        return {key: held for key, held in self.tickets.items() if held.end > self.clock.now}

    def look(self) -> None:
        """Everybody sees what there is."""
        for board in self.boards.values():
            self.run(board.load())

    @rule(data=st.data(), seconds=st.floats(0, 4000), share=st.sampled_from(list(Share)), user=st.sampled_from("xyz"))
    def post(self, data: st.DataObject, seconds: float, share: Share, user: str) -> None:
        self.count += 1
        name, ticket = data.draw(st.sampled_from(sorted(self.boards))), f"t{self.count}"
        self.run(self.boards[name].post(a_ticket(ticket, audio_seconds=seconds, share=share, user=user)))
        self.tickets[name, ticket] = Held(self.clock.now + TICKET_TTL_SECONDS)

    @precondition(lambda self: self.tickets)
    @rule(data=st.data(), seconds=st.none() | st.floats(0, 100))
    def release(self, data: st.DataObject, seconds: float | None) -> None:
        name, ticket = data.draw(st.sampled_from(sorted(self.tickets)))
        self.run(self.boards[name].release(ticket, node_seconds=seconds))
        del self.tickets[name, ticket]

    @precondition(lambda self: self.tickets)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        name, ticket = data.draw(st.sampled_from(sorted(self.tickets)))
        expected = (name, ticket) in self.known()
        assert self.run(self.boards[name].renew(ticket)) is expected
        if expected:
            self.tickets[name, ticket].end = self.clock.now + TICKET_TTL_SECONDS

    def pass_by(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(seconds=st.floats(0, 20))
    def pass_time(self, seconds: float) -> None:
        self.pass_by(seconds)

    @rule(url=st.sampled_from(["http://a", "http://b"]), slots=st.integers(0, 3))
    def change_node(self, url: str, slots: int) -> None:
        self.slots[url] = slots
        self.observe()

    @invariant()
    def nothing_is_lost_and_nothing_twice(self) -> None:
        self.look()
        for (name, ticket), held in sorted(self.tickets.items()):
            state = self.run(self.boards[name].wait(ticket, 0))
            if held.end <= self.clock.now:
                # Its life began anew where it was granted on the way, before that end.
                may_live = not held.node and held.end + TICKET_TTL_SECONDS > self.clock.now
                assert state is None or (may_live and isinstance(state, Grant)), "a ticket outlived its time"
            else:
                assert state is not None, "a ticket was lost"
            if isinstance(state, Waiting):
                assert not held.node, "a slot was lost"
                held.end = self.clock.now + TICKET_TTL_SECONDS
            elif state is not None and not held.node:
                # Nobody has seen when it was granted.
                assert self.run(self.boards[name].renew(ticket))
                held.end, held.node = self.clock.now + TICKET_TTL_SECONDS, state.node_url
                assert (name, held.node) not in self.unseen, "it cannot get there"
            else:
                assert state is None or held.node == state.node_url, "a ticket had two slots"
        self.look()
        self.the_books_balance()

    def the_books_balance(self) -> None:
        (board,) = self.boards.values()
        load, waiting = self.run(board.load()), self.run(board.queued()).ahead
        known = self.known()
        assert waiting == sum(not held.node for held in known.values())
        self.slots_suffice({url: load[url][0] for url in self.slots})

    def slots_suffice(self, taken: dict[str, int], *, is_disturbed: bool = False) -> None:
        for url, slots in self.slots.items():
            # Slots that were taken away stay in use until their jobs end.
            assert is_disturbed or taken[url] <= max(slots, self.taken[url])
        self.taken = taken

    def everybody_is_served(self) -> None:
        """With nodes for all, nobody waits for ever."""
        self.slots = dict.fromkeys(self.slots, 2)
        self.unseen.clear()
        self.observe()
        for _ in range(300):
            for (name, ticket), held in sorted(self.known().items()):
                if isinstance(self.run(self.boards[name].wait(ticket, 0)), Grant):
                    self.run(self.boards[name].release(ticket))
                    del self.tickets[name, ticket]
                else:
                    held.end = self.clock.now + TICKET_TTL_SECONDS
            if not self.known():
                return
            self.pass_by(0.3)
        raise AssertionError(f"never served: {self.known()}")


class RedisBoardMachine(BoardMachine):
    """Three replicas on one Redis, which forgets, goes away and loses answers; replicas stop, and die."""

    server: RedisServer

    def open(self) -> None:
        self.server.command("FLUSHALL")
        self.link = self.run(self.connect())
        self.switches: dict[str, Switch] = {}
        self.ended: list[RedisBoard] = []
        #: When each replica's lease began, as far as Redis may know.
        self.leases: dict[str, float] = {}
        self.born = 0
        self.is_disturbed = False
        for _ in range(3):
            self.bear()
        self.observe()

    async def connect(self) -> RedisLink:
        return RedisLink(parse_redis_url(self.server.url()))

    def bear(self) -> None:
        self.born += 1
        name = f"r{self.born}"
        self.switches[name] = Switch(self.link)
        self.boards[name] = RedisBoard(self.switches[name], owner=name, now=self.clock)

    async def end(self) -> None:
        for board in [*self.boards.values(), *self.ended]:
            assert isinstance(board, RedisBoard)
            await board.close()
        await self.link.close()

    def look(self) -> None:
        for name in self.boards:
            if not self.switches[name].is_cut:
                self.leases[name] = self.clock.now
        for _ in range(2):
            super().look()

    def pass_by(self, seconds: float) -> None:
        super().pass_by(seconds)
        let_pass(self.server, seconds)

    @rule(seconds=st.floats(0, 20), data=st.data())
    def pass_time(self, seconds: float, data: st.DataObject) -> None:
        held_up = data.draw(st.sampled_from(["", *sorted(self.boards)]))
        while seconds > 0:
            step = min(seconds, LOOK_SECONDS)
            seconds -= step
            self.pass_by(step)
            for name, board in self.boards.items():
                if name != held_up:
                    self.run(board.load())
        self.is_disturbed |= bool(held_up)

    @rule()
    def flush(self) -> None:
        self.server.command("FLUSHALL")
        self.is_disturbed = True

    @rule(data=st.data())
    def cut(self, data: st.DataObject) -> None:
        self.switches[data.draw(st.sampled_from(sorted(self.boards)))].is_cut = True

    @rule()
    def mend(self) -> None:
        for name in self.boards:
            self.is_disturbed |= self.switches[name].is_cut
            self.switches[name].is_cut = False

    @rule(data=st.data(), count=st.integers(1, 3))
    def lose_answers(self, data: st.DataObject, count: int) -> None:
        self.switches[data.draw(st.sampled_from(sorted(self.boards)))].answers_lost = count
        self.is_disturbed = True

    @rule(data=st.data(), url=st.sampled_from(["http://a", "http://b"]))
    def change_sight(self, data: st.DataObject, url: str) -> None:
        self.unseen ^= {(data.draw(st.sampled_from(sorted(self.boards))), url)}
        self.observe()

    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.boards)))
        self.switches[name].is_cut = True
        board = self.boards.pop(name)
        assert isinstance(board, RedisBoard)
        self.ended.append(board)
        self.tickets = {key: held for key, held in self.tickets.items() if key[0] != name}
        self.bear()
        self.observe()

    def the_books_balance(self) -> None:
        """Redis has the tickets of all that reach it, and of others at most until their lease ends."""
        records = [it.decode().split("/", 2)[1:] for it in self.server.command("HKEYS", RECORDS) if it[:2] == b"t/"]
        answer = self.server.command("HGETALL", SLOTS)
        slots = {tuple(it.decode().split("/", 2)[1:]): url.decode() for it, url in answer.items()}
        known = self.known()
        reached = {name for name, it in self.switches.items() if name in self.boards and not it.is_cut}
        assert {(owner, it) for owner, it in records if owner in reached} == {key for key in known if key[0] in reached}
        for key, held in known.items():
            assert key[0] not in reached or slots.get(key, "") == held.node
        if reached:
            for owner, _ in records:
                assert self.clock.now - self.leases[owner] <= TICKET_TTL_SECONDS + 1, "it was not reclaimed"
        taken = [*slots.values()]
        self.slots_suffice({url: taken.count(url) for url in self.slots}, is_disturbed=self.is_disturbed)
        self.is_disturbed = False

    def everybody_is_served(self) -> None:
        self.mend()
        for it in self.switches.values():
            it.answers_lost = 0
        super().everybody_is_served()


def check(machine: type[BoardMachine], examples: int, steps: int) -> None:
    chosen = settings(max_examples=examples, stateful_step_count=steps, deadline=None, print_blob=True)
    run_state_machine_as_test(machine, settings=chosen)


def test_one_replica() -> None:
    check(BoardMachine, 40, 30)


def test_several_replicas(one_redis: RedisServer) -> None:
    RedisBoardMachine.server = one_redis
    with patience():
        check(RedisBoardMachine, 6, 20)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_several_replicas_for_long(one_redis: RedisServer) -> None:
    RedisBoardMachine.server = one_redis
    with patience():
        check(RedisBoardMachine, 400, 60)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_one_replica_for_long() -> None:
    check(BoardMachine, 1000, 60)
