"""The simulator of ``benchmarks/scheduling.py``: right about what is known by formula, and nobody cheats in it."""

import random
from dataclasses import dataclass
from statistics import fmean

import pytest

from benchmarks.simulator import Dispatcher, Job, Machine, Outcome, play
from benchmarks.simulator_bounds import bound
from benchmarks.simulator_dispatchers import LeastConnections, Policy, RoundRobin
from benchmarks.simulator_scenarios import CHANGES, SLOTS, UNEQUAL, Scenario, believed, pool
from benchmarks.simulator_traffic import LogUniform, Traffic, batch


@dataclass(frozen=True)
class Exponential:
    mean: float = 100.0

    def drawn(self, chance: random.Random) -> float:
        return chance.expovariate(1 / self.mean)


ONE = (Machine("one", 0.01, call_seconds=0.0),)


def test_one_server_waits_as_the_formula_says() -> None:
    # M/M/1, one job a second is served: the mean wait is ρ / (1 − ρ) s. Of so many jobs its standard error is 5 %.
    jobs = Traffic(0.5, Exponential()).jobs(ONE, 10_000, seed=1)  # pyright: ignore
    outcome = play(ONE, jobs, RoundRobin(ONE, [1]))
    assert fmean(outcome.waits()) == pytest.approx(1.0, abs=0.15)
    # Whoever may put jobs aside and knows their lengths is quicker, and the bound says how much.
    assert bound(ONE, jobs).mean_response < 0.8 * fmean(outcome.responses())


def test_jobs_that_share_a_node_share_its_speed() -> None:
    shared = (Machine("one", 0.1, slots=2, changes=((100.0, 0.5),), call_seconds=0.0),)
    jobs = [Job("a", 0.0, 100.0), Job("b", 0.0, 100.0), Job("c", 100.0, 100.0)]
    outcome = play(shared, jobs, RoundRobin(shared, [1]))
    # Two at once get 1.2 times the speed of one; from 100 s on the node has half of it.
    assert outcome.ended == pytest.approx({"a": 20 / 1.2, "b": 20 / 1.2, "c": 120.0})


UNEQUAL_POOL = Scenario("unequal", pool(UNEQUAL), Traffic(0.85))
SCENARIOS = [
    UNEQUAL_POOL,
    Scenario("slots", pool(UNEQUAL, SLOTS), Traffic(0.9, noise=True, mixed=True)),
    Scenario("changes", pool(UNEQUAL), Traffic(0.8, rushes=True), changes=CHANGES),
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_job_is_served_once_and_nobody_beats_the_bound(scenario: Scenario) -> None:
    machines, count = scenario.pool(200), 200
    jobs = scenario.traffic.jobs(machines, count, seed=5)
    least, slots = bound(machines, jobs), {machine.url: machine.slots for machine in machines}
    for dispatcher in scenario.dispatchers(seed=5).values():
        outcome = play(machines, jobs, dispatcher)
        assert set(outcome.began) == set(outcome.ended) == {job.id for job in jobs}
        assert all(job.at <= outcome.began[job.id] < outcome.ended[job.id] for job in jobs)
        assert all(most <= slots[url] for url, most in outcome.most_at_once.items())
        assert fmean(outcome.responses()) >= least.mean_response > 0
        assert fmean(outcome.waits()) >= least.mean_wait
        assert outcome.makespan >= least.makespan


def test_a_dispatcher_that_cheats_is_found_out() -> None:
    class Twice(RoundRobin):
        def starts(self, now: float) -> list[tuple[Job, str]]:
            return [*super().starts(now)] * 2

    with pytest.raises(AssertionError, match="started twice"):
        play(ONE, [Job("a", 0.0, 10.0)], Twice(ONE, [1]))


def test_a_simulation_is_the_same_each_time() -> None:
    def once() -> Outcome:
        machines = pool(UNEQUAL, SLOTS)
        return play(machines, Traffic(0.9).jobs(machines, 150, seed=3), Policy(machines))

    assert once() == once()


def test_connections_are_counted_as_nginx_does() -> None:
    machines = pool((160, 80), (1, 1))
    dispatcher: Dispatcher = LeastConnections(machines, [2, 1])
    sent: list[str] = []
    for number in range(6):
        dispatcher.arrive(Job(str(number), 0.0, 10.0), 0.0)
        sent += [url for _, url in dispatcher.starts(0.0)]
        waiting = {url: len(queue) for url, queue in dispatcher._queues.items()}
    assert sent == ["n0", "n1"] and waiting == {"n0": 3, "n1": 1}


# What it is for: the goals, by fewer and shorter runs than the benchmark's


def test_on_an_unequal_pool_people_wait_far_less_than_behind_least_conn() -> None:
    machines = UNEQUAL_POOL.machines
    for seed in range(2):
        jobs = UNEQUAL_POOL.traffic.jobs(machines, 600, seed)
        dispatchers = UNEQUAL_POOL.dispatchers(seed)
        ours, theirs = (sorted(play(machines, jobs, dispatchers[name]).waits()) for name in ("policy", "least_conn"))
        assert fmean(ours) <= 0.6 * fmean(theirs)
        assert ours[570] <= 0.5 * theirs[570]


@pytest.mark.parametrize("count", [50, 300])
def test_a_batch_ends_near_its_bound(count: int) -> None:
    machines, jobs = pool(UNEQUAL), batch(count, 7, LogUniform())
    assert play(machines, jobs, Policy(machines, believed(machines))).makespan <= 1.1 * bound(machines, jobs).makespan
