import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.sweeper import ORPHAN_SECONDS, UPLOAD_SECONDS, Sweeper


@dataclass
class Clock:
    """Recordings with an age, some of them with a row: time is what the test controls."""

    ages: dict[str, float]
    rows: set[str]
    deleted: list[str] = field(default_factory=list)

    async def keys_older_than(self, seconds: float) -> list[str]:
        return [key for key, age in self.ages.items() if age > seconds]

    async def delete(self, keys: Sequence[str]) -> None:
        self.deleted += keys

    async def audio_keys_in_use(self, keys: Sequence[str]) -> set[str]:
        return self.rows & set(keys)


async def test_what_expired_and_what_nobody_refers_to_goes() -> None:
    ages = {"new": 10.0, "orphan": ORPHAN_SECONDS + 1, "kept": ORPHAN_SECONDS + 1, "old": 10 * 86400.0}
    world: Any = Clock(ages, rows={"kept", "old", "new"})
    await Sweeper(world, world, retention_seconds=7 * 86400).sweep()
    assert sorted(world.deleted) == ["old", "orphan"]


async def test_old_uploads_go_and_new_ones_stay(tmp_path: Path) -> None:
    long_ago = time.time() - UPLOAD_SECONDS - 60
    for name in ("old/a.wav", "new/b.wav"):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_bytes(b"x")
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "kept.wav").write_bytes(b"x")
    (tmp_path / "old" / "link").symlink_to(outside)
    os.utime(tmp_path / "old" / "link", (long_ago, long_ago), follow_symlinks=False)
    os.utime(tmp_path / "old" / "a.wav", (long_ago, long_ago))
    os.utime(tmp_path / "old", (long_ago, long_ago))
    world: Any = Clock({}, rows=set())
    await Sweeper(world, world, retention_seconds=0, upload_dirs=[tmp_path, tmp_path / "missing"]).sweep()
    assert [path.name for path in tmp_path.rglob("*.wav")] == ["b.wav"]
    assert (outside / "kept.wav").exists()


async def test_no_retention_still_leaves_the_running_work_an_hour() -> None:
    world: Any = Clock({"new": 10.0, "old": ORPHAN_SECONDS + 1}, rows={"new", "old"})
    await Sweeper(world, world, retention_seconds=0).sweep()
    assert world.deleted == ["old"]
