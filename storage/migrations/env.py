"""Run by alembic for each command; the connection comes from ``storage.migrations``."""

from alembic import context

from storage.tables import metadata

# The connection is in the caller's transaction, which is the lock between processes and keeps all steps or none.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
