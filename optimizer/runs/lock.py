"""One driver a run, by a lock that goes with its holder however that ends: on a file beside SQLite's, or on a session of PostgreSQL."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from optimizer.database import is_sqlite, reading

NOTICE_S = 1.0  # in which a server notices that a killed process has gone

# The key of an advisory lock has 64 bits: the number of the table, so that stores in other schemas have other locks, then that of the run.
_KEY = "('runs'::regclass::oid::bigint << 32) | :run"
_TAKE = text(f"SELECT pg_try_advisory_lock({_KEY})")
_RELEASE = text(f"SELECT pg_advisory_unlock({_KEY})")
_OWNER = text(
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid = 'runs'::regclass::oid AND objid = :run"
)


class DrivenError(RuntimeError):
    """Raised when another process drives the run."""

    def __init__(self, name: str, owner: str) -> None:
        """Name the run, and who drives it."""
        super().__init__(
            f"run {name!r} is driven by {owner or 'another process'} already, and a run has one driver; "
            "wait for it or end it, `campaign status` shows how far it is"
        )


@contextmanager
def hold(connection: Connection, run_id: int, name: str) -> Iterator[None]:
    """Hold the run while inside.

    Args:
        connection: The one that results are written on: PostgreSQL's lock is lost with it, and then so is the right to write.
        run_id: Of the run.
        name: Of the run, for the message.

    Raises:
        DrivenError: If it is held already; names that process.
    """
    with _hold_file(connection, run_id, name) if is_sqlite(connection.engine) else _hold_session(connection, run_id, name):
        yield


def driven(connection: Connection, run_id: int) -> bool:
    """Return whether a process drives the run now."""
    if not is_sqlite(connection.engine):
        return _owner(connection, run_id) is not None
    path = _path(connection, run_id)
    if not path.exists():
        return False
    with path.open("r", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def _hold_file(connection: Connection, run_id: int, name: str) -> Iterator[None]:
    with _path(connection, run_id).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise DrivenError(name, file.read().strip()) from error
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        yield


@contextmanager
def _hold_session(connection: Connection, run_id: int, name: str) -> Iterator[None]:
    deadline = time.monotonic() + NOTICE_S
    while not _take(connection, run_id):
        owner = _owner(connection, run_id)
        if owner is not None and time.monotonic() > deadline:
            raise DrivenError(name, owner)
        time.sleep(0.05)
    try:
        yield
    finally:
        if not connection.invalidated:
            try:
                with reading(connection):
                    connection.execute(_RELEASE, {"run": run_id})
            except DBAPIError:  # lost just now, and the lock with it
                connection.invalidate()


def _take(connection: Connection, run_id: int) -> bool:
    if _owner(connection, run_id) is not None:  # asked first, as the server would give a session its own lock twice
        return False
    with reading(connection):
        return bool(connection.execute(_TAKE, {"run": run_id}).scalar_one())


def _owner(connection: Connection, run_id: int) -> str | None:
    """Return who holds the run, as that process has introduced itself."""
    with reading(connection):
        return connection.execute(_OWNER, {"run": run_id}).scalar_one_or_none()


def _path(connection: Connection, run_id: int) -> Path:
    store = Path(str(connection.engine.url.database))
    return store.with_name(f"{store.name}.{run_id}.lock")
