"""Which fidelity next: whether simulating the candidates changes the next cell, by enough for what simulating costs.

A simulation of a recipe is a result that says of each outcome it computes what a measurement would, with an error of its own: so large that it
correlates with what is still unknown of the outcome by the stated ``correlation``. What that is worth to the choice of the next cell is compared
with its cost (docs/decisions/0016-advice.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Array
from objectives.recipe import Recipe
from objectives.simulated import Fidelity
from optimizer.improvement import improvement
from optimizer.model import FittedModel
from optimizer.outlook import Field
from optimizer.pushing import AnyModel, natural_samples
from optimizer.replicate import SURE
from optimizer.report import rounded
from optimizer.samples import reference_point
from optimizer.stock import Effort
from optimizer.value import Value, value_of_result
from surrogates.fusion.simulated import STEPS, CorrectedBasis, weights_of

# What each fidelity computes beyond the closed form, and its CPU seconds a recipe: docs/figures.md.
SIMULATES: Mapping[Fidelity, tuple[str, ...]] = {
    fidelity: tuple(step.outcome for step in STEPS if step.fidelity == fidelity) for fidelity in dict.fromkeys(step.fidelity for step in STEPS)
}
SECONDS: Mapping[Fidelity, float] = {"cell": 0.09, "micro": 3.6}
UNITS_S: Mapping[str, float] = {"s": 1.0, "min": 60.0, "h": 3600.0, "hours": 3600.0, "d": 86400.0, "days": 86400.0}  # of effort
CELL_S = 8 * 3600.0  # of a lab that does not say: the working day of the campaign file's example [A]
CANDIDATES = 8  # for the next cell: the batch and the next best, which are simulated
CORRELATIONS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)  # tried where nobody states how far a simulation is to be trusted
LEAST_SHARE = 0.01  # of the next cell's expected gain below which a better choice of it is none


@dataclass(frozen=True)
class Simulating:
    """Whether to simulate the candidates before the next cell is chosen.

    Args:
        fidelity: Which.
        recipes: How many candidates would be simulated.
        seconds: What that takes.
        cost_share: The same as a share of what a cell costs.
        correlation: How far a simulation tells what is still unknown of an outcome, 0-1; the largest where outcomes differ.
        gain: Expected gain of the next cell as it would be chosen now.
        value: What the simulations add to that gain, and how probably they change the next cell.
    """

    fidelity: Fidelity
    recipes: int
    seconds: float
    cost_share: float
    correlation: float
    gain: float
    value: Value

    @property
    def changes(self) -> bool:
        """Whether simulating can change the next cell for the better."""
        return self.value.gain > max(SURE * self.value.error, LEAST_SHARE * self.gain)

    @property
    def pays(self) -> bool:
        """Whether the next cell's gain rises by a larger share than its cost."""
        return self.changes and self.value.gain > self.cost_share * self.gain

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "fidelity": self.fidelity,
            "recipes": self.recipes,
            "seconds": rounded(self.seconds),
            "share_of_a_cell's_cost": rounded(self.cost_share),
            "correlation": self.correlation,
            "expected_gain_of_the_next_cell": rounded(self.gain),
            "added_by_simulating": rounded(self.value.gain),
            "standard_error": rounded(self.value.error),
            "probability_that_the_next_cell_changes": rounded(self.value.changes),
            "can_change_the_next_cell": self.changes,
            "pays": self.pays,
        }


def simulating(
    model: AnyModel,
    found: Field,
    fidelity: Fidelity,
    correlation: float | Mapping[str, float],
    effort: Effort | None,
    seed: int,
    at: NDArray[np.int_] | None = None,
) -> Simulating:
    """Return what simulating the new recipes of joint samples adds to the gain of the next cell.

    Args:
        model: Fitted to what was measured, and to what was simulated so far.
        found: Joint samples of what is known and of the candidates.
        fidelity: One of `SIMULATES`.
        correlation: Between a simulation's surprise and the truth's, given all that the model knows, 0-1: the same for all outcomes, or by outcome.
        effort: What a cell costs the lab.
        seed: Same data, seed and machine: same answer.
        at: Indices of the new recipes that are simulated; all when left out. The next cell is chosen among all of them in any case.
    """
    largest = max(correlation.values(), default=0.0) if isinstance(correlation, Mapping) else correlation
    if not 0.0 <= largest <= 1.0:
        raise ValueError(f"the correlation of a simulation with the truth must be between 0 and 1, got {largest:g}; correct --trust")
    gain = improvement(found.values[:, : found.known], found.values[:, found.known :], reference_point(model.campaign.objectives))
    value = value_of_result(gain, shown(model, found if at is None else found.of(at), fidelity, correlation, seed))
    recipes = gain.shape[1] if at is None else len(at)
    seconds = recipes * SECONDS[fidelity]
    return Simulating(fidelity, recipes, seconds, seconds / cell_seconds(effort), largest, float(gain.mean(axis=0).max()), value)


