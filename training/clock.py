"""Steps that run once, and how long each took."""

import json
import resource
import time
from collections.abc import Callable
from pathlib import Path


class Clock:
    """Wall and CPU seconds by step, in a file; a step that stands in it has ended and is not run again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seconds: dict[str, list[float]] = json.loads(path.read_text()) if path.exists() else {}

    def run(self, name: str, step: Callable[[], None]) -> None:
        """Runs the step unless it ended before; what it raises passes through."""
        if name in self._seconds:
            print(f"{name}: done before", flush=True)
            return
        wall, cpu = time.monotonic(), _cpu_seconds()
        step()
        self._seconds[name] = [round(time.monotonic() - wall, 1), round(_cpu_seconds() - cpu, 1)]
        self._path.write_text(json.dumps(self._seconds))
        print(f"{name}: {self._seconds[name][0] / 60:.1f} min, {self._seconds[name][1] / 60:.1f} CPU min", flush=True)

    def minutes(self) -> dict[str, tuple[float, float]]:
        """Wall and CPU minutes of each step."""
        return {name: (wall / 60, cpu / 60) for name, (wall, cpu) in self._seconds.items()}


def _cpu_seconds() -> float:
    """Of this process and of all its children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
