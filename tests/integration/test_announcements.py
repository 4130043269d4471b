"""Nodes that announce themselves, over a real Redis."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cluster import announcements as module
from cluster.announcements import KEY, RedisAnnouncements, announced
from domain.membership import Announcement
from domain.redis_url import parse_redis_url
from storage.redis_link import RedisLink
from tests.helpers.redis_server import RedisServer

A, B = Announcement("http://10.0.0.5:7861", "甲"), Announcement("http://10.0.0.6:7861")


@pytest_asyncio.fixture
async def link(redis_server: RedisServer) -> AsyncIterator[RedisLink]:
    link = RedisLink(parse_redis_url(redis_server.url()))
    await link.call(lambda redis: redis.flushall())
    yield link
    await link.close()


async def said(link: RedisLink, wanted: int) -> None:
    while await link.call(lambda redis: redis.hlen(KEY)) < wanted:
        await asyncio.sleep(0.01)


async def test_who_is_there_is_known_and_who_says_goodbye_goes(link: RedisLink) -> None:
    nodes = RedisAnnouncements(link, "secret")
    async with announced(link, A, "secret"):
        async with announced(link, B, "secret"):
            await said(link, 2)
            assert sorted(await nodes.all(), key=lambda node: node.url) == [A, B]
        assert await nodes.all() == [A]
        # A replica that starts now hears the same.
        assert await RedisAnnouncements(link, "secret").all() == [A]


async def test_only_a_goodbye_takes_a_node_away(link: RedisLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAY_SECONDS", 0.05)
    nodes = RedisAnnouncements(link, "secret")
    async with announced(link, A, "secret"):
        await said(link, 1)
        assert await nodes.all() == [A]
        await link.call(lambda redis: redis.flushall())
        assert await nodes.all() == [A]
        await said(link, 1)
    assert await nodes.all() == []


async def test_who_does_not_know_the_token_is_not_believed(link: RedisLink, caplog: pytest.LogCaptureFixture) -> None:
    nodes = RedisAnnouncements(link, "secret")
    async with announced(link, A, "another"):
        await said(link, 1)
        assert await nodes.all() == []
        assert await nodes.all() == []
    assert caplog.text.count("signed with another ASR_NODE_TOKEN") == 1


@pytest.mark.parametrize("garbage", [b"", b"1", b"9999999999 {}", b"\xff\xfe 12", b"9999999999 abc {}"])
async def test_garbage_is_nobody(link: RedisLink, garbage: bytes) -> None:
    await link.call(lambda redis: redis.hset(KEY, "http://x:1", garbage))
    assert await RedisAnnouncements(link, "secret").all() == []


async def test_a_signed_word_counts_for_its_own_address_only(link: RedisLink) -> None:
    async with announced(link, A, "secret"):
        await said(link, 1)
        words = await link.call(lambda redis: redis.hget(KEY, A.url))
        await link.call(lambda redis: redis.hset(KEY, B.url, words))
        assert await RedisAnnouncements(link, "secret").all() == [A]


async def test_what_nobody_repeats_is_forgotten(link: RedisLink, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = RedisAnnouncements(link, "secret")
    saying = announced(link, A, "secret")
    await saying.__aenter__()
    await said(link, 1)
    assert await nodes.all() == [A]
    words = await link.call(lambda redis: redis.hget(KEY, A.url))
    now = time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + 90_000)
    assert await nodes.all() == []
    # Nor can it be said once more by somebody who only heard it.
    await link.call(lambda redis: redis.hset(KEY, A.url, words))
    assert await RedisAnnouncements(link, "secret").all() == []
    monkeypatch.undo()
    await saying.__aexit__(None, None, None)
    # Redis forgets it, too.
    moment, _, rest = words.partition(b" ")
    await link.call(lambda redis: redis.hset(KEY, A.url, b"%d %s" % (int(moment) - 90_000, rest)))
    await RedisAnnouncements(link, "secret").all()
    assert await link.call(lambda redis: redis.hlen(KEY)) == 0


async def test_without_redis_what_was_known_holds(link: RedisLink) -> None:
    nodes = RedisAnnouncements(link, "secret")
    async with announced(link, A, "secret"):
        await said(link, 1)
        assert await nodes.all() == [A]
        away = RedisLink(parse_redis_url("redis://127.0.0.1:9"))
        nodes._redis = away
        assert await nodes.all() == [A]
        async with announced(away, B, "secret"):
            assert await RedisAnnouncements(away, "secret").all() == []
        await away.close()


async def names(nodes: RedisAnnouncements, wanted: list[str]) -> None:
    async with asyncio.timeout(10):
        while [node.name for node in await nodes.all()] != wanted:
            await asyncio.sleep(0.02)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAY_SECONDS", 0.05)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("first_goes_first", [True, False])
async def test_two_nodes_with_one_address_are_not_one(
    link: RedisLink, caplog: pytest.LogCaptureFixture, first_goes_first: bool
) -> None:
    nodes = RedisAnnouncements(link, "secret")
    first, second = (announced(link, Announcement(A.url, name), "secret") for name in ("first", "second"))
    await first.__aenter__()
    await names(nodes, ["first"])
    await second.__aenter__()
    async with asyncio.timeout(10):
        while "ASR_NODE_URL" not in caplog.text:
            await asyncio.sleep(0.02)
            assert [node.name for node in await nodes.all()] == ["first"]
    assert "another node (first) announces itself at http://10.0.0.5:7861, too" in caplog.text
    await asyncio.sleep(0.3)
    assert caplog.text.count("ASR_NODE_URL") == 1
    # Each says goodbye for itself alone.
    if first_goes_first:
        await first.__aexit__(None, None, None)
        await names(nodes, ["second"])
        await second.__aexit__(None, None, None)
    else:
        await second.__aexit__(None, None, None)
        assert [node.name for node in await nodes.all()] == ["first"]
        await first.__aexit__(None, None, None)
    assert await nodes.all() == []


@pytest.mark.usefixtures("often")
async def test_a_node_that_crashed_and_came_back_takes_its_address(
    link: RedisLink, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENT_SECONDS", 1.0)
    nodes = RedisAnnouncements(link, "secret")
    async with announced(link, Announcement(A.url, "crashed"), "secret"):
        await names(nodes, ["crashed"])
        words = await link.call(lambda redis: redis.hget(KEY, A.url))
    await link.call(lambda redis: redis.hset(KEY, A.url, words))
    async with announced(link, Announcement(A.url, "back"), "secret"):
        await names(nodes, ["crashed"])
        await names(nodes, ["back"])
    assert await nodes.all() == []
    assert "ASR_NODE_URL" not in caplog.text


@pytest.mark.usefixtures("often")
async def test_who_cannot_be_believed_keeps_nobody_from_his_address(link: RedisLink) -> None:
    nodes = RedisAnnouncements(link, "secret")
    async with announced(link, Announcement(A.url, "stranger"), "another"):
        await said(link, 1)
        async with announced(link, A, "secret"):
            await names(nodes, ["甲"])
