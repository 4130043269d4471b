"""The board's policy: the rules one by one, a small simulation, and what must hold whatever comes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.scheduling import InFlight, NodeView, Queued, Snapshot, Turns, blocked_reason, decide, expected_wait, plan
from domain.speeds import CLIP_FACTOR, FIRST_RTF, NEW_NODE_FACTOR, OVERHEAD_SECONDS, Speeds, length_class
from domain.ticket import Share, Ticket, Waiting, WaitReason
from domain.turns import TURN_SECONDS


def node(name: str, **changes: object) -> NodeView:
    return replace(NodeView(name, name, "m"), **changes)  # pyright: ignore


def ticket(name: str, seconds: float = 10.0, share: Share = Share.INTERACTIVE, user: str = "u", **changes: object):
    return replace(Ticket(name, user, "m", seconds, share), **changes)  # pyright: ignore


def queued(*tickets: Ticket, at: float = 0.0) -> tuple[Queued, ...]:
    return tuple(Queued(item, at) for item in tickets)


def measured(**rtf: float) -> Speeds:
    return Speeds({(name, "m", cls): value for name, value in rtf.items() for cls in range(4)})


def order(snapshot: Snapshot) -> list[str]:
    """The tickets in the order in which one slot would take them."""
    names: list[str] = []
    while snapshot.waiting:
        decision = decide(snapshot)
        assert len(decision.assignments) == 1
        names.append(decision.assignments[0].ticket_id)
        left = tuple(item for item in snapshot.waiting if item.ticket.id not in names)
        snapshot = replace(snapshot, waiting=left, turns=decision.turns)
    return names


# Which node


def test_the_node_that_finishes_soonest_is_taken() -> None:
    snapshot = Snapshot(0, (node("slow"), node("fast")), queued(ticket("t")), speeds=measured(slow=0.5, fast=0.1))
    assert [item.node.url for item in decide(snapshot).assignments] == ["fast"]


def test_a_faster_node_that_frees_soon_is_waited_for_while_the_queue_is_short() -> None:
    nodes, speeds = (node("slow"), node("fast")), measured(slow=1.0, fast=0.1)
    busy = (InFlight(ticket("running", 100), "fast", 0.0),)
    # 10 s of work there take 10 s on the slow node, 1 s on the fast one, which is free in 5 or in 1 s.
    soon = Snapshot(9.0, nodes, queued(ticket("t")), busy, speeds=speeds)
    assert decide(soon).assignments == ()
    late = replace(soon, now=5.0)
    assert [item.node.url for item in decide(late).assignments] == ["slow"]
    crowd = replace(soon, waiting=queued(ticket("t"), ticket("t2")))
    assert [item.node.url for item in decide(crowd).assignments] == ["slow"]


def test_a_wait_must_win_at_least_as_much() -> None:
    nodes, speeds = (node("slow"), node("fast")), measured(slow=0.2, fast=0.1)
    busy = (InFlight(ticket("running", 1000), "fast", 0.0),)
    # 100 s of sound take 20 s on the slow node, 10 s on the fast one, which is free in 4 or in 6 s.
    long = Snapshot(OVERHEAD_SECONDS + 96, nodes, queued(ticket("t", 100)), busy, speeds=speeds)
    assert decide(long).assignments == ()
    assert [item.node.url for item in decide(replace(long, now=long.now - 2)).assignments] == ["slow"]


def test_a_heap_leaves_the_slow_node_to_its_shorter_ones() -> None:
    nodes, speeds = (node("slow"), node("fast")), measured(slow=0.8, fast=0.1)
    busy = (InFlight(ticket("running", 1000), "fast", 0.0),)
    lengths = {"longest": 3600, "long": 1800, "short": 60}
    heap = queued(*(ticket(name, seconds, Share.BATCH) for name, seconds in lengths.items()))
    (given_now,) = decide(Snapshot(50.0, nodes, heap, busy, speeds=speeds)).assignments
    assert (given_now.ticket_id, given_now.node.url) == ("short", "slow")


def test_a_node_that_shares_its_speed_fills_up_after_the_empty_ones() -> None:
    nodes = (node("a", slots=4), node("b", slots=4), node("half", slots=4))
    speeds = measured(a=0.1, b=0.11, half=0.2)
    snapshot = Snapshot(0, nodes, queued(*(ticket(f"t{number}") for number in range(4))), speeds=speeds)
    assert [item.node.url for item in decide(snapshot).assignments] == ["a", "b", "half", "a"]


def test_a_node_that_is_late_is_not_waited_for_for_ever() -> None:
    nodes, speeds = (node("slow"), node("fast")), measured(slow=1.0, fast=0.1)
    busy = (InFlight(ticket("running", 10), "fast", 0.0),)
    snapshot = Snapshot(1.0, nodes, queued(ticket("t")), busy, speeds=speeds)
    assert decide(snapshot).assignments == ()
    assert decide(replace(snapshot, now=30.0)).assignments


def test_backup_nodes_serve_only_when_no_primary_can() -> None:
    primary, backup = node("p"), node("b", backup=True)
    busy = (InFlight(ticket("x", 600), "p", 0.0),)
    assert decide(Snapshot(0, (primary, backup), queued(ticket("t")), busy)).assignments == ()
    gone = Snapshot(0, (replace(primary, usable=False), backup), queued(ticket("t")))
    assert [item.node.url for item in decide(gone).assignments] == ["b"]


def test_avoided_nodes_are_the_last_choice() -> None:
    fussy = ticket("t", avoid=frozenset({"a"}))
    speeds = measured(a=0.01, b=1.0)
    both = Snapshot(0, (node("a"), node("b")), queued(fussy), speeds=speeds)
    assert [item.node.url for item in decide(both).assignments] == ["b"]
    assert [item.node.url for item in decide(replace(both, nodes=(node("a"),))).assignments] == ["a"]


def test_an_operators_weight_counts_as_speed() -> None:
    snapshot = Snapshot(0, (node("a"), node("b", weight=3.0)), queued(ticket("t")), speeds=measured(a=0.1, b=0.2))
    assert [item.node.url for item in decide(snapshot).assignments] == ["b"]


def test_only_nodes_of_the_model_and_only_usable_ones() -> None:
    nodes = (node("other", model="x"), node("broken", usable=False))
    snapshot = Snapshot(0, nodes, queued(ticket("t")))
    assert decide(snapshot).assignments == ()
    assert expected_wait(snapshot, ticket("t")) == Waiting(0, None, WaitReason.NO_NODE)
    loading = replace(snapshot, nodes=(*nodes, node("new", model="", usable=False, loading=True)))
    assert expected_wait(loading, ticket("t")).reason is WaitReason.LOADING


def test_a_ticket_that_cannot_be_served_stops_nobody() -> None:
    snapshot = Snapshot(0, (node("a"),), queued(ticket("x", model="unknown", share=Share.LIVE), ticket("t")))
    assert [item.ticket_id for item in decide(snapshot).assignments] == ["t"]


# The order


def test_the_shares_get_their_weights() -> None:
    tickets = [ticket(f"{share}{number:03}", 60, share) for share in Share for number in range(130)]
    first = order(Snapshot(0, (node("a"),), queued(*tickets)))[:130]
    counts = {share: sum(name.startswith(share) for name in first) for share in Share}
    assert counts == {Share.LIVE: 80, Share.INTERACTIVE: 40, Share.BATCH: 10}


def test_users_take_turns_whatever_they_have_queued() -> None:
    many = [ticket(f"a{number}", 100, user="a") for number in range(4)]
    few = [ticket(f"b{number}", 500, user="b") for number in range(2)]
    names = order(Snapshot(0, (node("n"),), queued(*many, *few)))
    assert [name[0] for name in names] == ["a", "b", "a", "b", "a", "a"]


def test_short_ones_make_one_turn_together() -> None:
    speeds = measured(n=1.0)
    many = [ticket(f"a{number}", 4.8, user="a") for number in range(4)]
    few = [ticket(f"b{number}", 60, user="b") for number in range(2)]
    names = order(Snapshot(0, (node("n"),), queued(*many, *few), speeds=speeds))
    # Each of a's takes 5 s, and 10 s are a turn.
    assert [name[0] for name in names] == ["a", "a", "b", "a", "a", "b"]


def test_nobody_saves_up_turns_by_staying_away() -> None:
    turns = Turns()
    for number in range(50):
        turns = turns.after(ticket(str(number), user="busy"), 10)
    tickets = [ticket(f"{user}{number}", 100, user=user) for user in ("busy", "new") for number in range(3)]
    names = order(Snapshot(0, (node("n"),), queued(*tickets), turns=turns))
    assert sorted(name[:-1] for name in names[:2]) == ["busy", "new"]
    # Nor does a share: batch ran alone for long, and still gets its part beside the others.
    for number in range(50):
        turns = turns.after(ticket(str(number), 30, Share.BATCH), 10)
    tickets = [ticket(f"{share}{number}", 60, share) for share in (Share.BATCH, Share.LIVE) for number in range(20)]
    names = order(Snapshot(0, (node("n"),), queued(*tickets), turns=turns))
    assert "batch0" in names[:10] and "live0" in names[:2]


def test_the_turns_do_not_grow_with_the_users() -> None:
    turns = Turns()
    for number in range(1000):
        turns = turns.after(ticket(str(number), user=f"u{number % 500}"), TURN_SECONDS)
    assert len(turns.rounds) <= 501
    for number in range(3000):
        turns = turns.after(ticket(str(number), user=f"visitor {number}"), number % 20)
        assert len(turns.rounds) <= 501


def test_visitors_that_come_once_do_not_keep_others_from_their_next_turn() -> None:
    turns, share = Turns().after(ticket("first", user="regular"), TURN_SECONDS), Share.INTERACTIVE
    for number in range(500):
        assert turns.place_of(share, "regular") > turns.place_of(share, "somebody new")
        turns = turns.after(ticket(str(number), user=f"visitor {number}"), TURN_SECONDS)
    assert turns.place_of(share, "regular") == turns.place_of(share, "somebody new")


def test_short_ones_first_within_a_user_but_waiting_counts() -> None:
    snapshot = Snapshot(20, (node("n"),), (Queued(ticket("long", 60), 0), Queued(ticket("short", 5), 10)))
    assert order(snapshot) == ["short", "long"]
    aged = Snapshot(59, (node("n"),), (Queued(ticket("long", 60), 0), Queued(ticket("short", 5), 58)))
    assert order(aged) == ["long", "short"]


def test_a_ticket_older_than_a_minute_goes_first() -> None:
    long = Queued(ticket("long", 3000), 0)
    short = Queued(ticket("short", 1), 50)
    minute = measured(n=0.0045)
    assert order(Snapshot(59.5, (node("n"),), (long, short), speeds=minute)) == ["short", "long"]
    assert order(Snapshot(60.5, (node("n"),), (long, short), speeds=minute)) == ["long", "short"]


def test_what_takes_long_may_wait_four_times_as_long() -> None:
    long, short, speeds = Queued(ticket("long", 1000), 0), Queued(ticket("short", 1), 380), measured(n=0.1)
    assert order(Snapshot(400, (node("n"),), (long, short), speeds=speeds)) == ["short", "long"]
    assert order(Snapshot(401, (node("n"),), (long, short), speeds=speeds)) == ["long", "short"]


def test_batch_goes_longest_first() -> None:
    tickets = [ticket("s", 5, Share.BATCH), ticket("l", 500, Share.BATCH), ticket("m", 50, Share.BATCH)]
    assert order(Snapshot(1000, (node("n"),), queued(*tickets))) == ["l", "m", "s"]


def test_the_plan_tells_places_and_times() -> None:
    tickets = queued(ticket("t1", 10), ticket("t2", 20), ticket("t3", 30))
    busy = (InFlight(ticket("x", 100), "a", 0.0),)
    places = plan(Snapshot(4.0, (node("a"),), tickets, busy, speeds=measured(a=0.1)))
    assert [places[name].ahead for name in ("t1", "t2", "t3")] == [0, 1, 2]
    waits = [places[name].expected_wait_seconds for name in ("t1", "t2", "t3")]
    first = OVERHEAD_SECONDS + 10 - 4
    expected = [first, first + OVERHEAD_SECONDS + 1, first + 2 * OVERHEAD_SECONDS + 3]
    assert waits == pytest.approx(expected)


def test_a_long_queue_is_extrapolated() -> None:
    tickets = queued(*(ticket(f"{number:05}", 10) for number in range(3000)))
    places = plan(Snapshot(0, (node("a"),), tickets, speeds=measured(a=0.1)))
    last = max(places.values(), key=lambda place: place.ahead)
    assert last.ahead == 2999
    assert last.expected_wait_seconds == pytest.approx(2999 * (OVERHEAD_SECONDS + 1), rel=0.01)


# Speeds


def test_a_new_node_starts_from_its_class_with_a_surcharge() -> None:
    assert Speeds().seconds("n", "m", 100) == pytest.approx(OVERHEAD_SECONDS + 100 * FIRST_RTF * NEW_NODE_FACTOR)
    known = measured(a=0.1, b=0.1, c=0.5)
    assert known.rtf_of("new", "m", 2) == pytest.approx(0.1 * NEW_NODE_FACTOR)
    assert known.rtf_of("new", "another model", 2) == pytest.approx(FIRST_RTF * NEW_NODE_FACTOR)


def test_speeds_converge_and_one_outlier_moves_them_little() -> None:
    speeds = Speeds()
    for _ in range(40):
        speeds = speeds.learn("n", "m", 100, 5 + OVERHEAD_SECONDS)
    assert speeds.seconds("n", "m", 100) == pytest.approx(5 + OVERHEAD_SECONDS, rel=0.01)
    assert speeds.real_time_speed("n") == pytest.approx(20, rel=0.01)
    outlier = speeds.learn("n", "m", 100, 5000)
    assert outlier.rtf_of("n", "m", 2) <= 0.05 * (1 + 0.25 * (CLIP_FACTOR - 1)) * 1.01
    assert speeds.learn("n", "m", 0, 1) == speeds
    assert Speeds().real_time_speed("n") is None


def test_length_classes_learn_apart_and_help_each_other_out() -> None:
    assert [length_class(seconds) for seconds in (5, 10, 30, 300, 3600)] == [0, 0, 1, 2, 3]
    speeds = Speeds({("n", "m", 0): 0.5, ("n", "m", 3): 0.02})
    assert speeds.rtf_of("n", "m", 1) == 0.5
    assert speeds.rtf_of("n", "m", 2) == 0.02


# Whatever comes

_nodes = st.lists(
    st.builds(
        NodeView,
        url=st.sampled_from("abcde"),
        name=st.just("n"),
        model=st.sampled_from(["m", "x"]),
        slots=st.integers(1, 4),
        weight=st.floats(0.1, 10),
        backup=st.booleans(),
        usable=st.booleans(),
    ),
    max_size=5,
    unique_by=lambda view: view.url,
)
_tickets = st.builds(
    Ticket,
    id=st.uuids().map(str),
    user=st.sampled_from("uvw"),
    model=st.sampled_from(["m", "x", ""]),
    audio_seconds=st.floats(0, 7200),
    share=st.sampled_from(list(Share)),
    avoid=st.frozensets(st.sampled_from("abcde"), max_size=3),
)
_queues = st.lists(st.builds(Queued, _tickets, st.floats(0, 1000)), max_size=12, unique_by=lambda item: item.ticket.id)
_running = st.lists(st.builds(InFlight, _tickets, st.sampled_from("abcdef"), st.floats(0, 1000)), max_size=6)


@settings(max_examples=150, deadline=None)
@given(_nodes, _queues, _running)
def test_no_slot_twice_no_ticket_lost(nodes: list[NodeView], queue: list[Queued], running: list[InFlight]) -> None:
    snapshot = Snapshot(1000.0, tuple(nodes), tuple(queue), tuple(running))
    decision = decide(snapshot)
    assert decide(snapshot) == decision
    ids = [item.ticket_id for item in decision.assignments]
    assert len(set(ids)) == len(ids) and set(ids) <= {item.ticket.id for item in queue}
    for view in nodes:
        given_now = [item for item in decision.assignments if item.node.url == view.url]
        taken = sum(item.node_url == view.url for item in running)
        assert len(given_now) <= max(view.slots - taken, 0)
        assert view.usable or not given_now
    models = {item.ticket.id: item.ticket.model for item in queue}
    assert all(models[item.ticket_id] in ("", item.node.model) for item in decision.assignments)
    places = plan(snapshot)
    assert set(places) == {item.ticket.id for item in queue}
    assert all(
        (place.expected_wait_seconds is None) == (place.reason is not WaitReason.QUEUED) for place in places.values()
    )


@settings(max_examples=60, deadline=None)
@given(_queues)
def test_every_ticket_gets_its_turn(queue: list[Queued]) -> None:
    nodes = (node("a"), node("x", model="x"))
    snapshot, served = Snapshot(1000.0, nodes, tuple(queue)), set[str]()
    while snapshot.waiting:
        decision = decide(snapshot)
        assert decision.assignments
        served |= {item.ticket_id for item in decision.assignments}
        left = tuple(item for item in snapshot.waiting if item.ticket.id not in served)
        snapshot = replace(snapshot, waiting=left, turns=decision.turns)
    assert served == {item.ticket.id for item in queue}


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        ((WaitReason.ALL_DRAINING, WaitReason.ALL_DRAINING), WaitReason.ALL_DRAINING),
        ((WaitReason.ALL_QUARANTINED,), WaitReason.ALL_QUARANTINED),
        ((WaitReason.NONE_REACHABLE, WaitReason.NONE_REACHABLE), WaitReason.NONE_REACHABLE),
        ((WaitReason.NONE_REACHABLE, WaitReason.ALL_DRAINING), WaitReason.NO_NODE),
        ((), WaitReason.NO_NODE),
    ],
)
def test_who_waits_is_told_why_where_all_nodes_have_one_reason(
    reasons: tuple[WaitReason, ...], told: WaitReason
) -> None:
    nodes = [node(f"n{n}", usable=False, why=why) for n, why in enumerate(reasons)]
    # One with another model is not asked.
    assert blocked_reason(ticket("t"), [*nodes, replace(node("other"), model="another")]) is told
    assert blocked_reason(ticket("t"), [*nodes, node("new", usable=False, loading=True)]) is WaitReason.LOADING
