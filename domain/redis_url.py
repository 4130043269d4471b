"""Where a Redis is, as a setting says it.

``redis://[user:password@]host[:port][/db]``, ``rediss://…`` (TLS) and
``redis+sentinel://[user:password@]host:port,host:port/service[/db]`` (``rediss+sentinel://`` with TLS), where the user
and password are the servers' and those of the sentinels are options. Options after ``?``: see ``OPTIONS``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

SERVER_PORT, SENTINEL_PORT = 6379, 26379
_SCHEMES = ("redis", "rediss", "redis+sentinel", "rediss+sentinel")
#: What may stand after the question mark.
OPTIONS = ("ssl_ca_certs", "ssl_cert_reqs", "sentinel_username", "sentinel_password")


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """One server, or the sentinels that know which server is the primary of ``service``."""

    hosts: tuple[tuple[str, int], ...]
    service: str = ""
    db: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    options: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def __str__(self) -> str:
        """For logs and people: without user and password."""
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        return f"{hosts}/{self.service}/{self.db}" if self.service else f"{hosts}/{self.db}"


def parse_redis_url(text: str) -> RedisAddress:
    """Raises ``ValueError`` with what would be right; the message never holds what may be a password."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        raise ValueError("this is no address; what is special in a password is written as %40 for @") from None
    if parts.scheme not in _SCHEMES:
        raise ValueError("an address such as redis://host:6379/0 or redis+sentinel://host:26379/service/0 is expected")
    has_sentinels = parts.scheme.endswith("+sentinel")
    credentials, _, places = parts.netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    service, db = _path(parts.path, has_sentinels)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := set(options) - set(OPTIONS):
        raise ValueError(f"the option {sorted(unknown)[0]!r} is not known; {', '.join(OPTIONS)} are")
    hosts = tuple(_host(place, SENTINEL_PORT if has_sentinels else SERVER_PORT) for place in places.split(","))
    if len(hosts) > 1 and not has_sentinels:
        raise ValueError("several hosts are for redis+sentinel://host:26379,host:26379/service/0")
    return RedisAddress(
        hosts, service, db, unquote(username), unquote(password), parts.scheme.startswith("rediss"), options
    )


def _path(path: str, has_sentinels: bool) -> tuple[str, int]:
    steps = [unquote(step) for step in path.split("/") if step]
    service = steps.pop(0) if has_sentinels and steps else ""
    if has_sentinels and (not service or (service.isdigit() and not steps)):
        raise ValueError("the sentinels' name of the service is missing: redis+sentinel://host:26379/service/0")
    if len(steps) > 1 or not all(step.isascii() and step.isdigit() for step in steps):
        raise ValueError("a database is a number, such as /0 at the end")
    return service, int(steps[0]) if steps else 0


def _host(place: str, default_port: int) -> tuple[str, int]:
    host, _, rest = place.strip()[1:].partition("]") if place.strip().startswith("[") else ("", "", place.strip())
    if not host:
        host, _, rest = rest.partition(":")
        rest = f":{rest}" if rest else ""
    port = rest.removeprefix(":") or str(default_port)
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError("a host and a port are expected, such as redis://host:6379/0")
    return host, int(port)
