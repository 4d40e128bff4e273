"""Measure the closed form: recipes a second on one core, median of several runs. Not a test.

OMP_NUM_THREADS=1 python tests/benchmarks/closed_form.py
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from objectives.physics import Physics, find_study

RECIPES, BLOCK, RUNS = 1_000_000, 20_000, 5


def main() -> None:
    """Run the measurement and print it."""
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.uniform(70, 92, RECIPES), rng.uniform(0, 25, RECIPES), rng.uniform(0.5, 20, RECIPES), rng.uniform(0, 5, RECIPES)])
    physics = Physics(find_study("kim2025"))
    physics.outcomes(x[:BLOCK])
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        for begin in range(0, RECIPES, BLOCK):
            physics.outcomes(x[begin : begin + BLOCK])
        seconds.append(time.perf_counter() - start)
    print(f"{RECIPES / statistics.median(seconds) / 1e6:.2f} million recipes a second, all outcomes (median of {RUNS} runs of a million)")


if __name__ == "__main__":
    main()
