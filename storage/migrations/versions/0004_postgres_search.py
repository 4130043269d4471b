"""The full-text index on PostgreSQL; on SQLite, names of those who speak can be found, too."""

import hashlib
import json
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: What a token is must agree with ``storage/postgres_search.py`` of this revision. Grams do not cross white space. A
#: text of more than 60,000 different grams (no language has so many) is found by some of them: a tsvector has 1 MB.
#: A loop, because a query would be prepared anew for every row, which takes longer than the loop.
_TOKENS = """
CREATE FUNCTION recognition_tokens(key bigint, body text, VARIADIC facets text[]) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 100000 AS $$
DECLARE
    stretch text := to_hex(key >> 45) || ' ';
    tokens text[] := '{}';
    before text := ' ';
    one text;
    place int := 0;
BEGIN
    FOREACH one IN ARRAY string_to_array(body, NULL) LOOP
        IF one IN (' ', E'\\n') THEN
            before := ' ';
        ELSE
            tokens := tokens || (stretch || one);
            IF before <> ' ' THEN
                tokens := tokens || (stretch || before || one);
            END IF;
            before := one;
        END IF;
    END LOOP;
    IF cardinality(tokens) > 60000 THEN
        tokens := ARRAY(SELECT DISTINCT token FROM unnest(tokens) AS u(token) LIMIT 60000);
    END IF;
    FOREACH one IN ARRAY facets LOOP
        IF one IS NOT NULL THEN
            tokens := tokens || (stretch || place || '=' || left(md5(one), 12));
        END IF;
        place := place + 1;
    END LOOP;
    RETURN array_to_tsvector(tokens);
END
$$
"""
_INDEX = """
CREATE INDEX ix_recognitions_tokens ON recognitions USING gin (
    recognition_tokens(key, search_text, "user", status, source, node, model, language, cache)
) WITH (fastupdate = off)
"""


def upgrade() -> None:
    """Makes the function and its index, or finds the names."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        _find_names(connection)
        return
    connection.exec_driver_sql(_TOKENS)
    connection.exec_driver_sql(_INDEX)
    # Searches never ask the planner what is in it, and looking through it would take longer than the search.
    connection.exec_driver_sql("ALTER INDEX ix_recognitions_tokens ALTER COLUMN 1 SET STATISTICS 0")


def downgrade() -> None:
    """Drops both; what names can be found stays."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        return
    op.drop_index("ix_recognitions_tokens", "recognitions")
    connection.exec_driver_sql("DROP FUNCTION recognition_tokens(bigint, text, text[])")


def _find_names(connection: sa.Connection) -> None:
    named = connection.exec_driver_sql(
        "SELECT key, user, search_text, labels FROM recognitions WHERE labels != '{}' ORDER BY key"
    ).all()
    for key, user, before, labels in named:
        parts = [*before.split("\n"), *(_fold(name) for name in json.loads(labels).values())]
        after = "\n".join(dict.fromkeys(part for part in parts if part))
        visitor = hashlib.blake2b(user.encode("utf-8", "replace"), digest_size=8).hexdigest()
        connection.exec_driver_sql(
            "INSERT INTO recognition_search (recognition_search, rowid, visitor, body) VALUES ('delete', ?, ?, ?)",
            (key, visitor, _characters(before)),
        )
        connection.exec_driver_sql(
            "INSERT INTO recognition_search (rowid, visitor, body) VALUES (?, ?, ?)", (key, visitor, _characters(after))
        )
        connection.exec_driver_sql("UPDATE recognitions SET search_text = ? WHERE key = ?", (after, key))


def _characters(text: str) -> str:
    return " ".join(format(ord(char), "x") for char in text)


def _fold(text: str) -> str:
    whole = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(whole.split())
