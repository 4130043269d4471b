"""Times as the database keeps them."""

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: zoned in Python, UTC in the database (SQLite keeps no zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Zoned again."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class DatabaseClock(FunctionElement[datetime]):
    """The database's own time, so that machines whose clocks differ agree on who was seen when."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(DatabaseClock)
def _standard_clock(element: DatabaseClock, compiler: SQLCompiler, **options: object) -> str:
    return "clock_timestamp()"


@compiles(DatabaseClock, "sqlite")
def _sqlite_clock(element: DatabaseClock, compiler: SQLCompiler, **options: object) -> str:
    # Spelled as SQLAlchemy stores times, so that they compare as text.
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
