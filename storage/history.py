"""The history in SQL: implements ``domain.history_ports.HistoryStore``.

The attempt is the fence: a row is finished only by who claimed it last. Claims are safe between processes because
SQLite's writers take turns and PostgreSQL's skip each other's rows. Row times are the database's, never a caller's.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, update
from sqlalchemy import delete as delete_from

from domain.errors import StorageUnavailable
from domain.history import Deletion, HistoryPage, HistoryQuery
from domain.history_ports import Change
from domain.ids import is_id
from domain.recognition import Progress, Recognition, Status
from storage import claims
from storage.amendments import amend
from storage.columns import DatabaseClock
from storage.pages import newest, visible
from storage.rows import (
    ALL_COLUMNS,
    LIST_COLUMNS,
    new_values,
    outcome_values,
    recognition_of,
    sort_key,
)
from storage.search import index_anew
from storage.sql import Database, insert_or_nothing
from storage.tables import recognitions
from storage.versions import give_number, version_keys

_ROW = recognitions.c
_FINAL = tuple(status.value for status in Status if status.is_final)
#: Values in one IN list; databases limit them.
_BATCH = 500
#: Keys that are tried for one row; the first is taken with a chance of 1 in 32,768 per row that another process makes
#: in the same millisecond, and then perhaps those that follow it.
_KEY_TRIES = 8


class SqlHistory:
    """See ``domain.history_ports.HistoryStore`` for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, row: Recognition) -> Recognition:
        """Adds and commits; ``created_at`` becomes the database's time. A known id changes nothing."""
        times = {"created_at": DatabaseClock()}
        if row.status is Status.RUNNING:
            times["started_at"] = DatabaseClock()
        if row.status.is_final:
            times["finished_at"] = DatabaseClock()

        def add(connection: Connection) -> Recognition:
            version = self._insert(connection, row, times)
            if version is None:
                version = connection.scalar(select(_ROW.version).where(_ROW.id == row.id))
            return row.with_changes(version=version)

        return await self._database.write(add)

    def _insert(self, connection: Connection, row: Recognition, times: Mapping[str, Any]) -> int | None:
        """The number of a new row among its versions; ``None`` where the row is known already."""
        is_known = select(_ROW.key).where(_ROW.id == row.id)
        if row.version_of and connection.scalar(is_known) is not None:
            return None  # and is given no second number
        values = new_values(row)
        first = sort_key(row.id)
        for key in range(first, first + _KEY_TRIES):
            numbered = values | give_number(connection, row)
            added = insert_or_nothing(connection, recognitions).values(key=key, **numbered, **times)
            version = connection.scalar(added.returning(_ROW.version))
            if version is not None:
                self._database.search.add(connection, key, values["user"], values["search_text"])
                return version
            if connection.scalar(is_known) is not None:
                return None
            # Another id of the same millisecond has the same first bits, or somebody was given the same number of a
            # recording whose other versions were being deleted. The next try may skip a number; none is given twice.
        raise StorageUnavailable("the row finds no place in the history", part="database")

    async def add_or_finish(self, row: Recognition) -> None:
        """Brings in a row that was made while the database was away: whole, or its final state where it is known.

        Its times stay as they are; ``started_at`` is now, so that its owner counts as heard of.
        """
        times = {"created_at": row.created_at, "finished_at": row.finished_at, "started_at": DatabaseClock()}

        def bring_in(connection: Connection) -> None:
            if self._insert(connection, row, times) is None and row.status.is_final:
                self._finish(connection, row)

        # A text of many hours takes its time in the index, and this is not the moment to give up.
        await self._database.write(bring_in, patient=True)

    async def insert_imported(self, rows: Sequence[Recognition]) -> int:
        """All of them in one transaction; the times stay as they are."""
        return await self._database.write(lambda connection: sum(self._import(connection, row) for row in rows))

    def _import(self, connection: Connection, row: Recognition) -> bool:
        if not row.status.is_final:
            raise ValueError(f"{row.status.value} is no final state")
        times = {"created_at": row.created_at, "finished_at": row.finished_at}
        return self._insert(connection, row, times) is not None

    async def get(self, recognition_id: str, *, user: str | None) -> Recognition | None:
        """The whole row."""
        if not is_id(recognition_id):
            return None
        wanted = select(*ALL_COLUMNS).where(_ROW.id == recognition_id, visible(user))

        def read(connection: Connection) -> Recognition | None:
            row = connection.execute(wanted).mappings().one_or_none()
            return recognition_of(dict(row)) if row else None

        return await self._database.read(read)

    async def save_progress(
        self, recognition_id: str, attempt: int, progress: Progress, *, audio_id: str | None = None
    ) -> bool:
        """Fenced by ``attempt``."""
        values: dict[str, Any] = {"progress": progress.to_json(), **({"audio_id": audio_id} if audio_id else {})}
        changed = update(recognitions).where(_is_run(recognition_id, attempt)).values(**values)
        return await self._database.write(lambda connection: connection.execute(changed).rowcount == 1)

    async def finish(self, row: Recognition) -> bool:
        """Fenced by ``row.attempt``; ``finished_at`` becomes the database's time."""
        if not row.status.is_final:
            raise ValueError(f"{row.status.value} is no final state")
        return await self._database.write(lambda connection: self._finish(connection, row))

    def _finish(self, connection: Connection, row: Recognition) -> bool:
        mine = _is_run(row.id, row.attempt)
        before = connection.execute(
            select(_ROW.key, _ROW.user, _ROW.search_text).where(mine).with_for_update()
        ).one_or_none()
        if before is None:
            return False
        values = outcome_values(row)
        text = values["search_text"]
        ended = update(recognitions).where(_ROW.key == before.key)
        connection.execute(ended.values(**values, status=row.status.value, progress=None, finished_at=DatabaseClock()))
        search = self._database.search
        index_anew(search, connection, before.key, before.user, before=before.search_text, after=text)
        return True

    async def cancel_queued(self, recognition_id: str, *, user: str | None) -> bool:
        """Only while nobody runs it."""
        changed = (
            update(recognitions)
            .where(_ROW.id == recognition_id, _ROW.status == Status.QUEUED.value, visible(user))
            .values(status=Status.CANCELLED.value, progress=None, finished_at=DatabaseClock())
        )
        if not is_id(recognition_id):
            return False
        return await self._database.write(lambda connection: connection.execute(changed).rowcount == 1)

    async def claim(
        self, owner: str, limit: int, *, stale_after_seconds: float, running: Collection[str]
    ) -> list[Recognition]:
        """Oldest first. ``owner`` names one process start and has to heartbeat, or its rows are claimed in turn."""
        stale_after = timedelta(seconds=stale_after_seconds)

        def look(connection: Connection, *, lock: bool = False) -> list[int]:
            return claims.claimable(connection, owner, running, stale_after, limit, lock=lock)

        # Most polls find nothing: they need not make the writers wait.
        if limit < 1 or not await self._database.read(look):
            return []

        def take(connection: Connection) -> list[Recognition]:
            claims.forget_owners(connection, stale_after)
            keys = look(connection, lock=True)
            claims.take(connection, keys, owner)
            return _rows(connection, keys, ALL_COLUMNS, _ROW.key)

        return await self._database.write(take)

    async def heartbeat(self, owner: str) -> None:
        """One statement, but for the first time."""
        await self._database.write(lambda connection: claims.heartbeat(connection, owner))

    async def retire(self, owner: str) -> None:
        """Its running rows belong to nobody; it may still finish them as long as nobody claims them."""
        await self._database.write(lambda connection: claims.retire(connection, owner))

    async def page(self, query: HistoryQuery) -> HistoryPage:
        """At most ``MAX_PAGE_ROWS`` rows, without word times (a 4-hour recording has megabytes of them)."""
        return await self._database.read(lambda connection: self._page(connection, query))

    def _page(self, connection: Connection, query: HistoryQuery) -> HistoryPage:
        found, more = newest(connection, self._database.search, query, LIST_COLUMNS)
        rows = tuple(recognition_of(dict(row)) for row in found)
        return HistoryPage(rows, rows[-1].id if more else None)

    async def versions(self, recognition_id: str, *, user: str | None) -> list[Recognition]:
        """Found by the index of ``version_of``."""
        if not is_id(recognition_id):
            return []

        def read(connection: Connection) -> list[Recognition]:
            return _rows(connection, version_keys(connection, recognition_id, user), LIST_COLUMNS, _ROW.version)

        return await self._database.read(read)

    async def amend(self, recognition_id: str, change: Change, *, user: str | None) -> Recognition | None:
        """One transaction reads, asks and writes: SQLite's writers take turns, PostgreSQL locks the row."""
        if not is_id(recognition_id):
            return None
        wanted = and_(_ROW.id == recognition_id, _ROW.status == Status.SUCCEEDED.value, visible(user))

        def apply(connection: Connection) -> Recognition | None:
            key = amend(connection, self._database.search, wanted, change)
            return None if key is None else _rows(connection, [key], ALL_COLUMNS, _ROW.key)[0]

        return await self._database.write(apply)

    async def ids(self, query: HistoryQuery) -> list[str]:
        """In the order of the page."""

        def read(connection: Connection) -> list[str]:
            rows, _ = newest(connection, self._database.search, query, [_ROW.id])
            return [row["id"] for row in rows]

        return await self._database.read(read)

    async def delete(self, recognition_ids: Sequence[str], *, user: str | None) -> Deletion:
        """What is referred to is looked up after the commit: of two who delete the last two rows of a recording at
        once, the later one finds that nothing is left."""
        wanted = list(dict.fromkeys(item for item in recognition_ids if is_id(item)))
        done = await self._database.write(lambda connection: self._delete(connection, wanted, user))
        keys_in_use = await self.audio_keys_in_use(done.audio_keys)
        ids_in_use = await self._database.read(lambda connection: _in_use(connection, _ROW.audio_id, done.audio_ids))
        return replace(
            done,
            audio_keys=tuple(key for key in done.audio_keys if key not in keys_in_use),
            audio_ids=tuple(name for name in done.audio_ids if name not in ids_in_use),
        )

    def _delete(self, connection: Connection, wanted: Sequence[str], user: str | None) -> Deletion:
        gone: list[Any] = []
        kept: Counter[bool] = Counter()
        for start in range(0, len(wanted), _BATCH):
            named = and_(_ROW.id.in_(wanted[start : start + _BATCH]), visible(user))
            doomed = and_(named, _ROW.status.in_(_FINAL), _ROW.hold.is_(None))
            found = select(_ROW.key, _ROW.user, _ROW.search_text, _ROW.audio_key, _ROW.audio_id).where(doomed)
            # In one order, so that two who delete the same rows never wait for each other.
            rows = connection.execute(found.order_by(_ROW.key).with_for_update()).all()
            for row in rows:
                self._database.search.remove(connection, row.key, row.user, row.search_text)
            connection.execute(delete_from(recognitions).where(_ROW.key.in_([row.key for row in rows])))
            gone += [(row.audio_key, row.audio_id) for row in rows]
            kept.update(connection.scalars(select(_ROW.status.in_(_FINAL)).where(named)))
        return Deletion(
            len(gone),
            under_way=kept[False],
            held=kept[True],
            audio_keys=tuple(dict.fromkeys(key for key, _ in gone if key)),
            audio_ids=tuple(dict.fromkeys(name for _, name in gone if name)),
        )

    async def audio_keys_in_use(self, keys: Sequence[str]) -> set[str]:
        """Whatever the rows' states and users."""
        return await self._database.read(lambda connection: _in_use(connection, _ROW.audio_key, keys))


def _is_run(recognition_id: str, attempt: int) -> ColumnElement[bool]:
    return and_(_ROW.id == recognition_id, _ROW.attempt == attempt, _ROW.status == Status.RUNNING.value)


def _rows(
    connection: Connection, keys: Sequence[int], columns: Sequence[ColumnElement[Any]], order: ColumnElement[Any]
) -> list[Recognition]:
    found = connection.execute(select(*columns).where(_ROW.key.in_(keys)).order_by(order))
    return [recognition_of(dict(row)) for row in found.mappings()]


def _in_use(connection: Connection, column: ColumnElement[Any], values: Sequence[str]) -> set[str]:
    """Those of the values that some row has in this column."""
    found: set[str] = set()
    for start in range(0, len(values), _BATCH):
        found.update(connection.scalars(select(column).where(column.in_(values[start : start + _BATCH])).distinct()))
    return found
