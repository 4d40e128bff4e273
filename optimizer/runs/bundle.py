"""The simulated electrodes that ship with the package: made by the bundled runs and written into `configs/`. `python -m optimizer.runs.bundle`

`objectives.simulated_set` reads what this writes; docs/simulated-data.md says what it is.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from objectives.recipe import RECIPE_FIELDS
from objectives.simulated import Fidelity
from objectives.simulated_set import BUNDLED, DISCHARGE, SHARES, STRUCTURE, file_names
from optimizer.runs.conditions import TestCondition, at_conditions, column
from optimizer.runs.driver import Progress, drive
from optimizer.runs.micro import VOXEL_UM
from optimizer.runs.plan import Plan, load_plan
from optimizer.runs.store import Run, Store
from optimizer.runs.version import simulator_version

DIGITS = 7  # significant; a discharge is solved to four
FINEST_SE = 2.0  # voxels: free SE below it is drawn too coarse
LIBRARIES = ("numba", "numpy", "pybamm", "scipy")  # what the last digits may depend on
SHOW = 10  # results between two lines of progress


def run_name(fidelity: Fidelity) -> str:
    """Return the name of the bundled run that makes a fidelity's set."""
    return f"bundled-{fidelity}"


def rows(kept: Iterable[Mapping[str, Any]], plan: Plan) -> list[dict[str, Any]]:
    """Return the trials that have ended, as the store keeps them, as rows of the set."""
    own, *others = at_conditions(plan.campaign().conditions, plan.conditions)
    names = {f"{name}@{TestCondition.of(own).label}": name for name in DISCHARGE}
    names |= {stored: stored for one in others for name in DISCHARGE for stored in [column(name, TestCondition.of(one))]}
    return [_row(trial, names, drawn=plan.fidelity == "micro") for trial in kept if trial["ended_at"] is not None]


def _row(trial: Mapping[str, Any], discharged: Mapping[str, str], *, drawn: bool) -> dict[str, Any]:
    """Return one row; ``discharged`` is, for each column of the set, the name that the store has for it; ``drawn``: as a block of voxels."""
    outcomes, sd, facts = (trial[group] or {} for group in ("outcomes", "sd", "facts"))
    recipe = dict(zip(RECIPE_FIELDS, trial["recipe"], strict=True))
    row: dict[str, Any] = {
        "trial": trial["number"],
        **recipe,
        "status": trial["status"],
        "percolates": int(bool(trial["percolates"])),
        "fine_se": int(drawn and recipe["se_particle_um"] < FINEST_SE * VOXEL_UM),
        "coarse_se": int(facts.get("se_coarse", 0.0)),
        "seeds": int(facts.get("seeds", 0.0)),
        "percolating_seeds": int(facts.get("percolating_seeds", 0.0)),
        **{name: _rounded(facts.get(name)) for name in SHARES},
    }
    for name in STRUCTURE:
        row |= {name: _rounded(outcomes.get(name)), **({f"sd.{name}": _rounded(sd.get(name))} if name != "porosity" else {})}
    for wanted, stored in discharged.items():
        same = 0.0 if outcomes.get(stored) == 0.0 else None  # no capacity in any seed
        row |= {wanted: _rounded(outcomes.get(stored)), f"sd.{wanted}": _rounded(sd.get(stored, same))}
    return row


def _rounded(value: float | None) -> str:
    return "" if value is None else f"{value:.{DIGITS}g}"


def about(plan: Plan, evaluations: int) -> dict[str, Any]:
    """Return what the set is, as plain data."""
    campaign = plan.campaign()
    return {
        "simulator": simulator_version(campaign),
        "run": run_name(plan.fidelity),
        "campaign": campaign.name,
        "study": campaign.study,
        "seed": plan.seed,
        **({"voxel_um": VOXEL_UM} if plan.fidelity == "micro" else {}),
        "evaluations": evaluations,
        "conditions": [asdict(one) for one in at_conditions(campaign.conditions, plan.conditions)],
        "made_with": {name: version(name) for name in LIBRARIES},
    }


def write(store: Store, run: Run, folder: Path) -> int:
    """Write a run's trials as the set into a folder and return how many there are."""
    found = rows(store.rows(run), run.plan)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    into, beside = file_names(run.plan.fidelity)
    (folder / into).write_text(text.getvalue(), encoding="utf-8")
    (folder / beside).write_text(json.dumps(about(run.plan, len(found)), indent=2) + "\n", encoding="utf-8")
    return len(found)


def main() -> None:
    """Make the sets, going on from wherever an earlier call of the same simulator was interrupted, and write them into `configs/`."""
    parser = argparse.ArgumentParser(prog="python -m optimizer.runs.bundle", description=main.__doc__)
    parser.add_argument("--store", type=Path, default=Path("build", "simulated.db"), help="where the run is kept (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path(str(files("configs"))), help="folder to write into (default: the installed configs)")
    parser.add_argument("--fidelity", nargs="+", choices=BUNDLED, default=BUNDLED, help="which sets (default: all)")
    options = parser.parse_args()
    options.store.parent.mkdir(parents=True, exist_ok=True)
    with Store(options.store, create=True) as store:
        for fidelity in options.fidelity:
            plan = load_plan(run_name(fidelity))
            named = replace(plan, name=f"{plan.name} {simulator_version(plan.campaign())}")  # another simulator's results are not gone on with
            run = store.run(named.name) if named.name in store.names() else store.create(named)
            ended = drive(store, run.name, watch=_show)
            print(f"wrote {write(store, ended, options.output)} electrodes simulated as {fidelity} to {options.output}")


def _show(progress: Progress) -> None:
    if progress.ended % SHOW == 0:
        print(f"{progress.ended} of {progress.budget} done, {progress.failed} failed, {progress.seconds:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
