"""Probability that a recipe can be made and tested at all, learned from cells that failed and cells that did not.

A Gaussian process of a latent health: a cell that worked confirms the prior, a failed one pulls its neighbourhood down, along whatever
parameters tell failures from successes (learned length scales). The probability is the probit of the latent, so that doubt lowers it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np

from objectives.composition import Array
from surrogates.map_fit import Priors
from surrogates.protocol import Inputs, OutcomeData, Predictor

PRIOR_SUCCESS = 0.95  # of a recipe inside the hard limits; the reference paper reports no failed cell
SPREAD = 1.5  # prior standard deviation of the latent: a failure nearby is worth about as much as the prior
LABEL_SD = 0.5  # how surely one cell tells what its recipe does: a dropped pellet says little
HEALTH = NormalDist().inv_cdf(PRIOR_SUCCESS) * math.sqrt(1.0 + SPREAD**2)  # latent mean that gives the prior probability
PRIORS = Priors(
    length=(math.log(0.5), 0.7),  # of the unit cube: half of a parameter's range
    discrepancy=(math.log(SPREAD), 0.3),
    own=(math.log(0.01), 0.1),  # one lab: nothing to share
    offset=(math.log(0.01), 0.1),
    scale_sd=1e-3,  # the prior's mean stays
    bias_sd=0.3,
)


@dataclass(frozen=True)
class SuccessModel:
    """Where cells were made, in the unit cube ``(n, d)``, and whether each worked, ``(n,)`` of 0 and 1."""

    made: Array
    worked: Array

    @cached_property
    def _predictor(self) -> Predictor:
        from surrogates.gaussian_process import GaussianProcess  # torch takes over a second to import: only once a cell has failed

        labels = np.where(self.worked > 0.5, HEALTH, -HEALTH)
        return GaussianProcess(own_priors=PRIORS).fit(OutcomeData(_inputs(self.made), labels, np.full(len(labels), LABEL_SD)), seed=0)

    def probability(self, encoded: Array) -> Array:
        """Return the probability of success at points of the unit cube ``(m, d)``, shape ``(m,)``; the prior while nothing has failed."""
        if not len(self.made) or bool((self.worked > 0.5).all()):
            return np.full(len(encoded), PRIOR_SUCCESS)
        latent = self._predictor.predict(_inputs(encoded))
        score = latent.mean / np.sqrt(1.0 + latent.sd**2)
        return np.array([NormalDist().cdf(float(value)) for value in score])


def _inputs(encoded: Array) -> Inputs:
    n = len(encoded)
    return Inputs(encoded, np.zeros(n), np.full(n, HEALTH), np.zeros((n, 0)))
