"""Measure a discharge: the first of a process, then each condition of a recipe, medians. Not a test.

OMP_NUM_THREADS=1 python tests/benchmarks/discharge.py
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from objectives.discharge import Transport, simulate_cell
from objectives.discharge.model import load_pybamm
from objectives.physics import Conditions, Physics, find_study
from objectives.recipe import Recipe

RECIPES = 60
RATES = (0.05, 0.1, 0.2, 0.5)
TEMPERATURES = (60.0, 30.0)


def milliseconds(physics: Physics, recipes: list[Recipe], conditions: list[Conditions], transport: Transport | None = None) -> float:
    """Return the median time of a condition, ms."""
    seconds = []
    for recipe in recipes:
        start = time.perf_counter()
        simulate_cell(physics, recipe, conditions, transport)
        seconds.append(time.perf_counter() - start)
    return 1e3 * statistics.median(seconds) / len(conditions)


def main() -> None:
    """Run the measurement and print it."""
    rng = np.random.default_rng(0)
    recipes = [
        Recipe(am, c, d, 2.34) for am, c, d in zip(rng.uniform(72, 86, RECIPES), rng.uniform(3, 14, RECIPES), rng.uniform(1, 6, RECIPES), strict=True)
    ]
    physics = Physics(find_study("kim2025"))
    start = time.perf_counter()
    load_pybamm()
    imported = time.perf_counter()
    simulate_cell(physics, recipes[0])
    print(f"import of PyBaMM {imported - start:.1f} s; first discharge, with the build {time.perf_counter() - imported:.2f} s")
    grid = [Conditions(temperature_c=t, c_rate=rate) for t in TEMPERATURES for rate in RATES]
    handed = Transport(0.4, 20.0, 0.31, 0.53, 0.14, wetted_fraction=0.8, connected_am_fraction=0.95)
    for name, conditions in ((f"{len(grid)} conditions", grid), ("one condition", grid[:1])):
        print(
            f"{name} a recipe: {milliseconds(physics, recipes, conditions):.0f} ms a condition with the closed form's structure, "
            f"{milliseconds(physics, recipes, conditions, handed):.0f} ms with one handed in (medians of {RECIPES} recipes)"
        )


if __name__ == "__main__":
    main()
