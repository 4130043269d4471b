"""Which programs on this data folder live: each holds the lock of a file with its name.

The kernel lets go of a lock however a process ends, so that who died is known at once, without a process id that
might mean somebody else by now. A folder that cannot lock knows of no dead: their silence tells in time.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path


class ProcessLocks:
    """Holds the lock ``name`` in ``folder`` until :meth:`close`; the name must be new. Raises :class:`OSError`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        # Under its name it is locked from the first moment: nobody can take it for a dead one's.
        unlocked = folder / f".{name}"
        self._file = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC)
        with suppress(OSError):
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unlocked.rename(folder / name)

    def dead(self) -> list[str]:
        """Names whose processes ended without a word."""
        others = sorted(path for path in self._folder.glob("[!.]*") if path.name != self.name)
        return [path.name for path in others if _is_free(path)]

    def lives(self, name: str) -> bool:
        """Whether a process is there; where nothing can be locked, whether it has not said that it goes."""
        path = self._folder / name
        return path.exists() and not _is_free(path)

    def forget(self, name: str) -> None:
        """A dead one's file is not needed any more."""
        (self._folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Says that this process has gone."""
        self.forget(self.name)
        os.close(self._file)


def _is_free(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(file)
