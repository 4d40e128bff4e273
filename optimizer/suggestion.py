"""Suggest the next recipes: the main job. A pure function of campaign, measurements, seed and pending recipes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from objectives.cell import Cell
from objectives.composition import Array, Mask
from objectives.constraints import holds
from objectives.recipe import Recipe
from objectives.weighing import Sheet, sheet
from optimizer import sobol
from optimizer.batch_rule import coating_rule
from optimizer.bayesian import SCREEN, Acquisition, Choice, propose
from optimizer.campaign import Campaign
from optimizer.candidates import Feasible
from optimizer.checks import SEED, Check, nearest_passing
from optimizer.explain import reason
from optimizer.measured import incumbents, measured_designs
from optimizer.model import FittedModel, fit_model
from optimizer.report import Interval, LimitState, conditions_json, hard_states, intervals, recipe_json, rounded, sheet_json, soft_states
from optimizer.request import SuggestError, check_request

Strategy = Literal["auto", "bayesian", "sobol"]
FEWEST_CELLS = 4  # measured capacities below which there is nothing to learn from: fill the space first
REPORT_SAMPLES = 2048
LEAST_SUCCESS = 0.5  # probability of success below which a recipe is called likely to fail


@dataclass(frozen=True)
class Suggestion:
    """One recipe to make next: what is expected of it, why, and what to weigh."""

    recipe: Recipe
    predicted: dict[str, Interval]
    limits: tuple[LimitState, ...]
    reason: str
    sheet: Sheet
    exploration: float | None
    probability: float  # of meeting all limits together

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "recipe": recipe_json(self.recipe),
            "predicted": {name: interval.as_json() for name, interval in self.predicted.items()},
            "limits": [state.as_json() for state in self.limits],
            "reason": self.reason,
            "sheet": sheet_json(self.sheet),
            "exploration": None if self.exploration is None else rounded(self.exploration),
            "probability_of_all_limits": rounded(self.probability),
        }


@dataclass(frozen=True)
class Suggestions:
    """A batch of suggestions with what it was made from."""

    campaign: Campaign
    seed: int
    strategy: str
    why_strategy: str
    acquisition: str
    suggestions: tuple[Suggestion, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "campaign": self.campaign.name,
            "seed": self.seed,
            "strategy": self.strategy,
            "why_strategy": self.why_strategy,
            "acquisition": self.acquisition,
            "conditions": conditions_json(self.campaign),
            "objectives": [objective.outcome for objective in self.campaign.objectives],
            "interval": "90 % of the electrode's own value, without the noise of one more measurement",
            "suggestions": [suggestion.as_json() for suggestion in self.suggestions],
        }


def choose_strategy(strategy: Strategy, cells: int) -> tuple[Literal["bayesian", "sobol"], str]:
    """Return the strategy to use and why: `auto` fills the space until enough capacities have been measured."""
    if strategy != "auto":
        return strategy, "asked for"
    if cells < FEWEST_CELLS:
        return "sobol", f"auto: {cells} measured capacities, fewer than {FEWEST_CELLS}; fill the space first"
    return "bayesian", f"auto: {cells} measured capacities to learn from"


def suggest(
    campaign: Campaign,
    n: int | None = None,
    seed: int = 0,
    *,
    pending: Array | None = None,
    strategy: Strategy = "auto",
    acquisition: Acquisition = "sampled",
    evidence: Collection[str] = ("primary", "secondary"),
    cells: Sequence[Cell] = (),
) -> Suggestions:
    """Return the next recipes to make.

    Args:
        campaign: Space, goal, conditions and limits.
        n: How many; the campaign's batch size when left out.
        seed: Same data, seed and machine: same recipes.
        pending: Recipes already being made, ``(p, 4)``; not repeated, and their unknown results are reckoned with.
        strategy: `bayesian`, `sobol`, or `auto`.
        acquisition: The rule of `bayesian`.
        evidence: Which rows of the bundled table to learn from.
        cells: The lab's own cells, beside the bundled measurements.

    Raises:
        SuggestError: If n is not between 1 and 32, the seed is out of range, or no new feasible recipe is left.
        NoFeasibleRecipeError: If no recipe meets the soft limits with the required probability.
        InfeasibleError: If no recipe keeps the hard limits.
    """
    wanted = check_request(campaign.batch.size if n is None else n, seed)
    model = fit_model(campaign, evidence, cells)
    return suggest_from(model, wanted, seed, np.zeros((0, 4)) if pending is None else pending, strategy, acquisition)


def suggest_from(
    model: FittedModel, n: int, seed: int, pending: Array, strategy: Strategy = "auto", acquisition: Acquisition = "sampled"
) -> Suggestions:
    """Return the next n recipes from a fitted model; arguments as in `suggest`."""
    campaign = model.campaign
    constraints = campaign.constraints(model.physics)
    feasible = Feasible(campaign.space, constraints, campaign.accept(constraints))
    designs = measured_designs(model.data, model.physics, model.cells)
    measured = incumbents(designs, campaign.study)
    used, why = choose_strategy(strategy, len(model.training["discharge_capacity"].values))
    if used == "sobol":

        def likely(recipes: Array) -> Mask:
            soft = model.samples(recipes, SCREEN, seed, joint=False).feasible.mean(axis=0)
            return np.asarray(soft * model.percolation_probability(recipes) >= campaign.probability)

        filled = sobol.propose(feasible, np.concatenate([measured, pending]), n, seed, likely)
        choices: list[tuple[Array, float | None, float]] = [(recipe, None, 0.0) for recipe in filled]
    else:
        found: list[Choice] = propose(model, feasible, measured, pending, n, seed, acquisition, coating_rule(campaign))
        choices = [(choice.recipe, choice.exploration, choice.gain) for choice in found]
    if len(choices) < n:
        raise SuggestError(f"only {len(choices)} new feasible recipes are left for a batch of {n}; ask for fewer or widen the design space")
    recipes = np.stack([choice[0] for choice in choices])
    conditions = f"{campaign.conditions.c_rate:g}C, {campaign.conditions.temperature_c:g} C"
    described = describe(model, recipes, seed)
    suggestions = []
    for (x, exploration, gain), (predicted, limits, probability) in zip(choices, described, strict=True):
        recipe = Recipe.from_row(x)
        why_recipe = reason(recipe, designs, campaign.space, campaign.study, conditions, predicted, limits, exploration, gain, campaign.batch)
        suggestions.append(Suggestion(recipe, predicted, limits, why_recipe, weighed(campaign, feasible, recipe), exploration, probability))
    return Suggestions(campaign, seed, used, why, acquisition if used == "bayesian" else "none", tuple(suggestions))


def weighed(campaign: Campaign, feasible: Feasible, recipe: Recipe) -> Sheet:
    """Return what to weigh for a recipe, so that what is weighed keeps the hard limits too."""
    batch = campaign.batch
    return sheet(recipe, batch.batch_mg, batch.balance, batch.mill_minimum_mg, lambda x: holds(feasible.constraints, x), campaign.half_step)


def describe(model: FittedModel, recipes: Array, seed: int) -> list[tuple[dict[str, Interval], tuple[LimitState, ...], float]]:
    """Return predictions, limits and the probability of meeting all of them of each recipe ``(n, 4)`` from the surrogates' posterior."""
    campaign = model.campaign
    constraints = campaign.constraints(model.physics)
    samples = model.samples(recipes, REPORT_SAMPLES, seed + 1)
    percolating = model.percolation_probability(recipes)
    success = model.success_probability(recipes)
    result = []
    for i in range(len(recipes)):
        predicted = intervals({name: values[:, i] for name, values in samples.outcomes.items()}, campaign)
        margins = {name: margin[:, i] for name, margin in samples.margins.items()}
        soft = soft_states(campaign, margins, {name: np.asarray(np.median(margin)) for name, margin in margins.items()})
        hard = hard_states(recipes[[i]], constraints, float(percolating[i]))
        makes = LimitState("success", float(success[i] - LEAST_SUCCESS), "probability", "learned", float(success[i]))
        result.append((predicted, (*hard, *soft, makes), float(samples.feasible[:, i].mean() * percolating[i])))
    return result


def predict(campaign: Campaign, recipe: Recipe, evidence: Collection[str] = ("primary", "secondary"), cells: Sequence[Cell] = ()) -> Check:
    """Return what the surrogates expect of a recipe, feasible or not, in the form of a check."""
    model = fit_model(campaign, evidence, cells)
    x = np.array([recipe.values()])
    predicted, limits, together = describe(model, x, SEED)[0]
    constraints = campaign.constraints(model.physics)
    weighable = bool(campaign.accept(constraints)(x)[0])
    feasible = all(state.holds for state in limits) and weighable and together >= campaign.probability
    nearest = recipe if feasible else nearest_passing(campaign, model.physics, x[0])
    percolates = bool(model.physics.outcomes(x).percolates[0])
    return Check(recipe, campaign, "surrogate", predicted, limits, feasible, nearest, percolates)
