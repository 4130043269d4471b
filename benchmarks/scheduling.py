"""The board's policy against what nginx would do, simulated: who waits how long for a node.

    python benchmarks/scheduling.py [--seeds 20] [--jobs 2000]

Prints a table and one JSON line. The policy is the real one (``domain.scheduling``), which learns the speeds as it
goes; the time is virtual. Wait: from a job's arrival to the start of its service; response: to its end.
All dispatchers get the same jobs. ``mean x`` and ``p95 x``: the policy's wait over this one's, as the mean of the
ratios of the seeds.
"""

import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.report import asked_all, show  # noqa: E402
from benchmarks.simulator import Job, Machine, Outcome, play  # noqa: E402
from benchmarks.simulator_bounds import bound  # noqa: E402
from benchmarks.simulator_dispatchers import MODEL, LeastConnections, Policy  # noqa: E402
from benchmarks.simulator_scenarios import SLOTS, UNEQUAL, Scenario, believed, pool, scenarios  # noqa: E402
from benchmarks.simulator_traffic import LogUniform, Pareto, batch  # noqa: E402
from domain.scheduling import InFlight, NodeView, Queued, Snapshot, decide, plan  # noqa: E402
from domain.speeds import Speeds  # noqa: E402
from domain.ticket import Share, Ticket  # noqa: E402

#: A batch's time over its bound.
BATCH_GOAL = 1.10
#: Tickets that wait where the policy's own time is measured, and the goal for one decision in ms.
WAITING, DECIDE_GOAL_MS = 1000, 5.0
#: Seeds → figures: mean wait, p95 wait, mean response.
Figures = list[tuple[float, float, float]]
#: Constants of the policy were chosen with seeds below 300: none of those tells how good it is.
FIRST_SEED = 1_000


