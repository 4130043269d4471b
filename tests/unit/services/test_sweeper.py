import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.errors import StorageUnavailable
from domain.history import Deletion
from domain.history_ports import ForgottenAudio
from services import sweeper
from services.sweeper import AT_ONCE_SECONDS, LONELY_SECONDS, ORPHAN_SECONDS, SWEEP_SECONDS, UPLOAD_SECONDS, Sweeper


@dataclass
class World:
    """Recordings with an age, some of them with a row: time is what the test controls."""

    ages: dict[str, float]
    rows: set[str]
    texts: dict[str, float] = field(default_factory=dict[str, float])
    deleted: list[str] = field(default_factory=list[str])
    is_away: bool = False
    #: Recordings of rows that wait in an outbox, and one that cannot be removed.
    waiting: set[str] = field(default_factory=set[str])
    stuck: str = ""

    async def now(self) -> datetime:
        return datetime.now(UTC)

    async def keys_older_than(self, seconds: float) -> list[str]:
        return [key for key, age in self.ages.items() if age > seconds]

    async def delete(self, keys: Sequence[str]) -> None:
        if self.is_away:
            raise StorageUnavailable("the audio store does not answer", part="audio")
        self.deleted += [key for key in keys if key != self.stuck]
        if self.stuck in keys:
            raise StorageUnavailable("it is a folder", part="audio")

    async def audio_keys_in_use(self, keys: Sequence[str]) -> set[str]:
        return (self.rows | self.waiting) & set(keys)

    async def forget_audio(self, before: datetime, *, after: str = "", limit: int = 200) -> ForgottenAudio:
        age = (datetime.now(UTC) - before).total_seconds()
        old = sorted(key for key in self.rows if key > after and self.ages[key] > age - 1)[:limit]
        self.rows -= set(old)
        return ForgottenAudio(old, old[-1] if old else None)

    async def expired(self, before: datetime, *, after_id: str | None = None, limit: int = 200) -> list[str]:
        age = (datetime.now(UTC) - before).total_seconds()
        return sorted(an_id for an_id, its in self.texts.items() if its > age - 1 and an_id > (after_id or ""))[:limit]

    async def delete_rows(self, ids: Sequence[str]) -> Deletion:
        # One of them is held by now.
        gone = [an_id for an_id in ids if an_id != "held"]
        for an_id in gone:
            del self.texts[an_id]
        return Deletion(len(gone))


def sweeper_of(world: World, **options: Any) -> Sweeper:
    anything: Any = world
    return Sweeper(anything, anything, anything, delete=world.delete_rows, **{"audio_seconds": 7 * 86400.0, **options})


