"""A lab's own cells as training data: each measured outcome on its natural scale, with its noise and that of what was weighed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from objectives.cell import Cell, Measured
from objectives.composition import Array
from objectives.electrode import TAU_CAP, UTILISATION_REFERENCE, Outcomes
from objectives.outcomes import LEARNED, Outcome, natural_noise
from objectives.physics import Physics
from objectives.recipe import RECIPE_FIELDS
from surrogates.protocol import Inputs, OutcomeData
from surrogates.training import REPEATABILITY, ElectrodeData, natural, natural_sd, pool_replicates

CONDITIONS = ("temperature_c", "c_rate", "pressure_mpa", "loading_mg_cm2")
# What carries a learned outcome, in order of preference: a tau as stated, else the conductivity it follows from.
_SOURCES: Mapping[str, tuple[str, ...]] = {
    "porosity": ("porosity",),
    "ionic_tortuosity_factor": ("ionic_tortuosity_factor", "ionic_conductivity"),
    "electronic_tortuosity_factor": ("electronic_conductivity",),  # a stated electronic tau refers to an AM conductivity of its own
    "discharge_capacity": ("discharge_capacity",),
}
LEAST_CAPACITY_SD = 1.0  # mAh/g; two cells that hardly work differ by more than 2.5 % of what they give [A]
CAPPED_SD = 0.5  # of ln tau where a reading is at the cap: there is no path, and how far from one no reading tells [A]

OwnMean = Callable[[Array, Mapping[str, Array] | None], Array]


def recipes_of(cells: Sequence[Cell]) -> Array:
    """Return the recipes as really made, ``(n, 4)``."""
    return np.array([cell.recipe.values() for cell in cells], dtype=float).reshape(-1, len(RECIPE_FIELDS))


def conditions_of(cells: Sequence[Cell], physics: Physics) -> dict[str, Array]:
    """Return each cell's conditions ``(n,)``; what a cell does not state is the campaign's."""
    stated = {name: np.array([getattr(cell, name) for cell in cells], dtype=float) for name in CONDITIONS}
    return {name: np.where(np.isnan(values), getattr(physics.conditions, name), values) for name, values in stated.items()}


def cell_data(data: ElectrodeData, physics: Physics, cells: Sequence[Cell]) -> dict[str, OutcomeData]:
    """Return the rows of each learned outcome that a lab's good cells carry, with the physics linearised where the data's is."""
    return cell_data_at(data, physics, cells)(data.point)


def cell_data_at(data: ElectrodeData, physics: Physics, cells: Sequence[Cell]) -> Callable[[Array], dict[str, OutcomeData]]:
    """Return `cell_data` as a function of where the physics is linearised, ``(p,)``; values and noise are read once.

    Noise is what replicates show (cells of one recipe at one condition), at least what was stated, and what the uncertainty of the
    weighed masses does to the outcome, by the physics' slope.
    """
    good = [cell for cell in cells if cell.status == "ok"]
    recipes, conditions = recipes_of(good), conditions_of(good, physics)
    if not good:
        return lambda point: {}
    modelled = physics.outcomes(recipes, None, conditions)
    q_ref = UTILISATION_REFERENCE[physics.study.active_material]
    weighing = _weighing_sd(physics, good, recipes, conditions, q_ref)
    groups = [tuple(f"{value:.6g}" for value in (*recipe, *(conditions[name][i] for name in CONDITIONS))) for i, recipe in enumerate(recipes)]
    found: dict[str, tuple[Array, Array, Array]] = {}  # which cells, values, noise
    for outcome in LEARNED:
        rows = [(i, source) for i, cell in enumerate(good) if (source := _source(outcome, cell))]
        if not rows:
            continue
        index = np.array([i for i, _ in rows])
        pairs = [_value(outcome, source, good[i].outcomes[source], modelled, i, q_ref) for i, source in rows]
        values, stated = np.array([value for value, _ in pairs]), np.array([sd for _, sd in pairs])
        shares = 1.0 / (1.0 + np.exp(-values))
        relative = [REPEATABILITY[outcome] / share if outcome == "porosity" else REPEATABILITY[outcome] for share in shares]
        if outcome == "discharge_capacity":
            relative = [math.hypot(sd, LEAST_CAPACITY_SD / (q_ref * share)) for share, sd in zip(shares, relative, strict=True)]
        usual = np.array([natural_sd(outcome, float(share), sd) for share, sd in zip(shares, relative, strict=True)])
        if outcome == "ionic_tortuosity_factor":
            usual = np.where(values >= math.log(TAU_CAP) - 1e-9, CAPPED_SD, usual)
        noise = np.fmax(pool_replicates(values, usual, [groups[i] for i in index]), stated)
        found[outcome] = index, values, np.sqrt(noise**2 + weighing[outcome][index] ** 2)

    def at(point: Array) -> dict[str, OutcomeData]:
        inputs = data.around(point).at(physics, recipes, conditions)
        return {outcome: OutcomeData(inputs[outcome].take(index), values, noise) for outcome, (index, values, noise) in found.items()}

    return at


def carriers(outcome: str, cells: Sequence[Cell]) -> list[Cell]:
    """Return the good cells that carry a learned outcome, in their order: the rows of `cell_data`."""
    return [cell for cell in cells if cell.status == "ok" and _source(outcome, cell)]


def _source(outcome: str, cell: Cell) -> str | None:
    return next((source for source in _SOURCES[outcome] if source in cell.outcomes), None)


def _value(outcome: str, source: str, measured: Measured, modelled: Outcomes, i: int, q_ref: float) -> tuple[float, float]:
    """Return a measurement and its stated standard deviation (NaN: none) on the natural scale."""
    relative = measured.sd / max(measured.value, 1e-3)  # a dead cell measured 0: finite, as in `_logit`
    if outcome == "porosity":
        return _logit(measured.value), natural_sd(outcome, measured.value, relative)
    if outcome == "discharge_capacity":
        share = measured.value / q_ref
        return _logit(share), natural_sd(outcome, share, relative)
    if source == "ionic_conductivity":
        tau = float(modelled.phi_se[i] * modelled.sigma_0_ionic[i]) / measured.value
    elif source == "electronic_conductivity":
        return math.log(float(modelled.phi_am[i] * modelled.sigma_0_electronic[i]) / measured.value), relative
    else:
        tau = measured.value
    return math.log(min(tau, TAU_CAP)), relative


def _logit(share: float) -> float:
    kept = min(max(share, 1e-3), 1.0 - 1e-3)  # as in objectives.outcomes: a dead cell stays finite
    return math.log(kept / (1.0 - kept))


def _weighing_sd(physics: Physics, cells: Sequence[Cell], recipes: Array, conditions: Mapping[str, Array], q_ref: float) -> dict[str, Array]:
    """Return what the uncertainty of each recipe's values does to each outcome on its natural scale, ``(n,)``."""
    sd = np.array([cell.recipe_sd for cell in cells])
    variance = {outcome: np.zeros(len(cells)) for outcome in LEARNED}
    for column in range(recipes.shape[1]):
        if not sd[:, column].any():
            continue
        moved = recipes.copy()
        moved[:, column] += sd[:, column]
        here = natural(physics.outcomes(recipes, None, conditions), q_ref)
        there = natural(physics.outcomes(moved, None, conditions), q_ref)
        for outcome in LEARNED:
            variance[outcome] += (there[outcome] - here[outcome]) ** 2
    return {outcome: np.sqrt(value) for outcome, value in variance.items()}


