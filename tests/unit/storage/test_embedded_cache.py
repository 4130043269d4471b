"""The embedded cache: bounded, shared, and never the reason that a request fails."""

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage.cache import EmbeddedCache
from tests.helpers.storage import run_python, start_python

MIB = 1 << 20
WEEK = 7 * 86_400.0


class Counts:
    """An observer that remembers what was counted."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, dict[str, str]]] = []

    def count(self, name: str, value: float = 1.0, **labels: str) -> None:
        self.counted.append((name, labels))

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, value: float, **labels: str) -> None: ...


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new directory" / "cache.db"


@pytest.fixture
def observer() -> Counts:
    return Counts()


@pytest.fixture
def cache(path: Path, observer: Counts) -> Iterator[EmbeddedCache]:
    cache = EmbeddedCache(path, 4 * MIB, observer=observer)
    yield cache
    cache.close()


def sql(path: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement, values).fetchall()


async def test_entries_survive_a_restart(cache: EmbeddedCache) -> None:
    await cache.put("k", {"n": 1}, ttl_seconds=WEEK)
    cache.close()
    entry = await cache.get("k")
    assert entry is not None
    assert entry.value == {"n": 1}


@pytest.mark.parametrize(
    "garbage",
    [b"", b"x", b"j", b"j[1]", b"jnull", b'j{"a":', b"zgarbage", b"j\xff\xfe", "text", 7, b"j" + b"[" * 100_000],
)
async def test_garbage_under_a_key_is_a_miss_and_removed(
    cache: EmbeddedCache, observer: Counts, path: Path, garbage: object
) -> None:
    await cache.put("k", {"n": 1}, ttl_seconds=WEEK)
    sql(path, "UPDATE entries SET value = ?", garbage)
    assert await cache.get("k") is None
    assert sql(path, "SELECT count(*) FROM entries") == [(0,)]
    assert observer.counted == [("asr_cache_errors_total", {"operation": "get"})]
    await cache.put("k", {"n": 2}, ttl_seconds=WEEK)
    assert await cache.get("k") is not None


@pytest.mark.parametrize("time", ["soon", b"\x00"])
async def test_a_garbled_time_is_a_miss(cache: EmbeddedCache, path: Path, time: object) -> None:
    await cache.put("k", {"n": 1}, ttl_seconds=WEEK)
    sql(path, "UPDATE entries SET expires_at = ?", time)
    assert await cache.get("k") is None


@pytest.mark.parametrize("content", [b"", b"no database" * 1_000, b"SQLite format 3\x00" + b"\xff" * 8_000])
async def test_a_damaged_file_is_begun_anew(cache: EmbeddedCache, path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert await cache.get("k") is None
    await cache.put("k", {"n": 1}, ttl_seconds=WEEK)
    assert await cache.get("k") is not None
    damaged = path.with_name("cache.db.damaged")
    assert damaged.read_bytes() == content if content else not damaged.exists()


async def test_damage_while_it_is_open_costs_the_entries_only(cache: EmbeddedCache, path: Path) -> None:
    for number in range(50):
        await cache.put(f"k{number}", {"text": os.urandom(1_500).hex()}, ttl_seconds=WEEK)
    cache.close()
    content = path.read_bytes()
    path.write_bytes(content[:4_096] + os.urandom(len(content) - 4_096))
    for number in range(50):
        await cache.get(f"k{number}")
        await cache.put(f"k{number}", {"n": number}, ttl_seconds=WEEK)
    entry = await cache.get("k49")
    assert entry is not None
    assert entry.value == {"n": 49}


async def test_a_database_of_something_else_is_put_aside(cache: EmbeddedCache, path: Path) -> None:
    path.parent.mkdir()
    sql(path, "CREATE TABLE entries (a, b)")
    await cache.put("k", {"n": 1}, ttl_seconds=WEEK)
    assert await cache.get("k") is not None
    assert sql(path.with_name("cache.db.damaged"), "SELECT * FROM entries") == []


async def test_a_place_that_cannot_be_written_is_a_miss(
    tmp_path: Path, observer: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = EmbeddedCache(tmp_path / "file" / "cache.db", MIB, observer=observer)
    for _ in range(5):
        await cache.put("k", {"n": 1}, ttl_seconds=WEEK)
        assert await cache.get("k") is None
        await cache.delete(["k"])
    assert len(observer.counted) == 15
    assert len(caplog.records) == 1


async def test_a_writer_elsewhere_costs_an_entry_and_no_error(cache: EmbeddedCache, path: Path) -> None:
    await cache.put("k", {"n": 1}, ttl_seconds=WEEK)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await cache.put("other", {"n": 2}, ttl_seconds=WEEK)
        assert await cache.get("k") is not None
    assert await cache.get("other") is None


async def test_the_oldest_entries_make_room(cache: EmbeddedCache, path: Path) -> None:
    for number in range(400):
        await cache.put(f"k{number}", {"random": os.urandom(20_000).hex()}, ttl_seconds=WEEK)
    assert path.stat().st_size < 5 * MIB
    present = [number for number in range(400) if await cache.get(f"k{number}")]
    assert present == list(range(present[0], 400))
    assert 100 < len(present) < 300


async def test_a_value_larger_than_the_cache_is_not_kept(cache: EmbeddedCache) -> None:
    await cache.put("small", {"n": 1}, ttl_seconds=WEEK)
    await cache.put("large", {"random": os.urandom(9 * MIB).hex()}, ttl_seconds=WEEK)
    assert await cache.get("large") is None
    assert await cache.get("small") is not None


async def test_expired_entries_leave_the_file(path: Path) -> None:
    time = [1_000.0]
    cache = EmbeddedCache(path, MIB, now=lambda: time[0])
    for number in range(20):
        await cache.put(f"k{number}", {}, ttl_seconds=10)
    time[0] += 60
    await cache.put("new", {}, ttl_seconds=10)
    cache.close()
    assert sql(path, "SELECT key FROM entries") == [("new",)]


SHARE = """
import asyncio, sys
from pathlib import Path
from storage.cache import EmbeddedCache

