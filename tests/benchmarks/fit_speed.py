"""Time a fit of all outcomes to simulated and measured rows, an update by one more cell, and the fit beyond 2,000 rows. Not a test.

OMP_NUM_THREADS=2 python tests/benchmarks/fit_speed.py [repeats]
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from objectives.cell import Cell
from objectives.physics import Physics, find_study
from objectives.simulated_set import BUNDLED, load_simulated_set
from optimizer.model import fit_model
from optimizer.threads import one_thread
from surrogates.fusion.many import ManyRowsWarning
from surrogates.fusion.simulated import correction
from tests.benchmarks.virtual_labs.lab import Task, make_lab
from tests.benchmarks.virtual_labs.ours import campaign_of, cells_of
from tests.benchmarks.virtual_labs.recipes import random_recipes

SIMULATED, MEASURED, MANY = 300, 200, 2500  # electrodes; cells, each with four outcomes
AIM_S = 3.0


def cells(n: int) -> list[Cell]:
    """Cells of a virtual lab."""
    lab, task = make_lab("near", 0), Task("easy")
    history = lab.start(task)
    return cells_of(history.and_then(lab.measure(random_recipes(n - len(history.recipes), np.random.default_rng(1)), task, len(history.recipes))))


def timed(call: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Return median wall and CPU seconds."""
    wall, cpu = [], []
    for _ in range(repeats):
        began, used = time.perf_counter(), time.process_time()
        call()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    return statistics.median(wall), statistics.median(cpu)


def main(repeats: int) -> None:
    """Print."""
    campaign, made = campaign_of(Task("easy")), cells(MEASURED)
    kept = np.arange(len(load_simulated_set().recipes)) < SIMULATED
    micro, cell = (replace(load_simulated_set(fidelity), trained_on=kept) for fidelity in BUNDLED)
    physics = Physics(find_study(micro.study), micro.conditions[0])
    model = fit_model(campaign, cells=made)  # warm: calibration read, bundled electrodes fitted
    taught, fitted = timed(one_thread(lambda: correction(micro, cell, physics)), repeats), timed(lambda: fit_model(campaign, cells=made), repeats)
    more = cells(MEASURED + 1)[-1:]
    updated = timed(lambda: model.updated(more), repeats)
    total = taught[0] + fitted[0]
    print(
        f"{SIMULATED} simulated electrodes at {len(micro.conditions)} conditions, as `micro` and as `cell`: {taught[0]:.2f} s, CPU {taught[1]:.2f} s"
    )
    print(f"{MEASURED} measured cells, four outcomes each, beside the bundled studies: {fitted[0]:.2f} s, CPU {fitted[1]:.2f} s")
    print(f"both: {total:.2f} s (aim {AIM_S:g} s: {'met' if total < AIM_S else 'missed'})")
    print(f"one more cell, nothing refitted: {updated[0] * 1e3:.0f} ms, {total / updated[0]:.0f} times as fast")
    many = cells(MANY)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ManyRowsWarning)
        wall, cpu = timed(lambda: fit_model(campaign, cells=many), 1)
    print(f"{MANY} cells: {wall:.1f} s, CPU {cpu:.1f} s; {len(said)} warnings, the first: {said[0].message if said else 'none'}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
