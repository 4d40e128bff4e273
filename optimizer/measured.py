"""What has been measured, design by design: the incumbents of a campaign and the nearest cell to a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from objectives.cell import Cell
from objectives.composition import Array
from objectives.design_space import DesignSpace
from objectives.outcomes import OUTCOMES
from objectives.physics import Physics
from objectives.recipe import RECIPE_FIELDS
from surrogates.cells import conditions_of
from surrogates.training import ElectrodeData

OUTCOME_UNITS = {name: outcome.unit for name, outcome in OUTCOMES.items()}


@dataclass(frozen=True)
class MeasuredDesign:
    """One measured design: its recipe in lab units (latents at their calibrated value) and every number measured on it."""

    study: str
    name: str
    recipe: Array  # (4,)
    results: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)  # (quantity, conditions) -> value, unit

    @property
    def summary(self) -> str:
        """Return what was measured in a few words: capacities and energies first."""
        wanted = ("discharge_capacity", "volumetric_energy_density", "porosity")
        shown = [_result_text(key, value, unit) for name in wanted for key, (value, unit) in self.results.items() if key[0] == name]
        return ", ".join(shown[:2]) if shown else "transport only"


def _result_text(key: tuple[str, str], value: float, unit: str) -> str:
    """Return one measured value as people say it; porosity in per cent, whichever way it was given."""
    quantity, conditions = key
    if quantity == "porosity":
        return f"{100.0 * value if unit == '1' else value:.3g} % porosity"
    return f"{value:.4g} {unit}" + (f" at {conditions}" if conditions else "")


def measured_designs(data: ElectrodeData, physics: Physics, cells: Sequence[Cell] = ()) -> tuple[MeasuredDesign, ...]:
    """Return every measured design, bundled ones in the table's order, then the lab's own; with and without carbon are two recipes."""
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
    conditions = conditions_of(cells, physics)
    for i, cell in enumerate(cells):
        if cell.status == "invalid":
            continue
        recipe = np.array(cell.recipe.values())
        key = (physics.study.name, "", tuple(np.round(recipe, 6)))
        design = found.setdefault(key, MeasuredDesign(physics.study.name, cell.name or f"row {cell.row}", recipe))
        test = f"{conditions['c_rate'][i]:g}C, {conditions['temperature_c'][i]:g} C"
        for name, measured in cell.outcomes.items():
            rate_matters = name in ("discharge_capacity", "areal_capacity", "mean_discharge_voltage")
            design.results.setdefault((name, test if rate_matters else ""), (measured.value, OUTCOME_UNITS.get(name, "")))
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
