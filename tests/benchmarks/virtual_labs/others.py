"""What the product is compared with: a plain BoTorch loop, Optuna's GP and TPE samplers, random recipes, and the product without physics.

Each gets Wh/L computed from the readings, and the two limits as outcome constraints. Where cells are tested under both conditions, the
BoTorch loop learns Wh/L by a multi-task GP; the samplers have no place for a second value.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.benchmarks.virtual_labs.lab import CONDITIONS, DENSITY_MIN, TAU_MAX, History, Task
from tests.benchmarks.virtual_labs.matter import Array
from tests.benchmarks.virtual_labs.plain_space import ours_plain
from tests.benchmarks.virtual_labs.recipes import on_grid, random_recipes, unit


def random(task: Task, history: History, n: int, seed: int) -> Array:
    """Return random recipes, drawn like the starting ones."""
    return random_recipes(n, np.random.default_rng([seed, 7]))


def _values(task: Task, history: History) -> Array:
    """Return what is maximised, ``(n, objectives)``."""
    energy = history.energy(task.condition)
    return energy[:, None] if task.objectives == 1 else np.stack([history.capacity[task.condition], energy], axis=1)


def _optuna(make: Callable[[int], Any], task: Task, history: History, n: int, seed: int) -> Array:
    """Return what a sampler asks for next, brought onto the lab grid; the study knows the recipes as made."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = {f"x{i}": optuna.distributions.FloatDistribution(0.0, 1.0) for i in range(4)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(directions=["maximize"] * task.objectives, sampler=make(seed))
        for x, values, porosity, tau in zip(unit(history.recipes), _values(task, history), history.porosity, history.ionic_tau, strict=True):
            trial = optuna.trial.create_trial(
                params={name: float(np.clip(v, 0.0, 1.0)) for name, v in zip(space, x, strict=True)},
                distributions=dict(space),
                values=[float(v) for v in values],
            )
            trial.set_constraint("density", DENSITY_MIN - (1.0 - porosity))
            trial.set_constraint("tau", math.log(tau / TAU_MAX))
            study.add_trial(trial)
        asked = [study.ask(dict(space)) for _ in range(n)]
    return on_grid(np.array([[trial.params[name] for name in space] for trial in asked]))


def tpe(task: Task, history: History, n: int, seed: int) -> Array:
    """Return the recipes of Optuna's TPE sampler; running trials count as poor ones."""
    import optuna

    def make(seed: int) -> Any:
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=8, multivariate=True, constant_liar=True)

    return _optuna(make, task, history, n, seed)


def optuna_gp(task: Task, history: History, n: int, seed: int) -> Array:
    """Return the recipes of Optuna's GP sampler, which reckons with noise and with running trials."""
    import optuna

    return _optuna(lambda seed: optuna.samplers.GPSampler(seed=seed, n_startup_trials=8), task, history, n, seed)


def botorch(task: Task, history: History, n: int, seed: int) -> Array:
    """Return the recipes of `tests.benchmarks.botorch_loop`'s expert, with this benchmark's limits."""
    from tests.benchmarks.virtual_labs.botorch_labs import propose

    return propose(task, history, _values(task, history), CONDITIONS[task.condition].reference, n, seed)


OTHERS: Mapping[str, Callable[[Task, History, int, int], Array]] = {
    "random": random,
    "tpe": tpe,
    "optuna-gp": optuna_gp,
    "botorch": botorch,
    "ours-plain": ours_plain,
}
