"""Evaluate one recipe at a fidelity, wherever it runs: picklable, never an exception, the campaign read once a process. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from objectives.composition import Array
from objectives.electrode import TAU_CAP, Outcomes
from objectives.energy import derive
from objectives.limits import soft_margins
from objectives.outcomes import OUTCOMES
from objectives.physics import Physics
from objectives.recipe import Recipe
from objectives.simulated import Fidelity, Simulated
from optimizer.campaign import Campaign, parse_campaign
from optimizer.report import from_outcomes
from optimizer.runs.history import Result

MICRO_SEEDS = 3  # microstructures a recipe, for a mean and its scatter

Simulator = Callable[[Physics, Recipe, Outcomes, int], Simulated]  # the closed form's outcomes of the recipe, and a seed


@dataclass(frozen=True)
class Job:
    """One evaluation: which trial, which recipe, at which fidelity, for which campaign. Its ``repr`` names the recipe in logs."""

    number: int
    recipe: tuple[float, ...]
    fidelity: Fidelity
    seed: int
    campaign_text: str = field(repr=False)


def evaluate(job: Job) -> Result:
    """Return what a job's simulation gives; whatever goes wrong is a status with a sentence, never an exception."""
    try:
        campaign, physics = _setting(job.campaign_text)
        recipe = Recipe(*job.recipe)
        closed = physics.outcomes(np.array([job.recipe]))
        simulated = SIMULATORS[job.fidelity](physics, recipe, closed, job.seed)
        return complete(campaign, recipe, closed, simulated, priced=job.fidelity == "analytic")
    except Exception as error:
        return failed("error", f"{type(error).__name__}: {error}")


def failed(status: str, detail: str) -> Result:
    """Return the result of an evaluation that gave none."""
    return Result(Simulated({}, status=status, detail=" ".join(detail.split())), {})


@lru_cache(maxsize=4)
def _setting(campaign_text: str) -> tuple[Campaign, Physics]:
    campaign = parse_campaign(campaign_text, "the run's campaign")
    return campaign, campaign.physics()


def analytic(physics: Physics, recipe: Recipe, closed: Outcomes, seed: int) -> Simulated:
    """Return what the closed form gives; it needs no seed."""
    del physics, recipe, seed
    named = {name: float(value[0]) for name, value in from_outcomes(closed).items()}
    return Simulated(named, percolates=bool(closed.percolates[0]))


def cell(physics: Physics, recipe: Recipe, closed: Outcomes, seed: int) -> Simulated:
    """Return what the discharge by the cell model gives at the campaign's conditions; it needs no seed."""
    del closed, seed
    from objectives.discharge import simulate_cell  # here: it loads a solver

    return simulate_cell(physics, recipe)[0]


def micro(physics: Physics, recipe: Recipe, closed: Outcomes, seed: int) -> Simulated:
    """Return what 3D microstructures of the recipe show, as means over `MICRO_SEEDS` that no other trial uses, and their discharge."""
    del closed
    from objectives.discharge import Transport, simulate_cell  # here: they load and compile solvers
    from objectives.microstructure.analyse import simulate_micro

    first = 2 * MICRO_SEEDS * seed  # as many seeds again are tried where one has no path
    structure = simulate_micro(physics, recipe, seeds=tuple(range(first, first + MICRO_SEEDS)))
    if structure.status != "ok":
        return structure
    facts = structure.facts
    paths = {
        name: facts[name] if structure.outcomes[tau] < TAU_CAP else 0.0  # a tau at its cap stands for no path
        for name, tau in (
            ("ionic_conductivity_ms_cm", "ionic_tortuosity_factor"),
            ("electronic_conductivity_ms_cm", "electronic_tortuosity_factor"),
        )
    }
    transport = Transport(
        ionic_ms_cm=paths["ionic_conductivity_ms_cm"],
        electronic_ms_cm=paths["electronic_conductivity_ms_cm"],
        phi_se=facts["phi_se"],
        phi_am=facts["phi_am"],
        porosity=structure.outcomes["porosity"],
        wetted_fraction=facts["wetted_am_fraction"],
        connected_am_fraction=facts["connected_am_fraction"],
        temperature_c=physics.conditions.temperature_c,
        percolates=structure.percolates,
    )
    (found,) = simulate_cell(physics, recipe, transport=transport)
    return replace(
        found,
        outcomes={**found.outcomes, **structure.outcomes},
        sd=structure.sd,
        percolates=structure.percolates and found.percolates,
        facts={**found.facts, **facts},
    )


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
