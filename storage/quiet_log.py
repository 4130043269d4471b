"""A log that says one kind of failure once a minute, however often it happens."""

import logging
import time

#: At most one line in this time.
LOG_EVERY_SECONDS = 60.0


class QuietLog:
    """Leaves out what comes too soon after the last line, and says how much that was."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._quiet_until = 0.0
        self._left_out = 0

    def warning(self, message: str, *values: object) -> None:
        """Says it, unless something was said within the last minute."""
        if time.monotonic() < self._quiet_until:
            self._left_out += 1
            return
        self._quiet_until = time.monotonic() + LOG_EVERY_SECONDS
        more = f" (and {self._left_out} times since the last such line)" if self._left_out else ""
        self._left_out = 0
        self._log.warning("%s%s", message % values, more)
