"""How well the model knows the recipes that matter: in virtual labs whose cells its own proposals chose, at recipes within 5 % of the best.

Prints, against the truth without noise, at those, at random recipes that keep the limits and at the next batch: how often 90 % intervals of
Wh/L hold, the mean log density and the mean error; and how much the next batch gained in truth of what the model expected. Good recipes are
picked by their truth, of which even the best calibrated model falls short there; the next batch is picked by the model alone.

OMP_NUM_THREADS=1 python -m tests.benchmarks.virtual_labs.good_recipes [labs a family] [first seed] [easy or hard]
"""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from optimizer.model import FittedModel, fit_model
from surrogates.scores import wilson
from tests.benchmarks.virtual_labs.lab import FAMILIES, Lab, Task, best, judge, make_lab
from tests.benchmarks.virtual_labs.matter import Array
from tests.benchmarks.virtual_labs.ours import campaign_of, cells_of, chosen
from tests.benchmarks.virtual_labs.recipes import random_recipes

CELLS = (12, 20, 28)
BATCH = 4
GOOD = 0.95  # of the best attainable Wh/L
SEARCHED, ASKED = 20_000, 40  # random recipes among which good ones are looked for; good and other ones that are asked
SAMPLES = 1024
LEVEL = 0.90
ENERGY = "volumetric_energy_density"


class Known(NamedTuple):
    """What the model says of recipes: whether the interval holds, log density of ln(Wh/L) and its error, ``(n,)``."""

    holds: Array
    density: Array
    error: Array


def asked(lab: Lab, task: Task) -> dict[str, Array]:
    """Return good recipes, the best first, and random ones; all truly keep the limits."""
    top, rng = best(lab.family, lab.seed, task.condition), np.random.default_rng([lab.seed, 12])
    recipes = random_recipes(SEARCHED, rng)
    judged = judge(lab.truth, recipes, task.condition)
    energy = np.where(judged.feasible, judged.energy, 0.0)
    good = np.flatnonzero(energy >= GOOD * top.energy)
    if len(good) < ASKED:
        good = np.argsort(-energy)[:ASKED]
    near = recipes[rng.permutation(good)[:ASKED]]
    return {"good": np.concatenate([[top.recipe], near]), "random": recipes[judged.feasible][:ASKED]}


def known(lab: Lab, task: Task, model: FittedModel, recipes: Array) -> Known:
    """Return how well the model knows recipes."""
    true = np.log(judge(lab.truth, recipes, task.condition).energy)
    said = np.log(np.maximum(model.samples(recipes, SAMPLES, 3, joint=False).outcomes[ENERGY], 1e-3))
    low, high = np.quantile(said, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2], axis=0)
    mean, sd = said.mean(axis=0), said.std(axis=0)
    density = -0.5 * ((true - mean) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2.0 * np.pi)
    return Known((low <= true) & (true <= high), density, true - mean)


def gains(lab: Lab, task: Task, model: FittedModel, batch: Array, measured: Array) -> tuple[float, float]:
    """Return the gain of the next batch, as expected and as it truly is, as shares of the best attainable."""
    samples = model.samples(np.concatenate([batch, measured]), SAMPLES, 7)
    energy = np.where(samples.feasible, samples.outcomes[ENERGY], 0.0)
    expected = np.maximum(energy[:, : len(batch)].max(axis=1) - energy[:, len(batch) :].max(axis=1), 0.0).mean()
    now, then = (judge(lab.truth, recipes, task.condition) for recipes in (measured, batch))
    truly = max(0.0, float(np.where(then.feasible, then.energy, 0.0).max() - np.where(now.feasible, now.energy, 0.0).max()))
    top = best(lab.family, lab.seed, task.condition).energy
    return float(expected) / top, truly / top


def main(labs: int, first: int, condition: str) -> None:
    """Print."""
    task, found, gained = Task(condition), defaultdict(list), defaultdict(list)
    for family in FAMILIES:
        for seed in range(first, first + labs):
            lab = make_lab(family, seed)
            history, recipes = lab.start(task), asked(lab, task)
            while (n := len(history.recipes)) <= max(CELLS):
                model = fit_model(campaign_of(task), cells=cells_of(history))
                batch = chosen(task, model, BATCH, seed * 1000 + n)
                if n in CELLS:
                    for kind, these in {**recipes, "next": batch}.items():
                        found[family, n, kind].append(known(lab, task, model, these))
                    gained[family, n].append(gains(lab, task, model, batch, history.recipes))
                history = history.and_then(lab.measure(batch, task, n))
    print(
        f"{labs} labs of each family from seed {first}, {condition} condition: Wh/L at recipes within {1 - GOOD:.0%} of the best, and at random ones"
    )
    for (family, n, kind), parts in found.items():
        joined = Known(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        low, high = wilson(int(joined.holds.sum()), len(joined.holds))
        print(
            f"  {family:<5}{n:>3} cells, {kind:<7}{LEVEL:.0%} intervals hold {joined.holds.mean():6.1%} ({low:.1%} to {high:.1%})"
            f"  log density {joined.density.mean():6.3f}  truth over mean {np.expm1(joined.error.mean()):+7.1%}"
        )
    for (family, n), pairs in gained.items():
        expected, truly = np.mean(pairs, axis=0)
        print(f"  {family:<5}{n:>3} cells, next {BATCH}: gain expected {expected:7.2%} of the best, truly {truly:7.2%}")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 12, int(given[1]) if len(given) > 1 else 1000, given[2] if len(given) > 2 else "hard")
