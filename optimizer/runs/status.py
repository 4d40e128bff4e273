"""What is said of a run: its state, counts, best results and time left, and its trials as rows of a table. Reads only."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TextIO

from objectives.recipe import RECIPE_FIELDS
from optimizer.report import conditions_json, rounded
from optimizer.runs.history import COMPLETED, FAILED, RUNNING, Trial
from optimizer.runs.lock import driven
from optimizer.runs.store import Run, Store
from optimizer.runs.worth import final_front

BEST = 5  # recipes shown


def state_of(store: Store, run: Run) -> tuple[str, str]:
    """Return the run's state and its reason; a run whose driver was killed is interrupted, whatever it wrote last."""
    if run.state == "running" and not driven(store.path, run.id):
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
    front = final_front(campaign.objectives, history)
    state, reason = state_of(store, run)
    counts = {kind: sum(trial.state == kind for trial in history) for kind in (COMPLETED, FAILED, RUNNING)}
    ended, seconds = counts[COMPLETED] + counts[FAILED], store.driven_s(run)
    rate = ended / seconds if seconds > 0.0 else 0.0
    left = (plan.budget.evaluations - ended) / rate if rate > 0.0 and state == "running" else None
    return {
        "run": run.name,
        "store": str(store.path),
        "state": state,
        "reason": reason,
        "campaign": campaign.name,
        "conditions": conditions_json(campaign),
        "fidelity": plan.fidelity,
        "strategy": plan.strategy.kind,
        "chosen_by": _chosen_by(history),
        "seed": plan.seed,
        "evaluations": {"budget": plan.budget.evaluations, "asked": len(history), **counts, "repeated": sum(t.attempt - 1 for t in history)},
        "within_limits": sum(trial.counts for trial in history),
        "objectives": [vars(objective) for objective in campaign.objectives],
        "hypervolume": rounded(front.volume),
        "front": len(front.trials),
        "best": [_best_json(trial, run) for trial in best(run, history)],
        "seconds": round(seconds, 3),
        "evaluations_a_second": rounded(rate),
        "seconds_left": None if left is None else round(left, 1),
    }


def best(run: Run, history: list[Trial], n: int = BEST) -> list[Trial]:
    """Return the best trials that keep every limit: of each objective in turn, the best not named yet."""
    goal = run.plan.goal()
    good = [trial for trial in history if trial.counts]
    ranked = [sorted(good, key=lambda t, i=i, sign=o.sign: (-sign * (t.objectives[i] or 0.0), t.number)) for i, o in enumerate(goal)]  # type: ignore[misc]
    found: list[Trial] = []
    for place in range(len(good)):
        for ranking in ranked:
            if ranking[place] not in found and len(found) < n:
                found.append(ranking[place])
        if len(found) == n:
            break
    return found


def _chosen_by(history: list[Trial]) -> dict[str, int]:
    names = dict.fromkeys(trial.by for trial in history)
    return {name: sum(trial.by == name for trial in history) for name in names}


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
