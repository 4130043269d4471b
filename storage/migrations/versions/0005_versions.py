"""Versions and corrections of a text, which recording a row is about, and recordings that are held."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_PARTIAL = ("version_of", "audio_id")


def upgrade() -> None:
    """Adds the columns; older rows have one version, no correction, and an unknown recording."""
    op.add_column("recognitions", sa.Column("version_of", sa.String(36)))
    op.add_column("recognitions", sa.Column("audio_id", sa.Text()))
    op.add_column("recognitions", sa.Column("hold", sa.JSON(none_as_null=True)))
    op.add_column("recognitions", sa.Column("corrections", sa.JSON(), nullable=False, server_default="[]"))
    for name in _PARTIAL:
        known = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"ix_recognitions_{name}", "recognitions", [name], sqlite_where=known, postgresql_where=known)


def downgrade() -> None:
    """Drops them, and what people corrected and held; a search goes on finding the corrected words of such rows."""
    for name in _PARTIAL:
        op.drop_index(f"ix_recognitions_{name}", table_name="recognitions")
    for name in ("version_of", "audio_id", "hold", "corrections"):
        op.drop_column("recognitions", name)
