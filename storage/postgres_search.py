"""Full-text search on PostgreSQL: one GIN index over characters and pairs of characters, cut into stretches of time.

What the index holds of a row (``recognition_tokens``, made by a migration) is one token per character, per pair of
neighbours and per facet (whose, from which node, …): ``684 天气``, where 684 is the *stretch* of twelve days in which
the row was made. So the rows of a stretch that hold 天气 are one short list, and a search reads the newest stretches
first, more each time, until the page is full; a pair that nobody ever said is missed without reading a row.
What is said all the time fills a page from the newest rows, without the index.

The text itself has the last word (``LIKE``): pairs that all occur need not stand together.
"""

import hashlib
from collections.abc import Generator
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, Text, and_, cast, func, literal, select, text
from sqlalchemy.dialects.postgresql import TSQUERY

from storage.pages import in_range, walk
from storage.search import Wanted
from storage.tables import recognitions

_ROW = recognitions.c
#: Bits of a sort key below the number of its stretch (2 ** 30 ms).
_STRETCH_BITS = 45
#: So many of the newest rows are read without the index, and so many more up to so many times where hits are common:
#: the index would have to read all hits of a stretch to know which are the newest.
_NEWEST_ROWS = 1_000
_MORE_ROWS, _MORE_TIMES = 5_000, 8
#: One row in so many is common: among the newest rows, else in a sample from half a stretch before. What is said all
#: the time may be missing from what came in the last hour.
_COMMON_ONE_IN, _SAMPLE_ROWS = 100, 200
#: Large bitmaps of the index must stay exact: a lossy one makes the tokens of every row anew. And what is in the index
#: the planner does not know: it would rather read all rows.
_PLAN_BY_INDEX = text(
    "SELECT set_config('work_mem', '64MB', true), set_config('enable_seqscan', 'off', true), "
    "set_config('enable_indexscan', 'off', true)"
)
#: Pairs that are looked up of all that is asked for, and stretches at a time: the text has the last word anyhow.
_MOST_PAIRS = 8
_MOST_STRETCHES = 64
#: Facets in the order of the function's arguments.
FACETS = ("user", "status", "source", "node", "model", "language", "cache")
_TOKENS = func.recognition_tokens(_ROW.key, _ROW.search_text, *(_ROW[name] for name in FACETS))


class PostgresSearch:
    """See the module. The index follows its table by itself."""

    def add(self, connection: Connection, key: int, user: str, search_text: str) -> None:
        """Nothing to do."""

    def remove(self, connection: Connection, key: int, user: str, search_text: str) -> None:
        """Nothing to do."""

    def newest(self, connection: Connection, wanted: Wanted) -> list[int]:
        """Stretch by stretch, newest first, until there are enough."""
        holds = [_ROW.search_text.like(f"%{_literally(term)}%", escape="\\") for term in wanted.terms]
        exact = replace(wanted, terms=(), hints=(), facets={}, conditions=(*wanted.conditions, *holds))
        span = _span(connection, exact)
        if span is None:
            return []
        first, below = span
        keys: list[int] = []
        rows, times = _NEWEST_ROWS, 1
        while times and below > first and len(keys) < exact.limit:
            edge = _edge(connection, first, below, rows)
            keys += walk(connection, _between(exact, edge, below, exact.limit - len(keys)))
            below, times = edge, times - 1
            if rows == _NEWEST_ROWS and _is_common(connection, exact, first, below, len(keys)):
                rows, times = _MORE_ROWS, _MORE_TIMES
        connection.execute(_PLAN_BY_INDEX)
        needles = _needles(wanted)
        for start, end, stretches in _stretches(first, below):
            if len(keys) >= exact.limit:
                break
            part = _between(exact, start, end, exact.limit - len(keys))
            keys += connection.scalars(_hits(part, needles, stretches))
        return keys


