"""The recordings sent to a node: kept while a job needs them, gone soon after."""

import contextlib
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

#: A file that no job holds is kept this long: gradio names uploads by their content, so that the same recording sent
#: again has the same path, and must not vanish between its upload and its job.
GRACE_SECONDS = 30.0


class Uploads:
    """One process's folder of uploads. Thread-safe."""

    def __init__(self, folder: Path, grace_seconds: float = GRACE_SECONDS) -> None:
        self.folder = folder
        self.grace_seconds = grace_seconds
        self._lock = threading.Lock()
        self._held: Counter[Path] = Counter()

    def hold(self, path: Path) -> Callable[[], None]:
        """Keeps a file until the returned function is called (which may be called once)."""
        path = path.resolve()
        with self._lock:
            self._held[path] += 1

        def release() -> None:
            with self._lock:
                self._held[path] -= 1
                if self._held[path] <= 0:
                    del self._held[path]

        return release

    def sweep(self) -> int:
        """Deletes what nobody holds and what is older than the grace; returns how many files went."""
        oldest = time.time() - self.grace_seconds
        gone = 0
        for path in list(self.folder.rglob("*")):
            with contextlib.suppress(OSError), self._lock:
                if path.is_file() and path.resolve() not in self._held and path.stat().st_mtime <= oldest:
                    path.unlink()
                    gone += 1
        for path in sorted(self.folder.rglob("*"), reverse=True):
            # Only empty ones go, and only old ones: a new one is about to be filled.
            with contextlib.suppress(OSError):
                if path.is_dir() and path.stat().st_mtime <= oldest:
                    path.rmdir()
        return gone


def make_work_folder(parent: Path, pid: int) -> Path:
    """An empty folder for one node process; those of processes that are gone are removed."""
    parent.mkdir(parents=True, exist_ok=True)
    for old in parent.glob("node-*"):
        owner = old.name.removeprefix("node-")
        if owner.isdigit() and (int(owner) == pid or not _lives(int(owner))):
            shutil.rmtree(old, ignore_errors=True)
    folder = parent / f"node-{pid}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _lives(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid)
