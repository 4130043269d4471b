"""Who died is known at once, and nobody who lives is taken for dead."""

import signal
from pathlib import Path

from storage.process_locks import ProcessLocks
from tests.helpers.storage import start_python

HOLD = """
import sys, time
from pathlib import Path
from storage.process_locks import ProcessLocks
locks = ProcessLocks(Path(sys.argv[1]), "other")
print("held", flush=True)
time.sleep(60)
"""


def test_a_killed_neighbour_is_dead_until_it_is_forgotten(tmp_path: Path) -> None:
    here = ProcessLocks(tmp_path, "here")
    with start_python(HOLD, tmp_path) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        try:
            assert here.dead() == []
            other.send_signal(signal.SIGSTOP)
            assert here.dead() == [], "who is held up lives"
        finally:
            other.kill()
    assert here.dead() == ["other"]
    third = ProcessLocks(tmp_path, "third")
    assert third.dead() == ["other"], "until somebody has taken care of it"
    here.forget("other")
    third.forget("other")
    assert here.dead() == third.dead() == []
    for locks in (here, third):
        locks.close()
    assert not list(tmp_path.iterdir())


def test_who_ends_well_leaves_nothing(tmp_path: Path) -> None:
    here, other = ProcessLocks(tmp_path, "here"), ProcessLocks(tmp_path, "other")
    other.close()
    assert here.dead() == []
    here.close()
    assert not list(tmp_path.iterdir())
