"""A version keeps the number that it was given, and the rows that are held can be listed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

#: As the program before told them: by their order among those that are there.
_NUMBERS = """
UPDATE recognitions SET version = 1 + (
    SELECT count(*) FROM recognitions AS other
    WHERE (other.version_of = recognitions.version_of OR other.id = recognitions.version_of)
    AND other.key < recognitions.key
) WHERE version_of IS NOT NULL
"""
_GIVEN = """
UPDATE recognitions SET versions_given = (
    SELECT max(other.version) FROM recognitions AS other
    WHERE other.version_of = coalesce(recognitions.version_of, recognitions.id)
) WHERE version_of IS NOT NULL
OR id IN (SELECT other.version_of FROM recognitions AS other WHERE other.version_of IS NOT NULL)
"""


def upgrade() -> None:
    """Numbers the versions that there are as people saw them last."""
    for name in ("version", "versions_given"):
        op.add_column("recognitions", sa.Column(name, sa.Integer(), nullable=False, server_default="1"))
    op.execute(_NUMBERS)
    op.execute(_GIVEN)
    op.drop_index("ix_recognitions_version_of", "recognitions")
    _index("version_of", ["version_of", "version"], "version_of", unique=True)
    _index("hold", ["key"], "hold")


def downgrade() -> None:
    """Drops them: the numbers are told by the order again."""
    op.drop_index("ix_recognitions_hold", "recognitions")
    op.drop_index("ix_recognitions_version_of", "recognitions")
    _index("version_of", ["version_of"], "version_of")
    for name in ("version", "versions_given"):
        op.drop_column("recognitions", name)


def _index(name: str, columns: list[str], known: str, *, unique: bool = False) -> None:
    where = sa.text(f"{known} IS NOT NULL")
    op.create_index(
        f"ix_recognitions_{name}", "recognitions", columns, unique=unique, sqlite_where=where, postgresql_where=where
    )
