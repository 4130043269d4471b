"""What people call the channels and speakers of a recording."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; nobody has a name yet."""
    op.add_column("recognitions", sa.Column("labels", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Drops it, and the names with it."""
    op.drop_column("recognitions", "labels")
