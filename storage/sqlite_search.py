"""Full-text search on SQLite: FTS5 over single characters.

Every character is a token of its own, written as its code point, so that a phrase of tokens is exactly a run of
characters: right for one Chinese character, for half a word and for punctuation. (FTS5's trigram tokenizer gives wrong
answers below three characters, and unicode61 alone takes a Chinese sentence for one word.) The row id is the
sort key of the row, so that hits come newest first without sorting.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Select, column, literal_column, select, table, text

from storage.tables import recognitions

_INDEX = table("recognition_search", column("rowid", Integer))
_ADD = text("INSERT INTO recognition_search (rowid, visitor, body) VALUES (:key, :visitor, :body)")
# A contentless table forgets a row only when it is told again what it was made of.
_REMOVE = text(
    "INSERT INTO recognition_search (recognition_search, rowid, visitor, body) VALUES ('delete', :key, :visitor, :body)"
)


class SqliteSearch:
    """See the module."""

    def add(self, connection: Connection, key: int, user: str, search_text: str) -> None:
        """Indexes a row."""
        connection.execute(_ADD, _entry(key, user, search_text))

    def remove(self, connection: Connection, key: int, user: str, search_text: str) -> None:
        """Forgets a row."""
        connection.execute(_REMOVE, _entry(key, user, search_text))

    def find(self, terms: Sequence[str], user: str | None) -> tuple[Select[Any], ColumnElement[int]]:
        """The keys of matching rows; without terms, of all."""
        if not terms:
            return select(recognitions.c.key), recognitions.c.key
        phrases = [f'body : "{_tokens(term)}"' for term in terms]
        if user is not None:
            phrases.append(f'visitor : "{_visitor(user)}"')
        # The plus keeps SQLite from asking the index once per row; it then walks the hits, newest first.
        joined = recognitions.c.key == literal_column("+recognition_search.rowid", Integer)
        matches = literal_column("recognition_search").op("MATCH")(" AND ".join(phrases))
        return select(_INDEX.c.rowid).join_from(_INDEX, recognitions, joined).where(matches), _INDEX.c.rowid


def _entry(key: int, user: str, search_text: str) -> dict[str, object]:
    return {"key": key, "visitor": _visitor(user), "body": _tokens(search_text)}


def _tokens(folded: str) -> str:
    return " ".join(format(ord(char), "x") for char in folded)


def _visitor(user: str) -> str:
    return hashlib.blake2b(user.encode("utf-8", "replace"), digest_size=8).hexdigest()