def main() -> None:
    """Simulates everything and prints it."""
    seeds, jobs = asked_all(__doc__, ("seeds", 20, "simulations of each kind"), ("jobs", 2000, "jobs of each"))
    rows, goals = dict[str, Any](), dict[str, Any]()
    for scenario in scenarios():
        began = time.perf_counter()
        table = compared(measured(scenario, seeds, jobs))
        rows |= {f"{scenario.name}, {name}": row for name, row in table.items()}
        goals[f"goal: {scenario.name}"] = judged(table["least_conn"], scenario.goals)
        print(f"  {scenario.name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    for name, row in batches(seeds).items():
        rows[name] = row
        goals[f"goal: {name}"] = judged(row, {"over bound": BATCH_GOAL})
    own = own_time()
    goals["goal: decide"] = judged(own["1,000 waiting, p50"], {"decide ms": DECIDE_GOAL_MS})
    show("scheduling", {"seeds": seeds, "jobs": jobs, **rows, **own, **{key: row for key, row in goals.items() if row}})


def measured(scenario: Scenario, seeds: int, count: int) -> dict[str, Figures]:
    """The figures of every dispatcher and of the bound; where shares are mixed, of each share too."""
    machines, seen = scenario.pool(count), defaultdict[str, Figures](list)
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        jobs = scenario.traffic.jobs(machines, count, seed)
        for name, dispatcher in scenario.dispatchers(seed).items():
            outcome = play(machines, jobs, dispatcher)
            seen[name].append(summed_up(outcome))
            if scenario.traffic.mixed and name in ("policy", "least_conn"):
                for share in Share:
                    seen[f"{name} {share}"].append(summed_up(outcome, share))
        least = bound(machines, jobs)
        seen["bound"].append((least.mean_wait, 0.0, least.mean_response))
    return seen


def summed_up(outcome: Outcome, share: Share | None = None) -> tuple[float, float, float]:
    """Mean wait, p95 wait and mean response."""
    waits = sorted(outcome.waits(share))
    return statistics.fmean(waits), waits[int(len(waits) * 0.95)], statistics.fmean(outcome.responses(share))


def compared(seen: Mapping[str, Figures]) -> dict[str, dict[str, Any]]:
    """A row for each dispatcher, with the policy's waits over its own."""
    table: dict[str, dict[str, Any]] = {}
    for name, runs in seen.items():
        means = [round(statistics.fmean(column), 2) for column in zip(*runs, strict=True)]
        table[name] = dict(zip(("wait", "p95", "response"), means, strict=True))
        if name == "bound":
            del table[name]["p95"]
        elif not name.startswith("policy"):
            ours = seen[name.replace("least_conn", "policy") if name.startswith("least_conn") else "policy"]
            for column, label in enumerate(("mean x", "p95 x")):
                table[name][label] = paired([run[column] for run in ours], [run[column] for run in runs])
    return table


def paired(ours: list[float], theirs: list[float]) -> float | None:
    """The mean of the ratios; where nobody waits with some seed, the ratio of the means; ``None`` with no seed."""
    if min(theirs) < 0.01:
        return round(sum(ours) / sum(theirs), 3) if sum(theirs) else None
    return round(statistics.fmean(a / b for a, b in zip(ours, theirs, strict=True)), 3)


def judged(row: Mapping[str, Any], goals: Mapping[str, float]) -> dict[str, Any]:
    """Each goal beside what was measured."""
    judgement: dict[str, Any] = {}
    for name, goal in goals.items():
        judgement |= {name: row[name], f"{name} goal": goal}
    if goals:
        met = all(row[name] is not None and row[name] <= goal for name, goal in goals.items())
        judgement["reached"] = "yes" if met else "NO"
    return judgement


def batches(seeds: int) -> dict[str, dict[str, float]]:
    """One person's folder, all of it at once, in a pool that does nothing else: seconds until all is done."""
    unequal, slots = pool(UNEQUAL), pool(UNEQUAL, SLOTS)

    def files(count: int, lengths: LogUniform | Pareto | None = None) -> Callable[[int], list[Job]]:
        return lambda seed: batch(count, seed, lengths)

    return {
        **{f"batch of {count}": one_batch(unequal, files(count), seeds) for count in (100, 300, 1000)},
        "batch of 300, slots": one_batch(slots, files(300), seeds),
        "batch of 300, heavier tail": one_batch(unequal, files(300, Pareto()), seeds),
        "batch of 300, new pool": one_batch(unequal, files(300), seeds, known=False),
        "batch of 100, new pool": one_batch(unequal, files(100), seeds, known=False),
    }


def one_batch(
    machines: tuple[Machine, ...], files: Callable[[int], list[Job]], seeds: int, *, known: bool = True
) -> dict[str, float]:
    """The policy, which knows the speeds or has never seen the nodes, beside least_conn, which knows them."""
    weights, runs = [round(0.1 / node.rtf) for node in machines], list[tuple[float, float, float]]()
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        jobs = files(seed)
        ours = play(machines, jobs, Policy(machines, believed(machines) if known else Speeds())).makespan
        theirs = play(machines, jobs, LeastConnections(machines, weights, seed=seed)).makespan
        least = bound(machines, jobs).makespan
        runs.append((ours, ours / least, theirs / least))
    means = [round(statistics.fmean(column), 3) for column in zip(*runs, strict=True)]
    return dict(zip(("seconds", "over bound", "least_conn over bound"), means, strict=True))


def own_time() -> dict[str, dict[str, float]]:
    """What the policy itself takes in this process, with 8 nodes, one slot free, 100 users and all shares."""
    chance = random.Random(0)
    nodes = tuple(NodeView(f"http://node-{place}:7861", f"node {place}", MODEL) for place in range(8))
    speeds = Speeds(
        {(node.url, MODEL, cls): 0.01 * (place + 1) for place, node in enumerate(nodes) for cls in range(4)}
    )

    def a_ticket(name: str) -> Ticket:
        share, user = chance.choice(list(Share)), f"u{chance.randrange(100)}"
        return Ticket(name, user, MODEL, LogUniform().drawn(chance), share)

    waiting = tuple(Queued(a_ticket(f"{number:032x}"), 1000 - 100 * chance.random()) for number in range(WAITING))
    running = tuple(InFlight(a_ticket(node.name), node.url, 999.0) for node in nodes[:-1])
    snapshot = Snapshot(1000.0, nodes, waiting, running, speeds=speeds)
    figures = {f"{call.__name__} ms": taken(lambda call=call: call(snapshot)) for call in (decide, plan)}
    return {f"{WAITING:,} waiting, p50": figures}


def taken(call: Callable[[], object]) -> float:
    """The middle of 50 calls, in ms."""
    times: list[float] = []
    for _ in range(50):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return round(statistics.median(times) * 1000, 2)


if __name__ == "__main__":
    main()
