"""A node tells the web UIs that it is there, where it has what that takes: their Redis and their token."""

import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from cli.node import DEFAULT_PORT
from cluster.announcements import announced
from domain.membership import Announcement, checked_url
from domain.redis_url import RedisAddress, parse_redis_url
from settings import Settings
from settings import is_loopback_host as _is_here
from storage.redis_link import RedisLink

_log = logging.getLogger(__name__)


@asynccontextmanager
async def announcing(settings: Settings, port: int) -> AsyncGenerator[None]:
    """The node that listens on ``port`` is known for as long as the context lasts. Raises :class:`InvalidOptions`."""
    if not settings.nodes_announce:
        yield
        return
    address = parse_redis_url(settings.redis_url.get_secret_value())
    node = announcement(settings, port, address)
    if _is_here(urlsplit(node.url).hostname or "") and not all(_is_here(host) for host, _ in address.hosts):
        # Each web UI would look for it on its own machine.
        _log.warning(
            "node announces itself to nobody: %s is this machine alone; set ASR_HOST or ASR_NODE_URL", node.url
        )
        yield
        return
    link = RedisLink(address, role="announcement")
    _log.info("node announces itself as %s at %s", node.name, node.url)
    try:
        async with announced(link, node, settings.node_token.get_secret_value()):
            yield
    finally:
        await link.close()


def announcement(settings: Settings, port: int, redis: RedisAddress) -> Announcement:
    """What the node says of itself. Where it is not told how it is reached: by the address that leads to ``redis``."""
    machine = socket.gethostname()
    name = settings.node_name or (machine if port == DEFAULT_PORT else f"{machine}:{port}")
    if settings.node_url:
        return Announcement(checked_url(settings.node_url), name)
    host = _own_address(redis) if settings.host in ("0.0.0.0", "::") else settings.host
    return Announcement(f"http://{f'[{host}]' if ':' in host else host}:{port}", name)


def _own_address(redis: RedisAddress) -> str:
    """The address from which this machine reaches that one; nothing is sent."""
    for host, port in redis.hosts:
        try:
            family, kind, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind) as probe:
                probe.connect(place)
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return socket.gethostname()
