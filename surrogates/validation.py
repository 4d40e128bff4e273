"""Honest errors: each design left out whole, physics recalibrated without it, every model refitted, and the left-out rows predicted.

A design is left out with all its rates, temperatures, outcomes and replicates. Sentences about the designs do not enter the
recalibration, since they speak of the left-out one too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from objectives.composition import Array
from objectives.outcomes import LEARNED, OUTCOMES
from surrogates.calibration.fit import Fit, as_calibration, build_problem, fit
from surrogates.calibration.targets import Target
from surrogates.fusion.fit import fit_fused, no_cells
from surrogates.fusion.simulated import bundled_correction
from surrogates.protocol import Inputs, OutcomeData, Prediction, Surrogate
from surrogates.training import ElectrodeData

LEVEL = 0.90  # of the intervals whose coverage is counted
FUSED = "fused"  # the name of the model that proposals use
NOBODY = -1.0  # index of a study that nobody has measured
FEWEST_ROWS = 4  # a data-only model of an outcome is not fitted to fewer


@dataclass(frozen=True)
class Fold:
    """What is left out: one design of a study, or a whole study (design None)."""

    study: str
    design: str | None

    def leaves_out(self, target: Target) -> bool:
        """Return whether a target speaks of what is left out."""
        return target.study == self.study and (self.design is None or self.design in target.designs)


@dataclass(frozen=True)
class Held:
    """One left-out row: measured and predicted by one model, on the natural scale and in the outcome's unit."""

    model: str
    outcome: str
    study: str
    row: str
    c_rate: float
    measured: float
    predicted: float
    inside: bool  # the measurement lies within the interval

    @property
    def error(self) -> float:
        """Return the error: capacity in mAh/g, porosity in points, tau as a natural log."""
        if self.outcome == "porosity":
            return 100.0 * (self.predicted - self.measured)
        if self.outcome == "discharge_capacity":
            return self.predicted - self.measured
        return math.log(self.predicted / self.measured)


@dataclass(frozen=True)
class PhysicsAlone:
    """The recalibrated closed form with its calibration's uncertainty; nothing learned on top."""

    root: Array  # (p, p), square root of the calibration's covariance
    name: str = "physics"

    def fit(self, data: OutcomeData, seed: int) -> PhysicsAlone:
        """Return itself: the physics was fitted when the data were made."""
        del data, seed
        return self

    def predict(self, inputs: Inputs) -> Prediction:
        """Return the calibrated prediction."""
        return Prediction(inputs.physics, np.sqrt(((inputs.directions @ self.root) ** 2).sum(axis=1)))


def models(root: Array) -> tuple[Surrogate, ...]:
    """Return every model of one outcome that the fused one is compared with; ``root`` of the calibration's covariance."""
    from surrogates.gaussian_process import GaussianProcess  # torch takes seconds to import: only when asked
    from surrogates.sklearn_models import RandomForest, SklearnGaussianProcess

    return (PhysicsAlone(root), GaussianProcess(physics=False), SklearnGaussianProcess(), RandomForest())


def design_folds() -> tuple[Fold, ...]:
    """Return one fold a measured design, in the table's order."""
    found = {Fold(t.study, t.designs[0]): None for t in build_problem().targets if t.combine == "value"}
    return tuple(found)


def study_folds() -> tuple[Fold, ...]:
    """Return one fold a study."""
    return tuple({Fold(t.study, None): None for t in build_problem().targets if t.combine == "value"})


