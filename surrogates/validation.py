"""Honest errors: each design left out whole, physics recalibrated without it, every model refitted, and the left-out rows predicted.

A design is left out with all its rates, temperatures, outcomes and replicates. Sentences about the designs do not enter the
recalibration, since they speak of the left-out one too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from objectives.composition import Array
from objectives.outcomes import LEARNED, OUTCOMES
from surrogates.calibration.fit import Fit, as_calibration, build_problem, fit
from surrogates.calibration.targets import Target
from surrogates.fusion.fit import fit_fused, no_cells
from surrogates.fusion.simulated import bundled_correction
from surrogates.protocol import Inputs, OutcomeData, Prediction, Predictor, Surrogate
from surrogates.scores import Held
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


class Label(NamedTuple):
    """What a row is called, and the value as reported: a capacity of its own active material. None: what the natural scale says."""

    study: str
    name: str
    c_rate: float
    reported: float | None = None


@dataclass(frozen=True)
class Pooled:
    """A surrogate that takes all studies for one: what those do who never ask where a row comes from."""

    surrogate: Surrogate
    name: str = "gp-plain"

    def fit(self, data: OutcomeData, seed: int) -> PooledPredictor:
        """Return the surrogate fitted to rows of one study."""
        return PooledPredictor(self.surrogate.fit(replace(data, inputs=_pooled(data.inputs)), seed))


@dataclass(frozen=True)
class PooledPredictor:
    """The fitted surrogate of a `Pooled`."""

    predictor: Predictor

    def predict(self, inputs: Inputs) -> Prediction:
        """Return the prediction, whatever the study."""
        return self.predictor.predict(_pooled(inputs))


def _pooled(inputs: Inputs) -> Inputs:
    return replace(inputs, study=np.zeros(len(inputs)))


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

    return (PhysicsAlone(root), Pooled(GaussianProcess(physics=False)), GaussianProcess(physics=False), SklearnGaussianProcess(), RandomForest())


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
        labels = [Label(t.study, t.name, t.c_rate, t.value if outcome == "discharge_capacity" else None) for t in targets]
        held.extend(held_rows(FUSED, outcome, labels, left, fused.predict(outcome, left.inputs)))
        for model in models(data.calibration.root):
            if len(kept[outcome].values) >= FEWEST_ROWS:
                held.extend(held_rows(model.name, outcome, labels, left, model.fit(kept[outcome], seed).predict(left.inputs)))
    return held


def _as_new_study(left: OutcomeData) -> OutcomeData:
    """Return rows as if nobody had measured their study: no index of its own.

    The calibration left the study out, so its offsets are at zero and as uncertain as a new study's.
    """
    return replace(left, inputs=replace(left.inputs, study=np.full(len(left.inputs), NOBODY)))


def held_rows(model: str, outcome: str, labels: Sequence[Label], left: OutcomeData, prediction: Prediction) -> list[Held]:
    """Return left-out rows of an outcome beside a model's prediction of them, to which their noise is added."""
    half, seen = NormalDist().inv_cdf(0.5 + LEVEL / 2.0), prediction.with_noise(left.noise_sd)
    off = (left.values - seen.mean) / seen.sd
    density = -0.5 * off**2 - np.log(math.sqrt(2.0 * math.pi) * seen.sd)
    convert = np.exp if outcome.endswith("tortuosity_factor") else OUTCOMES[outcome].from_natural  # tau uncapped: errors are real
    found = []
    for label, y, p, inside, d in zip(labels, convert(left.values), convert(seen.mean), np.abs(off) <= half, density, strict=True):
        measured = float(y) if label.reported is None else label.reported
        found.append(Held(model, outcome, label.study, label.name, label.c_rate, measured, measured * float(p / y), bool(inside), float(d)))
    return found
