"""Check a recipe by physics alone: which limits hold, by how much, and the nearest recipe that passes. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from objectives.composition import Array
from objectives.constraints import Constraint
from objectives.electrode import Outcomes
from objectives.limits import PERCOLATION_RESERVE
from objectives.physics import Physics
from objectives.recipe import Recipe
from objectives.repair import InfeasibleError, nearest_feasible
from optimizer.campaign import Campaign
from optimizer.report import (
    Interval,
    LimitState,
    conditions_json,
    from_outcomes,
    hard_states,
    intervals,
    physics_margins,
    recipe_json,
    recipe_text,
    soft_states,
)

DRAWS = 400  # of the calibrated parameters, for intervals and probabilities
NEAR_DRAWS = 15  # the same while looking for the nearest feasible recipe, where thousands are judged
SEED = 0


@dataclass(frozen=True)
class Check:
    """What is known of one recipe without making it."""

    recipe: Recipe
    campaign: Campaign
    source: str
    predicted: dict[str, Interval]
    limits: tuple[LimitState, ...]
    feasible: bool
    nearest: Recipe | None
    percolates: bool

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "recipe": recipe_json(self.recipe),
            "conditions": conditions_json(self.campaign),
            "source": self.source,
            "feasible": self.feasible,
            "percolates": self.percolates,
            "predicted": {name: interval.as_json() for name, interval in self.predicted.items()},
            "limits": [state.as_json() for state in self.limits],
            "nearest_feasible": recipe_json(self.nearest) if self.nearest else None,
        }

    @property
    def verdict(self) -> str:
        """Return one sentence: whether it passes, else which limits fail, by how much, and what would pass."""
        if self.feasible:
            return f"feasible: all limits hold for {recipe_text(self.recipe)}"
        failing = [s for s in self.limits if not s.holds] or [min(self.limits, key=lambda s: s.probability)]
        parts = [
            f"{s.name} by {-s.margin:.3g}{'' if s.unit == '1' else ' ' + s.unit}"
            if not s.holds
            else f"{s.name} (holds with probability {s.probability:.2f} only)"
            for s in failing
        ]
        remedy = f"nearest recipe that passes: {recipe_text(self.nearest)}" if self.nearest else "no recipe of this design space passes"
        return f"refused: breaks {', '.join(parts)}; {remedy}"

    def _repr_html_(self) -> str:
        """Return the check as a notebook shows it."""
        from optimizer.html import check_html  # here: only a notebook needs it

        return check_html(self)


def check(campaign: Campaign, recipe: Recipe) -> Check:
    """Return what physics says of a recipe, with the uncertainty of the calibrated parameters."""
    physics = campaign.physics()
    x = np.array([recipe.values()])
    constraints = campaign.constraints(physics)
    draws, best = physics.draws(x, DRAWS, SEED), physics.outcomes(x)
    sampled = physics_margins(campaign, x, draws)
    estimate = {name: margin[0] for name, margin in physics_margins(campaign, x, best).items()}
    hard = hard_states(x, constraints, float((draws.percolation_margin >= PERCOLATION_RESERVE).mean()))
    soft = soft_states(campaign, {name: margin[:, 0] for name, margin in sampled.items()}, estimate)
    weighable = bool(campaign.accept(constraints)(x)[0])
    feasible = all(state.holds for state in (*hard, *soft)) and weighable and probability_of_limits(campaign, x, draws) >= campaign.probability
    named = {name: values[:, 0] for name, values in from_outcomes(draws).items()}
    nearest = recipe if feasible else nearest_passing(campaign, physics, x[0])
    return Check(recipe, campaign, "physics", intervals(named, campaign), (*hard, *soft), feasible, nearest, bool(best.percolates[0]))


def probability_of_limits(campaign: Campaign, x: Array, draws: Outcomes) -> float:
    """Return the probability that one recipe ``(1, d)`` meets all soft limits and percolates, from its outcomes under draws ``(k, 1)``."""
    percolates = draws.percolation_margin[:, 0] >= PERCOLATION_RESERVE
    margins = physics_margins(campaign, x, draws)
    return float(np.logical_and.reduce([percolates, *(margin[:, 0] >= 0.0 for margin in margins.values())]).mean())


def nearest_passing(campaign: Campaign, physics: Physics, x: Array) -> Recipe | None:
    """Return the nearest recipe on the lab grid that keeps every hard limit and, by physics, the soft ones with the required probability.

    The search judges thousands of recipes by a few draws, and what it finds by all of them; where the few were too kind it is
    repeated with fewer of them allowed to fail.
    """
    z = physics.calibration.draws(NEAR_DRAWS, SEED)
    hard = campaign.constraints(physics)

    def likely(recipes: Array, allowed: int) -> Array:
        best = np.minimum.reduce(list(physics_margins(campaign, recipes, physics.outcomes(recipes)).values()))
        drawn = physics.outcomes(recipes, z)
        worst = np.minimum.reduce([drawn.percolation_margin - PERCOLATION_RESERVE, *physics_margins(campaign, recipes, drawn).values()])
        return np.minimum(np.sort(worst, axis=0)[allowed], best)

    for allowed in range(int(NEAR_DRAWS * (1.0 - campaign.probability)), -1, -1):
        constraint = Constraint("soft limits", "", partial(likely, allowed=allowed))
        try:
            found = nearest_feasible(campaign.space, (*hard, constraint), x, campaign.accept(hard))
        except InfeasibleError:
            return None
        if found is not None and probability_of_limits(campaign, found[None], physics.draws(found[None], DRAWS, SEED)) >= campaign.probability:
            return Recipe.from_row(found)
    return None