def _hits(part: Wanted, needles: list[list[str]], stretches: list[str]) -> Select[Any]:
    """By the index alone: whatever the planner thinks of the order, the rows are found before they are sorted."""
    asked = " & ".join(
        "(" + " | ".join(_quoted(f"{stretch} {needle}") for stretch in stretches for needle in either) + ")"
        for either in needles
    )
    matches = _TOKENS.op("@@")(cast(literal(asked, Text), TSQUERY))
    # Expressions: of rows newer than its statistics the planner thinks that there are none, and would read them all;
    # and what it knows of times would have it read another index, of every row that was made then.
    key, created_at = _ROW.key + 0, _ROW.created_at + text("interval '0'")
    met = (*part.conditions, *part.made_between(created_at))
    found = select(_ROW.key).where(matches, key >= part.first, key < part.below, *met)
    hits = found.cte("hits").prefix_with("MATERIALIZED")
    return select(hits.c.key).order_by(hits.c.key.desc()).limit(part.limit)


def _needles(wanted: Wanted) -> list[list[str]]:
    """What the tokens of a row must have: one of each list."""
    grams: dict[str, None] = {}
    for term in (*wanted.terms, *wanted.hints):
        pairs = [term[place : place + 2] for place in range(len(term) - 1)] or [term]
        grams |= dict.fromkeys(pairs)
    # Of a long query some, from everywhere in it.
    few = list(grams)[:: -(-len(grams) // _MOST_PAIRS) or 1]
    return [
        *([gram] for gram in few),
        *([_facet(name, value) for value in values] for name, values in wanted.facets.items()),
    ]


def _facet(name: str, value: str) -> str:
    # Longer than any pair of characters, so that no text can be taken for it.
    digest = hashlib.md5(value.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[:12]
    return f"{FACETS.index(name)}={digest}"


def _span(connection: Connection, wanted: Wanted) -> tuple[int, int] | None:
    """The smallest and one more than the largest key that there is in range and times; ``None`` where it is empty.

    Of the day by which clocks may differ only what was made in time counts: the rows that are read first, without the
    index, would all lie in it.
    """
    bounded = in_range(select(_ROW.key), replace(wanted, conditions=()))
    ends = [connection.scalar(bounded.order_by(order).limit(1)) for order in (_ROW.key.asc(), _ROW.key.desc())]
    first, last = ends
    return None if first is None or last is None else (first, last + 1)


def _edge(connection: Connection, first: int, below: int, rows: int) -> int:
    """The key of the last of the newest ``rows``."""
    newest = select(_ROW.key).where(and_(_ROW.key >= first, _ROW.key < below)).order_by(_ROW.key.desc())
    key = connection.scalar(newest.offset(rows - 1).limit(1))
    return first if key is None else key


def _is_common(connection: Connection, exact: Wanted, first: int, below: int, newest: int) -> bool:
    """Whether there are many hits: so many among the ``newest`` rows, or else in rows of some days before."""
    if newest * _COMMON_ONE_IN >= _NEWEST_ROWS:
        return True
    before = below - (1 << (_STRETCH_BITS - 1))
    if before <= first:
        return False
    sample = _between(exact, _edge(connection, first, before, _SAMPLE_ROWS), before, _SAMPLE_ROWS)
    return len(walk(connection, sample)) * _COMMON_ONE_IN >= _SAMPLE_ROWS


def _stretches(first: int, below: int) -> Generator[tuple[int, int, list[str]]]:
    """Ranges of keys, newest first, with the stretches that lie in each."""
    end, last, width = below, (below - 1) >> _STRETCH_BITS, 1
    while end > first:
        oldest = max(last - width + 1, first >> _STRETCH_BITS)
        start = max(first, oldest << _STRETCH_BITS)
        yield start, end, [format(number, "x") for number in range(oldest, last + 1)]
        end, last, width = start, oldest - 1, min(width * 2, _MOST_STRETCHES)


def _between(wanted: Wanted, first: int, below: int, limit: int) -> Wanted:
    return replace(wanted, first=first, below=below, limit=limit)


def _literally(term: str) -> str:
    return term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _quoted(token: str) -> str:
    return "'" + token.replace("\\", "\\\\").replace("'", "''") + "'"
