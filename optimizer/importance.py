"""Which parameters matter: shares of the variance of each outcome over the recipes that may be proposed, and of how unsure the model is of it.

The limits tie the parameters together (a thick shell leaves no room for much AM), so Sobol indices, which need independent ones, are not
defined. Shapley effects are: A. B. Owen, SIAM/ASA J. Uncertainty Quantification 2, 245 (2014). A parameter's share is what it explains of the
variance beside others that are already known, averaged over all orders of learning them; shares are at least 0 and sum to 1. What a group of
parameters explains is found from the sample itself, by the nearest neighbours in the group (B. Broto, F. Bachoc and M. Depecker, SIAM/ASA J.
Uncertainty Quantification 8, 693 (2020)), with scikit-learn's trees. Where parameters are independent and do not interact, the shares are Sobol's.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from objectives.cell import Cell
from objectives.composition import Array
from objectives.design_space import DesignSpace
from optimizer.campaign import Campaign
from optimizer.candidates import Feasible
from optimizer.model import fit_model
from optimizer.pushing import VOLTAGE, AnyModel
from optimizer.report import rounded
from optimizer.request import SuggestError
from optimizer.space.campaign import SpaceCampaign
from optimizer.space.model import fit_space_model
from optimizer.space.suggestion import everything_goes
from optimizer.space.table import Trial

RECIPES, ROUNDS = 4096, 8  # wanted inside the hard limits, and how many times as many are drawn for that at most
FEWEST = 200  # of them that keep the limits, below which neighbours are too far
SAMPLES = 256  # of the posterior at each
NEIGHBOURS = 3  # a recipe and its two nearest: more would look farther than the variance within is small
MOST = 10  # parameters: 2 to their number groups are looked at


@dataclass(frozen=True)
class Importance:
    """Shares of one outcome by parameter, each summing to 1 but for rounding.

    Args:
        outcome: Which.
        recipes: How many were looked at.
        spread: Standard deviation of the model's mean over those recipes, in ``unit``.
        of_mean: Shares of that variance.
        doubt: Mean standard deviation of the model's prediction over them, in ``unit``.
        of_doubt: Shares of the variance of that standard deviation: where a parameter takes the model into the dark.
    """

    outcome: str
    unit: str
    recipes: int
    spread: float
    of_mean: dict[str, float]
    doubt: float
    of_doubt: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "unit": self.unit,
            "recipes": self.recipes,
            "spread_over_the_space": rounded(self.spread),
            "share_of_variance": {name: rounded(value) for name, value in self.of_mean.items()},
            "mean_standard_deviation": rounded(self.doubt),
            "share_of_uncertainty": {name: rounded(value) for name, value in self.of_doubt.items()},
        }


def importance(model: AnyModel, feasible: Feasible, outcomes: Sequence[str], seed: int) -> list[Importance]:
    """Return how much each parameter matters to each outcome over the recipes that keep the limits as surely as a proposal has to.

    Raises:
        ValueError: If the space has too many parameters, or too few recipes of it keep the limits.
    """
    recipes = _random(feasible, seed)
    likely = model.samples(recipes, SAMPLES, seed, joint=False).feasible.mean(axis=0) * model.percolation_probability(recipes)
    recipes = recipes[likely >= model.campaign.probability]
    if len(recipes) < FEWEST:
        raise ValueError(
            f"importance needs at least {FEWEST} of {ROUNDS * RECIPES} recipes drawn from the space to keep all limits with probability "
            f"{model.campaign.probability:g}, got {len(recipes)}; loosen a limit or lower limits.probability"
        )
    samples = model.samples(recipes, SAMPLES, seed, joint=False)
    means = np.stack([samples.outcomes[name].mean(axis=0) for name in outcomes], axis=1)
    doubts = np.stack([samples.outcomes[name].std(axis=0) for name in outcomes], axis=1)
    shares = shapley_effects(groups_of(feasible.space, recipes), np.concatenate([means, doubts], axis=1))
    names, count = feasible.space.names, len(outcomes)
    return [
        Importance(
            outcome,
            model.campaign.outcomes[outcome].unit,
            len(recipes),
            float(means[:, i].std()),
            dict(zip(names, map(float, shares[:, i]), strict=True)),
            float(doubts[:, i].mean()),
            dict(zip(names, map(float, shares[:, count + i]), strict=True)),
        )
        for i, outcome in enumerate(outcomes)
    ]


def _random(feasible: Feasible, seed: int) -> Array:
    """Return recipes drawn at random from what keeps the hard limits, ``(n, d)``.

    Not a low-discrepancy set: there neighbours in one parameter are arranged in the others, and what a group explains comes out wrong.
    """
    rng, found = np.random.default_rng([seed, RECIPES]), np.zeros((0, feasible.space.dimension))
    for _ in range(ROUNDS):
        found = np.concatenate([found, feasible.keep(feasible.space.sample(rng.random((RECIPES, feasible.space.dimension))))])
        if len(found) >= RECIPES:
            break
    return rng.permutation(found, axis=0)[:RECIPES]


def of_campaign(campaign: Campaign, evidence: Collection[str], cells: Sequence[Cell], seed: int) -> list[Importance]:
    """Return how much each parameter matters in a campaign, given the bundled data and a lab's own cells."""
    model = fit_model(campaign, evidence, cells)
    constraints = campaign.constraints(model.physics)
    known = [name for name in campaign.outcomes if name != VOLTAGE]  # of no recipe in particular
    return importance(model, Feasible(campaign.space, constraints, campaign.accept(constraints)), known, seed)


