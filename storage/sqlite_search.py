"""Full-text search on SQLite: FTS5 over single characters.

Every character is a token of its own, written as its code point, so that a phrase of tokens is exactly a run of
characters: right for one Chinese character, for half a word and for punctuation. (FTS5's trigram tokenizer gives wrong
answers below three characters, and unicode61 alone takes a Chinese sentence for one word.) The row id is the
sort key of the row, so that hits come newest first without sorting.
"""

import hashlib

from sqlalchemy import Connection, Integer, column, literal_column, select, table, text

from storage.pages import walk
from storage.search import Wanted
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
        connection.execute(_ADD, self.entry(key, user, search_text))

    def remove(self, connection: Connection, key: int, user: str, search_text: str) -> None:
        """Forgets a row."""
        connection.execute(_REMOVE, self.entry(key, user, search_text))

    def entry(self, key: int, user: str, search_text: str) -> dict[str, object]:
        """The row of the index."""
        return {"key": key, "visitor": _visitor(user), "body": _tokens(search_text)}

    def newest(self, connection: Connection, wanted: Wanted) -> list[int]:
        """Walks the hits of the full-text index, or the rows where there is no text to look for."""
        terms = [*wanted.terms, *wanted.hints]
        if not terms:
            return walk(connection, wanted)
        phrases = [f'body : "{_tokens(term)}"' for term in terms]
        phrases += [f'visitor : "{_visitor(user)}"' for user in wanted.facets.get("user", ())]
        # The plus keeps SQLite from asking the index once per row; it then walks the hits, newest first.
        joined = recognitions.c.key == literal_column("+recognition_search.rowid", Integer)
        matches = literal_column("recognition_search").op("MATCH")(" AND ".join(phrases))
        key = _INDEX.c.rowid
        met = (*wanted.conditions, *wanted.made_between(recognitions.c.created_at))
        hits = select(key).join_from(_INDEX, recognitions, joined).where(matches, *met)
        # On the index's own number, which it can seek.
        hits = hits.where(key >= wanted.first) if wanted.first else hits
        hits = hits if wanted.below is None else hits.where(key < wanted.below)
        return list(connection.scalars(hits.order_by(key.desc()).limit(wanted.limit)))


def _tokens(folded: str) -> str:
    return " ".join(format(ord(char), "x") for char in folded)


def _visitor(user: str) -> str:
    return hashlib.blake2b(user.encode("utf-8", "replace"), digest_size=8).hexdigest()
