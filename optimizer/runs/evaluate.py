"""Evaluate one recipe at a fidelity, wherever it runs: picklable, never an exception, the campaign read once a process. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from objectives.composition import Array
from objectives.electrode import TAU_CAP, Outcomes
from objectives.energy import derive
from objectives.limits import soft_margins
from objectives.outcomes import OUTCOMES
from objectives.physics import Conditions, Physics
from objectives.recipe import Recipe
from objectives.simulated import Fidelity, Simulated
from optimizer.campaign import Campaign, parse_campaign
from optimizer.report import from_outcomes
from optimizer.runs.conditions import TestCondition, at_conditions, beside
from optimizer.runs.history import Result

# The closed form's outcomes of the recipe, a seed, and conditions of which the first are the physics' own; one result for each.
Simulator = Callable[[Physics, Recipe, Outcomes, int, Sequence[Conditions]], tuple[Simulated, ...]]


@dataclass(frozen=True)
class Job:
    """One evaluation: which trial, which recipe, at which fidelity, for which campaign. Its ``repr`` names the recipe in logs."""

    number: int
    recipe: tuple[float, ...]
    fidelity: Fidelity
    seed: int
    campaign_text: str = field(repr=False)
    conditions: tuple[TestCondition, ...] = ()  # beside the campaign's own


def evaluate(job: Job) -> Result:
    """Return what a job's simulation gives; whatever goes wrong is a status with a sentence, never an exception."""
    try:
        campaign, physics = _setting(job.campaign_text)
        recipe = Recipe(*job.recipe)
        closed = physics.outcomes(np.array([job.recipe]))
        conditions = at_conditions(campaign.conditions, job.conditions)
        own, *others = SIMULATORS[job.fidelity](physics, recipe, closed, job.seed, conditions)
        result = complete(campaign, recipe, closed, own, priced=job.fidelity == "analytic")
        return beside(result, dict(zip(conditions[1:], others, strict=True)))
    except Exception as error:
        return failed("error", f"{type(error).__name__}: {error}")


def failed(status: str, detail: str) -> Result:
    """Return the result of an evaluation that gave none."""
    return Result(Simulated({}, status=status, detail=" ".join(detail.split())), {})


@lru_cache(maxsize=4)
def _setting(campaign_text: str) -> tuple[Campaign, Physics]:
    campaign = parse_campaign(campaign_text, "the run's campaign")
    return campaign, campaign.physics()


def analytic(physics: Physics, recipe: Recipe, closed: Outcomes, seed: int, conditions: Sequence[Conditions]) -> tuple[Simulated, ...]:
    """Return what the closed form gives; it needs no seed."""
    del seed
    others = [replace(physics, conditions=one).outcomes(np.array([recipe.values()])) for one in conditions[1:]]
    return tuple(
        Simulated({name: float(value[0]) for name, value in from_outcomes(found).items()}, percolates=bool(found.percolates[0]))
        for found in (closed, *others)
    )


def cell(physics: Physics, recipe: Recipe, closed: Outcomes, seed: int, conditions: Sequence[Conditions]) -> tuple[Simulated, ...]:
    """Return what the discharge by the cell model gives; it needs no seed."""
    del closed, seed
    from objectives.discharge import simulate_cell  # here: it loads a solver

    return simulate_cell(physics, recipe, conditions)


def micro(physics: Physics, recipe: Recipe, closed: Outcomes, seed: int, conditions: Sequence[Conditions]) -> tuple[Simulated, ...]:
    """Return what 3D microstructures of the recipe that no other trial uses show, and their discharges."""
    del closed
    from optimizer.runs.micro import simulate_seeds  # here: it loads and compiles solvers

    return simulate_seeds(physics, recipe, seed, conditions)


SIMULATORS: Mapping[Fidelity, Simulator] = {"analytic": analytic, "cell": cell, "micro": micro}


def complete(campaign: Campaign, recipe: Recipe, closed: Outcomes, simulated: Simulated, *, priced: bool) -> Result:
    """Return a simulation with the derived outcomes it leaves out, and the margin to every soft limit.

    Args:
        campaign: Whose limits, stack and conditions count.
        recipe: The one simulated.
        closed: What the closed form gives of it, ``(1,)`` each, for what the simulation does not (volume shares, theoretical density).
        simulated: Tau that a composite without a path lacks counts as the cap.
        priced: Whether the voltage still lacks the ohmic drop beyond the allowance where tau is no limit (as in proposals).
    """
    if simulated.status != "ok":
        return Result(simulated, {})
    x = np.array([recipe.values()])
    found = {name: np.array([value]) for name, value in simulated.outcomes.items()}
    paths = ("ionic_tortuosity_factor", "electronic_tortuosity_factor")
    tau = {name: found.get(name, np.array([TAU_CAP])) for name in paths}
    porosity = found.get("porosity", closed.porosity)
    margins = soft_margins(
        x[:, 0],
        closed,
        porosity,
        *tau.values(),
        c_rate=campaign.conditions.c_rate,
        loading_mg_cm2=campaign.conditions.loading_mg_cm2,
        limits=campaign.limits,
    )
    derived = _derived(campaign, closed, x, {**found, "porosity": porosity}, 0.0)
    if not campaign.ohmic_is_limit:
        if priced:
            from optimizer.model import ohmic_excess_v  # here: it loads torch, and most runs keep the limit

            derived = _derived(
                campaign, closed, x, {**found, "porosity": porosity}, float(ohmic_excess_v(tau, margins, campaign.limits.ohmic_drop_mv)[0])
            )
            found = {name: value for name, value in found.items() if name not in derived}
        margins = {name: margin for name, margin in margins.items() if not name.endswith("tortuosity")}
    everything = {**derived, **found}
    for limit in campaign.outcome_limits:
        value = everything.get(limit.outcome, np.array([np.nan]))
        margins = {**margins, **limit.margins(value)}
    known = {name: float(everything[name][0]) for name in OUTCOMES if name in everything}
    # What has no number (an outcome that a broken electrode lacks) breaks its limit by one unit, so that margins stay finite.
    plain = {name: float(np.nan_to_num(margin[0], nan=-1.0)) for name, margin in margins.items()}
    return Result(replace(simulated, outcomes=known), plain)


def _derived(campaign: Campaign, closed: Outcomes, x: Array, found: Mapping[str, Array], excess_v: float) -> dict[str, Array]:
    """Return the outcomes that follow exactly from porosity, capacity and voltage, as far as these are known; ``(1,)`` each."""
    porosity = found["porosity"]
    nothing = np.array([np.nan])
    capacity, voltage = found.get("discharge_capacity", nothing), found.get("mean_discharge_voltage", nothing)
    loading = campaign.conditions.loading_mg_cm2
    derived = derive(closed.theoretical_density, x[:, 0], porosity, capacity, np.maximum(voltage - excess_v, 0.0), loading, campaign.stack)
    named = {
        "relative_density": 1.0 - porosity,
        "electrode_density": derived.electrode_density,
        "thickness": derived.thickness_um,
        "areal_capacity": derived.areal_capacity,
        "volumetric_energy_density": derived.volumetric_energy_density,
        "gravimetric_energy_density": derived.gravimetric_energy_density,
    }
    return {name: value for name, value in named.items() if np.isfinite(value).all()}