def of_space(campaign: SpaceCampaign, trials: Sequence[Trial], seed: int) -> list[Importance]:
    """Return the same of a campaign without physics, given its trials."""
    model = fit_space_model(campaign, trials)
    if model.missing:
        raise SuggestError(f"importance needs measured values of {', '.join(model.missing)}; measure some first")
    return importance(model, Feasible(campaign.space, campaign.constraints, everything_goes), tuple(model.predictors), seed)


def groups_of(space: DesignSpace, recipes: Array) -> list[Array]:
    """Return each parameter's features at recipes ``(n, d)``, by their rank: `(n, f)` each, evenly spread whatever the parameter's scale."""
    found = []
    for parameter, column in zip(space.parameters, recipes.T, strict=True):
        features = parameter.features(column)
        found.append(_ranked(features) if features.shape[1] == 1 else features)
    return found


def _ranked(features: Array) -> Array:
    """Return the share of the sample at or below each value; equal values stay equal."""
    values = features[:, 0]
    ordered = np.sort(values)
    return np.asarray(0.5 * (np.searchsorted(ordered, values) + np.searchsorted(ordered, values, side="right")) / len(values))[:, None]


def shapley_effects(inputs: Sequence[Array], y: Array) -> Array:
    """Return the Shapley effects of inputs on outputs that they determine, ``(d, m)``; an output that does not vary has zeros.

    Args:
        inputs: Of each input its coordinates at n points, ``(n, f)`` each; dependent as they may be.
        y: Outputs there, ``(n, m)``.

    Raises:
        ValueError: If there are too many inputs.
    """
    d = len(inputs)
    if d > MOST:
        raise ValueError(f"importance looks at every group of parameters, of which {d} have too many; it takes at most {MOST} parameters")
    total = y.var(axis=0)
    explained: dict[tuple[int, ...], Array] = {(): np.zeros(y.shape[1]), tuple(range(d)): total}
    for size in range(1, d):
        for group in combinations(range(d), size):
            explained[group] = np.clip(total - _within(np.concatenate([inputs[i] for i in group], axis=1), y), 0.0, total)
    effects = np.zeros((d, y.shape[1]))
    for i in range(d):
        others = [j for j in range(d) if j != i]
        for size in range(d):
            weight = 1.0 / (d * math.comb(d - 1, size))
            for group in combinations(others, size):
                effects[i] += weight * (explained[tuple(sorted((*group, i)))] - explained[group])
    effects = np.maximum(effects, 0.0)  # a little below by chance
    return np.asarray(effects / np.maximum(effects.sum(axis=0), 1e-300))


def _within(x: Array, y: Array) -> Array:
    """Return the mean variance of outputs among nearest neighbours in x: what a group of inputs leaves unexplained, ``(m,)``."""
    from sklearn.neighbors import NearestNeighbors

    jitter = 1e-9 * np.random.default_rng(0).standard_normal(x.shape)  # among equal values, any are as near
    near = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(x + jitter).kneighbors(return_distance=False)
    together = np.concatenate([np.arange(len(x))[:, None], near[:, : NEIGHBOURS - 1]], axis=1)
    return np.asarray(y[together].var(axis=1, ddof=1).mean(axis=0))
