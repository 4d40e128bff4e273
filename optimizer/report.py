"""What is said of a recipe: predictions with intervals, margin to every limit, sheet. Plain data that turns into JSON as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from objectives.composition import Array
from objectives.constraints import TOLERANCE, Constraint
from objectives.electrode import AM_REFERENCE_MS_CM, Outcomes
from objectives.limits import soft_margins
from objectives.outcomes import OUTCOMES
from objectives.recipe import Recipe, format_coating
from objectives.weighing import Sheet
from optimizer.campaign import Campaign
from optimizer.stock import Cost

LEVEL = 0.90  # of every interval
DIGITS = 6  # significant digits of every number in an answer: same data, same answer


def rounded(value: float) -> float:
    """Return a number to six significant digits."""
    return float(f"{value:.{DIGITS}g}")


@dataclass(frozen=True)
class Interval:
    """Mean and 90 % interval of one outcome, with unit and what it refers to."""

    mean: float
    low: float
    high: float
    unit: str
    basis: str

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"mean": rounded(self.mean), "low": rounded(self.low), "high": rounded(self.high), "unit": self.unit, "basis": self.basis}


@dataclass(frozen=True)
class LimitState:
    """One limit of one recipe: margin (positive inside), its unit, and the probability that it holds."""

    name: str
    margin: float
    unit: str
    kind: str
    probability: float

    @property
    def holds(self) -> bool:
        """Whether the limit holds at the best estimate."""
        return self.margin >= -TOLERANCE

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.name,
            "margin": rounded(self.margin) + 0.0,
            "unit": self.unit,
            "kind": self.kind,
            "probability": rounded(self.probability),
        }


def recipe_json(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as plain data."""
    return {name: rounded(value) for name, value in vars(recipe).items()}


def recipe_text(recipe: Recipe) -> str:
    """Return a recipe as people write it."""
    coating = "uncoated" if recipe.coating_se_wt == 0.0 else f"AM@SE {format_coating(recipe.coating_se_wt)}"
    return f"AM {recipe.am_wt:g} wt%, {coating}, SE {recipe.se_particle_um:g} um, VGCF {recipe.vgcf_wt:g} wt%"


def sheet_json(sheet: Sheet) -> dict[str, Any]:
    """Return a recipe sheet as plain data, masses in mg."""
    return {"batch_mg": sheet.batch_mg, "masses_mg": dict(sheet.masses_mg)}


COST_PARTS = {"cell": "cell", "gram": "powders", "coating_run": "coating run"}  # what people call what a cost is for


def cost_text(cost: Cost) -> str:
    """Return a cost as people say it: 13.5 h (cell 8, powders 0.5, coating run 5)."""
    return f"{cost.value:.4g} {cost.unit} ({', '.join(f'{COST_PARTS[name]} {value:.4g}' for name, value in cost.parts.items())})"


def cost_json(cost: Cost) -> dict[str, Any]:
    """Return an effort as plain data, with what it is for."""
    return {"value": rounded(cost.value), "unit": cost.unit, "parts": {name: rounded(value) for name, value in cost.parts.items()}}


def conditions_json(campaign: Campaign) -> dict[str, Any]:
    """Return the conditions that every number refers to."""
    return {**vars(campaign.conditions), "study": campaign.study, "stack": campaign.stack.basis}


def bases(campaign: Campaign) -> dict[str, str]:
    """Return what each outcome refers to."""
    c = campaign.conditions
    test = f"{c.c_rate:g}C, {c.temperature_c:g} C"
    pressed = f"pressed at {c.pressure_mpa:g} MPa"
    loading = f"{c.loading_mg_cm2:g} mg/cm2 of composite"
    energy = f"{campaign.stack.basis}, {test}, {loading}"
    return {
        "porosity": f"pores over electrode volume, {pressed}",
        "relative_density": f"of the theoretical density, {pressed}",
        "ionic_tortuosity_factor": "sigma_0 phi_SE / sigma_eff",
        "electronic_tortuosity_factor": f"sigma_AM phi_AM / sigma_eff with sigma_AM {AM_REFERENCE_MS_CM:g} mS/cm",
        "discharge_capacity": f"per g AM, {test}",
        "mean_discharge_voltage": f"against Li, {test}; a prior, no voltage has been measured",
        "electrode_density": f"pores included, {pressed}",
        "thickness": loading,
        "areal_capacity": f"{test}, {loading}",
        "volumetric_energy_density": energy,
        "gravimetric_energy_density": energy,
    }


