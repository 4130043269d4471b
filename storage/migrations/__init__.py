"""The schema, one step at a time (alembic, configured in code: there is no path in any file).

Processes that start at once take turns: the whole migration is one transaction, alone, and who comes second finds the
work done.
"""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from domain.errors import StorageUnavailable
from storage.sql import open_database


def upgrade(url: str, revision: str = "head") -> None:
    """Brings the database at ``url`` up to ``revision``, making it where there is none.

    Blocks; takes milliseconds when there is nothing to do. Raises :class:`StorageUnavailable`.
    """
    _migrate(url, lambda connection: command.upgrade(_config(connection), revision))


def downgrade(url: str, revision: str) -> None:
    """Takes the database back to ``revision`` (``base``: empty). Raises :class:`StorageUnavailable`."""
    _migrate(url, lambda connection: command.downgrade(_config(connection), revision))


def newest_revision() -> str | None:
    """The revision that this program needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def current_revision(connection: Connection) -> str | None:
    """The revision that the database has; ``None`` where it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def _migrate(url: str, work: Callable[[Connection], None]) -> None:
    database = open_database(url)

    def alone(connection: Connection) -> None:
        database.lock_schema(connection)
        work(connection)

    try:
        database.run(alone, writes=True, patient=True)
    except (CommandError, SQLAlchemyError) as error:
        raise StorageUnavailable(
            f"the database cannot be migrated (was it made by a newer version of this program?): {error}",
            part="database",
            reason="unknown_revision" if isinstance(error, CommandError) else "migration_failed",
        ) from error
    finally:
        database.close()


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    # Interpolated by configparser, to which a percent sign in a path is syntax.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