def own_inputs(inputs: Inputs, mean: Array | None = None) -> Inputs:
    """Return inputs of an outcome that a lab defines: features and study, and the mean it wrote down, ``(n,)``, if it did."""
    n = len(inputs)
    return Inputs(inputs.features, inputs.study, np.zeros(n) if mean is None else mean, np.zeros((n, 0)))


def own_outcome_data(
    data: ElectrodeData, physics: Physics, cells: Sequence[Cell], outcome: Outcome, repeatability: float, mean: OwnMean | None = None
) -> OutcomeData:
    """Return the rows of an outcome that the lab defines, from its good cells, on the outcome's natural scale.

    ``repeatability`` is one measurement's standard deviation in the outcome's unit; a larger stated error replaces it. ``mean`` gives
    the natural value that the lab expects of recipes ``(n, 4)`` under conditions.
    """
    good = [cell for cell in cells if cell.status == "ok" and outcome.name in cell.outcomes]
    recipes, conditions = recipes_of(good), conditions_of(good, physics)
    inputs = own_inputs(data.at(physics, recipes, conditions)["discharge_capacity"], None if mean is None else mean(recipes, conditions))
    measured = np.array([cell.outcomes[outcome.name].value for cell in good], dtype=float)
    sd = np.fmax(repeatability, np.array([cell.outcomes[outcome.name].sd for cell in good], dtype=float))
    values = outcome.to_natural(measured)
    noise = natural_noise(outcome, measured, sd)
    groups = [tuple(f"{value:.6g}" for value in (*recipe, *(conditions[name][i] for name in CONDITIONS))) for i, recipe in enumerate(recipes)]
    return OutcomeData(inputs, values, pool_replicates(values, noise, groups) if len(good) else noise)
