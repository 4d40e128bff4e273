"""What a surrogate is: data in, a fitted predictor out. Nothing here knows of electrodes, campaigns or torch.

All values are on the outcome's natural scale (logit of a share, log of a tortuosity factor).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from objectives.composition import Array


@dataclass(frozen=True)
class Inputs:
    """Where an outcome is wanted: n points.

    ``features`` (n, f) are of order one; ``study`` (n,) is an index, one of its own for a study without a measured cell; ``physics`` (n,) is
    the calibrated prediction; ``directions`` (n, r) are its changes along the main directions of the calibration's uncertainty.
    """

    features: Array
    study: Array
    physics: Array
    directions: Array

    def __len__(self) -> int:
        return len(self.physics)

    def take(self, keep: Array) -> Inputs:
        """Return the points where ``keep`` (a mask or indices) selects."""
        return Inputs(self.features[keep], self.study[keep], self.physics[keep], self.directions[keep])


@dataclass(frozen=True)
class OutcomeData:
    """Measured values of one outcome: inputs, value and standard deviation of each row, ``(n,)``."""

    inputs: Inputs
    values: Array
    noise_sd: Array

    def take(self, keep: Array) -> OutcomeData:
        """Return the rows where ``keep`` selects."""
        return OutcomeData(self.inputs.take(keep), self.values[keep], self.noise_sd[keep])


@dataclass(frozen=True)
class Prediction:
    """Mean and standard deviation of the outcome itself (no measurement noise), ``(n,)`` each."""

    mean: Array
    sd: Array

    def with_noise(self, noise_sd: Array | float) -> Prediction:
        """Return the prediction of a measurement."""
        return Prediction(self.mean, np.sqrt(self.sd**2 + np.asarray(noise_sd) ** 2))


class Predictor(Protocol):
    """A fitted surrogate of one outcome."""

    def predict(self, inputs: Inputs) -> Prediction:
        """Return the prediction at each point."""
        ...


class SampledPredictor(Predictor, Protocol):
    """A fitted surrogate that gives posterior samples too."""

    def sample(self, inputs: Inputs, n: int, seed: int, *, joint: bool = True) -> Array:
        """Return n samples ``(n, m)`` at m points: joint over them, or each point by itself, all moved by one normal a sample."""
        ...

    def moments(self, inputs: Inputs) -> tuple[Array, Array]:
        """Return mean ``(m,)`` and covariance ``(m, m)`` of the posterior, joint over m points."""
        ...


class Surrogate(Protocol):
    """Settings of a surrogate; `fit` gives a new predictor, so that an unfitted one cannot be asked."""

    @property
    def name(self) -> str:
        """Short name, as in tables and options."""
        ...

    def fit(self, data: OutcomeData, seed: int) -> Predictor:
        """Return a predictor fitted to the rows."""
        ...
