"""What is kept past its time and what is not, in SQL: implements ``domain.history_ports.RetentionStore``.

Any number of processes may sweep at once: rows are locked in one order, and a second one finds nothing left to do.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, or_, select, update

from domain.audio_keys import first_key_at
from domain.history_ports import ForgottenAudio
from domain.ids import is_id
from domain.recognition import Hold, Recognition, Status
from storage.columns import DatabaseClock
from storage.pages import visible
from storage.rows import ALL_COLUMNS, recognition_of, sort_key
from storage.rows import first_key_at as first_row_at
from storage.sql import Database
from storage.tables import recognitions

_ROW = recognitions.c
_FINAL = tuple(status.value for status in Status if status.is_final)


class SqlRetention:
    """See ``domain.history_ports.RetentionStore`` for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_hold(self, recognition_id: str, hold: Hold | None, *, user: str | None) -> Recognition | None:
        """One transaction."""
        if not is_id(recognition_id):
            return None

        def apply(connection: Connection) -> Recognition | None:
            wanted = select(_ROW.key, _ROW.audio_key).where(_ROW.id == recognition_id, visible(user))
            found = connection.execute(wanted).one_or_none()
            if found is None:
                return None
            mine = _ROW.key == found.key
            # The row itself stays meant where a sweep that was first took its recording away.
            same = or_(mine, _ROW.audio_key == found.audio_key) if found.audio_key else mine
            keys = connection.scalars(select(_ROW.key).where(same, visible(user)).order_by(_ROW.key).with_for_update())
            value = hold.to_json() if hold else None
            connection.execute(update(recognitions).where(_ROW.key.in_(keys.all())).values(hold=value))
            row = connection.execute(select(*ALL_COLUMNS).where(_ROW.key == found.key)).mappings().one_or_none()
            return recognition_of(dict(row)) if row else None

        return await self._database.write(apply)

    async def now(self) -> datetime:
        """The database's."""
        return await self._database.read(lambda connection: connection.execute(select(DatabaseClock())).scalar_one())

    async def forget_audio(self, before: datetime, *, after: str = "", limit: int = 200) -> ForgottenAudio:
        """By the time in the keys, which is also their order."""

        def look(connection: Connection, *, lock: bool = False) -> _Old:
            return _old_audio(connection, before, after, limit, lock=lock)

        # Most looks find nothing, and need not make the writers wait.
        old = await self._database.read(look)
        if not old.gone:
            return ForgottenAudio((), old.last)

        def forget(connection: Connection) -> ForgottenAudio:
            old = look(connection, lock=True)
            connection.execute(update(recognitions).where(_ROW.key.in_(old.rows)).values(audio_key=None))
            return ForgottenAudio(old.gone, old.last)

        return await self._database.write(forget)

    async def expired(self, before: datetime, *, after_id: str | None = None, limit: int = 200) -> list[str]:
        """In the order of the history's keys."""
        old = _ROW.key < first_row_at(before)
        later = _ROW.key > sort_key(after_id) if after_id else _ROW.key >= 0
        wanted = select(_ROW.id).where(old, later, _ROW.status.in_(_FINAL), _ROW.hold.is_(None))
        ordered = wanted.order_by(_ROW.key).limit(limit)
        return await self._database.read(lambda connection: list(connection.scalars(ordered)))


class _Old(NamedTuple):
    """Recordings that nobody holds or works on, the rows that refer to them, and the last one looked at."""

    gone: list[str]
    rows: list[int]
    last: str | None


def _old_audio(connection: Connection, before: datetime, after: str, limit: int, *, lock: bool) -> _Old:
    old = and_(_ROW.audio_key < first_key_at(before), _ROW.audio_key > after)
    listed = select(_ROW.audio_key).where(old).distinct().order_by(_ROW.audio_key).limit(limit)
    keys = [str(key) for key in connection.scalars(listed)]
    rows = select(_ROW.key, _ROW.audio_key, _ROW.status, _ROW.hold).where(_ROW.audio_key.in_(keys)).order_by(_ROW.key)
    # Locked, then looked at: what a person does meanwhile comes before or after.
    found = connection.execute(rows.with_for_update() if lock else rows).all()
    kept = {row.audio_key for row in found if row.status not in _FINAL or row.hold}
    return _Old(
        [key for key in keys if key not in kept],
        [row.key for row in found if row.audio_key not in kept],
        keys[-1] if keys else None,
    )
