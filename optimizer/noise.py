"""How much one cell scatters: from a lab's replicates and stated errors, with the usual repeatability as a prior; and what that does to the goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from objectives.cell import Cell
from objectives.composition import Array
from objectives.outcomes import natural_noise
from optimizer.model import FittedModel
from optimizer.pushing import AnyModel, learned_outcomes, mean_voltage, natural_samples, pushed
from optimizer.samples import Samples, objective_values
from optimizer.space.table import Trial
from surrogates.training import REPEATABILITY

DRAWS = 512  # of one cell's scatter, for the standard deviation of the objectives
MEASURED_AS = {"ionic_tortuosity_factor": "ionic_conductivity", "electronic_tortuosity_factor": "electronic_conductivity"}


@dataclass(frozen=True)
class Scatter:
    """Standard deviation of one cell in one outcome.

    Args:
        outcome: Which.
        sd: In ``unit``.
        unit: The outcome's, or ``%`` of the value.
        usual: The same before the lab's replicates and stated errors spoke.
        cells: Replicated cells that spoke, and ``recipes`` of theirs.
    """

    outcome: str
    sd: float
    unit: str
    usual: float
    cells: int
    recipes: int


def scatter(model: AnyModel) -> tuple[Scatter, ...]:
    """Return how much one cell scatters in each learned outcome."""
    found = []
    for name in learned_outcomes(model):
        cells, recipes = _replicates(model, name)
        usual, unit = _usual(model, name)
        found.append(Scatter(name, usual * _factor(model, name), unit, usual, cells, recipes))
    return tuple(found)


def _usual(model: AnyModel, name: str) -> tuple[float, str]:
    """Return the repeatability that is taken before replicates speak, as people say it."""
    if isinstance(model, FittedModel) and name in REPEATABILITY:
        return (100.0 * REPEATABILITY[name], "points" if name == "porosity" else "%")
    own = next(own for own in model.campaign.own if own.name == name)
    return own.repeatability, own.unit


def cell_noise(model: AnyModel, name: str, natural: Array) -> Array:
    """Return the standard deviation of one cell in a learned outcome on its natural scale, where the outcome is ``natural``."""
    return _factor(model, name) * _usual_natural(model, name, natural)


def _usual_natural(model: AnyModel, name: str, natural: Array) -> Array:
    """Return the repeatability on the natural scale: relative for capacity and tau, absolute for porosity, as the lab said for its own."""
    if isinstance(model, FittedModel) and name in REPEATABILITY:
        if name.endswith("tortuosity_factor"):
            return np.full_like(natural, REPEATABILITY[name])
        share = 1.0 / (1.0 + np.exp(-natural))  # of the electrode, or of the reference capacity: both are logits
        return np.asarray(REPEATABILITY[name] / (share if name == "porosity" else 1.0) / (1.0 - share))
    own = next(own for own in model.campaign.own if own.name == name)
    outcome = model.campaign.outcomes[name]
    return natural_noise(outcome, outcome.from_natural(natural), np.full_like(natural, own.repeatability))


def _factor(model: AnyModel, name: str) -> float:
    """Return by how much the lab's middle row scatters more than usual: replicates pooled with the prior, stated errors."""
    rows = model.training.get(name)
    if rows is None or not len(rows.values):
        return 1.0
    if isinstance(model, FittedModel):
        rows = rows.take(rows.inputs.study == model.data.study_index(model.campaign.study))
    ratio = rows.noise_sd / np.maximum(_usual_natural(model, name, rows.values), 1e-12)
    return float(np.median(ratio)) if len(ratio) else 1.0


def _replicates(model: AnyModel, name: str) -> tuple[int, int]:
    """Return how many of the lab's cells share recipe and condition with another, and on how many recipes."""
    made: Sequence[Cell | Trial] = model.cells if isinstance(model, FittedModel) else model.trials
    keys = [_key(one) for one in made if one.status == "ok" and {name, MEASURED_AS.get(name)} & set(one.outcomes)]
    counts = [keys.count(key) for key in dict.fromkeys(keys)]
    return sum(count for count in counts if count > 1), sum(count > 1 for count in counts)


def _key(one: Cell | Trial) -> tuple[object, ...]:
    if isinstance(one, Cell):
        return (*one.recipe.values(), str(one.temperature_c), str(one.c_rate), str(one.pressure_mpa), str(one.loading_mg_cm2))
    return (str(one.recipe),)


def objective_noise(model: AnyModel, recipe: Array, samples: Samples, seed: int) -> Array:
    """Return the standard deviation of one cell of a recipe ``(d,)`` in each objective's unit, ``(m,)``.

    ``samples`` are the posterior's at that recipe alone, ``(s, 1)``: scatter is that around their mean.
    """
    rng = np.random.default_rng([seed, DRAWS])
    natural = {name: value.mean(axis=0) for name, value in natural_samples(model, samples).items()}
    drawn = {name: value + cell_noise(model, name, value) * rng.standard_normal((DRAWS, 1)) for name, value in natural.items()}
    outcomes = pushed(model, recipe[None], drawn, mean_voltage(samples))
    return np.asarray(objective_values(model.campaign.objectives, outcomes)[:, 0].std(axis=0))
