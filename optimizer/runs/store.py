"""The store of runs, in SQLite or PostgreSQL: one durable transaction for each ask and each tell. Knows no strategy and no physics."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Text, bindparam, cast, insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError, SQLAlchemyError

from optimizer.database import DatabaseError, connect, is_sqlite, open_engine, prepare, reading, reason, shown, writing
from optimizer.runs.history import PROPOSED, RUNNING, Proposal, Result, Trial
from optimizer.runs.plan import Plan
from optimizer.runs.rows import ASK, TELL, trial_of, unpacked, with_result
from optimizer.runs.tables import SCHEMA, events, metadata, runs, trials

CHUNK = 200  # trials read at once: their text fits the processor's cache, which is a sixth quicker than a thousand
LOG_BYTES = 4_096_000  # SQLite folds its log into the file at a thousand pages, and starts it again


class StoreError(DatabaseError):
    """Raised when a store or a run in it is not what was asked for, or the store is lost while in use."""


@dataclass(frozen=True)
class Run:
    """One run of a store."""

    id: int
    name: str
    plan: Plan
    goal: tuple[str, ...]  # outcomes sought, in the order of a trial's objectives
    state: str
    reason: str
    created_at: float


class Store:
    """Runs, their trials and their events; every method is one transaction, and returns once that is on the disk.

    Readers never wait for a writer. Commits survive a loss of power.
    """

    def __init__(self, address: Path | str, *, create: bool = False) -> None:
        """Open a store.

        Args:
            address: A SQLite file, or the URL of a PostgreSQL database (`optimizer.database.locate`).
            create: Make it if it is not there.

        Raises:
            StoreError: If there is no such store, it is none of this version, or its server does not answer.
        """
        try:
            engine = open_engine(address)
            self.address, self.where = address, shown(engine.url)  # the address may hold a password
            missing = StoreError(f"there is no store {self.where}; create a run first, or name the store with --store")
            lite = is_sqlite(engine)
            if lite and not create and not Path(self.where).exists():
                raise missing
            self.connection = connect(engine)
            try:
                if not lite and not create and not self._holds_runs():
                    raise missing
                prepare(self.connection, metadata, "runs", SCHEMA)
            except BaseException:
                self.close()
                raise
        except StoreError:
            raise
        except DatabaseError as error:
            raise StoreError(str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def undo(self) -> None:
        """Roll back what an interruption left half done: a signal may arrive in the middle of a commit, or between SQLAlchemy's part of it and
        the database's, and the next transaction would be refused. The connection stays, and with it a driver's lock.
        """
        with suppress(SQLAlchemyError, self.connection.engine.dialect.loaded_dbapi.Error):  # a lost connection has nothing to undo
            self.connection.rollback()
            raw: Any = self.connection.connection.driver_connection
            raw.rollback()

    def _holds_runs(self) -> bool:
        with self._reading() as connection:
            return inspect(connection).has_table(runs.name)

    def grow_log(self) -> None:
        """Write SQLite's log to its full length once, for a driver that will commit often; PostgreSQL keeps its own at length.

        A commit within the length of a file writes no metadata of it, which is half of what a commit costs. The space is used by later trials.
        """
        if not is_sqlite(self.connection.engine):
            return
        with self._writing() as connection:
            connection.execute(text("CREATE TABLE IF NOT EXISTS padding (zeros BLOB)"))  # there already if the last driver was killed here
            connection.execute(text("INSERT INTO padding VALUES (zeroblob(:bytes))"), {"bytes": LOG_BYTES})
        with self._writing() as connection:
            connection.execute(text("DROP TABLE padding"))
        raw = self.connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA wal_checkpoint(RESTART)")

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._in_use(), writing(self.connection) as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._in_use(), reading(self.connection) as connection:
            yield connection

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Turn what a database does out of the blue (full, locked, gone) into one sentence.

        A lost connection is not opened anew: the lock of a driver went with it, so that another may drive the run by now.
        """
        remedy = "mend that, then go on with `glittercake campaign resume`: all that was acknowledged is kept"
        if self.connection.invalidated:
            raise StoreError(f"the connection to {self.where} was lost; {remedy}")
        try:
            yield
        except (OperationalError, InternalError) as error:
            raise StoreError(f"the store {self.where} cannot be used now ({reason(error)}); {remedy}") from error

    def create(self, plan: Plan) -> Run:
        """Keep a new run.

        Raises:
            StoreError: If there is one of that name.
        """
        now = time.time()
        try:
            with self._writing() as connection:
                values = {"name": plan.name, "plan": plan.as_json(), "state": "created", "created_at": now}
                number = connection.execute(insert(runs).returning(runs.c.id), values).scalar_one()
                _log(connection, number, "created", now, plan.name)
        except IntegrityError as error:
            raise StoreError(f"{self.where} has a run {plan.name!r} already; resume it, or give the new run another name") from error
        return self.run(plan.name)

    def names(self) -> tuple[str, ...]:
        """Return the names of the runs, oldest first."""
        with self._reading() as connection:
            return tuple(connection.execute(select(runs.c.name).order_by(runs.c.id)).scalars())

    def run(self, name: str | None = None) -> Run:
        """Return a run by name; the only one, or the newest, when left out.

        Raises:
            StoreError: If there is none.
        """
        query = select(runs).order_by(runs.c.id.desc()).limit(1)
        with self._reading() as connection:
            row = connection.execute(query if name is None else query.where(runs.c.name == name)).one_or_none()
        if row is None:
            known = ", ".join(self.names()) or "none"
            raise StoreError(
                f"{self.where} has no run {name!r}, only: {known}; name one of these" if name else f"{self.where} has no run; create one"
            )
        plan = Plan.from_json(row.plan)
        return Run(row.id, row.name, plan, tuple(objective.outcome for objective in plan.goal()), row.state, row.reason, row.created_at)

    def set_state(self, run: Run, state: str, reason: str = "") -> None:
        """Say what a run is doing, and why; the event that marks it is named after the state."""
        now = time.time()
        with self._writing() as connection:
            connection.execute(update(runs).where(runs.c.id == run.id).values(state=state, reason=reason))
            _log(connection, run.id, "started" if state == "running" else state, now, reason)

    def extend(self, run: Run, plan: Plan) -> Run:
        """Give a run another budget; a recorded event."""
        now = time.time()
        with self._writing() as connection:
            connection.execute(update(runs).where(runs.c.id == run.id).values(plan=plan.as_json(), state="stopped", reason="extended"))
            _log(connection, run.id, "extended", now, f"budget {plan.budget.evaluations} evaluations, {plan.budget.hours} hours")
        return self.run(run.name)

    def note(self, run: Run, kind: str, detail: str) -> None:
        """Append an event that is about no trial."""
        now = time.time()
        with self._writing() as connection:
            _log(connection, run.id, kind, now, detail)

    def ask(self, run: Run, number: int, proposals: Sequence[Proposal]) -> list[Trial]:
        """Keep proposals as the running trials ``number``, ``number + 1``, ...

        Raises:
            StoreError: If the run has one of them already; then none is kept.
        """
        now, found = time.time(), []
        try:
            with self._writing() as connection:
                for n, proposal in enumerate(proposals, start=number):
                    asked = _log(connection, run.id, "asked", now, "", n)
                    values = {
                        "run": run.id,
                        "n": n,
                        "by": proposal.by,
                        "why": proposal.why,
                        "recipe": proposal.recipe,
                        "notes": proposal.notes,
                        "asked": asked,
                        "now": now,
                    }
                    connection.execute(ASK, values)
                    found.append(Trial(n, proposal.recipe, proposal.by, asked, notes=proposal.notes))
        except IntegrityError as error:
            last = number + len(proposals) - 1
            raise StoreError(
                f"run {run.name!r} has a trial from {number} to {last} already, and a trial is asked once; resume the run with one driver"
            ) from error
        return found

    def repeat(self, run: Run, trial: Trial) -> Trial:
        """Count another attempt at a trial that was running when its driver ended."""
        now = time.time()
        with self._writing() as connection:
            _log(connection, run.id, "repeated", now, f"attempt {trial.attempt + 1}", trial.number)
            where = (trials.c.run_id == run.id) & (trials.c.number == trial.number) & trials.c.state.in_([PROPOSED, RUNNING])
            found = connection.execute(update(trials).where(where).values(attempt=trial.attempt + 1, state=RUNNING, started_at=now)).rowcount
            if found != 1:
                raise StoreError(f"trial {trial.number} of run {run.name!r} has ended; an ended trial is not repeated, ask for another")
        return Trial(trial.number, trial.recipe, trial.by, trial.asked, trial.attempt + 1, trial.notes)

    def tell(self, run: Run, results: Sequence[tuple[Trial, Result]]) -> list[Trial]:
        """Keep the results of running trials; the trials as they are now.

        Raises:
            StoreError: If one is not running, for each is counted once; then no result is kept.
        """
        now, found = time.time(), []
        with self._writing() as connection:
            for trial, result in results:
                simulated = result.simulated
                ended = _log(connection, run.id, "ended", now, simulated.status, trial.number)
                values = {
                    "run": run.id,
                    "n": trial.number,
                    "was": RUNNING,
                    "now_state": result.state,
                    "out": dict(simulated.outcomes),
                    "dev": dict(simulated.sd),
                    "more": dict(simulated.facts),
                    "limits": dict(result.margins),
                    "path": int(simulated.percolates),
                    "said": simulated.status[:64],
                    "how": simulated.detail.replace("\0", " "),  # which PostgreSQL's texts cannot hold
                    "event": ended,
                    "now": now,
                }
                if connection.execute(TELL, values).rowcount != 1:
                    raise StoreError(f"trial {trial.number} of run {run.name!r} is not running, so it takes no result; each trial is counted once")
                found.append(with_result(trial, result.state, ended, run.goal, simulated.outcomes, result.margins, simulated.percolates))
        return found

    def history(self, run: Run) -> list[Trial]:
        """Return the run's trials in order of number."""
        t = trials.c
        plain = (t.number, t.chosen_by, t.asked, t.attempt, t.state, t.ended, t.percolates)
        packed = [cast(column, Text) for column in (t.recipe, t.notes, t.outcomes, t.margins)]
        found: list[Trial] = []
        with self._reading() as connection:
            for rows in connection.execute(select(*plain, *packed).where(t.run_id == run.id).order_by(t.number)).partitions(CHUNK):
                columns = list(zip(*rows, strict=True))
                values = [unpacked(texts) for texts in columns[len(plain) :]]
                found.extend(trial_of(run.goal, *row) for row in zip(*columns[: len(plain)], *values, strict=True))
        return found

    def rows(self, run: Run) -> Iterator[dict[str, Any]]:
        """Yield every trial as kept, in order of number; a moment's view, whatever is written meanwhile."""
        with self._reading() as connection:
            query = select(trials).where(trials.c.run_id == run.id).order_by(trials.c.number)
            for row in connection.execute(query).yield_per(500):
                yield dict(row._mapping)

    def events(self, run: Run) -> list[dict[str, Any]]:
        """Return the run's events, oldest first."""
        with self._reading() as connection:
            return [dict(row._mapping) for row in connection.execute(select(events).where(events.c.run_id == run.id).order_by(events.c.id))]

    def driven_s(self, run: Run) -> float:
        """Return for how long the run has been driven, in seconds: from each start to the last event before the next."""
        e, total = events.c, 0.0
        of_run = select(e.id, e.kind, e.at).where(e.run_id == run.id)
        with self._reading() as connection:
            marks = connection.execute(of_run.where(e.kind.in_(("started", *_AT_REST))).order_by(e.id)).all()
            for mark, following in zip(marks, [*marks[1:], None], strict=True):
                if mark.kind == "started":
                    if following is not None and following.kind != "started":
                        end = following
                    else:  # it drives still, or was killed: up to what it did last
                        before = of_run if following is None else of_run.where(e.id < following.id)
                        end = connection.execute(before.order_by(e.id.desc()).limit(1)).one()
                    total += max(end.at - mark.at, 0.0)  # a clock may be set back
        return total


_AT_REST = ("created", "stopped", "finished", "extended")  # after these events no driver is at work


def _log(connection: Connection, run_id: int, kind: str, at: float, detail: str, number: int | None = None) -> int:
    """Append an event and return its number."""
    key = connection.execute(_EVENT, {"run": run_id, "kind": kind, "at": at, "detail": detail, "n": number}).inserted_primary_key
    assert key is not None
    return int(key[0])


# Built once, as those of `rows`: the statement is half the time of a transaction otherwise.
_EVENT = insert(events).values(run_id=bindparam("run"), kind=bindparam("kind"), at=bindparam("at"), detail=bindparam("detail"), number=bindparam("n"))
