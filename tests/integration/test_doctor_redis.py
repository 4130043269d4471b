"""What `doctor` says of Redis."""

import pytest

from checks import checks
from settings import load_settings
from tests.helpers.redis_server import RedisServer, free_port


def findings(**settings: str) -> dict[str, str]:
    """By check, what was found, or what is wrong after ``BAD``."""
    found: dict[str, str] = {}
    for name, check in checks(load_settings(**settings)):
        if name.startswith("redis"):
            try:
                found[name] = check()
            except Exception as error:
                found[name] = f"BAD {error}"
    return found


@pytest.fixture(autouse=True)
def as_it_was(redis_server: RedisServer):
    yield
    redis_server.command("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "0")


def test_without_redis_there_is_nothing_to_check() -> None:
    assert findings() == {}


def test_one_for_both_must_not_drop_what_coordinates(redis_server: RedisServer) -> None:
    url = redis_server.url()
    assert f"127.0.0.1:{redis_server.port}/0, version " in findings(redis_url=url)["redis"]
    for policy in ("allkeys-lru", "volatile-ttl"):
        redis_server.command("CONFIG", "SET", "maxmemory-policy", policy)
        (said,) = findings(redis_url=url, cache_redis_url=url).values()
        assert said.startswith("BAD") and policy in said
        assert "`maxmemory-policy noeviction`" in said and "ASR_CACHE_REDIS_URL" in said


def test_one_for_each_may_drop_results_only(redis_server: RedisServer) -> None:
    there, other = redis_server.url(), redis_server.url(db=1)
    redis_server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    said = findings(redis_url=there, cache_redis_url=other)
    assert said["redis"].startswith("BAD") and "ASR_CACHE_REDIS_URL" not in said["redis"]
    assert said["redis for the cache"].endswith(redis_server.command("INFO")["redis_version"])
    assert findings(cache_redis_url=there)["redis for the cache"].startswith("127.0.0.1")
    redis_server.command("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "100mb")
    said = findings(redis_url=there, cache_redis_url=other)
    assert "allkeys-lru" in said["redis for the cache"] and "BAD" not in "".join(said.values())


def test_one_that_is_away_is_named_without_its_password() -> None:
    said = findings(redis_url=f"redis://:hush@127.0.0.1:{free_port()}")["redis"]
    assert said.startswith("BAD") and "127.0.0.1" in said and "hush" not in said
