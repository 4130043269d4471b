"""Recognitions, the processes that own them, and the models that are expected."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Makes the three tables."""
    op.create_table(
        "recognitions",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME),
        sa.Column("finished_at", _TIME),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("audio_key", sa.Text),
        sa.Column("audio", sa.JSON, nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("use_cache", sa.Boolean, nullable=False),
        sa.Column("cache", sa.String(16)),
        sa.Column("cached_at", _TIME),
        sa.Column("node", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("fingerprint", sa.Text),
        sa.Column("elapsed_ms", sa.BigInteger),
        sa.Column("node_ms", sa.BigInteger),
        sa.Column("error", sa.JSON),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("warnings", sa.JSON, nullable=False),
        sa.Column("segments", sa.JSON, nullable=False),
        sa.Column("progress", sa.JSON),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("words", sa.JSON),
        sa.PrimaryKeyConstraint("key", name="pk_recognitions"),
        sa.UniqueConstraint("id", name="uq_recognitions_id"),
    )
    op.create_index("ix_recognitions_user", "recognitions", ["user", "key", "created_at"])
    op.create_index("ix_recognitions_status", "recognitions", ["status", "key"])
    op.create_index("ix_recognitions_created_at", "recognitions", ["created_at"])
    op.create_index("ix_recognitions_audio_key", "recognitions", ["audio_key"])
    op.create_table(
        "owners",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_owners"),
    )
    op.create_table(
        "models",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("expected_since", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_models"),
    )


def downgrade() -> None:
    """Drops them, with what is in them."""
    op.drop_table("models")
    op.drop_table("owners")
    op.drop_table("recognitions")
