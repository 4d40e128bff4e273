"""The tables of the store of runs: plain records, the same in SQLite and PostgreSQL. Says what is kept, not how it is used.

JSON keeps the order of its keys in both (PostgreSQL's JSONB would not): the margins of a trial are a row of numbers.
"""

from __future__ import annotations

from sqlalchemy import DDL, JSON, CheckConstraint, Column, Float, ForeignKey, Integer, MetaData, String, Table, Text, UniqueConstraint, event

SCHEMA = 1  # written into every store; another number is refused

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("plan", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False, default=""),  # why it is in that state
    Column("created_at", Float, nullable=False),  # this and every time: seconds since 1970, UTC
    CheckConstraint("state in ('created', 'running', 'stopped', 'finished')"),
)

events = Table(  # append only: a trigger refuses everything else
    "events",
    metadata,
    Column("id", Integer, primary_key=True),  # rises, as nothing is ever deleted; what "before" and "after" mean in a run
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("kind", String(16), nullable=False),  # created, started, asked, repeated, ended, strategy, stopped, finished, extended
    Column("number", Integer),  # of the trial, if it is about one
    Column("at", Float, nullable=False),
    Column("detail", Text, nullable=False, default=""),
)

trials = Table(
    "trials",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("number", Integer, nullable=False),  # from 0, in order of asking: the ordinal of the strategy
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("chosen_by", String(64), nullable=False),
    Column("why", Text, nullable=False),
    Column("recipe", JSON, nullable=False),
    Column("notes", JSON),  # what the strategy must remember
    Column("outcomes", JSON),
    Column("sd", JSON),
    Column("facts", JSON),
    Column("margins", JSON),
    Column("percolates", Integer),
    Column("status", String(64), nullable=False, default=""),
    Column("detail", Text, nullable=False, default=""),
    Column("asked", ForeignKey("events.id"), nullable=False),
    Column("ended", ForeignKey("events.id")),
    Column("asked_at", Float, nullable=False),
    Column("started_at", Float, nullable=False),  # of the last attempt
    Column("ended_at", Float),
    UniqueConstraint("run_id", "number"),
    CheckConstraint("state in ('proposed', 'running', 'completed', 'failed')"),
    CheckConstraint("attempt >= 1"),
)

_REFUSED = "events are append-only"

_IN_SQLITE = [
    f"CREATE TRIGGER events_no_{change.lower()} BEFORE {change} ON events BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
    for change in ("UPDATE", "DELETE")
]
_IN_POSTGRES = [
    "CREATE OR REPLACE FUNCTION events_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
    "CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION events_refuse()",
]
for _dialect, _statements in (("sqlite", _IN_SQLITE), ("postgresql", _IN_POSTGRES)):
    for _statement in _statements:
        event.listen(events, "after_create", DDL(_statement).execute_if(dialect=_dialect))
