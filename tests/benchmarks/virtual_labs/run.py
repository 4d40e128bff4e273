"""Run optimizers in virtual labs, one process, resumable: a run whose line is in the results file is not done again.

python -m tests.benchmarks.virtual_labs.run --method ours --condition easy --family near --labs 12 [--objectives 2]
    [--both-conditions] [--cells 32] [--minutes 40] [--results out.jsonl]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.virtual_labs import lab as labs
from tests.benchmarks.virtual_labs.lab import CONDITIONS, FAMILIES, START, History, Lab, Task, make_lab, regret
from tests.benchmarks.virtual_labs.matter import Array

BATCH = 4
OURS_CELLS, CELLS = 32, 64  # of the product, whatever it is made to do without; of the others
Method = Callable[[Task, History, int, int], Array]
KEY = ("method", "family", "lab", "condition", "objectives", "both_conditions", "version")


def method_of(name: str) -> Method:
    """Return a method by name, imported when asked for."""
    if name == "ours":
        from tests.benchmarks.virtual_labs.ours import ours

        return ours
    if name.startswith("ours-") and name != "ours-plain":
        from tests.benchmarks.virtual_labs.wrong import WRONG

        return WRONG[name]
    from tests.benchmarks.virtual_labs.others import OTHERS

    return OTHERS[name]


def campaign_of(lab: Lab, task: Task, method: Method, cells: int, show: Callable[[int, float], None] | None = None) -> tuple[list[float], float]:
    """Return the regret after the start and after each batch, and the CPU seconds that the method took.

    ``show`` is called with the number of cells and the regret.
    """
    history, seconds = lab.start(task), 0.0
    found = [regret(lab, history.recipes, task)]
    while len(history.recipes) < cells:
        began = time.process_time()
        batch = method(task, history, BATCH, lab.seed * 1000 + len(history.recipes))
        seconds += time.process_time() - began
        if batch.shape != (BATCH, 4):
            raise ValueError(f"a method must return {BATCH} recipes, got shape {batch.shape}; correct it")
        history = history.and_then(lab.measure(batch, task, len(history.recipes)))
        found.append(regret(lab, history.recipes, task))
        if show is not None:
            show(len(history.recipes), found[-1])
    return found, seconds


def read(paths: list[Path]) -> list[dict[str, Any]]:
    """Return the lines of results files; a line cut short by a kill is left out."""
    lines = []
    for path in paths:
        for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                lines.append(json.loads(text))
            except json.JSONDecodeError:
                continue
    return lines


def key_of(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what a run is told apart by."""
    return tuple(line[name] for name in KEY)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", nargs="+", required=True)
    parser.add_argument("--condition", nargs="+", default=list(CONDITIONS), choices=list(CONDITIONS))
    parser.add_argument("--family", nargs="+", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--labs", type=int, default=12)
    parser.add_argument("--first", type=int, default=0, help="seed of the first lab")
    parser.add_argument("--objectives", type=int, default=1, choices=(1, 2))
    parser.add_argument("--both-conditions", action="store_true", help="each cell is measured under both conditions")
    parser.add_argument("--cells", type=int, default=None, help="32 for ours, 64 for the others")
    parser.add_argument("--results", type=Path, default=Path("virtual-labs.jsonl"))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after so long")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    version, began = labs.version(), time.monotonic()
    done = {key_of(line) for line in read([options.results])}
    for seed in range(options.first, options.first + options.labs):  # labs outermost: a run that is cut short is balanced
        for condition in options.condition:
            for family in options.family:
                for name in options.method:
                    task = Task(condition, options.objectives, options.both_conditions)
                    line: dict[str, Any] = dict(
                        zip(KEY, (name, family, seed, condition, options.objectives, options.both_conditions, version), strict=True)
                    )
                    if key_of(line) in done or time.monotonic() - began > 60.0 * options.minutes:
                        continue
                    cells = options.cells or (OURS_CELLS if name.startswith("ours") else CELLS)
                    found, seconds = campaign_of(make_lab(family, seed), task, method_of(name), cells)
                    line |= {"start": START, "batch": BATCH, "regret": [round(value, 5) for value in found], "cpu_s": round(seconds, 2)}
                    with options.results.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(line) + "\n")
                    if not options.quiet:
                        print(name, family, seed, condition, " ".join(f"{value:.3f}" for value in found), f"{seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
