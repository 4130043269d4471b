"""The last hour: counted beside what is counted anyway, and added up over replicas."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import pytest_asyncio

from domain.activity import MINUTES, ActivityLog
from domain.node import Availability, NodeIntent, NodeStatus
from domain.redis_url import parse_redis_url
from domain.ticket import Waiting
from services.activity import Activity
from storage.activity import PREFIX, LocalActivity, RedisActivity
from storage.redis_link import RedisLink
from tests.helpers.counts import Counts
from tests.helpers.redis_server import RedisServer


class Cluster:
    """A board and a pool: one node with two slots, of which ``taken`` are, and ``waiting`` tickets."""

    taken, waiting = 1, 4

    async def load(self) -> dict[str, tuple[int, float | None]]:
        return {"http://a": (self.taken, None)}

    async def queued(self) -> Waiting:
        return Waiting(self.waiting, 1.0)

    def statuses(self) -> list[NodeStatus]:
        return [NodeStatus(NodeIntent("http://a", "甲", slots=2), Availability.READY)]


class Clock:
    now = 60_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest_asyncio.fixture(params=["local", "redis"])
async def logs(request: pytest.FixtureRequest) -> AsyncIterator[tuple[ActivityLog, ActivityLog]]:
    """What two replicas write to."""
    if request.param == "local":
        log = LocalActivity()
        yield log, log
        return
    server: RedisServer = request.getfixturevalue("redis_server")
    server.command("FLUSHALL")
    links = [RedisLink(parse_redis_url(server.url())) for _ in range(2)]
    yield RedisActivity(links[0]), RedisActivity(links[1])
    for link in links:
        await link.close()


async def test_two_replicas_add_up(logs: tuple[ActivityLog, ActivityLog]) -> None:
    clock, cluster, counts = Clock(), cast(Any, Cluster()), Counts()
    first, second = (Activity(cast(Any, counts), log, clock) for log in logs)
    first.count("asr_recognitions_total", status="succeeded", source="web")
    first.count("asr_recognitions_total", status="failed", source="web")
    second.count("asr_recognitions_total", status="succeeded", source="api")
    for outcome in ("hit", "negative", "shared", "miss"):
        second.count("asr_cache_lookups_total", outcome=outcome)
    second.count("asr_cache_lookups_total", outcome="error")
    await first.look(cluster, cluster)
    cluster.taken, cluster.waiting = 2, 0
    await second.look(cluster, cluster)
    hour = await first.last_hour()
    assert len(hour) == MINUTES and hour[-1].at == clock.now // 60
    assert (hour[-1].done, hour[-1].hit_rate, hour[-1].queue) == (2, 0.75, 2.0)
    assert hour[-1].load == {"甲": 0.75}
    assert (hour[-2].done, hour[-2].hit_rate, hour[-2].queue, dict(hour[-2].load)) == (0, None, None, {})
    assert await second.last_hour() == hour
    # Everything went on to the metrics, too.
    assert counts.counted["asr_cache_lookups_total", "error"] == 1


async def test_what_is_older_than_an_hour_is_gone(logs: tuple[ActivityLog, ActivityLog]) -> None:
    clock, cluster = Clock(), cast(Any, Cluster())
    activity = Activity(cast(Any, Counts()), logs[0], clock)
    await activity.look(cluster, cluster)
    clock.now += 59 * 60
    await activity.look(cluster, cluster)
    assert [minute.queue for minute in await activity.last_hour() if minute.queue is not None] == [4.0, 4.0]
    clock.now += 60
    await activity.look(cluster, cluster)
    hour = await activity.last_hour()
    assert hour[0].queue is None and len(hour) == MINUTES


async def test_without_redis_its_own_figures_are_shown(redis_server: RedisServer) -> None:
    link, clock, cluster = RedisLink(parse_redis_url("redis://127.0.0.1:9")), Clock(), cast(Any, Cluster())
    activity = Activity(cast(Any, Counts()), RedisActivity(link), clock)
    await activity.look(cluster, cluster)
    assert (await activity.last_hour())[-1].queue == 4.0
    await link.close()


async def test_garbage_in_redis_is_no_figure(redis_server: RedisServer) -> None:
    redis_server.command("FLUSHALL")
    link, clock, cluster = RedisLink(parse_redis_url(redis_server.url())), Clock(), cast(Any, Cluster())
    activity = Activity(cast(Any, Counts()), RedisActivity(link), clock)
    await activity.look(cluster, cluster)
    redis_server.command("HSET", f"{PREFIX}{int(clock.now // 60)}", "queue", "many")
    assert (await activity.last_hour())[-1].queue == 4.0
    redis_server.command("SET", f"{PREFIX}{int(clock.now // 60) - 1}", "x")
    assert (await activity.last_hour())[-1].queue == 4.0
    await link.close()
