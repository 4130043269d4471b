"""Who runs which row: claims, signs of life. Each function is part of a transaction of ``storage.history``."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, or_, select, update
from sqlalchemy import delete as delete_from

from domain.recognition import Status
from storage.columns import DatabaseClock
from storage.sql import insert_or_nothing
from storage.tables import owners, recognitions

_ROW = recognitions.c
#: Owners that were not heard of for so long are forgotten; their rows were claimed long before.
_FORGET_OWNER_AFTER = timedelta(days=1)


def claimable(
    connection: Connection,
    claimer: str,
    running: Collection[str],
    stale_after: timedelta,
    limit: int,
    *,
    lock: bool,
) -> list[int]:
    """Keys of rows that ``claimer`` may take, oldest first; with ``lock`` nobody else gets them meanwhile."""
    oldest_sign_of_life = _now(connection) - stale_after
    last_seen = select(owners.c.seen_at).where(owners.c.name == _ROW.owner).scalar_subquery()
    orphaned = or_(
        _ROW.owner.is_(None),
        and_(_ROW.owner != claimer, last_seen < oldest_sign_of_life),
        and_(or_(_ROW.owner == claimer, last_seen.is_(None)), _ROW.started_at < oldest_sign_of_life),
    )
    free = or_(_ROW.status == Status.QUEUED.value, and_(_ROW.status == Status.RUNNING.value, orphaned))
    # What the claimer runs is left out here: hundreds of ids are more than a statement should hold. A loop that was
    # held up, so that its heartbeat is old, would otherwise fence off its own work.
    statement = select(_ROW.key, _ROW.id).where(free).order_by(_ROW.key).limit(limit + len(running))
    found = connection.execute(statement.with_for_update(skip_locked=True) if lock else statement).all()
    return [row.key for row in found if row.id not in running][:limit]


def take(connection: Connection, keys: list[int], owner: str) -> None:
    """Makes rows that :func:`claimable` locked the owner's."""
    changes = {"status": Status.RUNNING.value, "owner": owner, "started_at": DatabaseClock()}
    connection.execute(update(recognitions).where(_ROW.key.in_(keys)).values(attempt=_ROW.attempt + 1, **changes))


def heartbeat(connection: Connection, owner: str) -> None:
    """One statement, but for the first time."""
    seen = update(owners).where(owners.c.name == owner).values(seen_at=DatabaseClock())
    if connection.execute(seen).rowcount:
        return
    first = insert_or_nothing(connection, owners).values(name=owner, seen_at=DatabaseClock())
    if not connection.execute(first).rowcount:
        # The same owner came first from another connection.
        connection.execute(seen)


def retire(connection: Connection, owner: str) -> None:
    """Its running rows belong to nobody; it may still finish them as long as nobody claims them."""
    running = and_(_ROW.owner == owner, _ROW.status == Status.RUNNING.value)
    connection.execute(update(recognitions).where(running).values(owner=None))
    connection.execute(delete_from(owners).where(owners.c.name == owner))


def forget_owners(connection: Connection, stale_after: timedelta) -> None:
    """Owners that went without a word, long ago."""
    unseen_for = max(stale_after, _FORGET_OWNER_AFTER)
    connection.execute(delete_from(owners).where(owners.c.seen_at < _now(connection) - unseen_for))


def _now(connection: Connection) -> datetime:
    return connection.execute(select(DatabaseClock())).scalar_one()
