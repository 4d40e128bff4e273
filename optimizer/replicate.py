"""Replicate or explore: what one more cell of a measured recipe is worth to the choice among the recipes made, beside a cell of a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from objectives.composition import Array
from optimizer.noise import cell_noise
from optimizer.outlook import Field
from optimizer.pushing import AnyModel, natural_samples
from optimizer.report import rounded
from optimizer.samples import reference_point
from optimizer.value import Value, value_of_result, worth_of

SAMPLES = 8192  # joint posterior samples that teach and judge the choices
REPEATS = 6  # best measured recipes whose repetition is looked at
SURE = 2.0  # standard errors by which a gain must differ from nothing, or from another, to be told from it


@dataclass(frozen=True)
class Cell:
    """One more cell, and what its result is worth to the choice among the recipes made.

    Args:
        at: Column of its recipe in the joint samples.
        value: In the objective's unit, or in hypervolume; the chance that the cell fails counts.
        cost: In the lab's own unit, above 0; 1 where it does not say.
    """

    at: int
    value: Value
    cost: float = 1.0

    @property
    def rate(self) -> float:
        """Gain for its cost."""
        return self.value.gain / self.cost

    @property
    def surely(self) -> bool:
        """Whether the gain is told from nothing."""
        return self.value.gain > SURE * self.value.error

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        value = self.value
        return {"gain": rounded(value.gain), "standard_error": rounded(value.error), "changes_the_choice": rounded(value.changes)}


def results(model: AnyModel, natural: Mapping[str, Array], at: Sequence[int], outcomes: Sequence[str], seed: int) -> Array:
    """Return what one cell of each recipe would show in each joint sample, with its noise, ``(s, len(at) * len(outcomes))``."""
    columns: list[Array] = []
    for name in outcomes:
        for j in at:
            rng = np.random.default_rng([seed, j, len(columns)])
            value = natural[name][:, j]
            columns.append(value + cell_noise(model, name, value) * rng.standard_normal(len(value)))
    return np.stack(columns, axis=1)


def cells(model: AnyModel, found: Field, outcomes: Sequence[str], seed: int, costs: Array | None = None) -> tuple[list[Cell], list[Cell]]:
    """Return what one more cell of each of the best known recipes is worth, and one of each new recipe, best rate first.

    The choice is among recipes that have been made: a new one joins it with its cell, a repeated one is known better. Making none is a choice.

    Args:
        model: Fitted to what was measured.
        found: Joint samples of known and new recipes.
        outcomes: What a cell measures, of the learned outcomes.
        seed: Same data, seed and machine: same answer.
        costs: Of one more cell of each recipe, ``(k + n,)``; equal when left out.
    """
    natural = natural_samples(model, found.samples)
    worth = worth_of(found.values, reference_point(model.campaign.objectives))
    k, total = found.known, worth.shape[2]
    known = worth[..., :k]
    best = np.argsort(-known.mean(axis=(0, 1)), kind="stable")[:REPEATS]
    repeats: list[Cell] = []
    new: list[Cell] = []
    for j in [*(int(i) for i in best), *range(k, total)]:
        choices = with_none(known if j < k else np.concatenate([known, worth[..., [j]]], axis=2))
        before = np.arange(choices.shape[2]) <= k  # making none, and what is known
        value = value_of_result(choices, results(model, natural, [j], outcomes, seed), before)
        (repeats if j < k else new).append(Cell(j, value, 1.0 if costs is None else float(costs[j])))
    return sorted(repeats, key=lambda one: -one.rate), sorted(new, key=lambda one: -one.rate)


def with_none(worth: Array) -> Array:
    """Return what choices are worth, with that of making none before them: ``(w, s, c + 1)``."""
    return np.concatenate([np.zeros((*worth.shape[:2], 1)), worth], axis=2)