def shown(model: AnyModel, found: Field, fidelity: Fidelity, correlation: float | Mapping[str, float], seed: int) -> Array:
    """Return what simulations of the new recipes would show in each joint sample, ``(s, r)``; nothing of an outcome at correlation 0."""
    natural = natural_samples(model, found.samples)
    each = {name: correlation.get(name, 0.0) if isinstance(correlation, Mapping) else correlation for name in SIMULATES[fidelity] if name in natural}
    new = [(natural[name][:, found.known :], r) for name, r in each.items() if r > 0.0]
    if not new:
        return np.zeros((len(found.values), 0))
    seen = np.concatenate([values for values, _ in new], axis=1)
    error = np.concatenate([np.full(values.shape[1], math.sqrt(1.0 / r**2 - 1.0)) for values, r in new])
    return np.asarray(seen + error * seen.std(axis=0) * np.random.default_rng([seed, 5]).standard_normal(seen.shape))


def learned_correlation(model: FittedModel, recipes: Array, fidelity: Fidelity) -> dict[str, float]:
    """Return how far a new simulation at recipes ``(r, 4)`` tells what is still unknown of each outcome, 0-1, as measured cells taught.

    The average knows the bundled simulated electrodes through a weight w that measured rows learn, in one of its models, which counts for a share of
    it. So what a simulation shows beyond those made, of standard deviation s, moves the expected outcome by share * w * s, and is worth the
    correlation share * |w| * s / S where the outcome is unknown by S; root mean square over the recipes.
    """
    simulation = model.fused.models.get("simulation")
    if simulation is None:
        return {}
    known = simulation.basis
    assert isinstance(known, CorrectedBasis)
    weights, inputs, found = weights_of(simulation), model.inputs(recipes), {}
    for step in STEPS:
        if step.fidelity == fidelity:
            name = step.outcome
            share = model.fused.trust[name].get("simulation", 0.0)
            moved = share * abs(weights[step][0]) * known.correction.doubt(step, inputs[name].features)
            unknown = np.sqrt(np.diag(model.moments(name, recipes)[1]))
            found[name] = min(float(np.sqrt(((moved / unknown) ** 2).mean())), 1.0)
    return found


def drawable(model: FittedModel, recipes: Array, fidelity: Fidelity) -> NDArray[np.int_]:
    """Return the indices of the recipes ``(n, 4)`` that a fidelity can tell anything of: free SE neither too fine nor too coarse to draw."""
    if fidelity == "cell":
        return np.arange(len(recipes))
    from objectives.microstructure.analyse import GRAINS_ACROSS  # here: these load solvers
    from objectives.microstructure.contents import contents
    from objectives.microstructure.generate import se_clamped
    from optimizer.runs.micro import VOXEL_UM, WIDTH_UM

    made = [contents(model.physics, Recipe.from_row(x)) for x in recipes]
    coarse = [one.phi_free > 0.0 and GRAINS_ACROSS * one.se_particle_um > WIDTH_UM for one in made]
    return np.flatnonzero([not (se_clamped(one, VOXEL_UM) or grains) for one, grains in zip(made, coarse, strict=True)])


def cell_seconds(effort: Effort | None) -> float:
    """Return what a cell costs in seconds; a lab that counts money, or nothing, is taken to spend a working day on it."""
    if effort is None or effort.unit.strip() not in UNITS_S or effort.cell <= 0.0:
        return CELL_S
    return effort.cell * UNITS_S[effort.unit.strip()]


def least_correlation(
    model: AnyModel, found: Field, fidelity: Fidelity, effort: Effort | None, seed: int, at: NDArray[np.int_] | None = None
) -> Simulating:
    """Return the simulating of the least correlation at which it pays; of a perfect simulation where it never does. Arguments as in `simulating`."""
    for correlation in CORRELATIONS:
        tried = simulating(model, found, fidelity, correlation, effort, seed, at)
        if tried.pays:
            break
    return tried
