"""What 3D microstructures add to the closed form: a correction an outcome, whose weight the measured rows learn.

A process of the bundled simulated electrodes (`objectives.simulated_set`) less the closed form of the same recipes, at any composition and
condition. Its posterior mean is zero where nothing was simulated, so the correction fades out there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from objectives.composition import Array
from objectives.electrode import UTILISATION_REFERENCE
from objectives.physics import Physics, find_study
from objectives.simulated_set import SimulatedSet, load_simulated_set
from surrogates.fusion.many import merge
from surrogates.fusion.plain import fit_plain
from surrogates.fusion.process import Points
from surrogates.fusion.shared import Basis, SharedModel
from surrogates.map_fit import Priors
from surrogates.protocol import Inputs, OutcomeData
from surrogates.training import features, natural, used

CORRECTED = ("ionic_tortuosity_factor", "electronic_tortuosity_factor", "discharge_capacity")  # the porosity is the closed form's
KEPT_ROWS = 160  # of each outcome: neighbours among the simulated rows become one, since every candidate is held against each
MODEL_SD = 0.05  # of a simulated value on its natural scale, beyond the scatter of its seeds: voxels and solver (decision 10)
LARGEST = 2.0  # of a difference on the natural scale: where either side has no path it says only that
WEIGHT_SD = 0.5  # prior of a weight around 0; 1 would be to take the microstructure at its word
PRIORS = Priors((math.log(0.7), 0.5), (0.0, 0.7), (-3.0, 0.1), (-3.0, 0.1), None, None)  # in units of the values' spread; one study


@dataclass(frozen=True)
class Correction:
    """The processes of the differences."""

    model: SharedModel

    def columns(self, name: str, features: Array) -> Array:
        """Return the correction at features in the column of its outcome, times the weight's prior, on the natural scale; zeros elsewhere.

        Shape ``(n, len(CORRECTED))``.
        """
        found = np.zeros((len(features), len(CORRECTED)))
        if name in CORRECTED and len(features):
            apart = self.model.mean(name, _bare(features)) - self.model.processes[name].found.bias
            found[:, CORRECTED.index(name)] = WEIGHT_SD * apart
        return found

    def doubt(self, name: str, features: Array) -> Array:
        """Return how far another simulated electrode at features may lie from what those made tell, ``(n,)``: sd on the natural scale."""
        return self.model.predict(name, _bare(features)).sd


@dataclass(frozen=True)
class CorrectedBasis:
    """A basis with the corrections as further columns, each with a weight of its own."""

    basis: Basis
    correction: Correction

    def mean(self, name: str, inputs: Inputs) -> Array:
        """Return the mean before any row, ``(n,)``: that without corrections."""
        return self.basis.mean(name, inputs)

    def columns(self, name: str, inputs: Inputs) -> Array:
        """Return the columns of the weights, the corrections last, ``(n, r)``."""
        return np.concatenate([self.basis.columns(name, inputs), self.correction.columns(name, inputs.features)], axis=1)

    def points(self, name: str, inputs: Inputs) -> Points:
        """Return what the discrepancy depends on."""
        return self.basis.points(name, inputs)


def corrected(physics: SharedModel, correction: Correction) -> SharedModel:
    """Return the physics' model with corrections, whose weights its rows learn beside the others, under the same hyperparameters."""
    processes = {
        name: replace(one, columns=np.concatenate([one.columns, correction.columns(name, one.points.features)], axis=1))
        for name, one in physics.processes.items()
    }
    return SharedModel(CorrectedBasis(physics.basis, correction), processes)


def weights_of(model: SharedModel) -> dict[str, tuple[float, float]]:
    """Return by outcome the learned weight of its correction, mean and standard deviation: 0 is none, 1 the microstructure at its word."""
    mean, sd = model.weights[-len(CORRECTED) :], np.sqrt((model.weight_root[-len(CORRECTED) :] ** 2).sum(axis=1))
    return {name: (WEIGHT_SD * float(m), WEIGHT_SD * float(s)) for name, m, s in zip(CORRECTED, mean, sd, strict=True)}


@lru_cache(maxsize=1)
def bundled_correction() -> Correction:
    """Return the correction that the bundled set teaches; fitted once a process."""
    data = load_simulated_set()
    return correction(data, Physics(find_study(data.study), data.conditions[0]))


def correction(data: SimulatedSet, physics: Physics) -> Correction:
    """Return the correction that simulated electrodes teach.

    Args:
        data: Of which the rows ``trained_on`` are used, at every condition; the noise of a value is the scatter of its mean over seeds.
        physics: The closed form of the study that was simulated.
    """
    rows, k = np.flatnonzero(data.trained_on), len(data.conditions)
    once, each = np.arange(0, len(rows) * k, k), np.arange(len(rows) * k)  # a structure is the same at every condition
    recipes = np.repeat(data.recipes[rows], k, axis=0)
    conditions = {name: np.tile([getattr(one, name) for one in data.conditions], len(rows)) for name in ("c_rate", "temperature_c")}
    closed = physics.outcomes(recipes, None, conditions)
    q_ref = UTILISATION_REFERENCE[physics.study.active_material]
    modelled = natural(closed, q_ref)
    where = features(physics.electrodes(recipes, physics.calibration.parameters(), conditions), closed)
    found = {}
    for name in CORRECTED:
        if name in data.structure:
            part, value, sd = once, data.structure[name][rows], data.structure_sd[name][rows]
            seen, slope = np.log(value), 1.0 / value
        else:
            part, value, sd = each, data.discharge[name][rows].ravel(), data.discharge_sd[name][rows].ravel()
            share = np.clip(value / q_ref, 1e-3, 1.0 - 1e-3)  # as in objectives.outcomes: a dead cell stays finite
            seen, slope = np.log(share / (1.0 - share)), 1.0 / (q_ref * share * (1.0 - share))
        apart = seen - modelled[name][part]
        noise = np.hypot(np.nan_to_num(sd) * slope / np.sqrt(data.seeds[rows[part // k]]), MODEL_SD)
        apart = np.clip(apart - np.median(apart), -LARGEST, LARGEST)
        found[name] = merge(OutcomeData(_bare(used(name, where[part])), apart, noise), KEPT_ROWS)
    return Correction(fit_plain(found, PRIORS))


def _bare(features: Array) -> Inputs:
    n = len(features)
    return Inputs(features, np.zeros(n), np.zeros(n), np.zeros((n, 0)))
