"""Why a recipe is proposed: what it trades against the nearest measured cell, what binds, how much is exploration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from objectives.calibration import NEW_STUDY
from objectives.composition import Array
from objectives.design_space import DesignSpace
from objectives.outcomes import OUTCOMES, Outcome
from objectives.recipe import RECIPE_FIELDS, Recipe, format_coating
from optimizer.campaign import Campaign
from optimizer.goal import Objective
from optimizer.measured import MeasuredDesign, nearest, outside
from optimizer.preparing import Preparation
from optimizer.report import Interval, LimitState, cost_text

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

NAMED_BY_UNIT = ("volumetric_energy_density", "gravimetric_energy_density", "discharge_capacity")  # and given in whole numbers
BESIDE = {"ionic_tortuosity_factor": ".3g", "relative_density": ".3f"}  # said of every recipe, beside its objectives


def listed(parts: Sequence[str]) -> str:
    """Return parts as an enumeration: "a", "a and b", "a, b and c"."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def value_text(name: str, value: float) -> str:
    """Return a design parameter's value as people write it."""
    if name == "coating_se_wt":
        return "none" if value == 0.0 else format_coating(value)
    return f"{value:.3g} {'um' if name == 'se_particle_um' else 'wt%'}"


def in_reading_order(objectives: Sequence[Objective]) -> tuple[Objective, ...]:
    """Return objectives as people read them: from the whole cell's energies down to the structure, a lab's own last."""
    names = list(OUTCOMES)[::-1]
    return tuple(sorted(objectives, key=lambda o: names.index(o.outcome) if o.outcome in OUTCOMES else len(names)))


def expectation(objective: Objective, outcome: Outcome, now: Interval, before: float | None) -> str:
    """Return what is expected of one objective: value, interval, difference to what was measured before, and that a minimised one is to fall."""
    named = outcome.name in NAMED_BY_UNIT
    greatest = max(abs(now.low), abs(now.mean), abs(now.high))
    decimals = 0 if named or greatest == 0.0 else max(outcome.digits - 1 - math.floor(math.log10(greatest)), 0)
    unit = "" if outcome.unit == "1" else f" {outcome.unit}"
    difference = "" if before is None else f", {round(now.mean - before, decimals) + 0.0:+.{decimals}f}"  # never -0
    wanted = ", less is better" if objective.direction == "minimize" else ""
    value, low, high = (f"{v:.{decimals}f}" for v in (now.mean, now.low, now.high))
    return f"{'' if named else f'{outcome.label} '}{value}{unit} ({low} to {high}{difference}{wanted})"


def _measured(design: MeasuredDesign, outcome: Outcome, conditions: str) -> float | None:
    """Return what a design gave, in the outcome's unit: at the conditions, or whatever they are where none belong to the number."""
    found = design.results.get((outcome.name, conditions)) or design.results.get((outcome.name, ""))
    if found is None:
        return None
    value, unit = found
    return value / 100.0 if unit == "%" and outcome.unit == "1" else value


def trades(recipe: Array, design: MeasuredDesign, predicted: Mapping[str, Interval], campaign: Campaign, conditions: str) -> str:
    """Return what changes against the nearest measured design, and what the objectives are expected to be: two sentences."""
    changes = [
        f"{LABELS[name]} {value_text(name, old)} -> {value_text(name, new)}"
        for name, old, new in zip(RECIPE_FIELDS, design.recipe, recipe, strict=True)
        if abs(new - old) > 0.02 * max(abs(old), 1e-9) and abs(new - old) > 0.05
    ]
    objectives, outcomes = in_reading_order(campaign.objectives), campaign.outcomes
    expected = [expectation(o, outcomes[o.outcome], predicted[o.outcome], _measured(design, outcomes[o.outcome], conditions)) for o in objectives]
    wanted = {o.outcome for o in objectives}
    beside = [f"{outcomes[name].label} {predicted[name].mean:{form}}" for name, form in BESIDE.items() if name not in wanted]
    what = ", ".join(changes) if changes else "the same composition"
    return (
        f"From {design.name} ({'your cells' if design.study == NEW_STUDY else design.study}, measured {design.summary}): {what}. "
        f"Expects {listed(expected)}{f', at {listed(beside)}' if beside else ''}"
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


def making(prepared: Sequence[Preparation], controls: int, gains: Sequence[float]) -> list[list[str]]:
    """Return sentences on how each suggestion is made: where its powder comes from, and what its gain costs.

    Args:
        prepared: Of the whole batch, the controls first.
        controls: How many of them are controls.
        gains: Expected improvement of each suggestion beside those before it.
    """
    costs = [one.cost for one in prepared[controls:]]
    rates = [gain / cost.value if cost else 0.0 for gain, cost in zip(gains, costs, strict=True)]
    best = max(rates, default=0.0)
    found = []
    for one, rate, cost in zip(prepared[controls:], rates, costs, strict=True):
        words = _powder_words(one, controls)
        if cost and best <= 0.0:
            words.append(f"Costs {cost_text(cost)}")
        elif cost:
            share = "" if rate == best else f"{100.0 * rate / best:.0f} % of "
            words.append(f"Costs {cost_text(cost)}: {share}the batch's best gain per {cost.unit}")
        found.append(words)
    return found


def _powder_words(one: Preparation, controls: int) -> list[str]:
    """Return where a cell's powders come from; nothing where every recipe has a run of its own."""
    coating, lots = value_text("coating_se_wt", one.sheet.recipe.coating_se_wt), one.lots or {}
    free = [f"Takes its free SE from lot {lots['se']}"] if "se" in lots else []
    if one.powder is None:
        return []
    if one.powder == "plain":
        return ["Needs no coating run", *free]
    if one.powder == "stock":
        return [f"Takes coated powder {coating} from {'lot ' + lots['coated'] if 'coated' in lots else 'stock'}: needs no coating run", *free]
    if not one.takers:
        source = "the control" if one.miller < controls else f"recipe {one.miller - controls + 1}"
        return [f"Takes coated powder {coating} from the run of {source}", *free]
    others = [f"{i - controls + 1}" for i in one.takers[1:]]
    shared = f", which makes enough for recipe{'s' if len(others) > 1 else ''} {listed(others)} too" if others else ""
    return [f"Needs a run of the mill for {coating}{shared}", *free]


def reason(
    recipe: Recipe,
    designs: tuple[MeasuredDesign, ...],
    campaign: Campaign,
    conditions: str,
    predicted: Mapping[str, Interval],
    limits: tuple[LimitState, ...],
    exploration: float | None,
    gain: float,
    making: Sequence[str] = (),
) -> str:
    """Return the reason for one proposal, a few sentences; ``making`` are those on how it is made."""
    x, space = np.array(recipe.values()), campaign.space
    design, distance = nearest(designs, space, x, campaign.study)
    parts = [trades(x, design, predicted, campaign, conditions), binding(limits, space, x)]
    if exploration is None:
        parts.append("Chosen to fill the space, not for its expected result")
    elif gain <= 0.0:
        parts.append("No gain over what is measured is expected of it")
    else:
        parts.append(f"{100.0 * exploration:.0f} % of its expected gain is exploration")
    parts.extend(making)
    beyond = outside(designs, x)
    if beyond:
        parts.append(f"Extrapolates: {', '.join(LABELS[RECIPE_FIELDS[i]] for i in beyond)} beyond every measured cell")
    parts.append(f"That cell is {distance:.2f} of the space's width away")
    return ". ".join(parts) + "."
