"""The expected fingerprint of each model in SQL: implements ``domain.ports.ModelRegistry``."""

from sqlalchemy import Connection, select, update

from storage.columns import DatabaseClock
from storage.sql import Database, insert_or_nothing
from storage.tables import models


class SqlModelRegistry:
    """See ``domain.ports.ModelRegistry``. Raises ``StorageUnavailable``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def expected_fingerprint(self, model: str) -> str | None:
        """``None`` before the first was seen."""
        wanted = select(models.c.fingerprint).where(models.c.name == model)
        return await self._database.read(lambda connection: connection.scalar(wanted))

    async def expect(self, model: str, fingerprint: str) -> None:
        """Replaces what was expected before."""
        await self._database.write(lambda connection: _expect(connection, model, fingerprint))


def _expect(connection: Connection, model: str, fingerprint: str) -> None:
    values = {"fingerprint": fingerprint, "expected_since": DatabaseClock()}
    changed = update(models).where(models.c.name == model).values(**values)
    if connection.execute(changed).rowcount:
        return
    if not connection.execute(insert_or_nothing(connection, models).values(name=model, **values)).rowcount:
        # Another process made the row first; the last word counts.
        connection.execute(changed)
