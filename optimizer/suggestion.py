"""Suggest the next recipes: the main job. A pure function of campaign, measurements, seed and pending recipes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from objectives.cell import Cell
from objectives.composition import Array, Mask
from objectives.recipe import Recipe
from objectives.weighing import Sheet
from optimizer import sobol
from optimizer.batch_rule import campaign_ledger, stock_rule
from optimizer.bayesian import SCREEN, Acquisition, Choice, propose
from optimizer.blocks import Place, count_blocks, places
from optimizer.campaign import Campaign
from optimizer.candidates import Feasible
from optimizer.checks import SEED, Check, nearest_passing
from optimizer.explain import making, reason
from optimizer.fidelity_choice import CANDIDATES
from optimizer.measured import incumbents, measured_designs
from optimizer.model import FittedModel, fit_model
from optimizer.outlook import SAMPLES, Outlook, outlook, survey
from optimizer.preparing import Preparation, choose_control, prepare, wanted
from optimizer.report import Interval, LimitState, conditions_json, cost_json, hard_states, intervals, recipe_json, rounded, sheet_json, soft_states
from optimizer.request import Strategy, SuggestError, check_request
from optimizer.simulate_first import WANTED, SimulatedFirst, Wanted, simulate_first
from optimizer.stock import Cost, total
from optimizer.trust import Trust, trust_of

FEWEST_CELLS = 4  # measured capacities below which there is nothing to learn from: fill the space first
REPORT_SAMPLES = 2048
TRUST_RECIPES = 128  # feasible ones, over which each outcome is compared with the closed form
LEAST_SUCCESS = 0.5  # probability of success below which a recipe is called likely to fail


@dataclass(frozen=True)
class Suggestion:
    """One recipe to make next: what is expected of it, why, and what to weigh."""

    recipe: Recipe
    predicted: dict[str, Interval]
    limits: tuple[LimitState, ...]
    reason: str
    preparation: Preparation
    exploration: float | None
    probability: float  # of meeting all limits together
    place: Place | None = None  # None where a campaign asks for no order

    @property
    def sheet(self) -> Sheet:
        """What to weigh."""
        return self.preparation.sheet

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
            **_making_json(self.preparation, self.place),
        }


@dataclass(frozen=True)
class ControlCell:
    """A cell of a recipe that is known, made beside the suggestions to tell a bad day from a bad recipe."""

    recipe: Recipe
    preparation: Preparation
    place: Place

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"recipe": recipe_json(self.recipe), "sheet": sheet_json(self.preparation.sheet), **_making_json(self.preparation, self.place)}


def _making_json(preparation: Preparation, place: Place | None) -> dict[str, Any]:
    """Return lots, effort and place as plain data, each only where there is one."""
    lots = {"lots": dict(preparation.lots)} if preparation.lots else {}
    effort = {"effort": cost_json(preparation.cost)} if preparation.cost else {}
    return {**lots, **effort, **(vars(place) if place else {})}


@dataclass(frozen=True)
class Suggestions:
    """A batch of suggestions with what it was made from."""

    campaign: Campaign
    seed: int
    strategy: str
    why_strategy: str
    acquisition: str
    suggestions: tuple[Suggestion, ...]
    controls: tuple[ControlCell, ...] = ()
    outlook: Outlook | None = None  # of the batch; None where it fills the space
    trust: tuple[Trust, ...] = ()  # in the physics, an outcome
    simulated: SimulatedFirst | None = None  # before the batch was chosen; None where nobody asked

    @property
    def effort(self) -> Cost | None:
        """What the batch costs, its controls too; None where the campaign does not say."""
        prepared = [*(s.preparation for s in self.suggestions), *(control.preparation for control in self.controls)]
        costs = [one.cost for one in prepared if one.cost]
        return total(costs) if costs else None

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        effort = {"effort": cost_json(self.effort)} if self.effort else {}
        controls = {"controls": [control.as_json() for control in self.controls]} if self.controls else {}
        return {
            "campaign": self.campaign.name,
            "seed": self.seed,
            "strategy": self.strategy,
            "why_strategy": self.why_strategy,
            "acquisition": self.acquisition,
            "conditions": conditions_json(self.campaign),
            "objectives": [objective.outcome for objective in self.campaign.objectives],
            "interval": "90 % of the electrode's own value, without the noise of one more measurement",
            "trust": [one.as_json() for one in self.trust],
            "suggestions": [suggestion.as_json() for suggestion in self.suggestions],
            "outlook": self.outlook.as_json() if self.outlook else None,
            **({"simulated_first": self.simulated.as_json()} if self.simulated else {}),
            **controls,
            **effort,
        }

    def _repr_html_(self) -> str:
        """Return the batch as a notebook shows it."""
        from optimizer.html import suggestions_html  # here: only a notebook needs it

        return suggestions_html(self)


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
    candidates: Array | None = None,
    simulate: Wanted | None = None,
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
        candidates: The only recipes there are, ``(c, 4)`` (powders already prepared); any of the space when left out.
        simulate: Simulate the best candidates before choosing: at a fidelity, or ``auto``, where measured cells say that it pays; not when left out.

    Raises:
        SuggestError: If n is not between 1 and 32, the seed is out of range, or no new feasible recipe is left.
        NoFeasibleRecipeError: If no recipe meets the soft limits with the required probability.
        InfeasibleError: If no recipe keeps the hard limits.
        ImportError: If something is to be simulated and the extra `simulation` is not installed.
    """
    wanted = check_request(campaign.batch.size if n is None else n, seed)
    if simulate not in (None, *WANTED):
        raise SuggestError(f"simulate must be one of {', '.join(WANTED)} or left out, got {simulate}; choose one")
    model = fit_model(campaign, evidence, cells)
    return suggest_from(model, wanted, seed, np.zeros((0, 4)) if pending is None else pending, strategy, acquisition, candidates, simulate)


