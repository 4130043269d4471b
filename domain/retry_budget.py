"""How many tries may be made again: an outage of the nodes must not multiply the work that they are asked to do.

Of the jobs that were begun within a minute a fifth may be tried again, and always three. Whoever finds none left waits:
the minute moves on.
"""

from collections import deque

RATIO, ALWAYS, WINDOW_SECONDS = 0.2, 3, 60.0


class RetryBudget:
    """Of one process. ``now`` is seconds on any clock that never goes back."""

    def __init__(self) -> None:
        self._begun: deque[float] = deque()
        self._retried: deque[float] = deque()

    def begin(self, now: float) -> None:
        """A job is begun."""
        self._forget(now)
        self._begun.append(now)

    def take(self, now: float) -> float:
        """Takes a retry; 0, or in how many seconds to ask again at the earliest."""
        self._forget(now)
        if len(self._retried) < max(ALWAYS, RATIO * len(self._begun)):
            self._retried.append(now)
            return 0.0
        return self._retried[0] + WINDOW_SECONDS - now

    def _forget(self, now: float) -> None:
        for times in (self._begun, self._retried):
            while times and times[0] <= now - WINDOW_SECONDS:
                times.popleft()
