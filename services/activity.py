"""The last hour in figures: what is counted anyway, added up by minute, and a look at the queue now and then."""

import time
from collections import Counter
from collections.abc import Callable

from domain.activity import ANSWERED, DONE, KNOWN, LOAD, MINUTES, QUEUE, SAMPLES, ActivityLog, Minute, minutes
from domain.ports import Board, NodePool, Observer
from domain.recognition import CacheOutcome, Status

#: How often it is looked at the queue, and what was counted is passed on, in seconds.
SAMPLE_SECONDS = 5.0


class Activity:
    """Implements ``domain.ports.Observer``: everything goes on to ``observer``, and what the charts show is kept."""

    def __init__(self, observer: Observer, log: ActivityLog, now: Callable[[], float] = time.time) -> None:
        self._observer = observer
        self._log = log
        self._now = now
        self._new: Counter[str] = Counter()

    def count(self, name: str, value: float = 1.0, **labels: str) -> None:
        """Adds to a counter."""
        self._observer.count(name, value, **labels)
        if name == "asr_recognitions_total" and labels.get("status") == Status.SUCCEEDED.value:
            self._new[DONE] += 1
        elif name == "asr_cache_lookups_total" and labels.get("outcome") != "error":
            self._new[ANSWERED] += 1
            self._new[KNOWN] += labels.get("outcome") != CacheOutcome.MISS.value

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Sets a gauge."""
        self._observer.gauge(name, value, **labels)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Adds a value to a distribution."""
        self._observer.observe(name, value, **labels)

    async def look(self, board: Board, pool: NodePool) -> None:
        """Notes how many wait and how busy each node is, and passes on what was counted since."""
        amounts: dict[str, float] = dict(self._new)
        self._new.clear()
        load = await board.load()
        for node in pool.statuses():
            taken, _ = load.get(node.intent.url, (0, None))
            # Two may have one name: the busier one is shown.
            amounts[LOAD + node.name] = max(amounts.get(LOAD + node.name, 0.0), min(1.0, taken / node.slots))
        amounts |= {QUEUE: float((await board.queued()).ahead), SAMPLES: 1.0}
        await self._log.add(self._minute(), amounts)

    async def last_hour(self) -> list[Minute]:
        """Minute by minute, oldest first."""
        newest = self._minute()
        return minutes(await self._log.since(newest - MINUTES + 1), newest)

    def _minute(self) -> int:
        return int(self._now() // 60)
