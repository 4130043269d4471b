"""What administrators said of nodes, in SQL: implements ``domain.ports.NodeStore``."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from domain.membership import Membership, NodeEvent, StoredNode
from storage.columns import DatabaseClock
from storage.sql import Database, insert_or_nothing
from storage.tables import node_events, nodes

#: Lines of the log that are kept.
MAX_EVENTS = 10_000
_NOTHING_SAID: Mapping[str, Any] = {"membership": Membership.AS_FOUND.value, "drain": False, "token": ""}


class SqlNodes:
    """See ``domain.ports.NodeStore``. Raises ``StorageUnavailable``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rows(self) -> list[StoredNode]:
        """All that was said, by address."""
        wanted = select(nodes).order_by(nodes.c.url)
        return await self._database.read(lambda c: [_stored(row) for row in c.execute(wanted).mappings()])

    async def change(self, url: str, values: Mapping[str, Any], event: NodeEvent) -> None:
        """Sets the fields and writes the line, both or neither."""
        await self._database.write(lambda connection: _change(connection, url, values, event))

    async def log(self, limit: int, *, before: str = "") -> list[NodeEvent]:
        """The newest lines first."""
        wanted = select(node_events).order_by(node_events.c.id.desc()).limit(limit)
        if before:
            wanted = wanted.where(node_events.c.id < before)
        return await self._database.read(lambda c: [NodeEvent(**row) for row in c.execute(wanted).mappings()])


def _change(connection: Connection, url: str, values: Mapping[str, Any], event: NodeEvent) -> None:
    if values:
        changed = update(nodes).where(nodes.c.url == url).values(**values)
        if not connection.execute(changed).rowcount:
            added = insert_or_nothing(connection, nodes).values(url=url, **{**_NOTHING_SAID, **values})
            if not connection.execute(added).rowcount:
                # Another process made the row first; each sets its own fields.
                connection.execute(changed)
    line = {"id": event.id, "at": DatabaseClock(), "user": event.user, "action": event.action, "node": event.node}
    connection.execute(insert(node_events).values(**line, details=dict(event.details)))
    newest = select(node_events.c.id).order_by(node_events.c.id.desc()).offset(MAX_EVENTS).limit(1)
    oldest_to_go = connection.scalar(newest)
    if oldest_to_go:
        connection.execute(delete(node_events).where(node_events.c.id <= oldest_to_go))


def _stored(row: RowMapping) -> StoredNode:
    return StoredNode(
        row["url"],
        Membership(row["membership"]),
        row["name"],
        row["weight"],
        row["slots"],
        row["backup"],
        row["drain"],
        row["token"],
    )
