"""Databases of stores: an engine from a file or a URL, SQLite or PostgreSQL, both durable and made once. Knows no table of anyone.

The same code runs on both if it keeps to four rules:

- a transaction that writes is `writing`, one that reads is `reading`, both on a connection of `open_engine`;
- what is read to be changed is read ``with_for_update()``: SQLite lets one writer in at a time, PostgreSQL all whose rows differ;
- the number of a new row is ``inserted_primary_key``;
- tables are made by `prepare`, which refuses those of another version.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

BUSY_MS = 30_000  # patience with another writer, whose transaction takes milliseconds
STATEMENT_MS = 120_000  # longer than any statement here takes: what hangs is an error with a name
CONNECT_S = 10  # patience with a server; ample for a handshake between continents
SILENT_S = 30  # after which either side asks whether the other is there, so that a lock outlives a lost machine by about a minute
PROBES = 3
PRIMARY_CODE = 0xFF  # of an error of SQLite, whose higher bits say more (sqlite.org/rescode.html)
LONGEST_NAME = 63  # letters of an application's name that PostgreSQL keeps

WRITE_AHEAD = "journal_mode = WAL"  # readers wait for nobody
SQLITE_PRAGMAS = ("synchronous = FULL", "foreign_keys = ON")  # commits survive a loss of power
AGAIN_S = 0.01  # between two attempts at the write-ahead log of a new file, which takes milliseconds

POSTGRES_NAMES = ("postgresql", "postgres", "postgresql+psycopg")
PREPARING = int.from_bytes(b"glitter")  # the key of the lock under which tables are made
SECRET = ("password", "sslpassword")  # of a URL's options

_kept = MetaData()
_versions = Table("glittercake_stores", _kept, Column("name", String(64), primary_key=True), Column("version", Integer, nullable=False))


class DatabaseError(ValueError):
    """Raised when a database cannot be named, opened or used as what was asked for."""


def locate(where: Path | str) -> URL:
    """Return the address of a database.

    Args:
        where: A file, ``sqlite:///file``, or ``postgresql://user:password@host:port/database`` (libpq's ``~/.pgpass`` and ``PGPASSWORD`` work too).

    Raises:
        DatabaseError: If it is a URL of another kind, or none.
    """
    if isinstance(where, Path) or "://" not in where:
        return URL.create("sqlite", database=str(where))
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):  # neither of them is shown: either may hold the password
        raise DatabaseError(
            f"the address of a database must be a URL such as postgresql://user:password@host:5432/name, got one that starts {where.split(':')[0]!r} "
            "and cannot be read; write @ : / % in a password as %40 %3A %2F %25"
        ) from None
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        return url
    if url.drivername in POSTGRES_NAMES:
        return url.set(drivername="postgresql+psycopg")
    raise DatabaseError(f"the address of a database must be a file, sqlite:///file or postgresql://..., got {shown(url)}; correct it")


def shown(url: URL) -> str:
    """Return an address for people: a file's path, or a URL without its passwords."""
    if url.drivername == "sqlite" and url.database:
        return url.database
    hidden = url.update_query_dict({name: "hidden" for name in SECRET if name in url.query})
    return hidden.set(drivername=url.drivername.removesuffix("+psycopg")).render_as_string(hide_password=True)


def open_engine(where: Path | str, *, connections: int = 1) -> Engine:
    """Return an engine that has not connected yet.

    SQLite: write-ahead log, synchronous FULL, foreign keys, a writer that waits for another. PostgreSQL: time limits on connecting, statements
    and locks, and probes that notice a lost peer; ``synchronous_commit`` and all else as the server has it.

    Args:
        where: As in `locate`.
        connections: Kept open for the threads of a service, each tried before it is used again; 1 opens one for each caller and keeps none.

    Raises:
        DatabaseError: If the address is none, or psycopg is missing.
    """
    url = locate(where)
    options: dict[str, Any] = {"poolclass": NullPool} if connections == 1 else {"pool_size": connections, "pool_pre_ping": True}
    options["json_serializer"] = partial(json.dumps, allow_nan=False, separators=(",", ":"))
    if url.drivername == "sqlite":
        engine = create_engine(url, connect_args={"isolation_level": None, "timeout": BUSY_MS / 1000.0}, **options)
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if find_spec("psycopg") is None:
        raise DatabaseError(f'{shown(url)} needs the package psycopg, which is not installed; install it with: pip install "glittercake[postgres]"')
    try:
        engine = create_engine(url, connect_args=_postgres_arguments(url), **options)
    except ImportError as error:  # psycopg without libpq
        raise DatabaseError(
            f'{shown(url)} needs the library libpq, which psycopg does not find; install it with: pip install "glittercake[postgres]"'
        ) from error
    event.listen(engine, "begin", _begin_postgres)
    return engine


