"""What every result cache must do, wherever it is kept."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.ports import ResultCache
from domain.redis_url import parse_redis_url
from storage.cache import EmbeddedCache
from storage.redis_cache import RedisCache
from storage.redis_link import RedisLink
from tests.helpers.redis_server import RedisServer

WEEK = 7 * 86_400.0


@dataclass
class Subject:
    """A cache, and the way to let time pass for it."""

    cache: ResultCache
    advance: Callable[[float], None]


@pytest.fixture(params=["embedded", "redis"])
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    time = [1_700_000_000.0]

    def advance(seconds: float) -> None:
        time[0] += seconds

    if request.param == "embedded":
        cache = EmbeddedCache(tmp_path / "cache.db", 8 << 20, now=lambda: time[0])
        yield Subject(cache, advance)
        cache.close()
        return
    server: RedisServer = request.getfixturevalue("redis_server")

    def age(seconds: float) -> None:
        # Redis's own clock cannot be turned; the time that its entries have left can.
        advance(seconds)
        server.let_pass(seconds)

    link = RedisLink(parse_redis_url(server.url()))
    yield Subject(RedisCache(link, now=lambda: time[0]), age)
    await link.close()


async def test_a_value_comes_back_with_its_age(subject: Subject) -> None:
    value = {"text": "今天天气很好 😀", "n": [1, 2.5, None, True], "nested": {"a": {}}}
    await subject.cache.put("result:1", value, ttl_seconds=WEEK)
    first = await subject.cache.get("result:1")
    subject.advance(3 * 86_400)
    later = await subject.cache.get("result:1")
    assert first is not None
    assert first == later
    assert first.value == value
    assert first.stored_at == pytest.approx(1_700_000_000)


async def test_what_was_never_put_is_missing(subject: Subject) -> None:
    assert await subject.cache.get("result:1") is None


async def test_an_entry_lives_from_its_writing(subject: Subject) -> None:
    await subject.cache.put("k", {"n": 1}, ttl_seconds=100)
    subject.advance(98)
    assert await subject.cache.get("k") is not None
    subject.advance(2)
    assert await subject.cache.get("k") is None


async def test_writing_again_replaces_value_and_age(subject: Subject) -> None:
    await subject.cache.put("k", {"n": 1}, ttl_seconds=100)
    subject.advance(60)
    await subject.cache.put("k", {"n": 2}, ttl_seconds=100)
    subject.advance(60)
    entry = await subject.cache.get("k")
    assert entry is not None
    assert entry.value == {"n": 2}
    assert entry.stored_at == pytest.approx(1_700_000_060)


async def test_a_time_to_live_of_zero_keeps_nothing(subject: Subject) -> None:
    await subject.cache.put("k", {"n": 1}, ttl_seconds=100)
    await subject.cache.put("k", {"n": 2}, ttl_seconds=0)
    assert await subject.cache.get("k") is None


async def test_deleted_keys_are_missing(subject: Subject) -> None:
    for key in ("a", "b", "c"):
        await subject.cache.put(key, {}, ttl_seconds=WEEK)
    await subject.cache.delete(["a", "c", "never there"])
    await subject.cache.delete([])
    assert await subject.cache.get("a") is None
    assert await subject.cache.get("b") is not None


async def test_large_values_come_back(subject: Subject) -> None:
    value = {"segments": [{"text": f"第{number}段 天气很好", "start_ms": number} for number in range(20_000)]}
    await subject.cache.put("k", value, ttl_seconds=WEEK)
    entry = await subject.cache.get("k")
    assert entry is not None
    assert entry.value == value


async def test_many_at_once(subject: Subject) -> None:
    async def use(number: int) -> bool:
        await subject.cache.put(f"k{number % 7}", {"n": number % 7}, ttl_seconds=WEEK)
        entry = await subject.cache.get(f"k{number % 7}")
        return entry is not None and entry.value == {"n": number % 7}

    assert all(await asyncio.gather(*(use(number) for number in range(200))))


async def test_all_that_is_known_of_a_recording_is_forgotten(subject: Subject) -> None:
    for recording in ("one", "two", "three"):
        for kind in ("alias", "result", "part"):
            await subject.cache.put(f"{kind}:{recording}", {}, ttl_seconds=WEEK, of=recording)
    await subject.cache.put("of nothing", {}, ttl_seconds=WEEK)
    assert await subject.cache.forget(["one", "three", "never there"])
    left = [f"{kind}:{name}" for kind in ("alias", "result", "part") for name in ("one", "two", "three")]
    left = [key for key in left if await subject.cache.get(key)]
    assert left == ["alias:two", "result:two", "part:two"]
    assert await subject.cache.forget([]) and await subject.cache.forget([""])
    assert await subject.cache.get("of nothing")
    # It may be known again.
    await subject.cache.put("result:one", {"n": 1}, ttl_seconds=WEEK, of="one")
    assert await subject.cache.get("result:one")


async def test_a_recording_is_forgotten_however_long_its_entries_live(subject: Subject) -> None:
    """What was put first may live longest: what is known of a recording is known for as long as the last of it."""
    await subject.cache.put("alias", {}, ttl_seconds=4 * WEEK, of="one")
    await subject.cache.put("no speech", {}, ttl_seconds=3_600, of="one")
    subject.advance(3 * WEEK)
    await subject.cache.put("result", {}, ttl_seconds=WEEK / 2, of="one")
    assert await subject.cache.get("alias") and await subject.cache.get("result")
    assert await subject.cache.forget(["one"])
    assert [await subject.cache.get(key) for key in ("alias", "result")] == [None, None]
    # And what lives longest may be put last.
    await subject.cache.put("no speech", {}, ttl_seconds=3_600, of="two")
    await subject.cache.put("alias", {}, ttl_seconds=4 * WEEK, of="two")
    subject.advance(WEEK)
    assert await subject.cache.get("alias")
    assert await subject.cache.forget(["two"])
    assert await subject.cache.get("alias") is None


async def test_hundreds_of_recordings_are_forgotten_at_once(subject: Subject) -> None:
    names = [f"r{number}" for number in range(250)]
    await asyncio.gather(*(subject.cache.put(f"k{name}", {}, ttl_seconds=WEEK, of=name) for name in names))
    assert await subject.cache.forget(names)
    assert [name for name in names if await subject.cache.get(f"k{name}")] == []
