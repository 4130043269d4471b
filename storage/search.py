"""What can be found, and how: the same meaning on every database.

A row is found when each word of the query (split at white space) stands somewhere in its texts or its file name,
whatever the case and width of the letters. A word of Chinese is any run of characters, from one on.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Select

#: Words of a query that are used; people type two or three.
MAX_TERMS = 16
#: Characters of a query that are read.
MAX_QUERY_CHARS = 300


class TextSearch(Protocol):
    """The index of one kind of database; changed in the same transaction as the rows."""

    def add(self, connection: Connection, key: int, user: str, search_text: str) -> None:
        """Indexes a row."""
        ...

    def remove(self, connection: Connection, key: int, user: str, search_text: str) -> None:
        """Forgets a row; ``user`` and ``search_text`` are those it was added with."""
        ...

    def find(self, terms: Sequence[str], user: str | None) -> tuple[Select[Any], ColumnElement[int]]:
        """A statement for the keys of the rows that hold all ``terms``, and its key column to filter and sort by.

        ``recognitions`` is part of the statement, so that it can be narrowed further. ``user`` is a help only: the
        caller filters by it as well.
        """
        ...


def search_text(*parts: str | None) -> str:
    """What is indexed of a row: its texts one below the other, each once, folded."""
    folded = [_fold(part) for part in parts if part]
    return "\n".join(dict.fromkeys(part for part in folded if part))


def query_terms(query: str) -> tuple[str, ...]:
    """The words of a query, folded as the texts are."""
    return tuple(dict.fromkeys(_fold(query[:MAX_QUERY_CHARS]).split()))[:MAX_TERMS]


def _fold(text: str) -> str:
    whole = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(whole.replace("\x00", " ").encode("utf-8", "replace").decode().split())
