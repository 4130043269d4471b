"""Whether a node may be used, from what is wanted and what was seen."""

from dataclasses import replace

import pytest

from cluster.availability import Expected, Observation, derive, difference, told_apart
from cluster.health import FAST_POLL_SECONDS, FAST_POLLS, POLL_SECONDS, poll_pause_seconds
from domain.node import Availability, Health, NodeIntent, NodeReport, NodeStatus

INTENT = NodeIntent("http://n", "n")
REPORT = NodeReport(Health.READY, "demo", "fp", {"weights": "aaa", "schema": "1"}, slots=2)
SEEN = Observation(REPORT, seen_at=100.0)


@pytest.mark.parametrize(
    ("intent", "seen", "expected", "words"),
    [
        (INTENT, SEEN, Availability.READY, ""),
        (INTENT, Observation(), Availability.UNREACHABLE, "not answered yet"),
        (INTENT, Observation(failures=9, error="connection refused"), Availability.UNREACHABLE, "connection refused"),
        (INTENT, Observation(starting=True), Availability.LOADING, "starting"),
        (INTENT, Observation(starting=True, broken="no model"), Availability.FAILED, "no model"),
        # One failure is nothing; two in a row, or silence, are.
        (INTENT, replace(SEEN, failures=1), Availability.READY, ""),
        (INTENT, replace(SEEN, failures=2, error="no answer in time"), Availability.UNREACHABLE, "no answer in time"),
        (INTENT, replace(SEEN, seen_at=84.0), Availability.UNREACHABLE, "16 s"),
        # Busy is not dead.
        (INTENT, replace(SEEN, report=replace(REPORT, running=("a", "b"))), Availability.BUSY, ""),
        (replace(INTENT, slots=1), replace(SEEN, report=replace(REPORT, running=("a",))), Availability.BUSY, ""),
        (INTENT, replace(SEEN, report=replace(REPORT, health=Health.LOADING)), Availability.LOADING, "loading"),
        (INTENT, replace(SEEN, report=replace(REPORT, health=Health.FAILED, error="x")), Availability.FAILED, "x"),
        (INTENT, replace(SEEN, report=replace(REPORT, health=Health.DRAINING)), Availability.DRAINING, "shutting down"),
        (replace(INTENT, drain=True), SEEN, Availability.DRAINING, "operator"),
        (
            INTENT,
            replace(SEEN, report=replace(REPORT, fingerprint="odd")),
            Availability.QUARANTINED,
            "odd, expected fp",
        ),
        (INTENT, replace(SEEN, refuses_token=True), Availability.QUARANTINED, "ASR_NODE_TOKEN"),
        # A node that loads on demand does not know its fingerprint yet.
        (INTENT, replace(SEEN, report=replace(REPORT, fingerprint="")), Availability.READY, ""),
    ],
)
def test_availability(intent: NodeIntent, seen: Observation, expected: Availability, words: str) -> None:
    availability, reason = derive(intent, seen, Expected("fp", {}), 100.0)
    assert availability is expected
    assert words in reason and bool(words) == bool(reason)


def test_without_an_expected_fingerprint_any_is_good() -> None:
    assert derive(INTENT, SEEN, None, 100.0) == (Availability.READY, "")


def test_a_difference_is_named_by_part() -> None:
    expected = Expected("fp-2", {"weights": "bbb", "schema": "1", "tokenizer": "t" * 40})
    assert difference(REPORT, expected) == (
        "its demo differs from the expected one in tokenizer: missing, expected tttttttttttt…; "
        "weights: aaa, expected bbb"
    )


def test_polls_are_quick_while_something_is_awaited() -> None:
    assert poll_pause_seconds(Observation(), 1) == FAST_POLL_SECONDS
    assert poll_pause_seconds(Observation(), FAST_POLLS) == POLL_SECONDS
    assert poll_pause_seconds(Observation(starting=True), FAST_POLLS) == FAST_POLL_SECONDS
    assert poll_pause_seconds(SEEN, 1) == POLL_SECONDS
    loading = replace(SEEN, report=replace(REPORT, health=Health.LOADING))
    assert poll_pause_seconds(loading, 1) == FAST_POLL_SECONDS


def test_a_node_that_was_gone_begins_with_one_job() -> None:
    back = Observation(NodeReport(Health.READY, slots=4), 100.0, back_since=100.0)
    trusted = [back.trusted_slots(seconds) for seconds in (100.0, 104.9, 105.0, 114.9, 200.0)]
    assert trusted == [1, 1, 2, 3, 21]
    assert Observation(NodeReport(Health.READY, slots=4), 100.0).trusted_slots(100.0) is None
    status = NodeStatus(NodeIntent("u"), Availability.READY, back.report)
    given = [replace(status, trusted_slots=count).slots for count in (1, 3, 21, None)]
    assert given == [1, 3, 4, 4]


def test_a_node_under_two_addresses_counts_once() -> None:
    def seen(url: str, instance: str, availability: Availability = Availability.READY) -> NodeStatus:
        return NodeStatus(NodeIntent(url, url), availability, NodeReport(Health.READY, instance=instance))

    first, second, other, draining = told_apart(
        [seen("a", "1"), seen("b", "1"), seen("c", "2"), seen("d", "2", Availability.DRAINING)]
    )
    assert [first.availability, other.availability] == [Availability.READY, Availability.READY]
    assert (second.availability, second.reason) == (Availability.QUARANTINED, "it is a under another address")
    assert draining.availability is Availability.DRAINING
    # Two whose process tells no instance are two.
    assert told_apart([seen("a", ""), seen("b", "")])[1].availability is Availability.READY
