"""What has been measured, design by design: the incumbents of a campaign and the nearest cell to a recipe."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from objectives.composition import Array
from objectives.design_space import DesignSpace
from objectives.recipe import RECIPE_FIELDS
from surrogates.training import ElectrodeData


@dataclass(frozen=True)
class MeasuredDesign:
    """One measured design: its recipe in lab units (latents at their calibrated value) and every number measured on it."""

    study: str
    name: str
    recipe: Array  # (4,)
    results: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)  # (quantity, conditions) -> value, unit

    def result(self, quantity: str, conditions: str) -> float | None:
        """Return a measured value, or None."""
        found = self.results.get((quantity, conditions))
        return found[0] if found else None

    @property
    def summary(self) -> str:
        """Return what was measured in a few words: capacities and energies first."""
        wanted = ("discharge_capacity", "volumetric_energy_density", "porosity")
        shown = [
            f"{value:.4g} {unit}{' porosity' if name == 'porosity' else ''}{f' at {conditions}' if conditions else ''}"
            for quantity in wanted
            for (name, conditions), (value, unit) in self.results.items()
            if name == quantity
        ]
        return ", ".join(shown[:2]) if shown else "transport only"


def measured_designs(data: ElectrodeData) -> tuple[MeasuredDesign, ...]:
    """Return every measured design in the table's order; one with and without carbon counts as two recipes."""
    electrodes = data.problem.panel.electrodes(data.calibration.parameters()).arrays()
    columns = [np.broadcast_to(electrodes[name], (len(data.problem.panel),)) for name in RECIPE_FIELDS]
    recipes = np.stack(columns, axis=1)
    found: dict[tuple[str, str, tuple[float, ...]], MeasuredDesign] = {}
    for target in data.problem.targets:
        if target.combine != "value":
            continue
        recipe = recipes[target.members[0]]
        key = (target.study, target.designs[0], tuple(np.round(recipe, 6)))
        design = found.setdefault(key, MeasuredDesign(target.study, target.designs[0], recipe))
        design.results.setdefault((target.quantity, target.note), (target.value, target.unit))
    return tuple(found.values())


def incumbents(designs: tuple[MeasuredDesign, ...], study: str) -> Array:
    """Return the recipes that a study has measured, ``(k, 4)``; none for a new study."""
    rows = [design.recipe for design in designs if design.study == study]
    return np.stack(rows) if rows else np.zeros((0, len(RECIPE_FIELDS)))


def nearest(designs: tuple[MeasuredDesign, ...], space: DesignSpace, recipe: Array, study: str) -> tuple[MeasuredDesign, float]:
    """Return the measured design nearest in the encoded space, of the study if it has any, and the distance."""
    own = [design for design in designs if design.study == study] or list(designs)
    encoded = space.encode(np.stack([design.recipe for design in own]))
    distance = np.linalg.norm(encoded - space.encode(recipe[None]), axis=1)
    best = int(np.argmin(distance))
    return own[best], float(distance[best])


def outside(designs: tuple[MeasuredDesign, ...], recipe: Array) -> tuple[int, ...]:
    """Return the parameters (columns) in which a recipe lies beyond everything measured, in any study."""
    all_recipes = np.stack([design.recipe for design in designs])
    low, high = all_recipes.min(axis=0), all_recipes.max(axis=0)
    return tuple(int(i) for i in np.flatnonzero((recipe < low - 1e-9) | (recipe > high + 1e-9)))
