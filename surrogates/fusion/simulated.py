"""What simulations add to the closed form, step by step of fidelity, each step with a weight an outcome that the measured rows learn.

`cell` less the closed form, and `micro` less what it builds on (`cell` in the capacity, the closed form in both taus): processes of the bundled
simulated electrodes (`objectives.simulated_set`) at any composition and condition. A process' posterior mean is zero where nothing was simulated,
so a step fades out there. Weights of one take the microstructures at their word.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from objectives.composition import Array, Mask
from objectives.electrode import UTILISATION_REFERENCE
from objectives.physics import Physics, find_study
from objectives.simulated import Fidelity
from objectives.simulated_set import SimulatedSet, load_simulated_set
from surrogates.fusion.average import Fused
from surrogates.fusion.many import merge
from surrogates.fusion.plain import fit_plain
from surrogates.fusion.process import Points
from surrogates.fusion.shared import Basis, SharedModel
from surrogates.map_fit import Priors
from surrogates.protocol import Inputs, OutcomeData
from surrogates.training import features, natural, used

CAPACITY, PATHS = "discharge_capacity", ("ionic_tortuosity_factor", "electronic_tortuosity_factor")


class Step(NamedTuple):
    """What a fidelity adds to an outcome beyond the fidelity below it."""

    fidelity: Fidelity
    outcome: str


# The porosity is the closed form's at every fidelity, and `cell` has the closed form's taus.
STEPS = (Step("cell", CAPACITY), *(Step("micro", outcome) for outcome in (*PATHS, CAPACITY)))
KEPT_ROWS = 160  # of each step: neighbours among the simulated rows become one, since every candidate is held against each
MODEL_SD = 0.05  # of a simulated value on its natural scale, beyond the scatter of its seeds: voxels and solver (decision 10)
LARGEST = 2.0  # of a difference on the natural scale: where either side has no path it says only that
WEIGHT_SD = 0.5  # prior of a weight around 0; 1 would be to take the simulation at its word
PRIORS = Priors((math.log(0.7), 0.5), (0.0, 0.7), (-3.0, 0.1), (-3.0, 0.1), None, None)  # in units of the values' spread; one study


class Differences(NamedTuple):
    """What a step adds to its outcome at simulated electrodes, on the natural scale: features ``(n, f)``, difference and scatter ``(n,)``."""

    features: Array
    apart: Array
    scatter: Array  # standard deviation of a mean over seeds


@dataclass(frozen=True)
class Correction:
    """The processes of the differences: by fidelity, an outcome each; and each step's usual difference, which the lab's own rows find themselves."""

    models: Mapping[Fidelity, SharedModel]
    usual: Mapping[Step, float]

    def columns(self, name: str, features: Array) -> Array:
        """Return each step at features, times its weight's prior, on the natural scale; zeros in the columns of other outcomes.

        Shape ``(n, len(STEPS))``.
        """
        found = np.zeros((len(features), len(STEPS)))
        for k, step in enumerate(STEPS):
            if step.outcome == name and len(features):
                model = self.models[step.fidelity]
                found[:, k] = WEIGHT_SD * (model.mean(name, _bare(features)) - model.processes[name].found.bias)
        return found

    def doubt(self, step: Step, features: Array) -> Array:
        """Return how far another simulated electrode at features may lie from what those made tell, ``(n,)``: sd on the natural scale."""
        return self.models[step.fidelity].predict(step.outcome, _bare(features)).sd

    def extended(self, rows: Mapping[Step, Differences]) -> Correction:
        """Return the correction with further simulated electrodes, nothing refitted."""
        found = dict(self.models)
        for step, one in rows.items():
            found[step.fidelity] = found[step.fidelity].extended({step.outcome: _data(one, self.usual[step])})
        return replace(self, models=found)


@dataclass(frozen=True)
class CorrectedBasis:
    """A basis with the steps as further columns, each with a weight of its own."""

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


def heard(fused: Fused, rows: Mapping[Step, Differences]) -> Fused:
    """Return an average whose model with simulations knows further simulated electrodes; their weights are learned anew, its trust stays."""
    known = fused.models["simulation"].basis
    assert isinstance(known, CorrectedBasis)
    model = corrected(fused.models["physics"], known.correction.extended(rows))
    return replace(fused, models={**fused.models, "simulation": model})


def weights_of(model: SharedModel) -> dict[Step, tuple[float, float]]:
    """Return the learned weight of each step, mean and standard deviation: 0 is none, 1 the simulation at its word."""
    mean, sd = model.weights[-len(STEPS) :], np.sqrt((model.weight_root[-len(STEPS) :] ** 2).sum(axis=1))
    return {step: (WEIGHT_SD * float(m), WEIGHT_SD * float(s)) for step, m, s in zip(STEPS, mean, sd, strict=True)}


@lru_cache(maxsize=1)
def bundled_correction() -> Correction:
    """Return the correction that the bundled sets teach; fitted once a process."""
    micro, cell = load_simulated_set("micro"), load_simulated_set("cell")
    return correction(micro, cell, Physics(find_study(micro.study), micro.conditions[0]))


def correction(micro: SimulatedSet, cell: SimulatedSet, physics: Physics) -> Correction:
    """Return the correction that simulated electrodes teach.

    Args:
        micro: Of which the rows ``trained_on`` are used, at every condition; the noise of a value is the scatter of its mean over seeds.
        cell: The same recipes at the same conditions.
        physics: The closed form of the study that was simulated.
    """
    q_ref, k = UTILISATION_REFERENCE[physics.study.active_material], len(micro.conditions)
    recipes = np.repeat(micro.recipes, k, axis=0)  # each condition a row
    conditions = {name: np.tile([getattr(one, name) for one in micro.conditions], len(micro.recipes)) for name in ("c_rate", "temperature_c")}
    closed = physics.outcomes(recipes, None, conditions)
    modelled = natural(closed, q_ref)
    where = features(physics.electrodes(recipes, physics.calibration.parameters(), conditions), closed)
    drawn, ran = np.repeat(micro.trained_on, k), np.repeat(cell.trained_on, k)
    once = np.arange(len(recipes)) % k == 0  # a structure is the same at every condition

    capacity, slope = share_of(micro.discharge[CAPACITY], q_ref)
    by_cell, _ = share_of(cell.discharge[CAPACITY], q_ref)
    seeds = np.sqrt(np.repeat(np.maximum(micro.seeds, 1), k))

    def of(step: Step, apart: Array, scatter: Array, rows: Mask) -> Differences:
        return Differences(used(step.outcome, where[rows]), apart[rows], scatter[rows])

    cell_step, micro_step = Step("cell", CAPACITY), Step("micro", CAPACITY)
    scatter = np.nan_to_num(micro.discharge_sd[CAPACITY].ravel()) * slope / seeds
    rows = {
        cell_step: of(cell_step, by_cell - modelled[CAPACITY], np.zeros(len(recipes)), ran),
        micro_step: of(micro_step, capacity - by_cell, scatter, drawn & ran),
    }
    for path in (Step("micro", outcome) for outcome in PATHS):
        value, sd = (np.repeat(known[path.outcome], k) for known in (micro.structure, micro.structure_sd))
        rows[path] = of(path, np.log(value) - modelled[path.outcome], np.nan_to_num(sd) / value / seeds, drawn & once)
    usual = {step: float(np.median(one.apart)) for step, one in rows.items()}
    merged = {step: merge(_data(one, usual[step]), KEPT_ROWS) for step, one in rows.items()}
    models = {
        fidelity: fit_plain({step.outcome: data for step, data in merged.items() if step.fidelity == fidelity}, PRIORS)
        for fidelity in dict.fromkeys(step.fidelity for step in merged)
    }
    return Correction(models, usual)


def _data(one: Differences, usual: float) -> OutcomeData:
    """Return differences as rows to learn from, less the usual one."""
    return OutcomeData(_bare(one.features), np.clip(one.apart - usual, -LARGEST, LARGEST), np.hypot(one.scatter, MODEL_SD))


def share_of(capacity: Array, q_ref: float) -> tuple[Array, Array]:
    """Return capacities in mAh/g, ``(n, k)`` or ``(n,)``, on their natural scale and its slope, both flat."""
    share = np.clip(capacity.ravel() / q_ref, 1e-3, 1.0 - 1e-3)  # as in objectives.outcomes: a dead cell stays finite
    return np.log(share / (1.0 - share)), 1.0 / (q_ref * share * (1.0 - share))


def _bare(features: Array) -> Inputs:
    n = len(features)
    return Inputs(features, np.zeros(n), np.zeros(n), np.zeros((n, 0)))
