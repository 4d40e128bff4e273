"""The fitted model of a campaign without physics: a Gaussian process an outcome, and the probability that a trial succeeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from objectives.cell import FAILURES
from objectives.composition import Array
from objectives.outcomes import natural_noise
from optimizer.goal import OwnOutcome
from optimizer.samples import Samples
from optimizer.space.campaign import Mean, SpaceCampaign
from optimizer.space.table import Trial, recipes_of
from optimizer.threads import one_thread
from surrogates.map_fit import Priors
from surrogates.protocol import Inputs, OutcomeData, SampledPredictor
from surrogates.success import SuccessModel
from surrogates.training import pool_replicates

FEWEST_ROWS = 3  # measured trials that an outcome needs to be learned


@dataclass(frozen=True)
class SpaceModel:
    """Surrogates of the outcomes that enough trials measured."""

    campaign: SpaceCampaign
    trials: tuple[Trial, ...]
    training: Mapping[str, OutcomeData]
    predictors: Mapping[str, SampledPredictor]
    success: SuccessModel

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the objectives and limited outcomes that too few trials measured to be learned."""
        wanted = [objective.outcome for objective in self.campaign.objectives]
        needed = dict.fromkeys([*wanted, *(limit.outcome for limit in self.campaign.outcome_limits)])
        return tuple(name for name in needed if name not in self.predictors)

    def samples(self, recipes: Array, n: int, seed: int, *, joint: bool = True) -> Samples:
        """Return n posterior samples at recipes ``(m, d)``: joint over them, or each recipe by itself (cheap, for many)."""
        outcomes = {}
        for i, (name, predictor) in enumerate(self.predictors.items()):
            inputs = _inputs(self.campaign, recipes, self.campaign.mean(name))
            natural = predictor.sample(inputs, n, seed + i, joint=joint)
            # Sobol sequences correlate row by row, whatever their seeds: shuffle each outcome's rows against the others'.
            shuffled = np.random.default_rng([seed, i, n]).permutation(natural, axis=0)
            outcomes[name] = self.campaign.outcomes[name].from_natural(shuffled)
        limits = [limit for limit in self.campaign.outcome_limits if limit.outcome in outcomes]
        margins = {name: margin for limit in limits for name, margin in limit.margins(outcomes[limit.outcome]).items()}
        return Samples(outcomes, margins)

    def success_probability(self, recipes: Array) -> Array:
        """Return the probability that recipes can be made and tested, learned from failed trials, ``(n,)``."""
        return self.success.probability(self.campaign.space.features(recipes))

    def percolation_probability(self, recipes: Array) -> Array:
        """Return ones ``(n,)``: without physics, every hard limit is exact."""
        return np.ones(len(recipes))


def _inputs(campaign: SpaceCampaign, recipes: Array, mean: Mean | None) -> Inputs:
    n = len(recipes)
    expected = np.zeros(n) if mean is None else mean(recipes)
    return Inputs(campaign.space.features(recipes), np.zeros(n), expected, np.zeros((n, 0)))


def _data(campaign: SpaceCampaign, trials: Sequence[Trial], wanted: OwnOutcome) -> OutcomeData:
    """Return the rows of one outcome on its natural scale; noise is the stated repeatability, replicates and stated errors refine it."""
    outcome = campaign.outcomes[wanted.name]
    good = [trial for trial in trials if trial.status == "ok" and wanted.name in trial.outcomes]
    recipes = recipes_of(good, campaign)
    measured = np.array([trial.outcomes[wanted.name].value for trial in good])
    sd = np.fmax(wanted.repeatability, np.array([trial.outcomes[wanted.name].sd for trial in good]))
    found = outcome.to_natural(measured)
    noise = natural_noise(outcome, measured, sd)
    groups = [tuple(f"{value:.6g}" for value in recipe) for recipe in recipes]
    inputs = _inputs(campaign, recipes, campaign.mean(wanted.name))
    return OutcomeData(inputs, found, pool_replicates(found, noise, groups) if len(good) else noise)


def _priors(dimension: int) -> Priors:
    """Return the priors for so many features, in units of the values' spread.

    Length scales that grow with the root of the dimension, as C. Hvarfner, E. O. Hellsten and L. Nardi, "Vanilla Bayesian
    optimization performs great in high dimensions" (2024); docs/decisions/0007-any-space.md compares. One lab: nothing to share.
    """
    length = (math.sqrt(2.0) + 0.5 * math.log(dimension), math.sqrt(3.0))
    return Priors(length, discrepancy=(0.0, 0.7), own=(-3.0, 0.3), offset=(-3.0, 0.3), scale_sd=None, bias_sd=None)


def _success(campaign: SpaceCampaign, trials: Sequence[Trial]) -> SuccessModel:
    counted = [trial for trial in trials if trial.status != "invalid"]
    worked = np.array([0.0 if trial.status in FAILURES else 1.0 for trial in counted])
    return SuccessModel(campaign.space.features(recipes_of(counted, campaign)), worked)


@one_thread
def fit_space_model(campaign: SpaceCampaign, trials: Sequence[Trial]) -> SpaceModel:
    """Return the surrogates fitted to a table's trials. Deterministic."""
    from surrogates.gaussian_process import own_surrogate  # torch takes over a second to import: only when asked

    training = {own.name: _data(campaign, trials, own) for own in campaign.own}
    training = {name: rows for name, rows in training.items() if len(rows.values) >= FEWEST_ROWS}
    priors = _priors(campaign.space.features(recipes_of(trials, campaign)).shape[1])
    predictors = {name: own_surrogate(campaign.mean(name) is not None, priors).fit(rows, seed=0) for name, rows in training.items()}
    return SpaceModel(campaign, tuple(trials), training, predictors, _success(campaign, trials))
