"""Learned outcomes of any model on their natural scales, and pushed from there to everything that follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from objectives.composition import Array
from optimizer.model import FittedModel
from optimizer.samples import Samples
from optimizer.space.model import SpaceModel

AnyModel = FittedModel | SpaceModel
VOLTAGE = "mean_discharge_voltage"


def learned_outcomes(model: AnyModel) -> tuple[str, ...]:
    """Return the outcomes that cells teach, in the model's order."""
    return model.learned if isinstance(model, FittedModel) else tuple(model.predictors)


def natural_samples(model: AnyModel, samples: Samples) -> dict[str, Array]:
    """Return the learned outcomes of samples on their natural scales, ``(s, n)`` each."""
    return {name: model.campaign.outcomes[name].to_natural(samples.outcomes[name]) for name in learned_outcomes(model)}


def pushed(model: AnyModel, recipes: Array, natural: Mapping[str, Array], voltage: Array | None = None) -> Samples:
    """Return every outcome and margin that learned outcomes on their natural scales, ``(s, n)`` each, make of recipes ``(n, d)``.

    ``voltage`` ``(s, n)`` or broadcastable is the mean discharge voltage of an electrode, V; a space without physics has none.
    """
    outcomes = {name: model.campaign.outcomes[name].from_natural(value) for name, value in natural.items()}
    if isinstance(model, FittedModel):
        shape = next(iter(outcomes.values())).shape
        volts = np.broadcast_to(np.asarray(model.physics.calibration.parameters()["V"] if voltage is None else voltage, dtype=float), shape)
        return model.complete(recipes, model.physics.outcomes(recipes), {**outcomes, VOLTAGE: volts})
    limits = [limit for limit in model.campaign.outcome_limits if limit.outcome in outcomes]
    return Samples(outcomes, {name: margin for limit in limits for name, margin in limit.margins(outcomes[limit.outcome]).items()})


def mean_voltage(samples: Samples) -> Array | None:
    """Return the mean over samples of the voltage at each recipe, ``(1, n)``; None where there is none."""
    found = samples.outcomes.get(VOLTAGE)
    return None if found is None else found.mean(axis=0, keepdims=True)


def columns_of(natural: Mapping[str, Array], names: Sequence[str], at: int) -> Array:
    """Return the outcomes of one recipe side by side, ``(s, len(names))``."""
    return np.stack([natural[name][:, at] for name in names], axis=1)