def interval_of(samples: Array, unit: str, basis: str) -> Interval:
    """Return the prediction of one outcome from samples ``(s,)``."""
    tail = 0.5 * (1.0 - LEVEL)
    low, high = quantiles(samples, (tail, 1.0 - tail))
    return Interval(float(samples.mean()), low, high, unit, basis)


def quantiles(samples: Array, shares: Sequence[float]) -> list[float]:
    """Return quantiles of samples ``(s,)`` as `numpy.quantile` does, which loads a tenth of a second of numpy for it."""
    ordered = np.sort(samples)
    return [float(np.interp(share * (len(ordered) - 1), np.arange(len(ordered)), ordered)) for share in shares]


def intervals(samples: Mapping[str, Array], campaign: Campaign) -> dict[str, Interval]:
    """Return the prediction of one recipe from samples ``(s,)`` of each outcome."""
    basis, test = bases(campaign), f"{campaign.conditions.c_rate:g}C, {campaign.conditions.temperature_c:g} C"
    return {name: interval_of(samples[name], outcome.unit, basis.get(name, test)) for name, outcome in campaign.outcomes.items() if name in samples}


def from_outcomes(outcomes: Outcomes) -> dict[str, Array]:
    """Return the closed form's outcomes by the names people see."""
    known = {name: getattr(outcomes, name) for name in OUTCOMES if hasattr(outcomes, name)}
    return {**known, "relative_density": 1.0 - outcomes.porosity, "thickness": outcomes.thickness_um}


def hard_states(recipes: Array, constraints: tuple[Constraint, ...], percolation_probability: float) -> tuple[LimitState, ...]:
    """Return the hard limits of one recipe ``(1, d)``; exact ones hold or not, percolation has the calibration's probability."""
    states = []
    for constraint in constraints:
        margin = float(constraint.margin(recipes)[0])
        exact = float(margin >= -TOLERANCE)
        probability = percolation_probability if constraint.name == "ionic_percolation" else exact
        states.append(LimitState(constraint.name, margin, constraint.unit, "hard", probability))
    return tuple(states)


def soft_states(campaign: Campaign, margins: Mapping[str, Array], estimate: Mapping[str, Array]) -> tuple[LimitState, ...]:
    """Return the soft limits of one recipe from sampled margins ``(s,)`` and those of the best estimate ``()``."""
    return tuple(
        LimitState(name, float(estimate[name]), campaign.limit_units[name], "soft", float((margin >= 0.0).mean())) for name, margin in margins.items()
    )


def physics_margins(campaign: Campaign, recipes: Array, outcomes: Outcomes) -> dict[str, Array]:
    """Return the soft margins under the closed form, of the outcomes' shape; the tortuosity limits only where they are limits."""
    margins = soft_margins(
        recipes[:, 0],
        outcomes,
        outcomes.porosity,
        outcomes.ionic_tortuosity_factor,
        outcomes.electronic_tortuosity_factor,
        c_rate=campaign.conditions.c_rate,
        loading_mg_cm2=campaign.conditions.loading_mg_cm2,
        limits=campaign.limits,
    )
    found = {name: margin for name, margin in margins.items() if campaign.ohmic_is_limit or not name.endswith("tortuosity")}
    named = from_outcomes(outcomes)
    for limit in campaign.outcome_limits:  # those on outcomes that physics does not know are the surrogates' business
        if limit.outcome in named:
            found.update(limit.margins(named[limit.outcome]))
    return found
