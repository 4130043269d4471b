"""The history in SQL: implements ``domain.ports.HistoryStore``.

The attempt is the fence: a row is finished only by who claimed it last. Claims are safe between processes because
SQLite's writers take turns and PostgreSQL's skip each other's rows. Row times are the database's, never a caller's.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update
from sqlalchemy import delete as delete_from
from sqlalchemy.exc import IntegrityError

from domain.ids import is_id
from domain.ports import NamesChange
from domain.recognition import HistoryPage, HistoryQuery, Progress, Recognition, Status
from domain.transcript import Transcript
from storage import claims
from storage.columns import DatabaseClock
from storage.pages import newest_keys, visible
from storage.rows import (
    ALL_COLUMNS,
    LIST_COLUMNS,
    bare_segments,
    found_by,
    new_values,
    outcome_values,
    recognition_of,
    sort_key,
    with_names,
    with_speakers,
)
from storage.sql import Database
from storage.tables import recognitions

_ROW = recognitions.c
_NAMED_COLUMNS = (_ROW.key, _ROW.user, _ROW.filename, _ROW.labels, _ROW.segments, _ROW.search_text)
_FINAL = tuple(status.value for status in Status if status.is_final)
#: Values in one IN list; databases limit them.
_BATCH = 500
#: Keys that are tried for one row; each is taken with a chance of 1 in 32,768 per other row of the same millisecond.
_KEY_TRIES = 8


class SqlHistory:
    """See ``domain.ports.HistoryStore`` for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, row: Recognition) -> None:
        """Adds and commits; ``created_at`` becomes the database's time. A known id changes nothing."""
        times = {"created_at": DatabaseClock()}
        if row.status is Status.RUNNING:
            times["started_at"] = DatabaseClock()
        if row.status.is_final:
            times["finished_at"] = DatabaseClock()
        await self._database.write(lambda connection: self._insert(connection, row, times))

    def _insert(self, connection: Connection, row: Recognition, times: Mapping[str, Any]) -> bool:
        """Whether the row is new."""
        values = new_values(row)
        first = sort_key(row.id)
        for key in range(first, first + _KEY_TRIES):
            if connection.scalar(select(_ROW.key).where(_ROW.id == row.id)) is not None:
                return False
            try:
                with connection.begin_nested():
                    connection.execute(insert(recognitions).values(key=key, **values, **times))
            except IntegrityError:
                # Either this id landed in between, or another id of the same millisecond has the same first bits.
                if key == first + _KEY_TRIES - 1:
                    raise
            else:
                self._database.search.add(connection, key, values["user"], values["search_text"])
                return True
        raise AssertionError("unreachable: the last key raises")

    async def add_or_finish(self, row: Recognition) -> None:
        """Brings in a row that was made while the database was away: whole, or its final state where it is known.

        Its times stay as they are; ``started_at`` is now, so that its owner counts as heard of.
        """
        times = {"created_at": row.created_at, "finished_at": row.finished_at, "started_at": DatabaseClock()}

        def bring_in(connection: Connection) -> None:
            if not self._insert(connection, row, times) and row.status.is_final:
                self._finish(connection, row)

        # A text of many hours takes its time in the index, and this is not the moment to give up.
        await self._database.write(bring_in, patient=True)

    async def insert_imported(self, rows: Sequence[Recognition]) -> int:
        """All of them in one transaction; the times stay as they are."""
        return await self._database.write(lambda connection: sum(self._import(connection, row) for row in rows))

    def _import(self, connection: Connection, row: Recognition) -> bool:
        if not row.status.is_final:
            raise ValueError(f"{row.status.value} is no final state")
        return self._insert(connection, row, {"created_at": row.created_at, "finished_at": row.finished_at})

    async def get(self, recognition_id: str, *, user: str | None) -> Recognition | None:
        """The whole row."""
        if not is_id(recognition_id):
            return None
        wanted = select(*ALL_COLUMNS).where(_ROW.id == recognition_id, visible(user))

        def read(connection: Connection) -> Recognition | None:
            row = connection.execute(wanted).mappings().one_or_none()
            return recognition_of(dict(row)) if row else None

        return await self._database.read(read)

    async def save_progress(self, recognition_id: str, attempt: int, progress: Progress) -> bool:
        """Fenced by ``attempt``."""
        changed = update(recognitions).where(_is_run(recognition_id, attempt)).values(progress=progress.to_json())
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
        self._search_anew(connection, before.key, before.user, before.search_text, text)
        return True

    def _search_anew(self, connection: Connection, key: int, user: str, before: str, after: str) -> None:
        if before != after:
            self._database.search.remove(connection, key, user, before)
            self._database.search.add(connection, key, user, after)

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
        # Keys first: sorting whole rows would copy their texts.
        keys, more = newest_keys(connection, self._database.search, query)
        rows = _rows(connection, keys, LIST_COLUMNS, _ROW.key.desc())
        return HistoryPage(tuple(rows), rows[-1].id if more else None)

    async def set_labels(self, recognition_id: str, change: NamesChange, *, user: str | None) -> Recognition | None:
        """One transaction reads, asks and writes: SQLite's writers take turns, PostgreSQL locks the row."""
        if not is_id(recognition_id):
            return None
        wanted = and_(_ROW.id == recognition_id, _ROW.status.in_(_FINAL), visible(user))

        def apply(connection: Connection) -> Recognition | None:
            found = select(*_NAMED_COLUMNS).where(wanted).with_for_update()
            before = connection.execute(found).one_or_none()
            if before is None:
                return None
            names, speakers = change(before.labels, bare_segments(before.segments))
            labels = with_names(before.labels, names)
            text = found_by(before.filename, Transcript(tuple(bare_segments(before.segments))), labels)
            values: dict[str, Any] = {"labels": labels, "search_text": text}
            if speakers:
                values["segments"] = with_speakers(before.segments, speakers)
            connection.execute(update(recognitions).where(_ROW.key == before.key).values(**values))
            self._search_anew(connection, before.key, before.user, before.search_text, text)
            return _rows(connection, [before.key], ALL_COLUMNS, _ROW.key)[0]

        return await self._database.write(apply)

    async def delete(self, recognition_ids: Sequence[str], *, user: str | None) -> list[str]:
        """Queued and running rows stay."""
        wanted = list(dict.fromkeys(item for item in recognition_ids if is_id(item)))
        return await self._database.write(lambda connection: self._delete(connection, wanted, user))

    def _delete(self, connection: Connection, wanted: Sequence[str], user: str | None) -> list[str]:
        audio_keys: dict[str, None] = {}
        for start in range(0, len(wanted), _BATCH):
            doomed = and_(_ROW.id.in_(wanted[start : start + _BATCH]), _ROW.status.in_(_FINAL), visible(user))
            found = select(_ROW.key, _ROW.user, _ROW.search_text, _ROW.audio_key).where(doomed)
            # In one order, so that two who delete the same rows never wait for each other.
            rows = connection.execute(found.order_by(_ROW.key).with_for_update()).all()
            for row in rows:
                self._database.search.remove(connection, row.key, row.user, row.search_text)
            connection.execute(delete_from(recognitions).where(_ROW.key.in_([row.key for row in rows])))
            audio_keys |= dict.fromkeys(row.audio_key for row in rows if row.audio_key)
        in_use = _audio_keys_in_use(connection, list(audio_keys))
        return [key for key in audio_keys if key not in in_use]

    async def audio_keys_in_use(self, keys: Sequence[str]) -> set[str]:
        """Whatever the rows' states and users."""
        return await self._database.read(lambda connection: _audio_keys_in_use(connection, keys))


def _is_run(recognition_id: str, attempt: int) -> ColumnElement[bool]:
    return and_(_ROW.id == recognition_id, _ROW.attempt == attempt, _ROW.status == Status.RUNNING.value)


def _rows(
    connection: Connection, keys: Sequence[int], columns: Sequence[ColumnElement[Any]], order: ColumnElement[Any]
) -> list[Recognition]:
    found = connection.execute(select(*columns).where(_ROW.key.in_(keys)).order_by(order))
    return [recognition_of(dict(row)) for row in found.mappings()]


def _audio_keys_in_use(connection: Connection, keys: Sequence[str]) -> set[str]:
    in_use: set[str | None] = set()
    for start in range(0, len(keys), _BATCH):
        in_use.update(
            connection.scalars(select(_ROW.audio_key).where(_ROW.audio_key.in_(keys[start : start + _BATCH])))
        )
    return {key for key in in_use if key}
