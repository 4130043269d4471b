"""An outage is no storm."""

from hypothesis import given
from hypothesis import strategies as st

from domain.retry_budget import ALWAYS, RATIO, WINDOW_SECONDS, RetryBudget


def test_three_are_always_there_and_come_back_with_time() -> None:
    budget = RetryBudget()
    assert [budget.take(0.0), budget.take(1.0), budget.take(2.0)] == [0.0, 0.0, 0.0]
    assert budget.take(10.0) == WINDOW_SECONDS - 10.0
    assert budget.take(WINDOW_SECONDS) == 0.0
    assert budget.take(WINDOW_SECONDS) == 1.0


def test_a_fifth_of_what_was_begun() -> None:
    budget = RetryBudget()
    for _ in range(100):
        budget.begin(0.0)
    assert [budget.take(1.0) for _ in range(21)].count(0.0) == 20


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 5)), max_size=200))
def test_never_more_than_the_share_within_any_minute(steps: list[tuple[bool, float]]) -> None:
    budget, now = RetryBudget(), 0.0
    begun, retried = list[float](), list[float]()
    for is_begin, pause in steps:
        now += pause
        if is_begin:
            budget.begin(now)
            begun.append(now)
        elif (wait := budget.take(now)) == 0.0:
            retried.append(now)
            recent = [moment for moment in begun if moment > now - WINDOW_SECONDS]
            again = [moment for moment in retried if moment > now - WINDOW_SECONDS]
            assert len(again) <= max(ALWAYS, RATIO * len(recent) + 1)
        else:
            assert 0.0 < wait <= WINDOW_SECONDS
