"""The physics' own parameters as Gaussian weights that all outcomes of a lab share: calibration to the lab's cells and Gaussian process in one.

Per outcome, on its natural scale, ``y = a F(z) + b + discrepancy + noise`` with the physics F linear in z around a point. What studies share
of z has the calibration's prior; the lab's own deviation from it is learned beside. A lab's tau so teaches its capacity, and a cell
measured at one condition teaches another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from objectives.composition import Array
from surrogates.fusion.many import learned
from surrogates.fusion.prior import PhysicsPrior
from surrogates.fusion.process import Points, Process
from surrogates.fusion.rows import joined
from surrogates.fusion.shared import SharedModel
from surrogates.map_fit import Hyperparameters, Priors
from surrogates.protocol import Inputs, OutcomeData

AtPoint = Callable[[Array], Mapping[str, OutcomeData]]

OWN_SD = 0.6  # of a lab's parameters around what studies share, in units of their priors
# The closed form was chosen on the bundled studies, its capacity law above all: a new lab's own discrepancy may be so many times theirs.
NEW_STUDY_DOUBT = {"discharge_capacity": 4.0}
USUAL_DOUBT = 2.0
# Prior medians of the discrepancy's standard deviation: what studies share, and what each has of its own.
DOUBT: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "porosity": (0.10, 0.20),
        "ionic_tortuosity_factor": (0.12, 0.24),
        "electronic_tortuosity_factor": (0.12, 0.24),
        "discharge_capacity": (0.03, 0.06),
    }
)
# Length scales of the discrepancy: prior median in units of the design space's width. What ions find, and with it the capacity, turns within a
# factor of two or three of the SE size: boundaries between fine grains against few contacts of coarse ones (docs/decisions/0014-fusion.md compares).
LENGTH, SIZE_LENGTH = 0.7, 0.25
SIZE = 2  # index of the SE size among the features (`surrogates.training.features`)
OF_SIZE = frozenset(("ionic_tortuosity_factor", "discharge_capacity"))
ROUNDS = (4, 3)  # linearisations before each of the hyperparameters' fits but the first, and after the last
SETTLED = 0.05  # change of the log posterior below which the point stays
HALVINGS = 5  # of a step that makes the posterior worse
REACH = 5.0  # prior standard deviations beyond which no number goes


def priors(outcome: str) -> Priors:
    """Return the priors of an outcome's hyperparameters, on natural scales where 0.1 is 10 % of tau or about 2 points of porosity."""
    shared, own = DOUBT[outcome]
    lengths = {SIZE: math.log(SIZE_LENGTH)} if outcome in OF_SIZE else {}
    return Priors((math.log(LENGTH), 0.5), (math.log(shared), 0.3), (math.log(own), 0.3), (math.log(0.05), 0.7), 0.1, 0.03, lengths)


@dataclass(frozen=True)
class LinearBasis:
    """The physics linear in z around a point: weights are what studies share of z, then the lab's deviation from it."""

    prior: PhysicsPrior
    lab: float  # index of the lab's study
    known: int  # studies with an index below it are those the calibration saw
    point: Array  # (p,), where the inputs' physics is linearised
    own_sd: float = OWN_SD

    def mean(self, name: str, inputs: Inputs) -> Array:
        """Return the physics at the prior's mean, ``(n,)``."""
        del name
        return np.asarray(inputs.physics + inputs.directions @ (self.prior.mean - self.point))

    def columns(self, name: str, inputs: Inputs) -> Array:
        """Return the columns of the weights, ``(n, r)``."""
        del name
        mine = (inputs.study == self.lab)[:, None]
        return np.concatenate([inputs.directions @ self.prior.root, self.own_sd * mine * inputs.directions[:, self.prior.own]], axis=1)

    def points(self, name: str, inputs: Inputs) -> Points:
        """Return what the discrepancy depends on."""
        new = (inputs.study < 0.0) | (inputs.study >= self.known)
        return Points(inputs.features, inputs.study, np.where(new, NEW_STUDY_DOUBT.get(name, USUAL_DOUBT), 1.0))

    def numbers(self, weights: Array) -> Array:
        """Return the lab's z ``(..., p)`` of weights ``(..., r)``, kept within `REACH` of the prior."""
        size = len(self.prior.mean)
        found = self.prior.mean + weights[..., :size] @ self.prior.root.T
        found[..., self.prior.own] += self.own_sd * weights[..., size:]
        return np.clip(found, self.prior.mean - REACH, self.prior.mean + REACH)