def validate_fold(fold: Fold, seed: int = 0) -> list[Held]:
    """Return every left-out row as each model predicts it. Self-contained, so that folds can run in other processes."""
    problem = build_problem()
    without = (fold.study,) if fold.design is None else ()
    fitted: Fit = fit(problem, use=lambda target: not fold.leaves_out(target), ordinal=False, without_studies=without)
    data = ElectrodeData(problem, as_calibration(fitted), use=lambda target: not fold.leaves_out(target) and target.study not in without)
    training = {name: data.training(name) for name in LEARNED}
    out = {name: np.array([fold.leaves_out(target) for target in rows.targets], dtype=bool) for name, rows in training.items()}
    kept = {name: rows.data.take(~out[name]) for name, rows in training.items()}
    lab = NOBODY if fold.design is None else data.study_index(fold.study)
    fused = fit_fused(kept, no_cells, data.prior, lab, len(data.studies), bundled_correction()).fused
    held: list[Held] = []
    for outcome, rows in training.items():
        left = rows.data.take(out[outcome])
        if fold.design is None:
            left = _as_new_study(left)
        if not out[outcome].any():
            continue
        targets = [target for target, o in zip(rows.targets, out[outcome], strict=True) if o]
        held.extend(_held(FUSED, outcome, targets, left, fused.predict(outcome, left.inputs).with_noise(left.noise_sd)))
        for model in models(data.calibration.root):
            if len(kept[outcome].values) >= FEWEST_ROWS:
                held.extend(_held(model.name, outcome, targets, left, model.fit(kept[outcome], seed).predict(left.inputs).with_noise(left.noise_sd)))
    return held


def _as_new_study(left: OutcomeData) -> OutcomeData:
    """Return rows as if nobody had measured their study: no index of its own.

    The calibration left the study out, so its offsets are at zero and as uncertain as a new study's.
    """
    return replace(left, inputs=replace(left.inputs, study=np.full(len(left.inputs), NOBODY)))


def _held(model: str, outcome: str, targets: Sequence[Target], left: OutcomeData, prediction: Prediction) -> list[Held]:
    half = NormalDist().inv_cdf(0.5 + LEVEL / 2.0)
    inside = np.abs(left.values - prediction.mean) <= half * prediction.sd
    convert = np.exp if outcome.endswith("tortuosity_factor") else OUTCOMES[outcome].from_natural  # tau uncapped: errors are real
    predicted, measured = convert(prediction.mean), convert(left.values)
    return [  # a tau has no reported value where a conductivity was measured, and a capacity refers to its own material
        Held(model, outcome, t.study, t.name, t.c_rate, v, v * float(p / y), bool(i))
        for t, v, p, y, i in zip(targets, _reported(outcome, targets, measured), predicted, measured, inside, strict=True)
    ]


def _reported(outcome: str, targets: Sequence[Target], measured: Array) -> list[float]:
    return [t.value if outcome == "discharge_capacity" else float(y) for t, y in zip(targets, measured, strict=True)]


def wilson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share."""
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True)
class Score:
    """Errors of one model on one outcome over all left-out rows."""

    model: str
    outcome: str
    rows: int
    median: float  # absolute error
    rms: float
    covered: int  # rows inside their interval
    interval: tuple[float, float]  # Wilson, 95 %, of the coverage

    @property
    def unit(self) -> str:
        """Return the unit of the errors."""
        return {"porosity": "points", "discharge_capacity": "mAh/g"}.get(self.outcome, "natural log")

    @property
    def coverage(self) -> float:
        """Return the share of rows inside their interval."""
        return self.covered / self.rows


def scores(held: Sequence[Held]) -> list[Score]:
    """Return the scores by outcome and model, models in the order they were compared in."""
    groups: dict[tuple[str, str], list[Held]] = {}
    for row in held:
        groups.setdefault((row.outcome, row.model), []).append(row)
    result = []
    for (outcome, model), rows in groups.items():
        errors: Array = np.array([row.error for row in rows])
        hits = sum(row.inside for row in rows)
        result.append(
            Score(model, outcome, len(rows), float(np.median(np.abs(errors))), float(np.sqrt(np.mean(errors**2))), hits, wilson(hits, len(rows)))
        )
    return sorted(result, key=lambda score: LEARNED.index(score.outcome))
