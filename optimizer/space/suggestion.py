"""Suggest the next recipes of a campaign without physics: a pure function of campaign, trials, seed and pending recipes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from objectives.composition import Array, Mask
from optimizer import sobol
from optimizer.bayesian import SCREEN, propose
from optimizer.candidates import Feasible
from optimizer.report import Interval, LimitState, interval_of, rounded
from optimizer.request import Strategy, SuggestError, check_request
from optimizer.space.campaign import SpaceCampaign
from optimizer.space.check import Described, hard_limits, recipe_json
from optimizer.space.explain import reason
from optimizer.space.model import SpaceModel, fit_space_model
from optimizer.space.table import Trial, recipes_of

FEWEST_TRIALS = 4  # measured trials below which there is nothing to learn from: fill the space first
REPORT_SAMPLES = 2048
LEAST_SUCCESS = 0.5  # probability of success below which a recipe is called likely to fail


@dataclass(frozen=True)
class SpaceSuggestion:
    """One recipe to make next: what is expected of it, why, and what to weigh of each part of a mixture."""

    recipe: dict[str, float | str]
    predicted: dict[str, Interval]
    limits: tuple[LimitState, ...]
    reason: str
    masses_mg: dict[str, float]
    exploration: float | None
    probability: float  # of meeting all limits together

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "recipe": recipe_json(self.recipe),
            "predicted": {name: interval.as_json() for name, interval in self.predicted.items()},
            "limits": [state.as_json() for state in self.limits],
            "reason": self.reason,
            "sheet": {"batch_mg": rounded(sum(self.masses_mg.values())), "masses_mg": self.masses_mg} if self.masses_mg else None,
            "exploration": None if self.exploration is None else rounded(self.exploration),
            "probability_of_all_limits": rounded(self.probability),
        }


@dataclass(frozen=True)
class SpaceSuggestions:
    """A batch of suggestions with what it was made from."""

    campaign: SpaceCampaign
    seed: int
    strategy: str
    why_strategy: str
    suggestions: tuple[SpaceSuggestion, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "campaign": self.campaign.name,
            "seed": self.seed,
            "strategy": self.strategy,
            "why_strategy": self.why_strategy,
            "objectives": [objective.outcome for objective in self.campaign.objectives],
            "interval": "90 % of the recipe's own value, without the noise of one more measurement",
            "suggestions": [suggestion.as_json() for suggestion in self.suggestions],
        }


def everything_goes(recipes: Array) -> Mask:
    """Accept any recipe: no balance decides what can be made."""
    return np.ones(len(recipes), dtype=bool)


def suggest_in_space(
    campaign: SpaceCampaign,
    n: int | None = None,
    seed: int = 0,
    *,
    trials: Sequence[Trial] = (),
    pending: Array | None = None,
    strategy: Strategy = "auto",
    candidates: Array | None = None,
) -> SpaceSuggestions:
    """Return the next recipes to make.

    Args:
        campaign: Space, goal and limits.
        n: How many; the campaign's batch size when left out.
        seed: Same data, seed and machine: same recipes.
        trials: What was made so far.
        pending: Recipes already being made, ``(p, d)``; not repeated, and their unknown results are reckoned with.
        strategy: `bayesian`, `sobol`, or `auto`.
        candidates: The only recipes there are, ``(c, d)``; any of the space when left out.

    Raises:
        SuggestError: If n or the seed is out of range, too few trials were measured for `bayesian`, or too few recipes are left.
        NoFeasibleRecipeError: If no recipe meets the limits with the required probability.
        InfeasibleError: If no recipe keeps the hard limits.
    """
    wanted = check_request(campaign.batch.size if n is None else n, seed)
    model = fit_space_model(campaign, trials)
    if candidates is None:
        feasible = Feasible(campaign.space, campaign.constraints, everything_goes)
    else:
        feasible = Feasible.listed(campaign.space, campaign.constraints, everything_goes, candidates)
    out = np.zeros((0, campaign.space.dimension)) if pending is None else pending
    made = np.unique(recipes_of([trial for trial in trials if trial.status != "invalid"], campaign), axis=0)
    used, why = _strategy(model, strategy)
    if used == "sobol":

        def likely(recipes: Array) -> Mask:
            if model.missing:
                return everything_goes(recipes)
            return np.asarray(model.samples(recipes, SCREEN, seed, joint=False).feasible.mean(axis=0) >= campaign.probability)

        chosen: list[tuple[Array, float | None, float]] = [
            (row, None, 0.0) for row in sobol.propose(feasible, np.concatenate([made, out]), wanted, seed, likely)
        ]
    else:
        chosen = [(c.recipe, c.exploration, c.gain) for c in propose(model, feasible, made, out, wanted, seed)]
    if len(chosen) < wanted:
        raise SuggestError(f"only {len(chosen)} new feasible recipes are left for a batch of {wanted}; ask for fewer or widen the design space")
    described = describe(model, np.stack([row for row, _, _ in chosen]), seed)
    suggestions = tuple(
        SpaceSuggestion(
            campaign.recipe(row), predicted, limits, reason(model, row, predicted, limits, exploration, gain), weigh(campaign, row), exploration, p
        )
        for (row, exploration, gain), (predicted, limits, p) in zip(chosen, described, strict=True)
    )
    return SpaceSuggestions(campaign, seed, used, why, suggestions)


def _strategy(model: SpaceModel, strategy: Strategy) -> tuple[str, str]:
    measured = len({trial.recipe for trial in model.trials if trial.status == "ok"})
    if strategy == "bayesian" and model.missing:
        raise SuggestError(f"bayesian needs measured values of {', '.join(model.missing)}; measure some, or ask for strategy sobol")
    if strategy != "auto":
        return strategy, "asked for"
    if measured < FEWEST_TRIALS or model.missing:
        lacking = f", and too few values of {', '.join(model.missing)}" if model.missing and measured >= FEWEST_TRIALS else ""
        return "sobol", f"auto: {measured} measured recipes{lacking}; fill the space first"
    return "bayesian", f"auto: {measured} measured recipes to learn from"


def weigh(campaign: SpaceCampaign, row: Array) -> dict[str, float]:
    """Return what to weigh of each part of the first mixture, mg on the balance, summing to the batch; nothing without a batch mass."""
    if not campaign.mixtures or campaign.batch.batch_mg is None:
        return {}
    mixture, batch, step = campaign.mixtures[0], campaign.batch.batch_mg, campaign.batch.balance_mg
    values = campaign.values(row[None, :])
    masses = {name: round(batch * float(values[name][0]) / mixture.total / step) * step for name in mixture.parameters}
    masses[mixture.remainder] = batch - sum(mass for name, mass in masses.items() if name != mixture.remainder)
    return {name: rounded(mass) for name, mass in masses.items()}


def describe(model: SpaceModel, recipes: Array, seed: int) -> list[Described]:
    """Return predictions, limits and the probability of meeting all of them of each recipe ``(n, d)``."""
    campaign = model.campaign
    success = model.success_probability(recipes)
    samples = model.samples(recipes, REPORT_SAMPLES, seed + 1) if model.predictors else None
    result = []
    for i in range(len(recipes)):
        hard = hard_limits(campaign, recipes[i])
        makes = LimitState("success", float(success[i] - LEAST_SUCCESS), "probability", "learned", float(success[i]))
        predicted: dict[str, Interval] = {}
        soft: list[LimitState] = []
        if samples is not None:
            predicted = {name: interval_of(v[:, i], campaign.outcomes[name].unit, "your table") for name, v in samples.outcomes.items()}
            for name, margin in samples.margins.items():
                here = margin[:, i]
                soft.append(LimitState(name, float(np.median(here)), campaign.limit_units[name], "soft", float((here >= 0.0).mean())))
        together = float(samples.feasible[:, i].mean()) if samples is not None else 1.0
        result.append((predicted, (*hard, *soft, makes), together))
    return result
