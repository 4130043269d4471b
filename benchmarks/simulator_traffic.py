"""What comes to the simulated pool: how long recordings are, how often they come, and from whom."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from benchmarks.simulator import Job, Machine, together
from domain.ticket import Share

#: From a few words to an hour: a factor of 1,000.
SHORTEST, LONGEST = 3.6, 3600.0
#: The longest recording of the live share in mixed traffic, and the parts of the shares.
LONGEST_LIVE = 30.0
PARTS = {Share.LIVE: 0.2, Share.INTERACTIVE: 0.6, Share.BATCH: 0.2}
#: People by Zipf's law: the first asks most.
USERS = 100
#: A job may take this much less or more than its length tells, where that is not known.
NOISE = 2.0
#: Of so many seconds the first come with so much of the mean rate; the others with what is left.
CYCLE_SECONDS, RUSH_SECONDS, RUSH = 600.0, 120.0, 15 / 7


@dataclass(frozen=True, slots=True)
class LogUniform:
    """As many recordings of 4 to 40 s as of 40 to 400 s."""

    shortest: float = SHORTEST
    longest: float = LONGEST

    @property
    def mean(self) -> float:
        """Seconds of sound."""
        return (self.longest - self.shortest) / log(self.longest / self.shortest)

    def drawn(self, chance: random.Random) -> float:
        """One length."""
        return self.shortest * (self.longest / self.shortest) ** chance.random()


@dataclass(frozen=True, slots=True)
class Pareto:
    """Mostly short ones: one in ten is longer than ten times the shortest, and so on (bounded, exponent 1)."""

    shortest: float = SHORTEST
    longest: float = LONGEST

    @property
    def mean(self) -> float:
        """Seconds of sound."""
        return self.shortest * log(self.longest / self.shortest) / (1 - self.shortest / self.longest)

    def drawn(self, chance: random.Random) -> float:
        """One length."""
        return self.shortest / (1 - chance.random() * (1 - self.shortest / self.longest))


Lengths = LogUniform | Pareto


@dataclass(frozen=True, slots=True)
class Traffic:
    """``load``: work that comes, as a part of what the pool can do if jobs go to nodes by chance."""

    load: float
    lengths: Lengths = LogUniform()
    noise: bool = False
    rushes: bool = False
    mixed: bool = False
    even_users: bool = False

    def rate(self, machines: Sequence[Machine]) -> float:
        """Jobs per second."""
        seconds = self.lengths.mean
        if self.mixed:
            live = PARTS[Share.LIVE]
            seconds = live * LogUniform(longest=LONGEST_LIVE).mean + (1 - live) * seconds
        if self.noise:
            seconds *= (NOISE - 1 / NOISE) / log(NOISE**2)
        return self.load * sum(together(node.slots) / (node.call_seconds + seconds * node.rtf) for node in machines)

    def jobs(self, machines: Sequence[Machine], count: int, seed: int) -> list[Job]:
        """In order of arrival."""
        chance, now, rate = random.Random(seed), 0.0, self.rate(machines)
        weights = [1.0 if self.even_users else 1 / (rank + 1) for rank in range(USERS)]
        names = chance.choices(range(USERS), weights, k=count)
        made: list[Job] = []
        for number, name in enumerate(names):
            now += chance.expovariate(rate * self._rush(now))
            share = chance.choices(list(PARTS), list(PARTS.values()))[0] if self.mixed else Share.INTERACTIVE
            lengths = LogUniform(longest=LONGEST_LIVE) if share is Share.LIVE else self.lengths
            effort = NOISE ** (2 * chance.random() - 1) if self.noise else 1.0
            made.append(Job(f"{number:06}", now, lengths.drawn(chance), f"u{name}", share, effort))
        return made

    def _rush(self, now: float) -> float:
        if not self.rushes:
            return 1.0
        quiet = (CYCLE_SECONDS - RUSH * RUSH_SECONDS) / (CYCLE_SECONDS - RUSH_SECONDS)
        return RUSH if now % CYCLE_SECONDS < RUSH_SECONDS else quiet


def batch(count: int, seed: int, lengths: Lengths | None = None) -> list[Job]:
    """One person's folder, all of it at once."""
    chance, lengths = random.Random(seed), lengths or LogUniform()
    return [Job(f"{number:06}", 0.0, lengths.drawn(chance), "u", Share.BATCH) for number in range(count)]
