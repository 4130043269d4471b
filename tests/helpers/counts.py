"""An observer whose counts a test can read."""

from collections import Counter
from typing import Any


class Counts:
    """Counters and gauges by name and labels: ``counts["asr_redis_up", "cache"]``."""

    def __init__(self) -> None:
        self.counted: Counter[tuple[str, ...]] = Counter()
        self.gauges: dict[tuple[str, ...], float] = {}

    def count(self, name: str, value: float = 1.0, **labels: str) -> None:
        self.counted[name, *labels.values()] += value  # type: ignore[assignment]

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.gauges[name, *labels.values()] = value

    def observe(self, name: str, value: float, **labels: Any) -> None: ...