def connect(engine: Engine) -> Connection:
    """Return a new connection.

    Raises:
        DatabaseError: If the database does not answer, refuses, or is no database.
    """
    try:
        return engine.connect()
    except (DBAPIError, sqlite3.Error) as error:
        remedy = "name another file" if is_sqlite(engine) else "check host, port, user, password and that the server runs"
        raise DatabaseError(f"{shown(engine.url)} cannot be opened ({reason(error)}); {remedy}") from error


def is_sqlite(engine: Engine) -> bool:
    """Return whether an engine is SQLite's, where an exception to the rules above cannot be helped."""
    return engine.dialect.name == "sqlite"


def reason(error: Exception) -> str:
    """Return what a database said, in one line without the statement."""
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    return "; ".join(line.strip() for line in said.splitlines() if line.strip())


@contextmanager
def writing(connection: Connection) -> Iterator[Connection]:
    """Hold a transaction that writes: all of it is on the disk afterwards, or none. SQLite: begun as a writer; PostgreSQL: read committed."""
    with connection.execution_options(writes=True).begin():
        yield connection


@contextmanager
def reading(connection: Connection) -> Iterator[Connection]:
    """Hold a transaction that reads one moment's state, and keeps no writer out."""
    with connection.execution_options(writes=False).begin():
        yield connection


def prepare(connection: Connection, metadata: MetaData, name: str, version: int) -> None:
    """Make the tables of a store where there are none, and refuse those of another version; many may do so at once.

    Args:
        connection: Inside no transaction.
        metadata: The tables, all in the default schema.
        name: Of the kind of store. PostgreSQL keeps its version in a table beside it, so that several kinds share a database; a SQLite file
            is one store and has it as its user version.
        version: Of the tables, at least 1.

    Raises:
        DatabaseError: If there are tables, but not these, or if none may be made.
    """
    try:
        _prepare(connection, metadata, name, version)
    except DBAPIError as error:
        raise DatabaseError(
            f"{shown(connection.engine.url)} cannot be opened as a store of {name} ({reason(error)}); "
            "it takes the right to write, and in a new one that to make tables"
        ) from error


def _prepare(connection: Connection, metadata: MetaData, name: str, version: int) -> None:
    with writing(connection):
        lite = is_sqlite(connection.engine)
        if lite:
            found = int(connection.execute(text("PRAGMA user_version")).scalar_one())
        else:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({PREPARING})"))  # until the transaction ends
            _kept.create_all(connection)
            found = connection.execute(select(_versions.c.version).where(_versions.c.name == name)).scalar_one_or_none() or 0
        there = set(inspect(connection).get_table_names())
        if found == 0 and not (there if lite else there & set(metadata.tables)):
            metadata.create_all(connection)
            if lite:
                connection.execute(text(f"PRAGMA user_version = {version}"))
            else:
                connection.execute(insert(_versions).values(name=name, version=version))
        elif found != version or not there >= set(metadata.tables):
            remedy = "file" if lite else "database"
            raise DatabaseError(
                f"{shown(connection.engine.url)} must be a store of {name} of version {version}, got version {found}; name another {remedy}"
            )


def _set_pragmas(raw: Any, _: object) -> None:
    """Set up a new connection; the first of several to a new file switches it to the log, where SQLite itself refuses the others at once."""
    patient_until = time.monotonic() + BUSY_MS / 1000.0
    while True:
        try:
            raw.execute(f"PRAGMA {WRITE_AHEAD}")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > patient_until:
                raise
            time.sleep(AGAIN_S)
    for pragma in SQLITE_PRAGMAS:
        raw.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Begin as a writer at once, so that two of them wait for each other instead of failing half way; a reader blocks nobody."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes", True) else "BEGIN")


def _begin_postgres(connection: Connection) -> None:
    """Give a reader one moment's view, which SQLite's always have."""
    if not connection.get_execution_options().get("writes", True):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _postgres_arguments(url: URL) -> dict[str, Any]:
    """Return libpq's arguments, but for those that the URL has."""
    interval = SILENT_S // PROBES
    server = {
        "statement_timeout": STATEMENT_MS,
        "lock_timeout": BUSY_MS,
        "tcp_keepalives_idle": SILENT_S,
        "tcp_keepalives_interval": interval,
        "tcp_keepalives_count": PROBES,
    }
    arguments = {
        "connect_timeout": CONNECT_S,
        "application_name": f"process {os.getpid()} on {socket.gethostname()}"[:LONGEST_NAME],
        "keepalives_idle": SILENT_S,
        "keepalives_interval": interval,
        "keepalives_count": PROBES,
        "options": " ".join(f"-c {name}={value}" for name, value in server.items()),
    }
    return {name: value for name, value in arguments.items() if name not in url.query}
