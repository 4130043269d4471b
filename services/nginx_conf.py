"""nginx's configuration, out of a template and the addresses of the cluster.

Whatever is put into it has been checked or is written as a comment of one line: no name and no address can say
anything to nginx.
"""

import hashlib
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from urllib.parse import urlsplit

from domain.errors import InvalidOptions
from domain.membership import checked_url
from domain.node import NodeIntent

#: What the form around a file may take beyond the largest upload, in MB.
_FORM_MB = 100
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
#: Weights are whole numbers to nginx: so fine are they told apart.
_FINEST_WEIGHT = 10
#: A node is left out as long as the web UI's own board takes to miss one; a replica that restarts is back sooner.
_NODE_FAILURES, _REPLICA_FAILURES = "max_fails=2 fail_timeout=15s", "max_fails=2 fail_timeout=5s"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something listens, as nginx is told it: ``10.0.0.5:7861``, ``[fd00::5]:7861``, ``gpu-1:7861``."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def parse_place(url: str) -> Place:
    """Raises :class:`InvalidOptions` where nginx could not be told the address."""
    parts = urlsplit(checked_url(url))
    host = parts.hostname or ""
    if parts.path:
        raise _refused(url, "nginx balances between addresses without a path")
    if not _is_address(host) and not _HOST_NAME.fullmatch(host):
        raise _refused(url, "this is no name of a machine")
    return Place(parts.scheme, host, parts.port or _DEFAULT_PORTS[parts.scheme])


def web_conf(template: str, replicas: Sequence[str], *, port: int, max_upload_mb: int) -> str:
    """The replicas of the web UI, by address. Raises :class:`InvalidOptions`."""
    places = [parse_place(url) for url in dict.fromkeys(replicas)]
    servers = [f"server {place} {_REPLICA_FAILURES};" for place in places]
    return _fill(
        template,
        scheme=_scheme(places),
        servers=_lines(servers),
        port=str(port),
        max_body_mb=str(max_upload_mb + _FORM_MB),
    )


def nodes_conf(template: str, nodes: Sequence[tuple[NodeIntent, Place]], *, port: int, max_upload_mb: int) -> str:
    """The pool of nodes, each with where it listens: an address, not a name. Raises :class:`InvalidOptions`."""
    # Two names may lead to one address.
    serving = list({str(place): (node, place) for node, place in reversed(nodes) if not node.drain}.values())[::-1]
    if not serving:
        raise InvalidOptions("there is no node to write of", field="nodes", reason="no_nodes")
    places = [place for _, place in serving]
    marks = [hashlib.sha256(str(place).encode()).hexdigest()[:12] for place in places]
    weights = whole_weights([node.weight for node, _ in serving])
    # nginx wants one that is none.
    all_backup = all(node.backup for node, _ in serving)
    servers = [
        f"server {place} weight={weight} {_NODE_FAILURES}{' backup' if node.backup and not all_backup else ''};"
        f"  # {comment(node.name or node.url)}"
        for (node, place), weight in zip(serving, weights, strict=True)
    ]
    return _fill(
        template,
        scheme=_scheme(places),
        servers=_lines(servers),
        single="\n".join(
            f"upstream asr_node_{mark} {{ server {place}; }}" for mark, place in zip(marks, places, strict=True)
        ),
        by_cookie=_lines([f"{mark} asr_node_{mark};" for mark in marks]),
        by_address=_lines(
            [
                f'"~[ ,]{re.escape(str(place))}$" "asr_node={mark}; Path=/; HttpOnly; SameSite=Lax";'
                for mark, place in zip(marks, places, strict=True)
            ]
        ),
        left_out="\n".join(
            f"# Drained, and left out: {comment(node.name or node.url)}" for node, _ in nodes if node.drain
        ),
        port=str(port),
        max_body_mb=str(max_upload_mb + _FORM_MB),
    )


def whole_weights(weights: Sequence[float]) -> list[int]:
    """The same proportions in the smallest whole numbers, to a tenth."""
    tenth = Fraction(1, _FINEST_WEIGHT)
    parts = [max(Fraction(weight).limit_denominator(_FINEST_WEIGHT), tenth) for weight in weights]
    scale = lcm(*(part.denominator for part in parts))
    whole = [int(part * scale) for part in parts]
    return [number // gcd(*whole) for number in whole]


def comment(text: str) -> str:
    """On one line, without what would command nginx or a terminal."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _scheme(places: Sequence[Place]) -> str:
    found = sorted({place.scheme for place in places})
    if not found:
        raise InvalidOptions("there is no replica to write of", field="replicas", reason="no_replicas")
    if len(found) > 1:
        message = "some are reached by http and some by https: nginx asks all of one pool in the same way"
        raise InvalidOptions(message, field="url", reason="mixed_schemes")
    return found[0]


def _lines(lines: Sequence[str]) -> str:
    return "\n    ".join(lines)


def _fill(template: str, **values: str) -> str:
    """Puts each value in its place, once: what a value says is no place."""
    return re.sub(r"@([a-z_]+)@", lambda found: values[found[1]], template)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    # An IPv6 address may have a zone, of any characters.
    return "%" not in host


def _refused(url: str, why: str) -> InvalidOptions:
    message = f"{url[:100]!r}: {why}; such as http://10.0.0.5:7861 is expected"
    return InvalidOptions(message, field="url", reason="no_address", got=url[:100])