def pass_seconds(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.monotonic()
    monkeypatch.setattr(sweeper.time, "monotonic", lambda: now + seconds)


async def test_what_expired_goes() -> None:
    world = World({"new": 10.0, "kept": 86400.0, "old": 10 * 86400.0}, rows={"kept", "old", "new"})
    await sweeper_of(world).sweep()
    assert (world.deleted, world.rows) == (["old"], {"new", "kept"})


async def test_many_go_in_small_steps() -> None:
    ages = {f"{n:04}": 10 * 86400.0 for n in range(1, 450)}
    world = World(ages, rows=set(ages))
    await sweeper_of(world).expire_audio()
    assert sorted(world.deleted) == sorted(ages)


async def test_what_no_row_refers_to_goes_only_when_it_is_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database was away for two days; the row waits in another replica's outbox and lands after the first look."""
    ages = {"fresh": 7200.0, "orphan": 2 * ORPHAN_SECONDS, "lands late": 2 * ORPHAN_SECONDS, "lands": 10.0}
    world = World(ages, rows=set())
    sweeping = sweeper_of(world)
    await sweeping.sweep()
    assert world.deleted == []
    world.rows = {"lands late", "lands"}
    pass_seconds(monkeypatch, LONELY_SECONDS - 60)
    await sweeping.sweep()
    assert world.deleted == []
    pass_seconds(monkeypatch, LONELY_SECONDS + 60)
    await sweeping.sweep()
    assert world.deleted == ["orphan"]


async def test_a_store_that_was_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({"old": 10 * 86400.0}, rows={"old"}, is_away=True)
    sweeping = sweeper_of(world)
    await sweeping.sweep()
    assert (world.deleted, world.rows) == ([], set())
    world.is_away = False
    await sweeping.expire_audio()
    assert world.deleted == ["old"]
    await sweeping.expire_audio()
    assert world.deleted == ["old"]


async def test_what_a_waiting_row_needs_is_not_removed() -> None:
    world = World({"old": 10 * 86400.0, "both": 10 * 86400.0}, rows={"old", "both"}, waiting={"both"})
    sweeping = sweeper_of(world)
    await sweeping.expire_audio()
    assert (world.deleted, world.rows) == (["old"], set())
    # It has landed by now, and is over.
    world.waiting, world.rows = set(), {"both"}
    await sweeping.expire_audio()
    assert world.deleted == ["old", "both"]


async def test_what_is_waiting_for_the_store_is_asked_about_again() -> None:
    world = World({"old": 10 * 86400.0}, rows={"old"}, is_away=True)
    sweeping = sweeper_of(world)
    with pytest.raises(StorageUnavailable):
        await sweeping.expire_audio()
    world.is_away, world.waiting = False, {"old"}
    await sweeping.expire_audio()
    assert world.deleted == []


async def test_one_that_cannot_be_removed_keeps_none_of_the_others() -> None:
    ages = {f"{n:04}": 10 * 86400.0 for n in range(1, 450)}
    world = World(ages, rows=set(ages), stuck="0007")
    with pytest.raises(StorageUnavailable, match="folder"):
        await sweeper_of(world).expire_audio()
    assert sorted(world.deleted) == sorted(set(ages) - {"0007"})


async def test_what_somebody_else_could_not_remove_is_tried_again() -> None:
    world, left = World({}, rows=set(), is_away=True), {"deleted by a person"}
    sweeping = sweeper_of(world, unremoved=left)
    await sweeping.sweep()
    assert (world.deleted, left) == ([], {"deleted by a person"})
    world.is_away = False
    await sweeping.sweep()
    assert (world.deleted, left) == (["deleted by a person"], set())


async def test_a_clock_that_is_ahead_removes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(sweeper.time, "time", lambda: now + 9 * 86400)
    world = World({"new": 10.0}, rows={"new"}, texts={"new": 10.0})
    await sweeper_of(world, text_seconds=8 * 86400.0).sweep()
    assert (world.deleted, set(world.texts)) == ([], {"new"})


@pytest.mark.parametrize("seconds", [1e12, 1e15, 1e300])
async def test_what_is_kept_for_longer_than_the_calendar_is_kept(seconds: float) -> None:
    world = World({"old": 400 * 86400.0}, rows={"old"}, texts={"old": 400 * 86400.0})
    await sweeper_of(world, audio_seconds=seconds, text_seconds=seconds).sweep()
    assert (world.deleted, set(world.texts)) == ([], {"old"})


KEYS = [f"2026/11/01a1faf6-5565-75b3-a0d3-1d298e15a{number:03}.wav" for number in range(100)]


@pytest.mark.parametrize(("with_row", "without", "removed"), [(0, 21, 0), (30, 31, 0), (0, 20, 20), (31, 31, 31)])
async def test_of_another_database_nothing_is_removed(
    with_row: int,
    without: int,
    removed: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sweeper, "LONELY_SECONDS", 0.0)
    old = KEYS[: with_row + without]
    world = World(dict.fromkeys(old, 2 * ORPHAN_SECONDS), rows=set(old[:with_row]))
    await sweeper_of(world).sweep()
    assert len(world.deleted) == removed
    assert ("have no row in this database" in caplog.text) is (removed == 0)


async def test_however_many_parts_dead_writers_left_they_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "LONELY_SECONDS", 0.0)
    world = World({f"{key}#1": 2 * ORPHAN_SECONDS for key in KEYS}, rows=set())
    await sweeper_of(world).sweep()
    assert len(world.deleted) == len(KEYS)


async def test_texts_are_kept_for_ever_unless_told_otherwise(caplog: pytest.LogCaptureFixture) -> None:
    texts = {f"{n:04}": 100.0 * 86400 for n in range(1, 450)} | {"held": 100.0 * 86400, "new": 5.0}
    world = World({}, set(), dict(texts))
    await sweeper_of(world).sweep()
    assert world.texts == texts
    with caplog.at_level("INFO"):
        await sweeper_of(world, text_seconds=86400).sweep()
    assert set(world.texts) == {"held", "new"}
    assert "449 texts expired" in caplog.text


def test_recordings_that_are_not_kept_go_within_seconds() -> None:
    world = World({}, set())
    assert sweeper_of(world, audio_seconds=0).expiry_seconds == AT_ONCE_SECONDS
    assert sweeper_of(world, audio_seconds=60).expiry_seconds == 6
    assert sweeper_of(world).expiry_seconds == SWEEP_SECONDS


async def test_old_uploads_go_and_new_ones_stay_though_the_store_is_away(tmp_path: Path) -> None:
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
    world = World({"old": 10 * 86400.0}, rows={"old"}, is_away=True)
    await sweeper_of(world, upload_dirs=[tmp_path, tmp_path / "missing"]).sweep()
    assert [path.name for path in tmp_path.rglob("*.wav")] == ["b.wav"]
    assert (outside / "kept.wav").exists()


async def test_a_folder_that_goes_meanwhile_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan: Any = os.scandir
    for name in ("goes", "stays"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.wav").write_bytes(b"x")
        os.utime(tmp_path / name / "a.wav", (0, 0))

    def goes(path: Any) -> Any:
        if Path(path).name == "goes":
            raise FileNotFoundError(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", goes)
    await sweeper_of(World({}, set()), upload_dirs=[tmp_path]).remove_uploads()
    assert not (tmp_path / "stays" / "a.wav").exists()


async def test_what_may_be_at_work_still_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "audio.wav"
    path.write_bytes(b"x")
    then = time.time() - UPLOAD_SECONDS - 60
    os.utime(path, (then, then))
    world = World({}, set())
    await sweeper_of(world, upload_dirs=[tmp_path], upload_seconds=UPLOAD_SECONDS + 3600).remove_uploads()
    assert path.exists()
    await sweeper_of(world, upload_dirs=[tmp_path]).remove_uploads()
    assert not path.exists()
