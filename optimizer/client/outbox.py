"""Measurements that wait on disk until the service can be reached: each is sent with the key that it was kept with, so it counts once.

What the service refuses is set aside with its reason; it is never lost, and never holds up the rest. A SQLite file, of which every change is on the
disk before a method returns; several threads and processes may use it at once.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from optimizer.client import measurements, shapes
from optimizer.client.errors import ApiError, data_of
from optimizer.client.wire import Request, Steps

State = Literal["waiting", "sent", "refused"]
BUSY_S = 30.0  # another process that writes is done long before
FAULT = 500
OF_THE_KEY = (401, 403)  # not the measurement is refused but the caller, who will come again with a right key
_TABLE = """CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, path TEXT NOT NULL, query TEXT NOT NULL, body BLOB, kind TEXT NOT NULL,
    kept_at REAL NOT NULL, state TEXT NOT NULL DEFAULT 'waiting', said TEXT)"""


@dataclass(frozen=True)
class Kept:
    """A measurement in an outbox; `said` is what the service answered, or why it refused."""

    id: int
    request: Request
    kept_at: float  # s since 1970
    state: State
    said: Any


@dataclass(frozen=True)
class Replayed:
    """What became of an outbox: what was sent and refused now, and how much still waits, because of what (the last that was in the way)."""

    sent: list[Kept] = field(default_factory=list)
    refused: list[Kept] = field(default_factory=list)
    waiting: int = 0
    stopped: ApiError | None = None


class Outbox:
    """Measurements kept in a file, which is made where there is none.

    Raises:
        ValueError: If the file cannot be written, or is another program's.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            with self._open() as connection:
                connection.execute(_TABLE)
        except sqlite3.Error as error:
            raise ValueError(f'the outbox must be a file that can be made and written, got "{file}" ({error}); name another') from error

    def tell(self, campaign: str, observation: shapes.Observation, *, trial: int | None = None, attempt: int | None = None) -> Kept:
        """Keep an observation, to be told later."""
        return self.keep(measurements.telling(campaign, [measurements.report(observation, trial, attempt)]))

    def tell_many(self, campaign: str, reports: Sequence[shapes.Report]) -> Kept:
        """Keep reports, to be told later, all or none."""
        return self.keep(measurements.telling(campaign, reports))

    def tell_failed(
        self,
        campaign: str,
        recipe: measurements.Recipe,
        *,
        status: measurements.Failure = "failed_cell",
        cause: str = "",
        trial: int | None = None,
        attempt: int | None = None,
    ) -> Kept:
        """Keep that a recipe gave nothing to measure, to be told later."""
        return self.tell(campaign, {"recipe": recipe, "status": status, "cause": cause}, trial=trial, attempt=attempt)

    def correct(self, campaign: str, number: int, observation: shapes.Observation) -> Kept:
        """Keep a correction, to be told later."""
        return self.keep(measurements.correcting(campaign, number, observation))

    def upload(self, campaign: str, table: Path, *, source: str | None = None) -> Kept:
        """Keep a table as it is now, to be uploaded later."""
        return self.keep(measurements.uploading(campaign, table, source))

    def keep(self, request: Request) -> Kept:
        """Keep a write under its key; one that is kept already is not kept twice."""
        row = (request.key, request.path, json.dumps(request.query), request.body, request.kind, time.time())
        with self._open() as connection:
            connection.execute("INSERT INTO outbox (key, path, query, body, kind, kept_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row)
            return _kept(connection.execute("SELECT * FROM outbox WHERE key = ?", (request.key,)).fetchone())

    def waiting(self) -> list[Kept]:
        """Return what is still to be sent, in the order in which it was kept."""
        return self._of("waiting")

    def sent(self) -> list[Kept]:
        """Return what was sent, with the service's answers."""
        return self._of("sent")

    def refused(self) -> list[Kept]:
        """Return what the service refused, with its problems."""
        return self._of("refused")

    def try_again(self, kept_id: int) -> None:
        """Let a refused measurement wait again, for when the reason is gone: a campaign that was not there, say."""
        self._mark(kept_id, "refused", "waiting", None)

    def next(self, after: int = 0) -> Kept | None:
        """Return the first that waits, of those kept after one."""
        with self._open() as connection:
            row = connection.execute("SELECT * FROM outbox WHERE state = 'waiting' AND id > ? ORDER BY id LIMIT 1", (after,)).fetchone()
        return None if row is None else _kept(row)

    def mark(self, kept_id: int, state: Literal["sent", "refused"], said: Any) -> None:
        """Say what became of a measurement that waited."""
        self._mark(kept_id, "waiting", state, json.dumps(said))

    def _mark(self, kept_id: int, before: State, after: State, said: str | None) -> None:
        with self._open() as connection:
            connection.execute("UPDATE outbox SET state = ?, said = ? WHERE id = ? AND state = ?", (after, said, kept_id, before))

    def _of(self, state: State) -> list[Kept]:
        with self._open() as connection:
            return [_kept(row) for row in connection.execute("SELECT * FROM outbox WHERE state = ? ORDER BY id", (state,))]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection whose changes are on the disk at the end, or not made at all."""
        connection = sqlite3.connect(self.file, timeout=BUSY_S, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            yield connection  # each statement is a transaction of its own
        finally:
            connection.close()


def replayed(outbox: Outbox) -> Steps[Replayed]:
    """Send what waits, in its order; stop where the service cannot be reached or does not take the caller's key.

    What something else than the service said, a proxy or a hotel's page, is no refusal. A fault of the service (500) lets a measurement wait without
    holding up those behind it, for it may be the measurement that brings the fault about.
    """
    sent: list[Kept] = []
    refused: list[Kept] = []
    stopped: ApiError | None = None
    last = 0
    while (kept := outbox.next(last)) is not None:
        last = kept.id
        answer = yield kept.request
        try:
            said = data_of(answer)
        except ApiError as error:
            if error.temporary or error.status in OF_THE_KEY or not error.kind:
                stopped = error
                if error.status == FAULT:
                    continue
                break
            said = {"status": error.status, "title": error.title, "type": error.kind, "detail": error.detail, "errors": list(error.errors)}
            outbox.mark(kept.id, "refused", said)
            refused.append(Kept(kept.id, kept.request, kept.kept_at, "refused", said))
        else:
            outbox.mark(kept.id, "sent", said)
            sent.append(Kept(kept.id, kept.request, kept.kept_at, "sent", said))
    return Replayed(sent, refused, len(outbox.waiting()), stopped)


def _kept(row: tuple[Any, ...]) -> Kept:
    kept_id, key, path, query, body, kind, kept_at, state, said = row
    request = Request("POST", path, tuple((name, value) for name, value in json.loads(query)), body, kind, key)
    return Kept(kept_id, request, kept_at, state, None if said is None else json.loads(said))
