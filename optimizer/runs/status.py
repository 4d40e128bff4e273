"""What is said of a run: its state, counts, best results and time left, and its trials as rows of a table. Reads only."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from heapq import nsmallest
from typing import Any, TextIO

from objectives.recipe import RECIPE_FIELDS
from optimizer.goal import Objective
from optimizer.report import conditions_json, rounded
from optimizer.runs.cost import Spending
from optimizer.runs.history import COMPLETED, FAILED, RUNNING, Trial
from optimizer.runs.lock import driven
from optimizer.runs.plan import Plan
from optimizer.runs.schedule import Stage, counted, promotes, reached, rooms, stage_of
from optimizer.runs.store import Run, Store
from optimizer.runs.worth import final_front

BEST = 5  # recipes shown


def state_of(store: Store, run: Run) -> tuple[str, str]:
    """Return the run's state and its reason; a run whose driver was killed is interrupted, whatever it wrote last."""
    if run.state == "running" and not driven(store.connection, run.id):
        return "interrupted", "its driver ended without a word; resume it"
    return run.state, run.reason


def status(store: Store, name: str | None = None) -> dict[str, Any]:
    """Return where a run stands as plain data; works while it is driven.

    Raises:
        StoreError: If there is no such run.
    """
    run = store.run(name)
    plan, history = run.plan, store.history(run)
    campaign = plan.campaign()
    good = [trial for trial in counted(plan, history) if trial.counts]
    front = final_front(campaign.objectives, good)
    state, reason = state_of(store, run)
    states = Counter(trial.state for trial in history)
    counts = {kind: states[kind] for kind in (COMPLETED, FAILED, RUNNING)}
    ended, seconds = counts[COMPLETED] + counts[FAILED], store.driven_s(run)
    rate = ended / seconds if seconds > 0.0 else 0.0
    steady = rate > 0.0 and len(plan.stages) < 2  # stages differ in what an evaluation takes, a thousandfold
    left = (plan.budget.evaluations - ended) / rate if steady and state == "running" else None
    return {
        "run": run.name,
        "store": store.where,
        "state": state,
        "reason": reason,
        "campaign": campaign.name,
        "conditions": conditions_json(campaign),
        "fidelity": reached(plan, history),
        "stages": _stages(plan, history, good),
        "strategy": plan.strategy.kind,
        "chosen_by": dict(Counter(trial.by for trial in history)),
        "begins_at": {trial.by: trial.number for trial in reversed(history)},
        "seed": plan.seed,
        "evaluations": {"budget": plan.budget.evaluations, "asked": len(history), **counts, "repeated": sum(t.attempt - 1 for t in history)},
        "cost": Spending.of(plan, history if plan.cost.prices or plan.budget.cost else (), lambda: store.rows(run)).as_json(),
        "within_limits": len(good),
        "objectives": [vars(objective) for objective in campaign.objectives],
        "hypervolume": rounded(front.volume),
        "front": len(front.trials),
        "best": [_best_json(trial, run) for trial in best(campaign.objectives, good)],
        "seconds": round(seconds, 3),
        "evaluations_a_second": rounded(rate),
        "seconds_left": None if left is None else round(left, 1),
    }


def _stages(plan: Plan, history: Sequence[Trial], good: Sequence[Trial]) -> list[dict[str, Any]]:
    """Return where each stage stands; a run without a schedule is one stage."""
    stages = plan.stages or (Stage(plan.fidelity),)
    if plan.stages:
        states = Counter((stage_of(trial), trial.state) for trial in history)
        within = Counter(stage_of(trial) for trial in history if trial.counts)
    else:  # told apart, since a status of ten thousand trials is to be quick
        states, within = Counter((0, trial.state) for trial in history), Counter({0: len(good)})
    found = []
    for k, (stage, room) in enumerate(zip(stages, rooms(stages, plan.budget.evaluations), strict=True)):
        counts = {state: states[k, state] for state in (COMPLETED, FAILED, RUNNING)}
        by = "promotion" if promotes(stages, k) else "strategy"
        found.append({"fidelity": stage.fidelity, "by": by, "evaluations": room, "asked": sum(counts.values()), **counts, "within_limits": within[k]})
    return found


def best(objectives: Sequence[Objective], good: Sequence[Trial], n: int = BEST) -> list[Trial]:
    """Return the best of trials that keep every limit: of each objective in turn, the best not named yet."""
    most = n * len(objectives)  # an objective may have to pass over all that the others named
    ranked = [nsmallest(most, good, key=partial(_rank, i, objective.sign)) for i, objective in enumerate(objectives)]
    found: dict[int, Trial] = {}
    for place in zip(*ranked, strict=True):
        for trial in place:
            if len(found) < n:
                found.setdefault(trial.number, trial)
    return list(found.values())


def _rank(i: int, sign: float, trial: Trial) -> tuple[float, int]:
    return -sign * (trial.objectives[i] or 0.0), trial.number


def _best_json(trial: Trial, run: Run) -> dict[str, Any]:
    values = {name: rounded(value) for name, value in zip(run.goal, trial.objectives, strict=True) if value is not None}
    return {"trial": trial.number, "recipe": dict(zip(RECIPE_FIELDS, trial.recipe, strict=True)), **values}


def export_rows(store: Store, run: Run) -> Iterator[dict[str, Any]]:
    """Yield the run's trials as flat rows, in order of number: recipe, outcomes and margins by name, times in UTC."""
    for kept in store.rows(run):
        recipe = dict(zip(RECIPE_FIELDS, kept["recipe"], strict=True))
        groups = {"": kept["outcomes"], "sd.": kept["sd"], "margin.": kept["margins"], "fact.": kept["facts"]}
        numbers = {f"{prefix}{name}": value for prefix, group in groups.items() for name, value in (group or {}).items()}
        yield {
            "trial": kept["number"],
            "state": kept["state"],
            "status": kept["status"],
            "detail": kept["detail"],
            "attempt": kept["attempt"],
            "chosen_by": kept["chosen_by"],
            "fidelity": (kept["notes"] or {}).get("fidelity", run.plan.fidelity),
            "promoted_from": (kept["notes"] or {}).get("promoted_from"),
            "asked_at": _utc(kept["asked_at"]),
            "ended_at": _utc(kept["ended_at"]),
            "seconds": None if kept["ended_at"] is None else round(kept["ended_at"] - kept["started_at"], 6),
            **recipe,
            "percolates": None if kept["percolates"] is None else bool(kept["percolates"]),
            **numbers,
        }


def _utc(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def write_csv(store: Store, run: Run, file: TextIO) -> int:
    """Write the run's trials as CSV and return how many; columns that only some rows have stand at the end."""
    rows = list(export_rows(store, run))
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return len(rows)


def write_json(store: Store, run: Run, file: TextIO) -> int:
    """Write the run and its trials as one JSON object and return how many trials."""
    rows = list(export_rows(store, run))
    json.dump({"run": run.name, "plan": run.plan.as_json(), "trials": rows}, file, indent=1, allow_nan=False)
    file.write("\n")
    return len(rows)
