"""Trials of runs as rows of a database: how they are written, and read back. Opens nothing and commits nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, update

from optimizer.runs.history import COMPLETED, FAILED, LEARNED, RUNNING, Trial
from optimizer.runs.tables import trials

# Built once: the statement is half the time of a transaction otherwise.
ASK = insert(trials).values(
    run_id=bindparam("run"),
    number=bindparam("n"),
    state=RUNNING,
    attempt=1,
    chosen_by=bindparam("by"),
    why=bindparam("why"),
    recipe=bindparam("recipe"),
    notes=bindparam("notes"),
    asked=bindparam("asked"),
    asked_at=bindparam("now"),
    started_at=bindparam("now"),
)
TELL = (
    update(trials)
    .where((trials.c.run_id == bindparam("run")) & (trials.c.number == bindparam("n")) & (trials.c.state == bindparam("was")))
    .values(
        state=bindparam("now_state"),
        outcomes=bindparam("out"),
        sd=bindparam("dev"),
        facts=bindparam("more"),
        margins=bindparam("limits"),
        percolates=bindparam("path"),
        status=bindparam("said"),
        detail=bindparam("how"),
        ended=bindparam("event"),
        ended_at=bindparam("now"),
    )
)


def unpacked(texts: Sequence[str | None]) -> list[Any]:
    """Return what columns of JSON hold; read as one text, which takes a third of the time."""
    return list(json.loads(f"[{','.join([text or 'null' for text in texts])}]"))


def trial_of(
    goal: Sequence[str],
    number: int,
    by: str,
    asked: int,
    attempt: int,
    state: str,
    ended: int | None,
    percolates: int | None,
    recipe: Sequence[float],
    notes: Mapping[str, Any] | None,
    outcomes: Mapping[str, float] | None,
    margins: Mapping[str, float] | None,
) -> Trial:
    """Return a trial as kept."""
    if state not in (COMPLETED, FAILED):
        return Trial(number, tuple(recipe), by, asked, attempt, notes)
    known = outcomes or {}
    values, learned = tuple([known.get(name) for name in goal]), tuple([known.get(name) for name in LEARNED])
    return Trial(number, tuple(recipe), by, asked, attempt, notes, ended, state, values, tuple((margins or {}).values()), learned, bool(percolates))


def with_result(
    trial: Trial, state: str, ended: int, goal: Sequence[str], outcomes: Mapping[str, float], margins: Mapping[str, float], percolates: bool
) -> Trial:
    """Return a trial with its result."""
    return Trial(
        trial.number,
        trial.recipe,
        trial.by,
        trial.asked,
        trial.attempt,
        trial.notes,
        ended,
        state,
        tuple(outcomes.get(name) for name in goal),
        tuple(margins.values()),
        tuple(outcomes.get(name) for name in LEARNED),
        percolates,
    )
