"""The service's own tables, beside the store's in the same database: keys and jobs. Made and migrated here, step by step, when a service starts.

The store's tables are Alembic's. These two hold nothing of a lab's record: keys can be made anew, and what a job did is in the store.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    insert,
    inspect,
    select,
    text,
    update,
)

from optimizer.database import is_sqlite, reading, shown, writing
from optimizer.service.settings import ServiceError

metadata = MetaData()
NAME, SHA = 200, 64

versions = Table("service_version", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

keys = Table(
    "service_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(NAME), nullable=False),  # of its owner: who it is in the audit; an owner may have several keys
    Column("hash", String(SHA), nullable=False),  # SHA-256 of a secret of 256 random bits
    Column("scopes", String(NAME), nullable=False),
    Column("at", Double, nullable=False),
    Column("by", String(NAME), nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("revoked_by", String(NAME)),
    Column("request", String(NAME)),  # the Idempotency-Key that made it
    UniqueConstraint("by", "request"),
)

jobs = Table(
    "service_jobs",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("who", String(NAME), nullable=False),
    Column("key", String(NAME), nullable=False),
    Column("digest", String(SHA), nullable=False),  # of the request: the same key with another is refused
    Column("kind", String(32), nullable=False),
    Column("campaign", String(NAME), nullable=False),
    Column("request", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),  # how often a service began it
    Column("at", Double, nullable=False),
    Column("ended_at", Double),
    Column("result", JSON(none_as_null=True)),
    Column("problem", JSON(none_as_null=True)),
    UniqueConstraint("who", "key"),
)
Index("ix_service_jobs_state", jobs.c.state, jobs.c.ended_at)


def _first(connection: Connection) -> None:
    metadata.create_all(connection, tables=[keys, jobs])


STEPS: tuple[Callable[[Connection], None], ...] = (_first,)  # from each version to the next; a step that was released is never changed


def bring_up(connection: Connection) -> None:
    """Make or migrate the tables, in one transaction; many may do so at once.

    Args:
        connection: Of a database that holds a store, inside no transaction.

    Raises:
        ServiceError: If the tables are of a newer version.
    """
    with reading(connection):
        if _version(connection) == len(STEPS):
            return
    with writing(connection):
        if not is_sqlite(connection.engine):
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('service_version'))"))  # until the transaction ends
        found = _version(connection)
        if found > len(STEPS):
            raise ServiceError(
                f"the service's tables in {shown(connection.engine.url)} must be of version {len(STEPS)} or older, got {found}; "
                "start it with the newer glittercake that made them"
            )
        if found == 0:
            metadata.create_all(connection, tables=[versions])
            connection.execute(insert(versions).values(version=0))
        for step in STEPS[found:]:
            step(connection)
        connection.execute(update(versions).values(version=len(STEPS)))


def _version(connection: Connection) -> int:
    if not inspect(connection).has_table(versions.name):
        return 0
    return int(connection.execute(select(versions.c.version)).scalar_one())
