"""What several boards on one Redis must do together, and with whatever they find there."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from cluster import board_exchange, offers, redis_board
from cluster.board_records import KEYS
from cluster.redis_board import RedisBoard
from domain.node import Availability, NodeIntent
from domain.redis_url import parse_redis_url
from domain.ticket import Grant, Share, Waiting
from storage.redis_link import RedisLink
from tests.helpers.boards import Clock, Replica, a_node, a_ticket, granted, let_pass, replicas
from tests.helpers.counts import Counts
from tests.helpers.redis_server import RedisServer

META, RECORDS, SLOTS, CHANGES, OWNERS = KEYS


@pytest.fixture
async def two(redis_server: RedisServer) -> AsyncIterator[list[Replica]]:
    async with replicas(redis_server, 2) as them:
        yield them


async def observe(them: list[Replica], *nodes: object) -> None:
    for it in them:
        await it.board.observe(list(nodes))  # type: ignore[arg-type]


async def test_replicas_share_the_slots(two: list[Replica]) -> None:
    await observe(two, a_node("a", 2), a_node("b"))
    names = [f"t{number}" for number in range(4)]
    await asyncio.gather(*(it.board.post(a_ticket(name)) for it in two for name in names))
    held = [*(await granted(two[0].board, *names)).values(), *(await granted(two[1].board, *names)).values()]
    assert sorted(held) == ["a", "a", "b"]
    for it in two:
        assert {url: taken for url, (taken, _) in (await it.board.load()).items()} == {"http://a": 2, "http://b": 1}
        assert (await it.board.queued()).ahead == 5


async def test_users_of_different_replicas_take_turns(two: list[Replica], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers, "OFFER_SECONDS", 60.0)
    await observe(two, a_node("a"))
    await two[0].board.post(a_ticket("busy", user="z"))
    for number in range(4):
        await two[0].board.post(a_ticket(f"x{number}", user="x", audio_seconds=300.0))
    for number in range(4):
        await two[1].board.post(a_ticket(f"y{number}", user="y", audio_seconds=300.0))
    order = ["busy"]
    while len(order) < 9:
        await two[order[-1][0] == "y"].board.release(order[-1])
        waiting = [(it, name) for it, name in _names(two) if name not in order]
        calls = [asyncio.create_task(it.board.wait(name, 20)) for it, name in waiting]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        done = [name for (_, name), call in zip(waiting, calls, strict=True) if call.done()]
        assert len(done) == 1
        order += done
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    assert "".join(name[0] for name in order[1:]) in ("xyxyxyxy", "yxyxyxyx")


def _names(two: list[Replica]) -> list[tuple[Replica, str]]:
    return [(two[user == "y"], f"{user}{number}") for user in "xy" for number in range(4)]


async def test_shares_and_places_count_over_all_replicas(two: list[Replica]) -> None:
    await observe(two, a_node("a"))
    await two[0].board.post(a_ticket("busy"))
    await two[0].board.post(a_ticket("batch", user="v", share=Share.BATCH))
    await two[1].board.post(a_ticket("live", user="w", share=Share.LIVE))
    last, first = await two[0].board.wait("batch", 0), await two[1].board.wait("live", 0)
    assert isinstance(last, Waiting) and isinstance(first, Waiting)
    assert (first.ahead, last.ahead) == (0, 1)
    await two[0].board.release("busy")
    assert isinstance(await two[1].board.wait("live", 60), Grant)
    assert await granted(two[0].board, "batch") == {}


@pytest.mark.parametrize("taken", [Grant("t", "http://a", "a"), None])
async def test_who_was_slower_decides_anew(redis_server: RedisServer, taken: Grant | None) -> None:
    counts = Counts()
    async with replicas(redis_server, 2, observer=counts) as two:
        one, other = two
        await observe(two, a_node("a"), a_node("b"))

        async def quicker() -> None:
            await other.board.post(a_ticket("t", user="quick"), grant=taken)

        await one.board.load()
        # Between the look and the claim; with a slot that it has already, which is nobody's turn, or by a decision.
        one.redis.before = [None, quicker]
        await one.board.post(a_ticket("t", user="slow"))
        assert counts.counted["asr_board_conflicts_total",] == 1
        held = [*(await granted(one.board, "t")).values(), *(await granted(other.board, "t")).values()]
        assert sorted(held) == ["a", "b"]
        users = {user for _, user, _ in json.loads(redis_server.command("HGET", RECORDS, "turns"))["rounds"]}
        assert users == ({"slow"} if taken else {"slow", "quick"})


async def test_whose_turn_it_is_hears_of_it_at_once(two: list[Replica], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_board, "RETHINK_SECONDS", 3600.0)
    await observe(two, a_node("a"))
    await two[0].board.post(a_ticket("first"))
    await two[1].board.post(a_ticket("second"))
    waiting = asyncio.create_task(two[1].board.wait("second", 60))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await two[0].board.release("first")
    assert isinstance(await waiting, Grant)
    assert time.monotonic() - began < 4, "it only looked when its lease was due"


async def test_a_replica_that_dies_frees_its_slots_after_its_time(redis_server: RedisServer) -> None:
    async with replicas(redis_server, 2, life_seconds=0.6) as two:
        await observe(two, a_node("a"))
        await two[0].board.post(a_ticket("lost"))
        await two[0].board.post(a_ticket("lost too", user="a"))
        await two[1].board.post(a_ticket("next", user="b"))
        two[0].redis.is_cut = True
        assert await granted(two[1].board, "next") == {}
        waiting = asyncio.create_task(two[1].board.wait("next", 60))
        began = time.monotonic()
        assert isinstance(await waiting, Grant)
        assert time.monotonic() - began > 0.3
        assert await two[1].board.load() == {"http://a": (1, None)}


async def test_a_replica_that_lives_keeps_its_slots(redis_server: RedisServer) -> None:
    async with replicas(redis_server, 2, life_seconds=1.5) as two:
        await observe(two, a_node("a"))
        await two[0].board.post(a_ticket("runs"))
        await two[1].board.post(a_ticket("next"))
        for _ in range(8):
            await asyncio.sleep(0.25)
            assert await two[0].board.renew("runs")
            assert await granted(two[1].board, "next") == {}
        # Nobody renews it any more, though its replica lives.
        assert isinstance(await two[1].board.wait("next", 60), Grant)
        assert not await two[0].board.renew("runs")


async def test_a_release_teaches_the_others_how_fast_a_node_is(two: list[Replica]) -> None:
    await observe(two, a_node("fast"), a_node("slow"))
    for name, seconds in (("fast", 2.0), ("slow", 50.0)) * 20:
        await two[0].board.observe([a_node(name)])
        await two[0].board.post(a_ticket("x", audio_seconds=100.0))
        await two[0].board.release("x", node_seconds=seconds, audio_seconds=100.0)
    speeds = {url: speed for url, (_, speed) in (await two[1].board.load()).items()}
    assert speeds["http://fast"] == pytest.approx(100 / 1.8, rel=0.2)
    assert speeds["http://slow"] == pytest.approx(2.0, rel=0.2)
    await two[1].board.post(a_ticket("t", audio_seconds=100.0))
    assert await granted(two[1].board, "t") == {"t": "fast"}


async def test_who_is_cancelled_while_waiting_is_not_waited_for(two: list[Replica]) -> None:
    await observe(two, a_node("a"))
    await two[0].board.post(a_ticket("busy"))
    await two[0].board.post(a_ticket("cancelled", user="v", share=Share.LIVE))
    await two[1].board.post(a_ticket("next", user="w"))
    place = await two[1].board.wait("next", 0)
    assert isinstance(place, Waiting) and place.ahead == 1
    await two[0].board.release("cancelled")
    await two[0].board.release("busy")
    assert isinstance(await two[1].board.wait("next", 60), Grant)


@pytest.mark.parametrize("why", ["it does not reach the node", "it has died"])
async def test_who_cannot_take_his_turn_is_passed_over(two: list[Replica], why: str) -> None:
    one, other = two
    reachable = Availability.UNREACHABLE if why == "it does not reach the node" else Availability.READY
    await one.board.observe([a_node("a", availability=reachable)])
    await other.board.observe([a_node("a"), a_node("b")])
    for name in ("b1", "b2"):
        await other.board.post(a_ticket(name, user="w"))
    for number in range(5):
        await one.board.post(a_ticket(f"t{number}", user="v"))
    one.redis.is_cut = why == "it has died"
    await other.board.post(a_ticket("next", user="w"))
    await other.board.release("b1")
    began = time.monotonic()
    assert isinstance(await other.board.wait("next", 60), Grant)
    assert time.monotonic() - began < offers.PASS_OVER_SECONDS
    if not one.redis.is_cut:
        assert await granted(one.board, "t0", "t1", "t2", "t3", "t4") == {}


@pytest.mark.parametrize("lost", ["everything", "the tickets", "the leases", "the slots", "the last writes"])
async def test_what_redis_lost_is_written_again(two: list[Replica], redis_server: RedisServer, lost: str) -> None:
    one, other = two
    await observe(two, a_node("a"), a_node("b"))
    await one.board.post(a_ticket("runs"))
    backup = {key: redis_server.command("DUMP", key) for key in KEYS}
    await one.board.post(a_ticket("runs too"))
    await one.board.release("runs too", node_seconds=1.0)
    await other.board.post(a_ticket("runs there"))
    await other.board.post(a_ticket("waits there"))
    speed = (await one.board.load())["http://b"][1]
    assert speed
    if lost == "everything":
        redis_server.command("FLUSHALL")
    elif lost == "the last writes":
        for key, value in backup.items():
            redis_server.command("RESTORE", key, 0, value, "REPLACE")
    else:
        redis_server.command("DEL", {"the tickets": RECORDS, "the leases": OWNERS, "the slots": SLOTS}[lost])
    for it in two:
        it.board._heard("")  # pyright: ignore[reportPrivateUsage] as when a connection was lost
    for _ in range(2):
        for it in two:
            await it.board.queued()
    for it in two:
        assert {url: taken for url, (taken, _) in (await it.board.load()).items()} == {"http://a": 1, "http://b": 1}
        assert (await it.board.queued()).ahead == 1
    assert (await other.board.load())["http://b"][1] == pytest.approx(speed)
    await one.board.release("runs")
    assert isinstance(await other.board.wait("waits there", 60), Grant)


async def test_what_nobody_answers_for_is_cleared_away(redis_server: RedisServer) -> None:
    clock = Clock()
    async with replicas(redis_server, 3, now=clock) as them:
        await observe(them, a_node("a"), a_node("b"), a_node("c"))
        for it in them:
            await it.board.post(a_ticket("t"))
        # One dies, and what Redis knows of it is lost by half.
        them[0].redis.is_cut = them[1].redis.is_cut = True
        redis_server.command("DEL", OWNERS)
        redis_server.command("HDEL", RECORDS, "t/r1/t")
        clock.now += 6
        await them[2].board.load()
        clock.now += 6
        assert sum(taken for taken, _ in (await them[2].board.load()).values()) == 1
        assert redis_server.command("HKEYS", SLOTS) == [b"t/r2/t"]


async def test_a_board_that_nobody_uses_goes_after_a_day(redis_server: RedisServer) -> None:
    clock = Clock()
    async with replicas(redis_server, 1, now=clock) as (it,):
        await observe([it], a_node("a"))
        await it.board.post(a_ticket("runs"))
        clock.now += 6
        await it.board.load()
        assert all(86000 < redis_server.command("TTL", key) <= 86400 for key in KEYS)


async def test_after_everything_was_lost_the_others_are_told(two: list[Replica], redis_server: RedisServer) -> None:
    one, other = two
    await observe(two, a_node("a"))
    await one.board.post(a_ticket("runs"))
    redis_server.command("FLUSHALL")
    await other.board.post(a_ticket("comes"))
    # Its lease would be renewed after 5 s.
    async with asyncio.timeout(4.5):
        while not redis_server.command("HEXISTS", SLOTS, "t/r0/runs"):
            await asyncio.sleep(0.02)
    await other.board.post(a_ticket("third"))
    await one.board.release("runs")
    assert await granted(other.board, "comes", "third") == {"comes": "a"}


async def test_after_an_answer_that_was_lost_a_ticket_still_has_one_slot(two: list[Replica]) -> None:
    one, other = two
    await observe(two, a_node("a"), a_node("b"))
    for lost in (1, 2, 3):
        one.redis.answers_lost = lost
        await one.board.post(a_ticket("t"))
        held = await granted(one.board, "t")
        assert held
        for _ in range(3):
            await one.board.load()
        assert await granted(one.board, "t") == held
        load = await other.board.load()
        assert {url: taken for url, (taken, _) in load.items() if taken} == {f"http://{held['t']}": 1}
        await one.board.release("t")
        await one.board.load()
        assert all(taken == 0 for taken, _ in (await other.board.load()).values())


async def test_who_was_held_up_posts_again_and_keeps_his_place(redis_server: RedisServer) -> None:
    clock = Clock()
    async with replicas(redis_server, 2, now=clock) as two:
        one, other = two
        await observe(two, a_node("a"))
        await one.board.post(a_ticket("runs"))
        clock.now += 1
        await one.board.post(a_ticket("waits", audio_seconds=8.0))
        clock.now += 10
        await other.board.post(a_ticket("later"))
        let_pass(redis_server, 16)
        await other.board.renew("later")
        # Its tickets were reclaimed, and the slot went to the next. It learns of that, and the slot is taken twice.
        assert await granted(other.board, "later") == {"later": "a"}
        await one.board.load()
        assert await one.board.wait("runs", 0) == Grant("runs", "http://a", "a")
        assert (await other.board.load())["http://a"][0] == 2
        for name, it in (("runs", one), ("later", other)):
            await other.board.post(a_ticket("last"))
            await it.board.release(name)
        assert await granted(one.board, "waits") == {"waits": "a"}
        assert await granted(other.board, "last") == {}


async def test_a_replica_that_ends_leaves_nothing_behind(redis_server: RedisServer) -> None:
    async with replicas(redis_server, 1) as (one,):
        await observe([one], a_node("a"))
        await one.board.post(a_ticket("runs"))
        assert redis_server.command("HLEN", SLOTS) == 1
    assert redis_server.command("HKEYS", RECORDS) == [b"turns"]
    assert redis_server.command("EXISTS", SLOTS, OWNERS) == 0


async def test_many_tickets_are_brought_in_pieces(redis_server: RedisServer) -> None:
    async with replicas(redis_server, 2) as two:
        await observe(two, a_node("a"))
        await asyncio.gather(*(two[0].board.post(a_ticket(f"t{number}")) for number in range(2500)))
        assert (await two[1].board.queued()).ahead == 2499
        redis_server.command("FLUSHALL")
        await two[0].board.load()
        assert (await two[1].board.queued()).ahead == 2499
        assert redis_server.command("ZCARD", CHANGES) <= 1000


async def test_everything_is_read_in_pieces_while_it_changes(
    two: list[Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_exchange, "READ_AT_ONCE", 20)
    one, other = two
    await observe([one], a_node("a"))
    await asyncio.gather(*(one.board.post(a_ticket(f"t{number}")) for number in range(200)))
    posted = iter(range(200, 400))
    released = iter(range(1, 200))

    async def changes() -> None:
        await one.board.release(f"t{next(released)}")
        await one.board.post(a_ticket(f"t{next(posted)}"))

    async def pieces(*happens: Callable[[], Awaitable[None]] | None) -> int:
        """How many there are if this happens before each of them."""
        await _doubt(other)
        other.redis.before = [*happens, *[None] * 100]
        assert (await other.board.queued()).ahead == (await one.board.queued()).ahead
        count = len(happens) + 100 - len(other.redis.before)
        other.redis.before = []
        assert await other.board.load() == await one.board.load()
        return count

    usual = await pieces()
    assert usual > 5
    assert await pieces(None, None, changes, changes, None, changes) <= usual + 1
    # It begins anew where it is doubted, or where what changed between two pieces is not known one by one.
    assert await pieces(None, None, None, lambda: _doubt(other)) >= usual + 3
    monkeypatch.setattr(board_exchange, "CHANGES_KEPT", 1)
    assert await pieces(None, None, None, changes) >= usual + 2


async def _doubt(replica: Replica) -> None:
    replica.board._heard("")  # pyright: ignore[reportPrivateUsage] as when a connection was lost


async def test_no_answer_is_large_however_many_wait(redis_server: RedisServer) -> None:
    sizes: list[int] = []

    class Measured:
        def __init__(self, client: Any) -> None:
            self._client = client

        async def execute_command(self, *words: Any) -> bytes:
            sizes.append(len(answer := await self._client.execute_command(*words)))
            return answer

    class Link(RedisLink):
        async def call(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
            return await super().call(lambda client: work(Measured(client)))

    async with replicas(redis_server, 1) as (one,):
        await observe([one], a_node("a"))
        await asyncio.gather(*(one.board.post(a_ticket(f"t{number}")) for number in range(5000)))
        link = Link(parse_redis_url(redis_server.url()))
        late = RedisBoard(link)
        assert (await late.queued()).ahead == 4999
        await late.close()
        await link.close()
    # At once it would be 1.2 MB: 0.1 s at 100 Mbit/s.
    assert len(sizes) >= 5
    assert max(sizes) < 400_000


async def test_garbage_in_redis_costs_no_ticket(two: list[Replica], redis_server: RedisServer) -> None:
    one, other = two
    await observe(two, a_node("a"))
    await one.board.post(a_ticket("runs"))
    for record in ("t/x/1", "t/x", "s/[", "s/[1]", "turns", "", "t/x/2"):
        redis_server.command("HSET", RECORDS, record, b"\xff{" if record == "t/x/2" else '{"a": 1}')
    one.board._heard("")  # pyright: ignore[reportPrivateUsage]
    await other.board.post(a_ticket("next"))
    await one.board.release("runs")
    assert isinstance(await other.board.wait("next", 60), Grant)
    # Nor does an odd name.
    await one.board.post(a_ticket("odd", user="\ud800 名/字"))
    await other.board.release("next")
    assert isinstance(await one.board.wait("odd", 60), Grant)
    # What is no hash: each for himself.
    redis_server.command("SET", RECORDS, "garbage")
    await one.board.release("odd")
    await one.board.post(a_ticket("t"))
    assert await granted(one.board, "t") == {"t": "a"}


async def test_a_loopback_address_means_another_node_on_each_machine(redis_server: RedisServer) -> None:
    async with replicas(redis_server, 1, machine="m1") as (one,), replicas(redis_server, 1, machine="m2") as (other,):
        node = replace(a_node("x"), intent=NodeIntent("http://127.0.0.1:7861", "own"))
        for it in (one, other):
            await it.board.observe([node])
            await it.board.post(a_ticket("t"))
            assert await it.board.wait("t", 0) == Grant("t", "http://127.0.0.1:7861", "own")
            await it.board.post(a_ticket("next", avoid=frozenset({"http://127.0.0.1:7861"})))
            await it.board.release("t", node_seconds=1.0)
            assert await granted(it.board, "next") == {"next": "own"}
        load = await one.board.load()
        assert {url: taken for url, (taken, _) in load.items()} == {
            "http://127.0.0.1:7861": 1,
            "http://127.0.0.1:7861#m2": 1,
        }
        assert load["http://127.0.0.1:7861"][1]
