"""Training data of the electrode problem: measured rows, and any recipe, as inputs of a surrogate at a given calibration."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from copy import copy
from dataclasses import dataclass

import numpy as np

from objectives.calibration import Calibration
from objectives.composition import Array
from objectives.electrode import TAU_CAP, UTILISATION_REFERENCE, Electrodes, Outcomes
from objectives.outcomes import LEARNED, OUTCOMES
from objectives.physics import Physics
from objectives.studies import load_studies
from surrogates.calibration.fit import Problem, information_beside
from surrogates.calibration.targets import Target
from surrogates.fusion.prior import PhysicsPrior
from surrogates.protocol import Inputs, OutcomeData

STEP = 1e-3  # of a prior standard deviation, for the slopes of the physics
# Repeatability of one measurement on the natural scale's own terms, before replicates speak: 2.5 % of capacity, 0.8 points of
# porosity, 12 % of tau (virtual-lab noise agreed for the project; Bazzoun 2026's triplicates give 3-19 % of ionic conductivity).
REPEATABILITY: Mapping[str, float] = {
    "discharge_capacity": 0.025,
    "porosity": 0.008,
    "ionic_tortuosity_factor": 0.12,
    "electronic_tortuosity_factor": 0.12,
}
CARBON_WT = 0.5  # wt% VGCF; chosen among 0.5, 1, a square root and none (docs/decisions/0014-fusion.md)
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

    The SE size counts as far as there is free SE; the coating as the share of the SE that is in the shell; carbon by the share it adds
    beyond `CARBON_WT`, since a network forms within tenths of a per cent and a further per cent then does little.
    """
    a = e.arrays()
    share = outcomes.shell_share
    size = (1.0 - share) * np.log(a["se_particle_um"] / 0.5) / np.log(20.0 / 0.5)
    carbon = np.log1p(a["vgcf_wt"] / CARBON_WT) / np.log1p(5.0 / CARBON_WT)
    rate = np.log(a["c_rate"] / 0.05) / np.log(1.0 / 0.05)
    stacked = np.broadcast_arrays((a["am_wt"] - 70.0) / 22.0, share, size, carbon, rate, (a["temperature_c"] - 30.0) / 30.0)
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
    """The bundled measurements seen through one calibration: the physics' prediction and its slopes at every row.

    ``point`` ``(p,)``, in units of the prior, is where the physics of recipes is linearised (`at`); that of the bundled rows always is at
    the calibration. ``prior`` is what is known of the calibrated numbers without the learned outcomes' rows.
    """

    def __init__(
        self,
        problem: Problem,
        calibration: Calibration,
        evidence: Collection[str] = ("primary", "secondary"),
        use: Callable[[Target], bool] = lambda target: True,
    ) -> None:
        self.problem = problem
        self._evidence = evidence
        self.calibration = calibration.with_new_study()
        self.point = self.calibration.z
        self.studies = tuple(load_studies())
        names = problem.panel.study_names
        self._study = np.array([float(self.studies.index(name)) for name in names])
        self._q_ref = np.array([UTILISATION_REFERENCE[load_studies()[name].active_material] for name in names])
        z = self.calibration.z[: len(problem.priors)]
        self._modelled, self._slopes = self._panel()
        parameters = self.calibration.parameters()
        self._features = features(problem.panel.electrodes(parameters), problem.panel.evaluate(parameters))
        self._observed = problem.observe(z)
        mean, covariance = information_beside(problem, z, lambda t: use(t) and t.evidence in evidence and not _learned(t))
        self.prior = PhysicsPrior.with_new_study(mean, covariance, self.calibration)

    def around(self, point: Array) -> ElectrodeData:
        """Return the same data with the physics of recipes linearised at another point."""
        moved = copy(self)
        moved.point = point
        return moved

    def _panel(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return the physics of the panel ``(n,)`` and its slopes ``(n, p)`` along each calibrated number, in units of its prior."""
        z = self.calibration.z
        moved = self.problem.panel.evaluate(self.calibration.parameters(np.concatenate([z[None], z + STEP * np.eye(len(z))])))
        found = natural(moved, self._q_ref)
        return {name: found[name][0] for name in LEARNED}, {name: (found[name][1:] - found[name][0]).T / STEP for name in LEARNED}

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
        stated = np.fmax(stated, [self._row_sd(outcome, target, value) for target, value in zip(targets, values, strict=True)])
        inputs = Inputs(used(outcome, self._features[rows]), self._study[rows], self._modelled[outcome][rows], self._slopes[outcome][rows])
        return TrainingSet(OutcomeData(inputs, values, np.fmax(noise, stated)), targets)

    def _row_sd(self, outcome: str, target: Target, value: float) -> float:
        """Return the noise of a row that the calibration reckons with, on the natural scale."""
        if outcome.endswith("tortuosity_factor"):
            return target.sd
        share, unit = 1.0 / (1.0 + math.exp(-value)), 100.0 if outcome == "porosity" else float(self._q_ref[target.members[0]])
        return target.sd / unit / (share * (1.0 - share))

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
        z = self.point
        active = np.array([reaches(prior.name, physics.study.name) for prior in self.calibration.priors])
        moves = STEP * np.eye(len(z))[active]
        found = natural(
            physics.outcomes(recipes, np.concatenate([z[None], z + moves]), conditions), UTILISATION_REFERENCE[physics.study.active_material]
        )
        made = physics.outcomes(recipes, None, conditions)
        x = features(physics.electrodes(recipes, self.calibration.parameters(), conditions), made)
        study = np.full(len(recipes), self.study_index(physics.study.name))
        inputs = {}
        for name in LEARNED:
            slopes = np.zeros((len(recipes), len(z)))
            slopes[:, active] = (found[name][1:] - found[name][0]).T / STEP
            inputs[name] = Inputs(used(name, x), study, found[name][0], slopes)
        return inputs

    def study_index(self, name: str) -> float:
        """Return the index of a study; a lab that is not bundled comes after them."""
        return float(self.studies.index(name) if name in self.studies else len(self.studies))


def reaches(name: str, study: str) -> bool:
    """Return whether a calibrated number can move a study's physics: its own latents and offsets, and what is nobody's own."""
    return "." not in name or name.startswith(f"{study}.")


def _learned(target: Target) -> bool:
    return target.combine == "value" and target.observe in _OBSERVED


def used(outcome: str, x: Array) -> Array:
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
