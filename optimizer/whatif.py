"""What if: one lab step of each parameter up and down, the measured recipes nearest by, and how far a recipe lies from all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from objectives.composition import Array
from objectives.constraints import Constraint, holds
from objectives.design_space import DesignSpace
from objectives.parameter import Category, Parameter
from optimizer.outlook import Range, range_of
from optimizer.report import rounded
from optimizer.samples import Samples

SAMPLES = 1024
FACTOR = 1.25  # one step of a logarithmic parameter that has no grid of its own
SHARE = 0.05  # of its range: one step of any other without one
NEAREST = 3
Sampler = Callable[[Array, int, int], Samples]


class Step(NamedTuple):
    """One parameter moved by one step."""

    parameter: str
    to: float
    allowed: bool  # the hard limits hold there
    change: dict[str, Range]  # of each outcome, in its unit


class Near(NamedTuple):
    """A measured recipe."""

    at: int  # its row
    distance: float  # in the unit cube
    moves: dict[str, float]  # from it to the recipe, in lab units, of the parameters that differ


@dataclass(frozen=True)
class Reach:
    """How far a recipe lies from what was measured.

    Args:
        distance: To the nearest measured recipe, in the unit cube.
        gap: The largest distance of any measured recipe to its own nearest; beyond it a prediction is an extrapolation.
        outside: Parameters in which it lies beyond every measured recipe.
    """

    distance: float
    gap: float
    outside: tuple[str, ...]

    @property
    def extrapolates(self) -> bool:
        """Whether a prediction there is an extrapolation."""
        return bool(self.outside) or self.distance > self.gap

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "distance_to_nearest": rounded(self.distance),
            "largest_gap_between_measured": rounded(self.gap),
            "beyond_every_measured_cell": list(self.outside),
            "extrapolates": self.extrapolates,
        }


def steps(space: DesignSpace, recipe: Array) -> list[tuple[str, Array]]:
    """Return the recipes one lab step from a recipe ``(d,)``, down then up, with the parameter that moved; none beyond a bound."""
    found = []
    for column, parameter in enumerate(space.parameters):
        for value in _beside(parameter, float(recipe[column])):
            moved = recipe.copy()
            moved[column] = value
            found.append((parameter.name, moved))
    return found


def _beside(parameter: Parameter, value: float) -> list[float]:
    """Return the values one step below and above, as far as there are any; of a category, the other options."""
    if isinstance(parameter, Category):
        return [float(other) for other in range(len(parameter.options)) if other != value]
    if parameter.choices or parameter.step is not None:
        grid = parameter.values
        below, above = grid[grid < value - 1e-9], grid[grid > value + 1e-9]
        return [float(v) for v in (*below[-1:], *above[:1])]
    if parameter.zero and value == 0.0:
        return [parameter.lower]
    if parameter.scale == "log":
        wanted = (value / FACTOR, value * FACTOR)
    else:
        wanted = (value - SHARE * (parameter.upper - parameter.lower), value + SHARE * (parameter.upper - parameter.lower))
    kept = parameter.snap(np.clip(np.array(wanted), parameter.lower, parameter.upper))
    return [float(v) for v in kept if abs(v - value) > 1e-9]


def sensitivity(
    space: DesignSpace, constraints: tuple[Constraint, ...], sampler: Sampler, recipe: Array, outcomes: Sequence[str], seed: int
) -> list[Step]:
    """Return what one lab step of each parameter changes, with 90 % intervals from joint samples of a recipe ``(d,)`` and its neighbours.

    Args:
        space: The design space.
        constraints: Hard limits; a step outside them is told as such.
        sampler: Recipes ``(n, d)``, number of samples and seed to joint samples.
        recipe: Feasible or not.
        outcomes: Which outcomes to follow.
        seed: Of the samples.
    """
    beside = steps(space, recipe)
    if not beside:
        return []
    moved = np.stack([one for _, one in beside])
    samples = sampler(np.concatenate([recipe[None], moved]), SAMPLES, seed)
    allowed = holds(constraints, moved)
    column = {name: i for i, name in enumerate(space.names)}
    return [
        Step(
            name,
            float(moved[i, column[name]]),
            bool(allowed[i]),
            {outcome: range_of(samples.outcomes[outcome][:, i + 1] - samples.outcomes[outcome][:, 0]) for outcome in outcomes},
        )
        for i, (name, _) in enumerate(beside)
    ]


def neighbours(space: DesignSpace, measured: Array, recipe: Array) -> list[Near]:
    """Return the measured recipes ``(k, d)`` nearest to a recipe ``(d,)`` in the unit cube, at most `NEAREST`."""
    distance = np.linalg.norm(space.features(measured) - space.features(recipe[None]), axis=1)
    found = []
    for at in np.argsort(distance, kind="stable")[:NEAREST]:
        moves = {name: float(move) for name, move in zip(space.names, recipe - measured[at], strict=True) if abs(move) > 1e-9}
        found.append(Near(int(at), float(distance[at]), moves))
    return found


def reach(space: DesignSpace, measured: Array, recipe: Array) -> Reach:
    """Return how far a recipe ``(d,)`` lies from measured ones ``(k, d)``, at least one."""
    known = np.unique(measured, axis=0)
    placed, here = space.features(known), space.features(recipe[None])
    apart = np.linalg.norm(placed[:, None] - placed[None], axis=-1) + np.where(np.eye(len(known), dtype=bool), np.inf, 0.0)
    gap = float(apart.min(axis=1).max()) if len(known) > 1 else 0.0
    beyond = [
        parameter.name
        for parameter, value, low, high in zip(space.parameters, recipe, known.min(axis=0), known.max(axis=0), strict=True)
        if not isinstance(parameter, Category) and not low - 1e-9 <= value <= high + 1e-9
    ]
    return Reach(float(np.linalg.norm(placed - here, axis=1).min()), gap, tuple(beyond))
