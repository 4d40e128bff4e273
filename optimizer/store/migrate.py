"""Bring a database to the tables of this version: made, migrated, or refused in one sentence. Loads Alembic only where there is work for it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table, text

from optimizer.database import is_sqlite, reading, shown, writing
from optimizer.store.errors import StoreError

REVISIONS = ("0001",)  # of the tables, oldest first; each has its file in migrations/versions
VERSION_TABLE = "lab_version"
MIGRATIONS = Path(__file__).parent / "migrations"


def bring_up(connection: Connection, *, create: bool) -> None:
    """Make the tables where there are none, migrate older ones, refuse newer ones; many may do so at once.

    Args:
        connection: Inside no transaction.
        create: Whether an empty database may become a store.

    Raises:
        StoreError: If the database is newer, no store, or empty and not to be made one; it stays as it was.
    """
    with reading(connection):
        if _found(connection, create=create) == REVISIONS[-1]:
            return
    with writing(connection):
        if not is_sqlite(connection.engine):
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('lab_version'))"))  # until the transaction ends
        if _found(connection, create=create) != REVISIONS[-1]:
            _upgrade(connection)


def _found(connection: Connection, *, create: bool) -> str | None:
    """Return the revision of the tables, None where there are none."""
    where = shown(connection.engine.url)
    there = set(inspect(connection).get_table_names())
    if VERSION_TABLE in there:
        found = connection.execute(select(column("version_num")).select_from(table(VERSION_TABLE))).scalar_one_or_none()
        if found in REVISIONS:
            return str(found)
        raise StoreError(
            f"the store {where} must be of version {REVISIONS[-1]} or older, got {found}; open it with the newer glittercake that made it"
        )
    if there and is_sqlite(connection.engine):
        raise StoreError(f"{where} must be a store of campaigns or a new file, got a database with the table {min(there)!r}; name another file")
    if not create:
        raise StoreError(f"there is no store in {where}; create it first, or name another")
    return None


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
