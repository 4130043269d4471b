"""Who is waited for, how long, and what happens then."""

from cluster.offers import FORGET_SECONDS, OFFER_SECONDS, PASS_OVER_SECONDS, Offers
from tests.helpers.boards import Clock


def test_whose_turn_it_is_is_told_once_and_waited_for() -> None:
    clock = Clock()
    offers = Offers(clock)
    assert offers.make(["t/b/1", "t/c/1"]) == {"b", "c"}
    clock.now += OFFER_SECONDS / 2
    assert offers.make(["t/b/1", "t/c/2"]) == {"c"}
    clock.now += OFFER_SECONDS / 2
    # One that took what was offered, and may take the next, is not late.
    assert offers.make(["t/b/1", "t/c/2"]) is None
    assert offers.passed_over() == {"b"}
    assert offers.make(["t/c/2"]) == set()
    clock.now += PASS_OVER_SECONDS
    assert offers.passed_over() == set()


def test_who_was_not_looked_after_is_not_late() -> None:
    clock = Clock()
    offers = Offers(clock)
    assert offers.make(["t/b/1"]) == {"b"} and offers.are_open
    clock.now += FORGET_SECONDS + 1
    assert offers.make(["t/b/1"]) == {"b"}
    assert offers.make([]) == set() and not offers.are_open
