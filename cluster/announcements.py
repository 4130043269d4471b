"""Nodes that say themselves that they are there, in the Redis that they share with the replicas.

``asr:nodes`` is a hash: address → when it was said (Redis's clock) and what, signed with the cluster's node token.
Whoever can write to Redis but does not know the token cannot have recordings sent to a machine of its own.

An address belongs to the node that said it first, as long as it goes on. Another that finds out the same address for
itself (the same container address on two hosts, a copied ``ASR_NODE_URL``) says in its log what is to be done, and
neither speaks for the other nor says goodbye for it.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from domain.errors import InvalidOptions
from domain.membership import Announcement
from domain.plain import as_number
from domain.redis_calls import RedisAway, RedisCalls

_log = logging.getLogger(__name__)

KEY = "asr:nodes"
#: How often a node says that it is there, and for how long that counts, in seconds. How it is, its health tells.
SAY_SECONDS, BELIEVED_SECONDS = 5.0, 86_400.0
#: Who has said nothing for so long, in seconds, by Redis's clock, leaves its address to the next.
SILENT_SECONDS = 15.0
_GOODBYE = "goodbye"
_SAY, _SAID = (
    (Path(__file__).parent / "lua" / f"nodes_{name}.lua").read_text(encoding="utf-8") for name in ("say", "said")
)


class RedisAnnouncements:
    """Implements ``domain.ports.Announcements``.

    Only a goodbye takes a node away: while Redis is away, or after it was emptied, what was said before holds.
    """

    def __init__(self, redis: RedisCalls, token: str) -> None:
        self._redis = redis
        self._token = token
        self._known: dict[str, tuple[Announcement, float]] = {}
        self._refused: set[str] = set()

    async def all(self) -> list[Announcement]:
        """See the port."""
        with suppress(RedisAway, RedisError):
            said: list[bytes] = await self._redis.call(lambda redis: redis.eval(_SAID, 1, KEY, round(BELIEVED_SECONDS)))
            for url, words in zip(said[::2], said[1::2], strict=True):
                self._take(url.decode(errors="replace"), words)
        self._known = {url: (node, at) for url, (node, at) in self._known.items() if _counts(at)}
        return [node for node, _ in self._known.values()]

    def _take(self, url: str, words: bytes) -> None:
        try:
            what, announced, at, _ = _read(words, self._token)
            if announced.url != url:
                raise ValueError("it names another address")
        except (InvalidOptions, KeyError, TypeError, ValueError) as error:
            if url not in self._refused:
                self._refused.add(url)
                _log.warning("%s announced itself, but cannot be believed: %s", url[:200], error)
            return
        self._refused.discard(url)
        if what == _GOODBYE:
            self._known.pop(url, None)
        else:
            self._known[url] = announced, at


@asynccontextmanager
async def announced(redis: RedisCalls, node: Announcement, token: str) -> AsyncGenerator[None]:
    """Says that the node is there for as long as the context lasts, and goodbye at its end."""

    instance = secrets.token_hex(8)
    other = _Other(node.url, instance, token)

    async def say(what: str) -> None:
        words = _signed(what, node, token, instance)
        try:
            if not await redis.call(other.is_there):
                await redis.call(lambda client: client.eval(_SAY, 1, KEY, node.url, words))
        except (RedisAway, RedisError) as error:
            _log.debug("nobody could be told that %s is there: %s", node.url, error)

    async def go_on() -> None:
        while True:
            await say("here")
            await asyncio.sleep(SAY_SECONDS)

    saying = asyncio.create_task(go_on(), name=f"announcement of {node.url}")
    try:
        yield
    finally:
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)
        await say(_GOODBYE)


class _Other:
    """Another node that says that it is at this one's address."""

    def __init__(self, url: str, instance: str, token: str) -> None:
        self._url = url
        self._instance = instance
        self._token = token
        #: When this node first looked, by Redis's clock, in seconds.
        self._began: int | None = None
        self._is_told = False

    async def is_there(self, client: Any) -> bool:
        """Whether it has spoken lately. Once it does so after this node began, the log has it."""
        now: int = (await client.time())[0]
        said: bytes = await client.hget(KEY, self._url) or b""
        self._began = now if self._began is None else self._began
        moment, _, words = said.partition(b" ")
        try:
            spoken = int(moment)
            what, node, _, instance = _read(words, self._token)
        except (InvalidOptions, KeyError, TypeError, ValueError):
            return False
        if instance == self._instance or what == _GOODBYE or now - spoken > SILENT_SECONDS or node.url != self._url:
            self._is_told = False
            return False
        # What was said before may be the last word of one that crashed, perhaps this one's own.
        if spoken > self._began and not self._is_told:
            self._is_told = True
            _log.warning(
                "another node (%s) announces itself at %s, too, so that web UIs know only one of the two: set "
                "ASR_NODE_URL on each of them to an address that leads to it alone",
                node.name,
                self._url,
            )
        return True


def _signed(what: str, node: Announcement, token: str, instance: str) -> str:
    said = {"what": what, "at": int(time.time()), "instance": instance, **node.to_json()}
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return f"{_signature(text, token)} {text}"


def _read(words: bytes, token: str) -> tuple[str, Announcement, float, str]:
    """What was said, by whom, when by its own clock, and by which start of it."""
    signature, _, text = words.decode().partition(" ")
    if not hmac.compare_digest(signature.encode(), _signature(text, token).encode()):
        raise ValueError("it was signed with another ASR_NODE_TOKEN")
    data: dict[str, Any] = json.loads(text)
    at = as_number(data["at"])
    if not _counts(at):
        raise ValueError("it was said long ago, or its clock is wrong")
    return str(data["what"]), Announcement.from_json(data), at, str(data.get("instance", ""))


def _counts(at: float) -> bool:
    """By the clocks of both machines, which may differ by much less than this: nobody can repeat what was said once."""
    return abs(time.time() - at) <= BELIEVED_SECONDS


def _signature(text: str, token: str) -> str:
    return hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest()
