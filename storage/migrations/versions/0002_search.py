"""The full-text index of the recognitions (SQLite: FTS5), made from the rows that are there."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes and fills it. What a token is must agree with ``storage/sqlite_search.py`` of this revision."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    connection.exec_driver_sql(
        "CREATE VIRTUAL TABLE recognition_search USING fts5(visitor, body, content='', tokenize='unicode61')"
    )
    rows = connection.execute(sa.text('SELECT "key", "user", search_text FROM recognitions ORDER BY "key"'))
    for key, user, search_text in rows:
        visitor = hashlib.blake2b(user.encode("utf-8", "replace"), digest_size=8).hexdigest()
        body = " ".join(format(ord(char), "x") for char in search_text)
        connection.exec_driver_sql(
            "INSERT INTO recognition_search (rowid, visitor, body) VALUES (?, ?, ?)", (key, visitor, body)
        )


def downgrade() -> None:
    """Drops it; the rows keep what it was made from."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("DROP TABLE recognition_search")
