"""Which nodes belong to the cluster: the settings name some, administrators add some, others announce themselves.

The three merge by address. What an administrator says of a node is durable, wins, and stands apart from what is
observed: a heartbeat never undoes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlsplit

from domain.errors import InvalidOptions
from domain.node import NodeIntent, Origin
from domain.plain import as_number, as_object, as_whole

#: What a weight and a number of slots may be.
MAX_WEIGHT, MAX_SLOTS = 1000.0, 256
MAX_NAME_CHARS = 80


class Membership(StrEnum):
    """What an administrator said of a node's belonging."""

    ADDED = "added"
    REMOVED = "removed"
    #: Nothing: it belongs as long as the settings name it or it announces itself.
    AS_FOUND = "as_found"


@dataclass(frozen=True, slots=True)
class StoredNode:
    """What administrators said of a node (SQL). ``None``: nothing, it is as the settings or the node itself say."""

    url: str
    membership: Membership = Membership.AS_FOUND
    name: str | None = None
    weight: float | None = None
    slots: int | None = None
    backup: bool | None = None
    drain: bool = False
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a node says of itself to all replicas: where they reach it, and how people call it."""

    url: str
    name: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"url": self.url, "name": self.name}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`. Raises ``KeyError``, ``TypeError`` or :class:`InvalidOptions` on garbage."""
        data = as_object(data)
        return cls(checked_url(str(data["url"])), **checked_fields({"name": data["name"]}))


@dataclass(frozen=True, slots=True)
class NodeEvent:
    """One line of the log: who did what to which node. ``details`` names the new values, never a secret."""

    id: str
    at: datetime
    user: str
    action: str
    node: str
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def to_json(self) -> dict[str, Any]:
        """Plain data, as the API returns it."""
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "user": self.user,
            "action": self.action,
            "node": self.node,
            "details": dict(self.details),
        }


def members(
    configured: Iterable[NodeIntent], stored: Iterable[StoredNode], announced: Iterable[Announcement]
) -> list[NodeIntent]:
    """All nodes of the cluster, in the order of the sources; each address once, and none that was removed."""
    found: dict[str, NodeIntent] = {}
    for intent in configured:
        found.setdefault(intent.url, replace(intent, origin=Origin.CONFIGURED))
    said = {row.url: row for row in stored}
    for row in said.values():
        if row.membership is Membership.ADDED:
            found.setdefault(row.url, NodeIntent(row.url, origin=Origin.ADDED))
    for node in announced:
        found.setdefault(node.url, NodeIntent(node.url, node.name, origin=Origin.ANNOUNCED))
    return [
        _as_said(intent, said[url]) if url in said else intent
        for url, intent in found.items()
        if url not in said or said[url].membership is not Membership.REMOVED
    ]


def _as_said(intent: NodeIntent, row: StoredNode) -> NodeIntent:
    return replace(
        intent,
        name=intent.name if row.name is None else row.name,
        weight=intent.weight if row.weight is None else row.weight,
        slots=intent.slots if row.slots is None else row.slots,
        backup=intent.backup if row.backup is None else row.backup,
        drain=row.drain,
        token=row.token or intent.token,
    )


def checked_url(url: str) -> str:
    """The address of a node, as it is compared. Raises :class:`InvalidOptions`."""
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        raise _no_address(url) from None
    # Name and password would end up in logs; a query leads nowhere.
    more = parts.username or parts.password or parts.query or parts.fragment
    if scheme not in ("http", "https") or not host or port == 0 or more:
        raise _no_address(url)
    if len(url) > 500 or any(char.isspace() for char in url):
        raise _no_address(url)
    host = f"[{host}]" if ":" in host else host
    is_usual = port in (None, 443 if scheme == "https" else 80)
    return f"{scheme}://{host}{'' if is_usual else f':{port}'}{parts.path.rstrip('/')}"


def _no_address(url: str) -> InvalidOptions:
    message = f"node {url[:100]!r}: an address such as http://10.0.0.5:7861 is expected"
    return InvalidOptions(message, field="url", reason="no_node_address", got=url[:100])


def checked_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that may be said of a node, as they are kept. Raises :class:`InvalidOptions`, ``TypeError``."""
    checks = {"name": _name, "weight": _weight, "slots": _slots, "backup": _yes_or_no}
    unknown = set(given) - set(checks)
    if unknown:
        known = ", ".join(sorted(checks))
        message = f"{', '.join(sorted(unknown))[:100]} is not known of a node; {known} are"
        raise InvalidOptions(message, field=min(unknown)[:40], reason="unknown_field")
    return {key: checks[key](value) for key, value in given.items()}


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidOptions("a name is a text", field="name", reason="not_text")
    name = " ".join(value.split())
    if len(name) > MAX_NAME_CHARS:
        message = f"a name has at most {MAX_NAME_CHARS} characters"
        raise InvalidOptions(message, field="name", reason="name_too_long", limit=MAX_NAME_CHARS)
    return name


def _weight(value: Any) -> float:
    try:
        weight = as_number(value)
    except (TypeError, ValueError):
        weight = 0.0
    if not 0 < weight <= MAX_WEIGHT:
        message = f"weight must lie in (0, {MAX_WEIGHT:.0f}]"
        raise InvalidOptions(message, field="weight", reason="weight_range", limit=f"{MAX_WEIGHT:.0f}")
    return weight


def _slots(value: Any) -> int | None:
    if value in (None, ""):
        return None
    try:
        slots = as_whole(value)
    except (TypeError, ValueError):
        slots = 0
    if not 1 <= slots <= MAX_SLOTS:
        message = f"slots must lie in [1, {MAX_SLOTS}]"
        raise InvalidOptions(message, field="slots", reason="slots_range", limit=MAX_SLOTS)
    return slots


def _yes_or_no(value: Any) -> bool:
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    said = words.get(str(value).strip().lower())
    if said is None:
        message = f"backup is {str(value)[:20]!r}; true or false is expected"
        raise InvalidOptions(message, field="backup", reason="not_a_flag", got=str(value)[:20])
    return said
