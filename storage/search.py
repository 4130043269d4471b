"""What can be found, and how: the same meaning on every database.

A row is found when each word of the query (split at white space) stands somewhere in its texts or its file name,
whatever the case and width of the letters. A word of Chinese is any run of characters, from one on.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection

#: Words of a query that are used; people type two or three.
MAX_TERMS = 16
#: Characters of a query that are read.
MAX_QUERY_CHARS = 300


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which keys: those in ``first <= key < below`` that meet every condition and hold every term, newest first.

    ``since`` and ``until``: when the row was made, by the database's clock; by other clocks the keys agree nearly.
    """

    terms: tuple[str, ...]
    #: Terms that follow from the conditions: a help only.
    hints: tuple[str, ...]
    #: The conditions as values by column, for an index that knows them: a help only.
    facets: Mapping[str, tuple[str, ...]]
    #: Over ``recognitions``; all but the times, also those that ``facets`` repeats.
    conditions: tuple[ColumnElement[bool], ...]
    first: int
    below: int | None
    limit: int
    since: datetime | None = None
    until: datetime | None = None

    @property
    def needs_index(self) -> bool:
        """Whether walking through the rows may take long: they are in the order of their keys, and by user."""
        return bool(self.terms or self.hints or set(self.facets) - {"user"})

    def made_between(self, created_at: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        """The times as conditions on a column, or an expression of it."""
        conditions: list[ColumnElement[bool]] = []
        if self.since:
            conditions.append(created_at >= self.since)
        if self.until:
            conditions.append(created_at < self.until)
        return conditions


class TextSearch(Protocol):
    """The index of one kind of database; changed in the same transaction as the rows."""

    def add(self, connection: Connection, key: int, user: str, search_text: str) -> None:
        """Indexes a row."""
        ...

    def remove(self, connection: Connection, key: int, user: str, search_text: str) -> None:
        """Forgets a row; ``user`` and ``search_text`` are those it was added with."""
        ...

    def newest(self, connection: Connection, wanted: Wanted) -> list[int]:
        """The keys, newest first, at most ``wanted.limit``."""
        ...


def index_anew(search: TextSearch, connection: Connection, key: int, user: str, *, before: str, after: str) -> None:
    """A row's ``search_text`` is another one now."""
    if before != after:
        search.remove(connection, key, user, before)
        search.add(connection, key, user, after)


def search_text(*parts: str | None) -> str:
    """What is indexed of a row: its texts one below the other, each once, folded."""
    texts = [_fold(part) for part in parts if part]
    return "\n".join(dict.fromkeys(text for text in texts if text))


def query_terms(query: str) -> tuple[str, ...]:
    """The words of a query, folded as the texts are."""
    return tuple(dict.fromkeys(_fold(query[:MAX_QUERY_CHARS]).split()))[:MAX_TERMS]


def _fold(text: str) -> str:
    whole = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(whole.replace("\x00", " ").encode("utf-8", "replace").decode().split())
