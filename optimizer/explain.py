"""Why a recipe is proposed: what it trades against the nearest measured cell, what binds, how much is exploration."""

from __future__ import annotations

import numpy as np

from objectives.calibration import NEW_STUDY
from objectives.composition import Array
from objectives.design_space import DesignSpace
from objectives.recipe import RECIPE_FIELDS, Recipe, format_coating
from optimizer.campaign import Batch
from optimizer.measured import MeasuredDesign, nearest, outside
from optimizer.report import Interval, LimitState

LABELS = {"am_wt": "AM", "coating_se_wt": "coating", "se_particle_um": "SE size", "vgcf_wt": "VGCF"}
NAMES = {
    "ionic_percolation": "ionic percolation",
    "shell_budget": "shell budget",
    "composition": "SE left for the composite",
    "relative_density_min": "least relative density",
    "relative_density_max": "greatest relative density",
    "ionic_tortuosity": "ionic tau limit",
    "electronic_tortuosity": "electronic tau limit",
}
# Margin at which a limit is no longer felt, in its own unit: a fifth of the density window, one wt% of SE, 5 vol% above percolation.
SURE_SUCCESS = 0.9  # probability of success below which it is worth saying; the prior is 0.95
FELT = {"relative_density_min": 0.026, "relative_density_max": 0.026, "shell_budget": 1.0, "composition": 1.0, "ionic_percolation": 0.05}


def value_text(name: str, value: float) -> str:
    """Return a design parameter's value as people write it."""
    if name == "coating_se_wt":
        return "none" if value == 0.0 else format_coating(value)
    return f"{value:.3g} {'um' if name == 'se_particle_um' else 'wt%'}"


def trades(recipe: Array, design: MeasuredDesign, predicted: dict[str, Interval], conditions: str) -> str:
    """Return what changes against the nearest measured design, and what is expected for it: two sentences."""
    changes = [
        f"{LABELS[name]} {value_text(name, old)} -> {value_text(name, new)}"
        for name, old, new in zip(RECIPE_FIELDS, design.recipe, recipe, strict=True)
        if abs(new - old) > 0.02 * max(abs(old), 1e-9) and abs(new - old) > 0.05
    ]
    expected = []
    for outcome, unit in (("volumetric_energy_density", "Wh/L"), ("discharge_capacity", "mAh/g")):
        now, before = predicted[outcome], design.result(outcome, conditions)
        against = "" if before is None else f", {round(now.mean - before):+d}"
        expected.append(f"{now.mean:.0f} {unit} ({now.low:.0f} to {now.high:.0f}{against})")
    tau, density = predicted["ionic_tortuosity_factor"].mean, predicted["relative_density"].mean
    what = ", ".join(changes) if changes else "the same composition"
    return (
        f"From {design.name} ({'your cells' if design.study == NEW_STUDY else design.study}, measured {design.summary}): {what}. "
        f"Expects {expected[0]} and {expected[1]}, at ionic tau {tau:.3g} and relative density {density:.3f}"
    )


def binding(limits: tuple[LimitState, ...], space: DesignSpace, recipe: Array) -> str:
    """Return which limit binds: a bound it sits on, the least likely soft limit, or the tightest one."""
    at_bound = [
        f"{LABELS[p.name]} at its {'lower' if abs(x - p.lower) < 1e-9 else 'upper'} bound ({value_text(p.name, float(x))})"
        for p, x in zip(space.parameters, recipe, strict=True)
        if min(abs(x - p.lower), abs(x - p.upper)) < 1e-9
    ]
    unsure = [s for s in limits if s.probability < (SURE_SUCCESS if s.kind == "learned" else 0.99)]
    if unsure:
        worst = min(unsure, key=lambda s: s.probability)
        at_bound.append(f"{NAMES.get(worst.name, worst.name)} (holds with probability {worst.probability:.2f})")
    tight = [s for s in limits if s.name in FELT and s.margin < FELT[s.name] and s not in unsure]
    at_bound.extend(f"{NAMES[s.name]} (margin {s.margin:.2g} {s.unit})" for s in tight)
    return "Binds: " + ", ".join(at_bound) if at_bound else "No limit binds"


def reason(
    recipe: Recipe,
    designs: tuple[MeasuredDesign, ...],
    space: DesignSpace,
    study: str,
    conditions: str,
    predicted: dict[str, Interval],
    limits: tuple[LimitState, ...],
    exploration: float | None,
    gain: float,
    batch: Batch,
) -> str:
    """Return the reason for one proposal, a few sentences."""
    x = np.array(recipe.values())
    design, distance = nearest(designs, space, x, study)
    parts = [trades(x, design, predicted, conditions), binding(limits, space, x)]
    if exploration is None:
        parts.append("Chosen to fill the space, not for its expected result")
    elif gain <= 0.0:
        parts.append("No gain over what is measured is expected of it")
    else:
        parts.append(f"{100.0 * exploration:.0f} % of its expected gain is exploration")
    if batch.max_new_coatings is not None or batch.coatings_in_stock:
        coating = value_text("coating_se_wt", recipe.coating_se_wt)
        parts.append("Needs no coating run" if batch.is_stocked(recipe.coating_se_wt) else f"Needs a run of the mill for {coating}")
    beyond = outside(designs, x)
    if beyond:
        parts.append(f"Extrapolates: {', '.join(LABELS[RECIPE_FIELDS[i]] for i in beyond)} beyond every measured cell")
    parts.append(f"That cell is {distance:.2f} of the space's width away")
    return ". ".join(parts) + "."
