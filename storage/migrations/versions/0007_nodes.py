"""What administrators said of nodes, and who did what to them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing was said before."""
    op.create_table(
        "nodes",
        sa.Column("url", sa.String(500), primary_key=True),
        sa.Column("membership", sa.String(16), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("weight", sa.Float()),
        sa.Column("slots", sa.Integer()),
        sa.Column("backup", sa.Boolean()),
        sa.Column("drain", sa.Boolean(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
    )
    op.create_table(
        "node_events",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
    )


def downgrade() -> None:
    """Drops both."""
    op.drop_table("node_events")
    op.drop_table("nodes")