def suggest_from(
    model: FittedModel,
    n: int,
    seed: int,
    pending: Array,
    strategy: Strategy = "auto",
    acquisition: Acquisition = "sampled",
    candidates: Array | None = None,
    simulate: Wanted | None = None,
) -> Suggestions:
    """Return the next n recipes from a fitted model; arguments as in `suggest`."""
    campaign = model.campaign
    constraints = campaign.constraints(model.physics)
    accept = campaign.accept(constraints)
    feasible = Feasible(campaign.space, constraints, accept)
    if candidates is not None:
        feasible = Feasible.listed(campaign.space, constraints, accept, candidates)
    designs = measured_designs(model.data, model.physics, model.cells)
    measured = incumbents(designs, campaign.study)
    used, why = choose_strategy(strategy, len(model.training["discharge_capacity"].values))
    asked = campaign.batch.control, campaign.batch.block_size
    shelf = campaign_ledger(campaign, pending)
    control = choose_control(model, campaign, measured, count_blocks(n, *asked), shelf, seed)
    controls = [] if control is None else [control] * count_blocks(n, *asked)
    rule = stock_rule(campaign, shelf.after(wanted(campaign, controls)))
    first = None
    if simulate is not None and used == "bayesian":
        best = np.stack([choice.recipe for choice in propose(model, feasible, measured, pending, CANDIDATES, seed, acquisition, rule)])
        found = survey(model, feasible, np.concatenate([measured, pending]), best, SAMPLES, seed)
        model, first = simulate_first(model, found, best, seed, simulate)
    elif simulate is not None:
        first = SimulatedFirst(None, "recipes that fill the space depend on no prediction", np.zeros((0, 4)), (), 0.0)
    if used == "sobol":

        def likely(recipes: Array) -> Mask:
            soft = model.samples(recipes, SCREEN, seed, joint=False).feasible.mean(axis=0)
            return np.asarray(soft * model.percolation_probability(recipes) >= campaign.probability)

        filled = sobol.propose(feasible, np.concatenate([measured, pending]), n, seed, likely, rule)
        choices: list[tuple[Array, float | None, float]] = [(recipe, None, 0.0) for recipe in filled]
    else:
        picked: list[Choice] = propose(model, feasible, measured, pending, n, seed, acquisition, rule)
        choices = [(choice.recipe, choice.exploration, choice.gain) for choice in picked]
    if len(choices) < n:
        more = "widen the design space" if rule is None else "add a lot, allow more new coatings or widen the design space"
        raise SuggestError(f"only {len(choices)} new feasible recipes are left for a batch of {n}; ask for fewer or {more}")
    recipes = np.stack([choice[0] for choice in choices])
    conditions = f"{campaign.conditions.c_rate:g}C, {campaign.conditions.temperature_c:g} C"
    described = describe(model, recipes, seed)
    chosen = [Recipe.from_row(x) for x in recipes]
    prepared = prepare(campaign, feasible, controls, chosen, shelf)
    words = making(prepared, len(controls), [gain for _, _, gain in choices])
    turns, control_turns = places(n, *asked, seed)
    suggestions = []
    for i, ((_, exploration, gain), (predicted, limits, probability)) in enumerate(zip(choices, described, strict=True)):
        why_recipe = reason(chosen[i], designs, campaign, conditions, predicted, limits, exploration, gain, words[i])
        turn = turns[i] if any(asked) else None
        suggestions.append(Suggestion(chosen[i], predicted, limits, why_recipe, prepared[len(controls) + i], exploration, probability, turn))
    cells = tuple(ControlCell(*cell) for cell in zip(controls, prepared[: len(controls)], control_turns, strict=True))
    ahead = outlook(model, feasible, np.concatenate([measured, pending]), recipes, seed) if used == "bayesian" else None
    trust = trust_of(model, feasible.sample(TRUST_RECIPES, seed), seed)
    return Suggestions(campaign, seed, used, why, acquisition if used == "bayesian" else "none", tuple(suggestions), cells, ahead, trust, first)


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
    return predict_from(fit_model(campaign, evidence, cells), recipe)


def predict_from(model: FittedModel, recipe: Recipe) -> Check:
    """Return what a fitted model expects of a recipe, as `predict`."""
    campaign = model.campaign
    x = np.array([recipe.values()])
    predicted, limits, together = describe(model, x, SEED)[0]
    constraints = campaign.constraints(model.physics)
    weighable = bool(campaign.accept(constraints)(x)[0])
    feasible = all(state.holds for state in limits) and weighable and together >= campaign.probability
    nearest = recipe if feasible else nearest_passing(campaign, model.physics, x[0])
    percolates = bool(model.physics.outcomes(x).percolates[0])
    return Check(recipe, campaign, "surrogate", predicted, limits, feasible, nearest, percolates)
