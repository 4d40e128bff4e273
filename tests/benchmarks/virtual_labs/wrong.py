"""What physics that is wrong on purpose costs: the product whose closed form is flipped, shuffled or biased, beside its model of the data alone.

python -m tests.benchmarks.virtual_labs.run --method ours-flipped ours-shuffled ours-biased ours-data --results wrong.jsonl
python -m tests.benchmarks.virtual_labs.wrong wrong.jsonl

The learned outcomes see the wrong physics, in the bundled rows, the lab's cells and every candidate alike; hard limits keep the right one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np

from objectives.physics import Physics
from optimizer.model import FittedModel, fit_model
from surrogates.protocol import Inputs
from surrogates.training import ElectrodeData, TrainingSet
from tests.benchmarks.virtual_labs.lab import History, Task
from tests.benchmarks.virtual_labs.matter import Array
from tests.benchmarks.virtual_labs.ours import campaign_of, cells_of, chosen
from tests.benchmarks.virtual_labs.recipes import random_recipes
from tests.benchmarks.virtual_labs.run import read
from tests.benchmarks.virtual_labs.score import after, bootstrap

BIAS = 0.3  # on the natural scale: 35 % of a tau
STRANGERS = 512  # recipes whose physics a shuffled one takes
AIM = 0.01  # of the best Wh/L: how much more regret wrong physics may leave
Inputses = dict[str, Inputs]


class Flipped(ElectrodeData):
    """Physics with its sign turned."""

    def at(self, physics: Physics, recipes: Array, conditions: Mapping[str, Array] | None = None) -> Inputses:
        """Return inputs of recipes."""
        return {name: _flipped(inputs) for name, inputs in super().at(physics, recipes, conditions).items()}

    def training(self, outcome: str) -> TrainingSet:
        """Return the bundled rows."""
        return _with_inputs(super().training(outcome), _flipped)


class Biased(ElectrodeData):
    """Physics that is off by a constant."""

    def at(self, physics: Physics, recipes: Array, conditions: Mapping[str, Array] | None = None) -> Inputses:
        """Return inputs of recipes."""
        return {name: _biased(inputs) for name, inputs in super().at(physics, recipes, conditions).items()}

    def training(self, outcome: str) -> TrainingSet:
        """Return the bundled rows."""
        return _with_inputs(super().training(outcome), _biased)


class Shuffled(ElectrodeData):
    """Physics of other recipes: each recipe has that of a stranger, always the same one."""

    def at(self, physics: Physics, recipes: Array, conditions: Mapping[str, Array] | None = None) -> Inputses:
        """Return inputs of recipes."""
        strangers = random_recipes(STRANGERS, np.random.default_rng(0))
        theirs = strangers[[hash(tuple(row)) % STRANGERS for row in np.round(recipes, 6).tolist()]]
        right, other = super().at(physics, recipes, conditions), super().at(physics, theirs, conditions)
        return {name: replace(inputs, physics=other[name].physics, directions=other[name].directions) for name, inputs in right.items()}

    def training(self, outcome: str) -> TrainingSet:
        """Return the bundled rows, each with the physics of another."""
        return _with_inputs(super().training(outcome), _permuted)


def _flipped(inputs: Inputs) -> Inputs:
    return replace(inputs, physics=-inputs.physics, directions=-inputs.directions)


def _biased(inputs: Inputs) -> Inputs:
    return replace(inputs, physics=inputs.physics + BIAS)


def _permuted(inputs: Inputs) -> Inputs:
    order = np.random.default_rng(1).permutation(len(inputs))
    return replace(inputs, physics=inputs.physics[order], directions=inputs.directions[order])


def _with_inputs(rows: TrainingSet, wrong: Callable[[Inputs], Inputs]) -> TrainingSet:
    return replace(rows, data=replace(rows.data, inputs=wrong(rows.data.inputs)))


def with_physics(kind: type[ElectrodeData], task: Task, history: History, n: int, seed: int) -> Array:
    """Return the product's n recipes under another physics."""
    with patch("optimizer.model.ElectrodeData", kind):
        return chosen(task, fit_model(campaign_of(task), cells=cells_of(history)), n, seed)


def data_alone(task: Task, history: History, n: int, seed: int) -> Array:
    """Return the product's n recipes with all trust in the model of the data alone."""
    model: FittedModel = fit_model(campaign_of(task), cells=cells_of(history))
    trust = {name: {"physics": 0.0, "simulation": 0.0, "data": 1.0} for name in model.fused.trust}
    return chosen(task, replace(model, fused=replace(model.fused, trust=trust)), n, seed)


WRONG: Mapping[str, Callable[[Task, History, int, int], Array]] = {
    "ours-flipped": partial(with_physics, Flipped),
    "ours-shuffled": partial(with_physics, Shuffled),
    "ours-biased": partial(with_physics, Biased),
    "ours-data": data_alone,
}


def main(files: list[Path]) -> None:
    """Print by condition and wrong physics how much more regret it leaves than the data alone, over labs."""
    lines = {(line["method"], line["condition"], line["family"], line["lab"]): line for line in read(files)}
    labs = {key[1:] for key in lines if all((name, *key[1:]) in lines for name in WRONG)}
    for condition in sorted({lab[0] for lab in labs}):
        mine = sorted(lab for lab in labs if lab[0] == condition)
        print(f"{condition} condition, {len(mine)} labs: regret beyond that of the data alone, median; mean [95 % interval]")
        for name in WRONG:
            if name != "ours-data":
                parts = []
                for cells in (16, 32):
                    more = np.array([after(lines[name, *lab], cells) - after(lines["ours-data", *lab], cells) for lab in mine])
                    low, high = np.percentile(bootstrap(more), [2.5, 97.5])
                    met = "within" if np.median(more) <= AIM else "beyond"
                    parts.append(f"after {cells}: {np.median(more):+.4f}; {more.mean():+.4f} [{low:+.4f}, {high:+.4f}] {met} {AIM:g}")
                print(f"  {name:<14} {' | '.join(parts)}")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
