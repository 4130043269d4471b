import os
import time
from pathlib import Path

from engine.uploads import Uploads, make_work_folder


def put(folder: Path, name: str, age_seconds: float) -> Path:
    path = folder / name / "audio.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"sound")
    for item in (path, path.parent):
        os.utime(item, (time.time() - age_seconds,) * 2)
    return path


def test_old_files_go_with_their_folders(tmp_path: Path) -> None:
    old, new = put(tmp_path, "old", 100), put(tmp_path, "new", 0)
    assert Uploads(tmp_path, grace_seconds=50).sweep() == 1
    assert not old.exists()
    assert new.exists()


def test_what_a_job_holds_stays_until_the_last_lets_go(tmp_path: Path) -> None:
    path = put(tmp_path, "held", 100)
    uploads = Uploads(tmp_path, grace_seconds=50)
    first, second = uploads.hold(path), uploads.hold(path)
    first()
    assert uploads.sweep() == 0
    assert path.exists()
    second()
    assert uploads.sweep() == 1
    assert not path.exists()


def test_a_missing_folder_is_no_trouble(tmp_path: Path) -> None:
    assert Uploads(tmp_path / "none").sweep() == 0


def test_the_folders_of_dead_processes_are_removed(tmp_path: Path) -> None:
    dead = tmp_path / "node-99999999"
    dead.mkdir()
    (dead / "x.wav").write_bytes(b"x")
    alive = tmp_path / f"node-{os.getppid()}"
    alive.mkdir()
    mine = make_work_folder(tmp_path, os.getpid())
    assert mine.is_dir()
    assert alive.is_dir()
    assert not dead.exists()