class _Rows(NamedTuple):
    """Every row with its physics linearised at the basis' point: the mean in place of the physics, the weights' columns in place of its slopes."""

    basis: LinearBasis
    data: Mapping[str, OutcomeData]


def fit_linearised(pool: Mapping[str, OutcomeData], cells: AtPoint, prior: PhysicsPrior, lab: float, known: int) -> tuple[SharedModel, Array]:
    """Return the model of all outcomes and the point it is linearised at, moved to the lab's posterior mean until it settles.

    Args:
        pool: Rows of the bundled studies by outcome, their physics linearised at the prior's own point.
        cells: The lab's rows by outcome with their physics linearised at a point ``(p,)``; nothing else of them depends on it.
        prior: Of the calibrated numbers.
        lab: Index of the lab's study.
        known: How many studies the calibration saw.
    """
    own_sd = 0.0 if 0.0 <= lab < known else OWN_SD  # a bundled study took part in what studies share
    basis = LinearBasis(prior, lab, known, prior.point, own_sd)
    pooled = {name: _as_columns(basis, name, rows) for name, rows in pool.items()}

    def rows(point: Array) -> _Rows:
        here = replace(basis, point=point)
        mine = {name: _as_columns(here, name, data) for name, data in cells(point).items()}
        return _Rows(here, {name: joined(data, mine.get(name)) for name, data in pooled.items()})

    point, here = prior.point, rows(prior.point)
    model = _fit(here)
    if sum(len(d.values) for d in here.data.values()) == sum(len(d.values) for d in pool.values()):
        return model, point
    weights: Array | None = None
    for i, rounds in enumerate(ROUNDS):
        if i:
            model = _fit(here)
        before = math.inf if weights is None else model.energy(weights)
        for _ in range(rounds):
            wanted = model.weights
            for _ in range(HALVINGS):
                there = basis.numbers(wanted)
                tried = rows(there)
                moved = _moved(model, tried)
                after = moved.energy(wanted)
                if weights is None or after <= before:
                    break
                wanted = 0.5 * (weights + wanted)
            else:
                break  # no step along this direction helps
            settled = before - after < SETTLED
            model, here, point, weights, before = moved, tried, there, wanted, after
            if settled:
                break
    return model, point


def _fit(rows: _Rows) -> SharedModel:
    """Return the model of rows under hyperparameters learned from them."""
    processes = {}
    for name, data in rows.data.items():
        points = rows.basis.points(name, data.inputs)
        found = learned(data, priors(name), points.doubt)
        processes[name] = Process.of(points, _rest(data, found), data.inputs.directions, data.noise_sd, found)
    return SharedModel(rows.basis, processes)


def _moved(model: SharedModel, rows: _Rows) -> SharedModel:
    """Return the model under the same hyperparameters with its rows linearised elsewhere: their covariance and its factor stay."""
    processes = {
        name: replace(p, rest=_rest(rows.data[name], p.found), columns=rows.data[name].inputs.directions) for name, p in model.processes.items()
    }
    return SharedModel(rows.basis, processes)


def _rest(data: OutcomeData, found: Hyperparameters) -> Array:
    """Return the values less the mean ``(n,)``, which the rows hold in place of the physics."""
    return np.asarray(data.values - found.scale * data.inputs.physics - found.bias)


def _as_columns(basis: LinearBasis, name: str, data: OutcomeData) -> OutcomeData:
    """Return rows with the mean in place of the physics and the weights' columns in place of its slopes."""
    i = data.inputs
    return OutcomeData(Inputs(i.features, i.study, basis.mean(name, i), basis.columns(name, i)), data.values, data.noise_sd)
