"""What a prediction is made of: the calibrated physics, what all labs' cells taught beyond it, and what is this lab's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from objectives.calibration import NEW_STUDY
from objectives.composition import Array
from objectives.outcomes import LEARNED
from objectives.studies import OFFSETS
from optimizer.model import FittedModel
from optimizer.pushing import pushed
from optimizer.report import rounded

NOBODY = -1.0  # index of a study without a measured cell


@dataclass(frozen=True)
class Parts:
    """One outcome at one recipe, in its unit, by where it comes from; the parts add up to the total.

    Args:
        physics: The calibrated closed form, for a lab that nobody has measured.
        learned: What the cells of all labs add to it.
        lab: What this lab's own cells add: its offset, and what it has of its own nearby.
    """

    unit: str
    physics: float
    learned: float
    lab: float

    @property
    def total(self) -> float:
        """The prediction at the centre of what the model expects."""
        return self.physics + self.learned + self.lab

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        parts = {"physics": self.physics, "learned_correction": self.learned, "study": self.lab, "prediction": self.total}
        return {**{name: rounded(value) for name, value in parts.items()}, "unit": self.unit}


def decompose(model: FittedModel, recipe: Array) -> dict[str, Parts]:
    """Return the parts of every outcome of a recipe ``(4,)``.

    Three predictions are made on the learned outcomes' natural scales and each is pushed through to what follows from them: physics alone for
    a lab that nobody has measured; the model's for such a lab; the model's for this lab. The parts are their differences. The total is taken
    at the centre of each learned outcome, so that it may differ a little from the mean of a skewed prediction.
    """
    x = recipe[None]
    nobody, here = _nobody(model, x), {name: _mean(model, name, x) for name in LEARNED}
    stages = (nobody[0], nobody[1], here)
    found = [
        pushed(model, x, {name: np.atleast_2d(value) for name, value in stage.items()}, np.asarray(model.voltage[0])).outcomes for stage in stages
    ]
    return {
        name: Parts(outcome.unit, *(float(v) for v in np.diff([0.0, *(float(stage[name][0, 0]) for stage in found)])))
        for name, outcome in model.campaign.outcomes.items()
        if all(name in stage for stage in found)
    }


def _mean(model: FittedModel, name: str, x: Array) -> Array:
    return model.predictors[name].predict(model.inputs(x)[name]).mean


def _nobody(model: FittedModel, x: Array) -> tuple[Mapping[str, Array], Mapping[str, Array]]:
    """Return physics and prediction of the learned outcomes for a lab of the same materials that nobody has measured, ``(1,)`` each."""
    physics = replace(model.physics, study=replace(model.physics.study, name=NEW_STUDY))
    calibrated = model.data.around(model.data.calibration.z).at(physics, x)  # a new study's offsets are zero there
    point = model.data.point.copy()
    point[-len(OFFSETS) :] = 0.0  # what this lab taught of its own offsets stays with it
    found = model.data.around(point).at(physics, x)
    alone, predicted = {}, {}
    for name in LEARNED:
        inputs, directions = found[name], found[name].directions.copy()
        directions[:, -len(OFFSETS) :] = 0.0
        alone[name] = calibrated[name].physics
        predicted[name] = model.predictors[name].predict(replace(inputs, study=np.full(len(x), NOBODY), directions=directions)).mean
    return alone, predicted
