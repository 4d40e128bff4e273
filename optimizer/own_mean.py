"""The mean that a lab wrote down for an outcome of its own, as a function of recipes: a formula over the closed form's outcomes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from objectives.composition import Array
from objectives.expression import Formula, formula
from objectives.outcomes import Outcome
from objectives.physics import Physics
from objectives.recipe import RECIPE_FIELDS
from optimizer.campaign import MEAN_NAMES
from optimizer.goal import OwnOutcome, natural_mean
from optimizer.report import from_outcomes
from surrogates.cells import OwnMean

TEST = ("temperature_c", "c_rate")


def own_mean(own: OwnOutcome, outcome: Outcome, physics: Physics) -> OwnMean | None:
    """Return the natural mean of recipes ``(n, 4)`` under conditions, each ``(n,)`` by name; None where the lab gave no formula.

    Raises:
        ExpressionError: If the formula is none over `MEAN_NAMES`.
    """
    if not own.mean:
        return None
    value: Formula = formula(own.mean, MEAN_NAMES)

    def mean(recipes: Array, conditions: Mapping[str, Array] | None = None) -> Array:
        stated = conditions or {}
        test = {name: np.broadcast_to(stated.get(name, getattr(physics.conditions, name)), (len(recipes),)) for name in TEST}
        named = from_outcomes(physics.outcomes(recipes, None, conditions))
        columns = {**dict(zip(RECIPE_FIELDS, recipes.T, strict=True)), **test, **{name: named[name] for name in MEAN_NAMES if name in named}}
        return natural_mean(value(columns), own, outcome)

    return mean
