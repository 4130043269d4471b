"""Which pools are simulated, what comes to them, and what each dispatcher is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from benchmarks.simulator import Dispatcher, Machine, together
from benchmarks.simulator_dispatchers import MODEL, LeastConnections, Policy, RoundRobin, TwoChoices
from benchmarks.simulator_traffic import LogUniform, Pareto, Traffic
from domain.speeds import LENGTH_CLASS_ENDS, Speeds

#: Seconds of sound per second: Fun-ASR-Nano by PyTorch on a small GPU (20), and up to eight times as fast.
UNEQUAL = (160, 160, 80, 80, 40, 40, 20, 20)
#: As much in sum, alike.
EQUAL = (75,) * 8
#: GPUs that batch four jobs, beside nodes that take one at a time.
SLOTS = (4, 4, 4, 4, 1, 1, 1, 1)
#: How long the nodes are believed to take over how long they do, where the estimates are wrong.
WRONG = (2.0, 0.5) * 4
#: Node → from which part of the run on it has which multiple of its speed; the pool as a whole keeps about its speed.
CHANGES: Mapping[int, tuple[tuple[float, float], ...]] = {
    0: ((1 / 3, 0.5), (2 / 3, 1.0)),
    2: ((1 / 3, 2.0), (2 / 3, 1.0)),
    1: ((2 / 3, 0.5),),
    3: ((2 / 3, 2.0),),
}
#: nginx processes that count for themselves: two replicas of two workers.
LOCAL_WORKERS = 4
LOADS = (0.5, 0.7, 0.85, 0.95)
#: The policy's mean and p95 wait over least_conn's with shared counts; the mean where nodes are alike.
UNEQUAL_GOALS = {"mean x": 0.6, "p95 x": 0.5}
EQUAL_GOALS = {"mean x": 1.02}


@dataclass(frozen=True)
class Scenario:
    """A pool and what comes to it. ``belief``: the times that are assumed at first over the true ones; where there is
    none the policy begins knowing nothing, and nginx has the true speeds as weights."""

    name: str
    machines: tuple[Machine, ...]
    traffic: Traffic
    goals: Mapping[str, float] = field(default_factory=dict[str, float])
    belief: tuple[float, ...] = ()
    changes: Mapping[int, tuple[tuple[float, float], ...]] = field(
        default_factory=dict[int, tuple[tuple[float, float], ...]]
    )

    def pool(self, count: int) -> tuple[Machine, ...]:
        """The machines, which change while ``count`` jobs come."""
        seconds = count / self.traffic.rate(self.machines)
        return tuple(
            replace(node, changes=tuple((part * seconds, factor) for part, factor in self.changes.get(place, ())))
            for place, node in enumerate(self.machines)
        )

    def dispatchers(self, seed: int) -> dict[str, Dispatcher]:
        """The policy, and the others."""
        belief = self.belief or (1.0,) * len(self.machines)
        speeds = [together(node.slots) / node.rtf / wrong for node, wrong in zip(self.machines, belief, strict=True)]
        weights = [max(round(speed / 10), 1) for speed in speeds]
        return {
            "policy": Policy(self.machines, believed(self.machines, self.belief) if self.belief else Speeds()),
            "least_conn": LeastConnections(self.machines, weights, seed=seed),
            "lc local": LeastConnections(self.machines, weights, workers=LOCAL_WORKERS, seed=seed),
            "lc no weights": LeastConnections(self.machines, [1] * len(weights), seed=seed),
            "round robin": RoundRobin(self.machines, weights, seed=seed),
            "two choices": TwoChoices(self.machines, weights, seed=seed),
        }


def pool(speeds: tuple[int, ...], slots: tuple[int, ...] = (1,) * 8) -> tuple[Machine, ...]:
    """Nodes of these speeds."""
    return tuple(Machine(f"n{place}", 1 / speed, slots[place]) for place, speed in enumerate(speeds))


def believed(machines: tuple[Machine, ...], factors: tuple[float, ...] = (1.0,) * 8) -> Speeds:
    """That the nodes take so many times as long as they do, with every slot taken."""
    classes = range(len(LENGTH_CLASS_ENDS) + 1)
    rtfs = {
        node.url: node.rtf * node.slots / together(node.slots) * factor
        for node, factor in zip(machines, factors, strict=True)
    }
    return Speeds({(url, MODEL, cls): rtf for url, rtf in rtfs.items() for cls in classes})


def scenarios() -> list[Scenario]:
    """Everything that is simulated, but the batches."""
    unequal, slots, equal = pool(UNEQUAL), pool(UNEQUAL, SLOTS), pool(EQUAL)
    minute = LogUniform(60.0, 60.000001)
    return [
        Scenario("load 0.5", unequal, Traffic(0.5)),
        *(Scenario(f"load {load}", unequal, Traffic(load), UNEQUAL_GOALS) for load in LOADS[1:]),
        # Where nobody asks more than others, the turns of the users have little to do.
        Scenario("even users 0.95", unequal, Traffic(0.95, even_users=True), UNEQUAL_GOALS),
        Scenario("heavier tail 0.85", unequal, Traffic(0.85, Pareto()), UNEQUAL_GOALS),
        Scenario("rushes 0.7", unequal, Traffic(0.7, rushes=True), UNEQUAL_GOALS),
        Scenario("prior wrong 0.85", unequal, Traffic(0.85), UNEQUAL_GOALS, belief=WRONG),
        Scenario("lengths wrong 0.85", unequal, Traffic(0.85, noise=True), UNEQUAL_GOALS),
        Scenario("nodes change 0.85", unequal, Traffic(0.85), UNEQUAL_GOALS, changes=CHANGES),
        Scenario("slots 0.7", slots, Traffic(0.7), UNEQUAL_GOALS),
        Scenario("slots 0.85", slots, Traffic(0.85), UNEQUAL_GOALS),
        Scenario("slots 0.95", slots, Traffic(0.95), UNEQUAL_GOALS),
        Scenario("shares 0.85", unequal, Traffic(0.85, mixed=True), UNEQUAL_GOALS),
        *(Scenario(f"equal {load}", equal, Traffic(load), EQUAL_GOALS) for load in (0.5, 0.85)),
        # Nobody knows which job takes long: each recording has a minute, and takes half of its time to twice it.
        *(Scenario(f"blind {load}", equal, Traffic(load, minute, noise=True), EQUAL_GOALS) for load in LOADS),
    ]
