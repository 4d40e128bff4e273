"""Transactions of the store: one for each write, with its key and its audit rows, and errors that say what to do. Knows no campaign."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, bindparam, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from optimizer.database import DatabaseError, connect, is_sqlite, reading, writing
from optimizer.store.errors import KeyReusedError, StoreError, UnavailableError, unavailable
from optimizer.store.records import By
from optimizer.store.tables import audit, keys
from optimizer.store.turns import FileTurn, Job, SharedCommits

Clock = Callable[[], datetime]
PAGE = 100  # records in a page, unless asked for otherwise
T = TypeVar("T")
Answer = TypeVar("Answer", dict[str, Any], list[dict[str, Any]])


_KNOWN = select(keys.c.operation, keys.c.request, keys.c.response).where((keys.c.who == bindparam("who")) & (keys.c.key == bindparam("key")))
_KEEP_KEY, _KEEP_CHANGES = insert(keys), insert(audit)  # built once, as in `rows.numbers`


def system_clock() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


def digest(value: Any) -> str:
    """Return the SHA-256 of plain data."""
    content = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(content.encode()).hexdigest()


@dataclass
class Writing:
    """One transaction that writes; audit rows gather in it and are kept with the rest."""

    connection: Connection
    by: By
    operation: str
    now: float
    changes: list[dict[str, Any]] = field(default_factory=list)

    def changed(self, campaign_id: int, thing: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        """Note a change of one thing for the audit."""
        row = {"at": self.now, "who": self.by.who, "operation": self.operation, "campaign_id": campaign_id, "thing": thing}
        self.changes.append({**row, "before": before, "after": after})


class Transactions:
    """Reads and writes of one database, from any number of threads."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self._clock = clock
        self._shared = SharedCommits(self._commit) if is_sqlite(engine) else None
        self._turn = FileTurn(Path(f"{engine.url.database}-turn"))

    def now(self) -> float:
        """Return the time by the clock, in seconds since 1970."""
        return self._clock().timestamp()

    def read(self, run: Callable[[Connection], T]) -> T:
        """Return what a function reads of one moment's state.

        Raises:
            UnavailableError: If the database cannot be read now.
        """
        with self._translated(), self._connected() as connection, reading(connection):
            return run(connection)

    def answered(self, by: By) -> bool:
        """Return whether a key has its answer, so that nothing need be worked out for it."""
        return self.read(lambda connection: connection.execute(_KNOWN, vars(by)).one_or_none() is not None)

    def write(self, by: By, operation: str, request: Any, run: Callable[[Writing], Answer]) -> Answer:
        """Return the answer of a function that writes: all of it and its answer are on the disk, or nothing is.

        Args:
            by: Who, and the key; with a key that has answered this request already, that answer comes back and nothing is written.
            operation: Name of what is done.
            request: All that decides the effect, as plain data.
            run: Writes, and returns plain data.

        Raises:
            KeyReusedError: If the key has answered another request.
            UnavailableError: If the database cannot be written now.
        """
        wanted = digest([operation, request])

        def once(connection: Connection) -> Answer:
            return self._once(connection, by, operation, wanted, run)

        for attempt in (1, 2):
            try:
                return self._alone(once) if self._shared is None else self._shared.do(once)
            except IntegrityError:  # the same key, or the same new name, at the same moment elsewhere: what was kept there decides
                if attempt > 1:
                    raise
            except DBAPIError as error:
                if attempt > 1 or not error.connection_invalidated:  # a connection that a restart of the server has cut
                    raise unavailable(self.engine, error) from error
        raise AssertionError("the second attempt returns or raises")

    def _alone(self, run: Callable[[Connection], T]) -> T:
        with self._connected() as connection, writing(connection):
            return run(connection)

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.engine.dispose()
        self._turn.close()

    def _commit(self, jobs: Sequence[Job]) -> None:
        with self._turn.mine():
            self._commit_in_turn(jobs)

    def _commit_in_turn(self, jobs: Sequence[Job]) -> None:
        """Run jobs in one transaction, each undone by itself if it refuses; each alone if the database does."""
        if len(jobs) > 1:
            try:
                with self._connected() as connection, writing(connection):
                    for job in jobs:
                        _attempt(connection, job)
                return
            except (DBAPIError, StoreError):
                pass
        for job in jobs:
            job.answer = job.error = None
            try:
                job.answer = self._alone(job.run)
            except Exception as error:
                job.error = error

    def _once(self, connection: Connection, by: By, operation: str, wanted: str, run: Callable[[Writing], Answer]) -> Answer:
        known = connection.execute(_KNOWN, vars(by)).one_or_none()
        if known is not None:
            if known.request != wanted:
                raise KeyReusedError(f'the key "{by.key}" has answered another request ({known.operation}) already; give each request its own key')
            answer: Answer = known.response
            return answer
        transaction = Writing(connection, by, operation, self.now())
        made = run(transaction)
        if transaction.changes:
            connection.execute(_KEEP_CHANGES, transaction.changes)
        row = {"who": by.who, "key": by.key, "operation": operation, "request": wanted, "response": made, "at": transaction.now}
        connection.execute(_KEEP_KEY, row)
        return made

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            connection = connect(self.engine)
        except PoolTimeoutError as error:
            raise unavailable(self.engine, error) from error
        except DatabaseError as error:
            cause = error.__cause__
            raise (unavailable(self.engine, cause) if isinstance(cause, Exception) else UnavailableError(str(error))) from error
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise unavailable(self.engine, error) from error


def _attempt(connection: Connection, job: Job) -> None:
    """Run one of several jobs of a transaction; what the database itself refuses ends them all."""
    connection.exec_driver_sql("SAVEPOINT job")  # by hand: SQLAlchemy's own costs as much as two statements more
    try:
        job.answer = job.run(connection)
    except DBAPIError:
        raise
    except Exception as error:
        job.error = error
        connection.exec_driver_sql("ROLLBACK TO job")
    connection.exec_driver_sql("RELEASE job")
