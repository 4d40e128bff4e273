"""What Alembic runs to migrate: on the connection it is handed, inside that connection's transaction."""

from alembic import context

from optimizer.store.migrate import VERSION_TABLE
from optimizer.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,  # SQLite's too: the transaction was begun by hand
)
context.run_migrations()
