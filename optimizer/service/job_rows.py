"""Jobs as they are kept: one row each, so that a job survives the service and a request sent again finds the job that it began."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import Engine, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from optimizer.service.tables import jobs
from optimizer.service.transactions import read, write
from optimizer.store import By, KeyReusedError, UnknownError
from optimizer.store.records import iso, utc
from optimizer.store.transactions import digest

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Job:
    """Long work that somebody asked for; ``attempts`` counts how often a service began it."""

    id: str
    seq: int
    who: str
    key: str
    kind: str
    campaign: str
    request: Mapping[str, Any]
    state: State
    attempts: int
    at: float
    ended_at: float | None
    result: Mapping[str, Any] | None
    problem: Mapping[str, Any] | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ENDED

    def as_json(self) -> dict[str, Any]:
        """Return plain data, without the caller's key."""
        named = {name: getattr(self, name) for name in ("id", "who", "kind", "campaign", "request", "state", "attempts", "result", "problem")}
        return {**named, "at": iso(utc(self.at)), "ended_at": None if self.ended_at is None else iso(utc(self.ended_at))}


class JobRows:
    """The jobs of a service, in its database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, by: By, kind: str, campaign: str, request: Mapping[str, Any]) -> tuple[Job, bool]:
        """Keep a new job, and return it and True; of a request sent again, the job that it began and False.

        Raises:
            KeyReusedError: If the key has begun another job.
        """
        wanted = digest([kind, campaign, dict(request)])
        row = {"id": str(uuid4()), "who": by.who, "key": by.key, "digest": wanted, "kind": kind, "campaign": campaign, "request": dict(request)}
        query = select(jobs).where((jobs.c.who == by.who) & (jobs.c.key == by.key))
        known = read(self._engine, lambda connection: connection.execute(query).one_or_none())
        if known is None:
            made = {**row, "state": "queued", "attempts": 0, "at": time.time()}
            try:
                return _job(write(self._engine, lambda connection: connection.execute(insert(jobs).returning(jobs), made).one())), True
            except IntegrityError:  # the same request at the same moment
                known = read(self._engine, lambda connection: connection.execute(query).one())
        if known.digest != wanted:
            raise KeyReusedError(f'the key "{by.key}" has begun another job ({known.kind}) already; give each request its own key')
        return _job(known), False

    def get(self, job_id: str) -> Job:
        """Return one job.

        Raises:
            UnknownError: If there is none.
        """
        row = read(self._engine, lambda connection: connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none())
        if row is None:
            raise UnknownError(f'there is no job "{job_id[:40]}", or it ended long ago; ask again')
        return _job(row)

    def page(self, after: int, limit: int) -> list[Job]:
        """Return jobs in the order in which they were asked for, those behind a number."""
        query = select(jobs).where(jobs.c.seq > after).order_by(jobs.c.seq).limit(limit)
        return [_job(row) for row in read(self._engine, lambda connection: connection.execute(query).all())]

    def open(self) -> list[Job]:
        """Return the jobs that have not ended."""
        query = select(jobs).where(jobs.c.state.not_in(ENDED)).order_by(jobs.c.seq)
        return [_job(row) for row in read(self._engine, lambda connection: connection.execute(query).all())]

    def count(self) -> dict[str, int]:
        """Return how many jobs there are, by state."""
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        return {row[0]: row[1] for row in read(self._engine, lambda connection: connection.execute(query).all())}

    def begin(self, job_id: str) -> None:
        """Say that a job runs."""
        self._change(job_id, state="running", attempts=jobs.c.attempts + 1)

    def end(self, job_id: str, state: State, result: Mapping[str, Any] | None = None, problem: Mapping[str, Any] | None = None) -> None:
        """Say what came of a job; what has ended stays as it is."""
        self._change(job_id, state=state, result=result, problem=problem, ended_at=time.time())

    def _change(self, job_id: str, **values: Any) -> None:
        changed = update(jobs).where((jobs.c.id == job_id) & jobs.c.state.not_in(ENDED)).values(values)
        write(self._engine, lambda connection: connection.execute(changed))

    def forget(self, before: float) -> None:
        """Drop jobs that ended before a time."""
        write(self._engine, lambda connection: connection.execute(delete(jobs).where(jobs.c.ended_at < before)))


def _job(row: Row[Any]) -> Job:
    values = row._mapping
    return Job(**{name: values[name] for name in Job.__dataclass_fields__})