async def main():
    cache = EmbeddedCache(Path(sys.argv[1]), 1 << 23)
    for number in range(100):
        await cache.put(f"{sys.argv[2]}-{number}", {"n": number}, ttl_seconds=1000)
    kept = [await cache.get(f"{sys.argv[2]}-{number}") for number in range(100)]
    assert all(entry is None or entry.value == {"n": number} for number, entry in enumerate(kept))
    cache.close()
    print(sum(entry is not None for entry in kept))

asyncio.run(main())
"""


async def test_processes_share_the_file(cache: EmbeddedCache, path: Path) -> None:
    processes = [start_python(SHARE, path, name) for name in "abc"]
    outputs = [(await asyncio.to_thread(process.communicate, timeout=60))[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    # A busy file may cost an entry, but not most of them.
    assert all(int(output) > 50 for output in outputs)
    assert await cache.get("a-99") is not None


def test_the_cache_needs_no_sqlalchemy() -> None:
    code = "import sys, storage.cache; print('sqlalchemy' in sys.modules)"
    assert run_python(code) == "False\n"


async def test_a_file_of_before_keeps_its_entries(cache: EmbeddedCache, path: Path) -> None:
    path.parent.mkdir()
    sql(path, "CREATE TABLE entries (key TEXT PRIMARY KEY, stored_at REAL, expires_at REAL, value BLOB)")
    sql(path, "INSERT INTO entries VALUES ('old', 1, 1e10, ?)", b'j{"n":1}')
    entry = await cache.get("old")
    assert entry and entry.value == {"n": 1}
    await cache.put("new", {}, ttl_seconds=WEEK, of="one")
    assert await cache.forget(["one"]) and await cache.get("old") and not await cache.get("new")
    assert not path.with_name("cache.db.damaged").exists()


async def test_what_cannot_be_forgotten_now_is_said(cache: EmbeddedCache, path: Path) -> None:
    await cache.put("k", {}, ttl_seconds=WEEK, of="one")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not await cache.forget(["one"])
    assert await cache.forget(["one"])
