"""Which rows a page has: keys, newest first, however many rows there are.

The sort key begins with the time of the id, so that a range of dates is a range of keys. Ids are made by the machine
that receives a recording, and dates by the database: their clocks may differ by a day at most.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select, true
from sqlalchemy.sql import exists

from domain.history import HistoryQuery
from domain.ids import is_id
from storage.rows import first_key_at, sort_key
from storage.search import TextSearch, Wanted, query_terms
from storage.tables import recognitions

_ROW, _HELD = recognitions.c, recognitions.alias("held").c
_CLOCKS_DIFFER_SECONDS = 86_400
#: Largest page.
MAX_PAGE_ROWS = 1_000


def visible(user: str | None) -> ColumnElement[bool]:
    """Whose rows a caller sees: the one place that decides it."""
    return true() if user is None else _ROW.user == user


def newest(
    connection: Connection, search: TextSearch, query: HistoryQuery, columns: Sequence[ColumnElement[Any]]
) -> tuple[list[RowMapping], bool]:
    """The rows of a page, and whether more follow."""
    if query.before_id is not None and not is_id(query.before_id):
        return [], False
    wanted = _wanted(connection, query)
    if not wanted.needs_index and query.held is None:
        found = _walk(select(*columns), wanted)
    else:
        # Keys first: sorting whole rows would copy their texts.
        searches = wanted.needs_index and not query.held
        keys = search.newest(connection, wanted) if searches else walk(connection, wanted)
        found = select(*columns).where(_ROW.key.in_(keys)).order_by(_ROW.key.desc())
    rows = connection.execute(found).mappings().all()
    limit = wanted.limit - 1
    return list(rows[:limit]), len(rows) > limit


def _wanted(connection: Connection, query: HistoryQuery) -> Wanted:
    terms = query_terms(query.text)
    facets = _facets(query)
    conditions = [visible(query.user), *(_ROW[name].in_(values) for name, values in facets.items())]
    if query.speaker:
        conditions.append(_is_named(connection, query.speaker))
    if len(terms) == 1 and is_id(terms[0]):
        # Nobody says an id: who looks for one has it from a page.
        conditions.append(_ROW.id == terms[0])
        terms = ()
    if query.held is False:
        conditions.append(_ROW.hold.is_(None))
    elif query.held:
        # Few are, and an index has them, which SQLite takes when asked so. Their texts are looked into one by one.
        conditions.append(_ROW.key.in_(select(_HELD.key).where(_HELD.hold.is_not(None))))
        conditions += [_ROW.search_text.contains(term, autoescape=True) for term in terms]
    return Wanted(
        terms,
        # What a speaker is called can be found as text, too.
        query_terms(query.speaker),
        facets | ({"user": (query.user,)} if query.user is not None else {}),
        tuple(conditions),
        first_key_at(query.since, -_CLOCKS_DIFFER_SECONDS) if query.since else 0,
        _below(connection, query),
        # One more than the page shows tells whether there are more.
        max(1, min(query.limit, MAX_PAGE_ROWS)) + 1,
        query.since,
        query.until,
    )


def walk(connection: Connection, wanted: Wanted) -> list[int]:
    """The keys without any search, in the order of the table."""
    return list(connection.scalars(_walk(select(_ROW.key), wanted)))


def _walk(statement: Select[Any], wanted: Wanted) -> Select[Any]:
    return in_range(statement, wanted).order_by(_ROW.key.desc()).limit(wanted.limit)


def in_range(statement: Select[Any], wanted: Wanted) -> Select[Any]:
    """Narrowed to the conditions, the times and the range of keys."""
    narrowed = statement.where(*wanted.conditions, *wanted.made_between(_ROW.created_at))
    if wanted.first:
        narrowed = narrowed.where(_ROW.key >= wanted.first)
    return narrowed if wanted.below is None else narrowed.where(_ROW.key < wanted.below)


def key_of(connection: Connection, recognition_id: str) -> int:
    """The sort key of a row, also of one that was deleted since its page was read."""
    known = connection.scalar(select(_ROW.key).where(_ROW.id == recognition_id))
    return sort_key(recognition_id) if known is None else known


def _below(connection: Connection, query: HistoryQuery) -> int | None:
    bounds: list[int] = []
    if query.before_id is not None:
        bounds.append(key_of(connection, query.before_id))
    if query.until:
        bounds.append(first_key_at(query.until, _CLOCKS_DIFFER_SECONDS))
    return min(bounds, default=None)


def _facets(query: HistoryQuery) -> dict[str, tuple[str, ...]]:
    values: dict[str, Sequence[str]] = {
        "status": [status.value for status in query.statuses],
        "source": [source.value for source in query.sources],
        "cache": [outcome.value for outcome in query.caches],
        "node": query.nodes,
        "model": query.models,
        "language": query.languages,
    }
    return {name: tuple(wanted) for name, wanted in values.items() if wanted}


def _is_named(connection: Connection, name: str) -> ColumnElement[bool]:
    each = func.json_each_text if connection.dialect.name == "postgresql" else func.json_each
    names = each(_ROW.labels).table_valued("key", "value")
    return exists(select(names.c.value).where(func.lower(names.c.value) == func.lower(name)))
