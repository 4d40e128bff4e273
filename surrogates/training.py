"""Training data of the electrode problem: measured rows, and any recipe, as inputs of a surrogate at a given calibration."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from objectives.calibration import Calibration
from objectives.composition import Array
from objectives.electrode import TAU_CAP, UTILISATION_REFERENCE, Electrodes, Outcomes
from objectives.outcomes import LEARNED, OUTCOMES
from objectives.physics import Physics
from objectives.studies import OFFSETS, load_studies
from surrogates.calibration.fit import Problem
from surrogates.calibration.targets import Target
from surrogates.protocol import Inputs, OutcomeData

RANK = 24  # directions of the calibration's uncertainty that are kept: over 97 % of its variance at the measured rows (tests)
# Repeatability of one measurement on the natural scale's own terms, before replicates speak: 2.5 % of capacity, 0.8 points of
# porosity, 12 % of tau (virtual-lab noise agreed for the project; Bazzoun 2026's triplicates give 3-19 % of ionic conductivity).
REPEATABILITY: Mapping[str, float] = {
    "discharge_capacity": 0.025,
    "porosity": 0.008,
    "ionic_tortuosity_factor": 0.12,
    "electronic_tortuosity_factor": 0.12,
}
PRIOR_REPLICATES = 4.0  # degrees of freedom that the repeatability above is worth
_OBSERVED = {
    "porosity": "porosity",
    "discharge_capacity": "discharge_capacity",
    "ionic_conductivity": "ionic_tortuosity_factor",
    "ionic_tortuosity_factor": "ionic_tortuosity_factor",
    "electronic_conductivity": "electronic_tortuosity_factor",
    "electronic_resistivity": "electronic_tortuosity_factor",
}


def features(e: Electrodes, outcomes: Outcomes) -> Array:
    """Return inputs a chemist would choose, ``(n, 6)``, about 0-1 over the reference design space and conditions.

    The SE size counts as far as there is free SE; the coating as the share of the SE that is in the shell.
    """
    a = e.arrays()
    share = outcomes.shell_share
    size = (1.0 - share) * np.log(a["se_particle_um"] / 0.5) / np.log(20.0 / 0.5)
    rate = np.log(a["c_rate"] / 0.05) / np.log(1.0 / 0.05)
    stacked = np.broadcast_arrays((a["am_wt"] - 70.0) / 22.0, share, size, a["vgcf_wt"] / 5.0, rate, (a["temperature_c"] - 30.0) / 30.0)
    return np.stack(stacked, axis=-1)


def natural(outcomes: Outcomes, q_ref: Array | float) -> dict[str, Array]:
    """Return each learned outcome on its natural scale, capacity as the share of ``q_ref`` mAh/g."""
    share = outcomes.discharge_capacity / q_ref
    return {
        "porosity": OUTCOMES["porosity"].to_natural(outcomes.porosity),
        "ionic_tortuosity_factor": OUTCOMES["ionic_tortuosity_factor"].to_natural(outcomes.ionic_tortuosity_factor),
        # Not capped: a coated electrode without carbon conducts, a thousand times worse, and its tau carries that.
        "electronic_tortuosity_factor": np.log(outcomes.phi_am * outcomes.sigma_0_electronic / outcomes.electronic_conductivity),
        "discharge_capacity": OUTCOMES["discharge_capacity"].to_natural(share * UTILISATION_REFERENCE["NCM811"]),
    }


@dataclass(frozen=True)
class TrainingSet:
    """Measured rows of one outcome with where each came from, so that a validation can leave out whole designs and studies."""

    data: OutcomeData
    targets: tuple[Target, ...]


class ElectrodeData:
    """The bundled measurements seen through one calibration: the physics' prediction and main uncertainties at every row.

    ``directions`` ``(p, r + 4)`` are moves of z, one standard deviation long: the main directions of the calibration's uncertainty
    (singular vectors of the learned outcomes' Jacobian over the measured rows, whitened), then the four offsets of a new study.
    """

    def __init__(self, problem: Problem, calibration: Calibration, evidence: Collection[str] = ("primary", "secondary")) -> None:
        self.problem = problem
        self._evidence = evidence
        self.calibration = calibration.with_new_study()
        self.studies = tuple(load_studies())
        names = problem.panel.study_names
        self._study = np.array([float(self.studies.index(name)) for name in names])
        self._q_ref = np.array([UTILISATION_REFERENCE[load_studies()[name].active_material] for name in names])
        z = self.calibration.z
        root = self.calibration.root
        rows = sorted({target.members[0] for target in problem.targets if target.combine == "value"})
        slopes = self._panel_slopes(root)
        self.singular_values, main = _main_directions(np.concatenate([slopes[name][:, rows] for name in LEARNED], axis=1))
        new_study = np.eye(len(z))[:, -len(OFFSETS) :]
        self.directions = np.concatenate([root @ main[:, :RANK], new_study], axis=1)
        parameters = self.calibration.parameters()
        outcomes = problem.panel.evaluate(parameters)
        self._modelled = natural(outcomes, self._q_ref)
        self._features = features(problem.panel.electrodes(parameters), outcomes)
        self._slopes = self._panel_slopes(self.directions)
        self._observed = problem.observe(z[: len(problem.priors)])

    def _panel_slopes(self, moves: Array) -> dict[str, Array]:
        z = self.calibration.z
        high = natural(self.problem.panel.evaluate(self.calibration.parameters(z + 0.5 * moves.T)), self._q_ref)
        low = natural(self.problem.panel.evaluate(self.calibration.parameters(z - 0.5 * moves.T)), self._q_ref)
        return {name: high[name] - low[name] for name in LEARNED}

    def training(self, outcome: str) -> TrainingSet:
        """Return the measured rows of a learned outcome on its natural scale."""
        targets = tuple(
            t for t in self.problem.targets if t.combine == "value" and _OBSERVED.get(t.observe) == outcome and t.evidence in self._evidence
        )
        rows = np.array([t.members[0] for t in targets], dtype=int)
        measured = [self._measured(outcome, target) for target in targets]
        values, noise = np.array([value for value, _ in measured], dtype=float), np.array([sd for _, sd in measured], dtype=float)
        noise = pool_replicates(values, noise, [(t.study, *t.designs, t.observe, t.note) for t in targets])
        stated = np.array([natural_sd(outcome, t.value / self._q_ref[row], t.relative_sd) for t, row in zip(targets, rows, strict=True)], dtype=float)
        inputs = Inputs(_used(outcome, self._features[rows]), self._study[rows], self._modelled[outcome][rows], self._slopes[outcome][:, rows].T)
        return TrainingSet(OutcomeData(inputs, values, np.fmax(noise, stated)), targets)

    def _measured(self, outcome: str, target: Target) -> tuple[float, float]:
        """Return a row's value on the natural scale and the repeatability of one measurement there."""
        row = target.members[0]
        repeatability = REPEATABILITY[outcome]
        if outcome in ("porosity", "discharge_capacity"):
            share = target.value / (100.0 if outcome == "porosity" else float(self._q_ref[row]))
            relative = repeatability / share if outcome == "porosity" else repeatability
            return math.log(share / (1.0 - share)), natural_sd(outcome, share, relative)
        # tau = phi sigma_0 / sigma: a conductivity below the model's moves tau up by the same factor, from its uncapped value
        factor = math.log(target.value / float(target.predict(self._observed)))
        sign = 1.0 if target.observe in ("ionic_tortuosity_factor", "electronic_resistivity") else -1.0
        uncapped = math.log(float(self._observed[outcome][..., row]))
        value = uncapped + sign * factor
        return min(value, math.log(TAU_CAP)) if outcome == "ionic_tortuosity_factor" else value, repeatability

    def at(self, physics: Physics, recipes: Array, conditions: Mapping[str, Array] | None = None) -> dict[str, Inputs]:
        """Return each learned outcome's inputs at recipes ``(n, 4)`` made and tested as ``physics`` says, or under their own conditions."""
        z = self.calibration.z
        q_ref = UTILISATION_REFERENCE[physics.study.active_material]
        outcomes = physics.outcomes(recipes, None, conditions)
        middle = natural(outcomes, q_ref)
        high = natural(physics.outcomes(recipes, z + 0.5 * self.directions.T, conditions), q_ref)
        low = natural(physics.outcomes(recipes, z - 0.5 * self.directions.T, conditions), q_ref)
        x = features(physics.electrodes(recipes, self.calibration.parameters(), conditions), outcomes)
        study = np.full(len(recipes), self.study_index(physics.study.name))
        return {name: Inputs(_used(name, x), study, middle[name], (high[name] - low[name]).T) for name in LEARNED}

    def study_index(self, name: str) -> float:
        """Return the index of a study; a lab that is not bundled comes after them."""
        return float(self.studies.index(name) if name in self.studies else len(self.studies))


def _main_directions(jacobian: Array) -> tuple[Array, Array]:
    left, singular_values, _ = np.linalg.svd(jacobian, full_matrices=False)
    return singular_values, left


def _used(outcome: str, x: Array) -> Array:
    """Return the features an outcome depends on: the test's C-rate and temperature reach the capacity only."""
    return x if outcome == "discharge_capacity" else x[..., :4]


def natural_sd(outcome: str, share: float, relative_sd: float) -> float:
    """Return a relative standard deviation on the natural scale: d logit = (sd / share) / (1 - share), d log = sd / value."""
    return relative_sd / (1.0 - share) if outcome in ("porosity", "discharge_capacity") else relative_sd


def pool_replicates(values: Array, noise: Array, groups: list[tuple[str, ...]]) -> Array:
    """Return each row's noise, scaled by what replicates of the outcome show: pooled variance with a prior worth four cells."""
    squares = degrees = 0.0
    for group in dict.fromkeys(groups):
        rows = [i for i, other in enumerate(groups) if other == group]
        if len(rows) > 1:
            squares += float(np.sum(((values[rows] - values[rows].mean()) / noise[rows]) ** 2))
            degrees += len(rows) - 1
    return np.asarray(noise * np.sqrt((PRIOR_REPLICATES + squares) / (PRIOR_REPLICATES + degrees)))
