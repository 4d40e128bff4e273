"""Models without shared parameters, an outcome at a time: of the data alone, and around the physics with a scale that the lab's rows learn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from objectives.composition import Array
from surrogates.fusion.many import learned
from surrogates.fusion.process import Points, Process
from surrogates.fusion.shared import SharedModel
from surrogates.map_fit import Hyperparameters, Priors
from surrogates.protocol import Inputs, OutcomeData

# In units of the values' spread. A study's own part is as large as what all share.
PLAIN = Priors((0.0, 0.5), (0.0, 0.7), (-0.5, 0.7), (-1.0, 0.7), None, None)
SCALED = Priors((0.0, 0.5), (math.log(0.3), 0.7), (math.log(0.5), 0.7), (-1.0, 0.7), 0.3, 1.0)

NOTHING_SD = 3.0  # of an outcome without any row, on its natural scale


@dataclass(frozen=True)
class PhysicsMean:
    """The physics as it is given; no weights, no doubt."""

    def mean(self, name: str, inputs: Inputs) -> Array:
        """Return the physics, ``(n,)``."""
        del name
        return inputs.physics

    def columns(self, name: str, inputs: Inputs) -> Array:
        """Return no columns, ``(n, 0)``."""
        del name
        return np.zeros((len(inputs), 0))

    def points(self, name: str, inputs: Inputs) -> Points:
        """Return what the discrepancy depends on."""
        del name
        return Points(inputs.features, inputs.study, np.ones(len(inputs)))


def fit_plain(training: Mapping[str, OutcomeData], priors: Priors = PLAIN) -> SharedModel:
    """Return a Gaussian process an outcome, of all rows; the priors are in units of their spread."""
    basis = PhysicsMean()
    return SharedModel(basis, {name: _process(basis, name, data, priors) for name, data in training.items()})


def _process(basis: PhysicsMean, name: str, data: OutcomeData, priors: Priors) -> Process:
    i = data.inputs
    if not len(data.values):  # nothing to learn from: the data say nothing
        unknown = Hyperparameters(np.ones(i.features.shape[1]), NOTHING_SD, NOTHING_SD, NOTHING_SD, 0.0, 0.0)
        return Process.of(basis.points(name, i), data.values, basis.columns(name, i), data.noise_sd, unknown)
    spread = float(np.std(data.values)) or 1.0
    centre = 0.0 if priors.scale_sd is not None else float(np.mean(data.values))
    unit = Inputs(i.features, i.study, i.physics / spread, np.zeros((len(i), 0)))
    f = learned(OutcomeData(unit, (data.values - centre) / spread, np.maximum(data.noise_sd / spread, 1e-3)), priors)
    found = Hyperparameters(f.lengthscales, spread * f.discrepancy, spread * f.own, spread * f.offset, f.scale, centre + spread * f.bias)
    rest = data.values - found.scale * i.physics - found.bias
    return Process.of(basis.points(name, i), rest, basis.columns(name, i), data.noise_sd, found)
