"""The history in SQL: implements ``domain.ports.HistoryStore``.

The attempt is the fence: a row is finished only by who claimed it last. Claims are safe between processes because
SQLite's writers take turns and PostgreSQL's skip each other's rows. Row times are the database's, never a caller's.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, true, update
from sqlalchemy import delete as delete_from
from sqlalchemy.exc import IntegrityError

from domain.ids import is_id
from domain.ports import NamesChange
from domain.recognition import HistoryPage, HistoryQuery, Progress, Recognition, Status
from storage.columns import DatabaseClock
from storage.rows import (
    ALL_COLUMNS,
    LIST_COLUMNS,
    bare_segments,
    new_values,
    outcome_values,
    recognition_of,
    sort_key,
    with_names,
    with_speakers,
)
from storage.search import query_terms
from storage.sql import Database
from storage.tables import owners, recognitions

_ROW = recognitions.c
_FINAL = tuple(status.value for status in Status if status.is_final)
#: Values in one IN list; databases limit them.
_BATCH = 500
#: Keys that are tried for one row; each is taken with a chance of 1 in 32,768 per other row of the same millisecond.
_KEY_TRIES = 8
#: Largest page.
MAX_PAGE_ROWS = 1_000
#: Owners that were not heard of for so long are forgotten; their rows were claimed long before.
_FORGET_OWNER_AFTER = timedelta(days=1)


class SqlHistory:
    """See ``domain.ports.HistoryStore`` for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, row: Recognition) -> None:
        """Adds and commits; ``created_at`` becomes the database's time. A known id changes nothing."""
        await self._database.write(lambda connection: self._insert(connection, row))

    def _insert(self, connection: Connection, row: Recognition) -> None:
        values = new_values(row)
        times = {"created_at": DatabaseClock()}
        if row.status is Status.RUNNING:
            times["started_at"] = DatabaseClock()
        if row.status.is_final:
            times["finished_at"] = DatabaseClock()
        first = sort_key(row.id)
        for key in range(first, first + _KEY_TRIES):
            if connection.scalar(select(_ROW.key).where(_ROW.id == row.id)) is not None:
                return
            try:
                with connection.begin_nested():
                    connection.execute(insert(recognitions).values(key=key, **values, **times))
            except IntegrityError:
                # Either this id landed in between, or another id of the same millisecond has the same first bits.
                if key == first + _KEY_TRIES - 1:
                    raise
            else:
                self._database.search.add(connection, key, values["user"], values["search_text"])
                return

    async def get(self, recognition_id: str, *, user: str | None) -> Recognition | None:
        """The whole row."""
        if not is_id(recognition_id):
            return None
        wanted = select(*ALL_COLUMNS).where(_ROW.id == recognition_id, _visible(user))

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
        self._database.search.remove(connection, before.key, before.user, before.search_text)
        self._database.search.add(connection, before.key, before.user, text)
        return True

    async def cancel_queued(self, recognition_id: str, *, user: str | None) -> bool:
        """Only while nobody runs it."""
        changed = (
            update(recognitions)
            .where(_ROW.id == recognition_id, _ROW.status == Status.QUEUED.value, _visible(user))
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

        def claimable(connection: Connection) -> list[int]:
            return _claimable(connection, owner, running, stale_after, limit)

        # Most polls find nothing: they need not make the writers wait.
        if limit < 1 or not await self._database.read(claimable):
            return []

        def take(connection: Connection) -> list[Recognition]:
            _forget_owners(connection, max(stale_after, _FORGET_OWNER_AFTER))
            keys = claimable(connection)
            changes = {"status": Status.RUNNING.value, "owner": owner, "started_at": DatabaseClock()}
            connection.execute(
                update(recognitions).where(_ROW.key.in_(keys)).values(attempt=_ROW.attempt + 1, **changes)
            )
            return _rows(connection, keys, ALL_COLUMNS, _ROW.key)

        return await self._database.write(take)

    async def heartbeat(self, owner: str) -> None:
        """One statement, but for the first time."""
        await self._database.write(lambda connection: _heartbeat(connection, owner))

    async def retire(self, owner: str) -> None:
        """Its running rows belong to nobody; it may still finish them as long as nobody claims them."""
        running = and_(_ROW.owner == owner, _ROW.status == Status.RUNNING.value)

        def leave(connection: Connection) -> None:
            connection.execute(update(recognitions).where(running).values(owner=None))
            connection.execute(delete_from(owners).where(owners.c.name == owner))

        await self._database.write(leave)

    async def page(self, query: HistoryQuery) -> HistoryPage:
        """At most ``MAX_PAGE_ROWS`` rows, without word times (a 4-hour recording has megabytes of them)."""
        return await self._database.read(lambda connection: self._page(connection, query))

    def _page(self, connection: Connection, query: HistoryQuery) -> HistoryPage:
        found, key = self._database.search.find(query_terms(query.text), query.user)
        found = found.where(_visible(query.user))
        if query.statuses:
            found = found.where(_ROW.status.in_([status.value for status in query.statuses]))
        if query.since:
            found = found.where(_ROW.created_at >= query.since)
        if query.until:
            found = found.where(_ROW.created_at < query.until)
        if query.before_id is not None:
            if not is_id(query.before_id):
                return HistoryPage((), None)
            found = found.where(key < _key_of(connection, query.before_id))
        limit = max(1, min(query.limit, MAX_PAGE_ROWS))
        # Keys first: sorting whole rows would copy their texts.
        keys = list(connection.scalars(found.order_by(key.desc()).limit(limit + 1)))
        rows = _rows(connection, keys[:limit], LIST_COLUMNS, _ROW.key.desc())
        return HistoryPage(tuple(rows), rows[-1].id if len(keys) > limit else None)

    async def set_labels(self, recognition_id: str, change: NamesChange, *, user: str | None) -> Recognition | None:
        """One transaction reads, asks and writes: SQLite's writers take turns, PostgreSQL locks the row."""
        if not is_id(recognition_id):
            return None
        wanted = and_(_ROW.id == recognition_id, _ROW.status.in_(_FINAL), _visible(user))

        def apply(connection: Connection) -> Recognition | None:
            found = select(_ROW.key, _ROW.labels, _ROW.segments).where(wanted).with_for_update()
            before = connection.execute(found).one_or_none()
            if before is None:
                return None
            names, speakers = change(before.labels, bare_segments(before.segments))
            values: dict[str, Any] = {"labels": with_names(before.labels, names)}
            if speakers:
                values["segments"] = with_speakers(before.segments, speakers)
            connection.execute(update(recognitions).where(_ROW.key == before.key).values(**values))
            return _rows(connection, [before.key], ALL_COLUMNS, _ROW.key)[0]

        return await self._database.write(apply)

    async def delete(self, recognition_ids: Sequence[str], *, user: str | None) -> list[str]:
        """Queued and running rows stay."""
        wanted = list(dict.fromkeys(item for item in recognition_ids if is_id(item)))
        return await self._database.write(lambda connection: self._delete(connection, wanted, user))

    def _delete(self, connection: Connection, wanted: Sequence[str], user: str | None) -> list[str]:
        audio_keys: dict[str, None] = {}
        for start in range(0, len(wanted), _BATCH):
            doomed = and_(_ROW.id.in_(wanted[start : start + _BATCH]), _ROW.status.in_(_FINAL), _visible(user))
            rows = connection.execute(
                select(_ROW.key, _ROW.user, _ROW.search_text, _ROW.audio_key).where(doomed).with_for_update()
            ).all()
            for row in rows:
                self._database.search.remove(connection, row.key, row.user, row.search_text)
            connection.execute(delete_from(recognitions).where(_ROW.key.in_([row.key for row in rows])))
            audio_keys |= dict.fromkeys(row.audio_key for row in rows if row.audio_key)
        in_use = _audio_keys_in_use(connection, list(audio_keys))
        return [key for key in audio_keys if key not in in_use]

    async def audio_keys_in_use(self, keys: Sequence[str]) -> set[str]:
        """Whatever the rows' states and users."""
        return await self._database.read(lambda connection: _audio_keys_in_use(connection, keys))


def _visible(user: str | None) -> ColumnElement[bool]:
    """Whose rows a caller sees: the one place that decides it."""
    return true() if user is None else _ROW.user == user


def _is_run(recognition_id: str, attempt: int) -> ColumnElement[bool]:
    return and_(_ROW.id == recognition_id, _ROW.attempt == attempt, _ROW.status == Status.RUNNING.value)


def _claimable(
    connection: Connection, claimer: str, running: Collection[str], stale_after: timedelta, limit: int
) -> list[int]:
    oldest_sign_of_life = _now(connection) - stale_after
    last_seen = select(owners.c.seen_at).where(owners.c.name == _ROW.owner).scalar_subquery()
    orphaned = or_(
        _ROW.owner.is_(None),
        and_(_ROW.owner != claimer, last_seen < oldest_sign_of_life),
        and_(or_(_ROW.owner == claimer, last_seen.is_(None)), _ROW.started_at < oldest_sign_of_life),
    )
    claimable = or_(_ROW.status == Status.QUEUED.value, and_(_ROW.status == Status.RUNNING.value, orphaned))
    # What the claimer runs is left out here: hundreds of ids are more than a statement should hold. A loop that was
    # held up, so that its heartbeat is old, would otherwise fence off its own work.
    statement = select(_ROW.key, _ROW.id).where(claimable).order_by(_ROW.key).limit(limit + len(running))
    found = connection.execute(statement.with_for_update(skip_locked=True)).all()
    return [row.key for row in found if row.id not in running][:limit]


def _rows(
    connection: Connection, keys: Sequence[int], columns: Sequence[ColumnElement[Any]], order: ColumnElement[Any]
) -> list[Recognition]:
    found = connection.execute(select(*columns).where(_ROW.key.in_(keys)).order_by(order))
    return [recognition_of(dict(row)) for row in found.mappings()]


def _key_of(connection: Connection, recognition_id: str) -> int:
    known = connection.scalar(select(_ROW.key).where(_ROW.id == recognition_id))
    # The row may have been deleted since its page was read.
    return sort_key(recognition_id) if known is None else known


def _audio_keys_in_use(connection: Connection, keys: Sequence[str]) -> set[str]:
    in_use: set[str | None] = set()
    for start in range(0, len(keys), _BATCH):
        in_use.update(
            connection.scalars(select(_ROW.audio_key).where(_ROW.audio_key.in_(keys[start : start + _BATCH])))
        )
    return {key for key in in_use if key}


def _heartbeat(connection: Connection, owner: str) -> None:
    seen = update(owners).where(owners.c.name == owner).values(seen_at=DatabaseClock())
    if connection.execute(seen).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(owners).values(name=owner, seen_at=DatabaseClock()))
    except IntegrityError:
        # The same owner came first from another connection.
        connection.execute(seen)


def _forget_owners(connection: Connection, unseen_for: timedelta) -> None:
    connection.execute(delete_from(owners).where(owners.c.seen_at < _now(connection) - unseen_for))


def _now(connection: Connection) -> datetime:
    return connection.execute(select(DatabaseClock())).scalar_one()
