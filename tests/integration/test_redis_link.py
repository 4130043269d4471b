"""One Redis, and everything that may happen to it: what is asked of it is bounded, and it comes back by itself."""

import asyncio
import logging
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from domain.redis_url import parse_redis_url
from storage import redis_link as link_module
from storage.redis_cache import RedisCache
from storage.redis_link import RedisAway, RedisLink
from tests.helpers.counts import Counts
from tests.helpers.faulty_proxy import FaultyProxy, faults, faulty_proxy
from tests.helpers.redis_server import RedisServer, free_port, running_redis, running_sentinel

FAULTS = faults(cut_after_bytes=3)


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest) -> Callable[[FaultyProxy], None]:
    return FAULTS[request.param]


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[FaultyProxy]:
    with faulty_proxy(redis_server.port) as proxy:
        yield proxy


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
async def link(proxy: FaultyProxy, redis_server: RedisServer, counts: Counts) -> AsyncIterator[RedisLink]:
    link = RedisLink(parse_redis_url(redis_server.url(port=proxy.port)), role="cache", observer=counts)
    yield link
    await link.close()


@pytest.fixture
def no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks in the background, so that what touches the socket is a call."""
    monkeypatch.setattr(link_module, "STEADY_SECONDS", float("inf"))
    monkeypatch.setattr(link_module, "PROBE_PAUSES", (3600.0, 3600.0))


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "PROBE_PAUSES", (0.05, 0.1))


async def until_well(link: RedisLink) -> None:
    async with asyncio.timeout(60):
        while not link.is_up:
            await asyncio.sleep(0.02)


async def ping(link: RedisLink) -> object:
    return await link.call(lambda redis: redis.execute_command("PING"))


@pytest.mark.usefixtures("no_probe")
async def test_a_fault_costs_one_call_and_then_nobody_asks(
    link: RedisLink, proxy: FaultyProxy, counts: Counts, fault: Callable[[FaultyProxy], None]
) -> None:
    cache = RedisCache(link, observer=counts)
    await cache.put("k", {"n": 1}, ttl_seconds=60)
    fault(proxy)
    # Whoever comes in the same moment waits no longer than the first.
    assert await asyncio.gather(*(cache.get("k") for _ in range(50))) == [None] * 50
    seen = proxy.connections, proxy.requests
    for number in range(200):
        assert await cache.get("k") is None
        await cache.put(f"k{number}", {}, ttl_seconds=60)
        await cache.delete(["k"])
    assert (proxy.connections, proxy.requests) == seen, "it was asked again"
    assert counts.counted["asr_redis_failures_total", "cache"] == 1
    assert counts.counted["asr_cache_errors_total", "get"] == 250
    assert counts.gauges["asr_redis_up", "cache"] == 0


@pytest.mark.usefixtures("soon")
async def test_what_is_well_again_is_used_again(
    link: RedisLink, proxy: FaultyProxy, counts: Counts, fault: Callable[[FaultyProxy], None]
) -> None:
    cache = RedisCache(link)
    await cache.put("k", {"n": 1}, ttl_seconds=60)
    fault(proxy)
    assert await cache.get("k") is None
    assert not link.is_up
    proxy.heal()
    await until_well(link)
    entry = await cache.get("k")
    assert entry and entry.value == {"n": 1}
    assert counts.gauges["asr_redis_up", "cache"] == 1


@pytest.mark.usefixtures("no_probe")
async def test_a_slow_answer_is_used_and_was_the_last(link: RedisLink, proxy: FaultyProxy) -> None:
    await ping(link)
    proxy.delay(0.2)
    assert await ping(link)
    assert not link.is_up
    with pytest.raises(RedisAway):
        await ping(link)


async def test_a_probe_lets_nobody_ask_who_is_too_slow(link: RedisLink, proxy: FaultyProxy) -> None:
    await ping(link)
    proxy.delay(0.6)
    with pytest.raises(RedisAway):
        await ping(link)
    # The first probe connects in time, but its answers are late.
    await asyncio.sleep(1.6)
    assert not link.is_up


async def test_when_this_process_is_held_up_redis_is_not_blamed(link: RedisLink) -> None:
    await ping(link)
    asked = asyncio.create_task(ping(link))
    await asyncio.sleep(0.001)
    await asyncio.sleep(0)
    time.sleep(1.0)  # noqa: ASYNC251 a long computation in the event loop
    assert await asked
    assert link.is_up


@pytest.mark.parametrize("broken", [FaultyProxy.refuse, FaultyProxy.blackhole])
async def test_who_listens_hears_and_is_told_when_something_may_have_been_missed(
    link: RedisLink,
    proxy: FaultyProxy,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[FaultyProxy], None],
) -> None:
    monkeypatch.setattr(link_module, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(link_module, "LISTEN_AGAIN_SECONDS", 0.05)
    heard: list[str] = []
    listening = asyncio.create_task(link.listen("news", heard.append))

    async def until(holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():
                await asyncio.sleep(0.02)

    await until(lambda: heard == [""])
    await asyncio.sleep(0.5)
    assert redis_server.command("PUBLISH", "news", "one") == 1, "nothing to hear is no reason to leave"
    await until(lambda: heard == ["", "one"])
    broken(proxy)
    await asyncio.sleep(0.5)
    proxy.heal()
    await until(lambda: heard[2:3] == [""])
    redis_server.command("PUBLISH", "news", "two")
    await until(lambda: heard[-1] == "two")
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


@pytest.mark.usefixtures("soon")
async def test_a_killed_redis_costs_one_failure_and_its_return_none(counts: Counts) -> None:
    with running_redis() as server:
        link = RedisLink(parse_redis_url(server.url()), role="cache", observer=counts)
        cache = RedisCache(link, observer=counts)
        await cache.put("k", {"n": 1}, ttl_seconds=60)
        server.kill()
        for _ in range(20):
            assert await cache.get("k") is None
        assert not link.is_up
        await asyncio.to_thread(server.start)
        await until_well(link)
        await cache.put("k", {"n": 2}, ttl_seconds=60)
        assert await cache.get("k")
        # It was restarted between two calls: the connections that were open are dead, which nobody notices.
        server.kill()
        await asyncio.to_thread(server.start)
        await cache.put("k", {"n": 3}, ttl_seconds=60)
        assert await cache.get("k")
        assert counts.counted["asr_redis_failures_total", "cache"] == 1
        await link.close()


@pytest.mark.usefixtures("soon")
async def test_a_redis_that_hangs_is_not_waited_for(counts: Counts) -> None:
    with running_redis() as server:
        link = RedisLink(parse_redis_url(server.url()), role="cache", observer=counts)
        await ping(link)
        server.pause()
        for _ in range(20):
            with pytest.raises(RedisAway):
                await ping(link)
        assert counts.counted["asr_redis_failures_total", "cache"] == 1
        server.go_on()
        await until_well(link)
        await link.close()


async def test_nobody_there_at_the_start(counts: Counts) -> None:
    link = RedisLink(parse_redis_url(f"redis://127.0.0.1:{free_port()}"), role="cache", observer=counts)
    for _ in range(20):
        with pytest.raises(RedisAway):
            await ping(link)
    assert counts.counted["asr_redis_failures_total", "cache"] == 1
    await link.close()


async def test_a_full_redis_answers_what_it_has_and_takes_nothing(counts: Counts) -> None:
    with running_redis("--maxmemory-policy", "noeviction") as server:
        link = RedisLink(parse_redis_url(server.url()), role="cache", observer=counts)
        cache = RedisCache(link, observer=counts)
        await cache.put("old", {"n": 1}, ttl_seconds=60)
        server.command("CONFIG", "SET", "maxmemory", "1")
        await cache.put("new", {"n": 2}, ttl_seconds=60)
        assert await cache.get("new") is None
        assert await cache.get("old")
        assert link.is_up
        assert counts.counted["asr_cache_errors_total", "put"] == 1
        await link.close()


@pytest.mark.parametrize(
    "garbage",
    [b"", b"x" * 8, b"x" * 200, b"\x00" * 9, b"\x7f\xf0\0\0\0\0\0\0j{}", b"A\xd9\0\0\0\0\0\0z" + b"x" * 70_000, None],
)
async def test_garbage_under_a_key_is_a_miss_and_removed(
    redis_server: RedisServer, counts: Counts, garbage: bytes | None
) -> None:
    link = RedisLink(parse_redis_url(redis_server.url()), role="cache", observer=counts)
    cache = RedisCache(link, observer=counts)
    if garbage is None:
        redis_server.command("RPUSH", "asr:cache:k", "a list")
    else:
        redis_server.command("SET", "asr:cache:k", garbage)
    assert await cache.get("k") is None
    assert redis_server.command("EXISTS", "asr:cache:k") == 0
    assert counts.counted["asr_cache_errors_total", "get"] == 1
    assert link.is_up
    await link.close()


@pytest.mark.usefixtures("soon")
async def test_failures_are_said_once_a_minute(
    link: RedisLink, proxy: FaultyProxy, counts: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        await ping(link)
        proxy.refuse()
        with pytest.raises(RedisAway):
            await ping(link)
        proxy.heal()
        await until_well(link)
    assert counts.counted["asr_redis_failures_total", "cache"] == 5
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == 1
    assert str(proxy.port) in said[0].message


async def test_a_password_and_a_database_of_its_own() -> None:
    with running_redis() as server:
        server.command("CONFIG", "SET", "requirepass", "p@ss")
        right, wrong = (f"redis://:{word}@127.0.0.1:{server.port}/3" for word in ("p%40ss", "other"))
        link = RedisLink(parse_redis_url(right))
        await RedisCache(link).put("k", {"n": 1}, ttl_seconds=60)
        assert await RedisCache(link).get("k")
        await link.close()
        refused = RedisLink(parse_redis_url(wrong))
        assert await RedisCache(refused).get("k") is None
        await refused.close()


async def test_tls(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    await asyncio.to_thread(subprocess.run, [*made.split(), *names], check=True, capture_output=True, timeout=60)
    port = free_port()
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-auth-clients", "no")
    with running_redis("--tls-port", str(port), *files):
        for options, works in ((f"?ssl_ca_certs={certificate}", True), ("?ssl_cert_reqs=none", True), ("", False)):
            link = RedisLink(parse_redis_url(f"rediss://localhost:{port}/0{options}"))
            await RedisCache(link).put("k", {"n": 1}, ttl_seconds=60)
            assert (await RedisCache(link).get("k") is not None) is works
            await link.close()


@pytest.mark.usefixtures("soon")
async def test_after_a_failover_the_new_primary_is_used() -> None:
    with running_sentinel() as (primary, replica, url):
        link = RedisLink(parse_redis_url(url))
        cache = RedisCache(link)
        # The first of the two sentinels is dead.
        await cache.put("k", {"n": 1}, ttl_seconds=60)
        await until_well(link)
        await cache.put("k", {"n": 2}, ttl_seconds=60)
        assert await cache.get("k")
        assert primary.command("EXISTS", "asr:cache:k") == 1
        primary.kill()
        async with asyncio.timeout(60):
            while await cache.get("new") is None:
                await cache.put("new", {"n": 3}, ttl_seconds=60)
                await asyncio.sleep(0.05)
        assert replica.command("EXISTS", "asr:cache:new") == 1
        await link.close()


@pytest.mark.usefixtures("soon")
async def test_what_cannot_be_forgotten_now_is_said(
    link: RedisLink, proxy: FaultyProxy, fault: Callable[[FaultyProxy], None]
) -> None:
    cache = RedisCache(link)
    await cache.put("k", {}, ttl_seconds=60, of="one")
    fault(proxy)
    assert not await cache.forget(["one"])
    proxy.heal()
    await until_well(link)
    assert await cache.forget(["one"])
    assert await cache.get("k") is None


async def test_whatever_lies_in_place_of_what_is_known_of_a_recording(redis_server: RedisServer) -> None:
    link = RedisLink(parse_redis_url(redis_server.url()))
    cache = RedisCache(link)
    redis_server.command("SET", "asr:cached:one", b"garbage")
    redis_server.command("HSET", "asr:cached:two", "a", "b")
    redis_server.command("SADD", "asr:cached:two!", b"\xff\x00", "k2", "*")
    redis_server.command("SET", "k2", "of somebody else")
    await cache.put("k1", {}, ttl_seconds=60, of="one")
    assert await cache.forget(["one", "two", "two!"])
    assert await cache.get("k1") is None
    assert redis_server.command("KEYS", "asr:*") == []
    assert redis_server.command("GET", "k2") == b"of somebody else"
    # Evicted: its entries answer until their time is over, and what comes later is forgotten as ever.
    await cache.put("k1", {}, ttl_seconds=60, of="one")
    redis_server.command("DEL", "asr:cached:one")
    await cache.put("k2", {}, ttl_seconds=60, of="one")
    assert await cache.forget(["one"])
    assert await cache.get("k1") and not await cache.get("k2")
    assert 0 < redis_server.command("PTTL", "asr:cache:k1") <= 60_000
    await link.close()
