"""From an address to a client of redis-py that waits for nothing by itself: ``storage.redis_link`` bounds the time."""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

from domain.redis_url import RedisAddress

#: A connection that cannot be made, or closed, within this time is given up, if nobody did so earlier.
CONNECT_SECONDS = 2.0
#: A sentinel that says nothing for this long is passed over for the next one.
SENTINEL_SECONDS = 0.1


class RedisClient:
    """The client, and whatever must be closed with it."""

    def __init__(self, address: RedisAddress) -> None:
        self._sentinel: Sentinel | None = None
        if not address.service:
            ((host, port),) = address.hosts
            self.commands: Any = Redis(host=host, port=port, **_options(address))
            return
        asked = {
            "username": address.options.get("sentinel_username"),
            "password": address.options.get("sentinel_password"),
            "socket_timeout": SENTINEL_SECONDS,
            "socket_connect_timeout": SENTINEL_SECONDS,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            **_tls(address),
        }
        sentinel: Any = Sentinel(list(address.hosts), sentinel_kwargs=asked, **_options(address))
        self._sentinel, self.commands = sentinel, sentinel.master_for(address.service)

    async def forget_connections(self) -> None:
        """Closes the idle ones, which may be dead without knowing it."""
        await self.commands.connection_pool.disconnect(inuse_connections=False)

    async def close(self) -> None:
        """Closes everything."""
        await self.commands.aclose()
        if self._sentinel:
            await self._sentinel.aclose()


def _options(address: RedisAddress) -> dict[str, Any]:
    return {
        "db": address.db,
        "username": address.username or None,
        "password": address.password or None,
        # redis-py would wait 5 s and try ten times. Once more at once is for a connection that the server has closed.
        "socket_timeout": None,
        "socket_connect_timeout": CONNECT_SECONDS,
        "retry": Retry(NoBackoff(), 1),
        # A new connection costs one round trip, and none is spent on introducing the library.
        "protocol": 2,
        "driver_info": None,
        **_tls(address),
    }


def _tls(address: RedisAddress) -> dict[str, Any]:
    if not address.tls:
        return {}
    checked = address.options.get("ssl_cert_reqs", "required")
    return {
        "ssl": True,
        "ssl_ca_certs": address.options.get("ssl_ca_certs"),
        "ssl_cert_reqs": checked,
        "ssl_check_hostname": checked != "none",
    }
