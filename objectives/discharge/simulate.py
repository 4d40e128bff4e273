"""A recipe's discharge at any C-rates and temperatures, with all that follows from it; every failure has a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from objectives.discharge.cellspec import CellSpec, cell_specs
from objectives.discharge.connected import connected_share
from objectives.discharge.kinetics import REFERENCE_C, Kinetics, load_kinetics
from objectives.discharge.model import FAILED, Discharge, discharge, load_pybamm
from objectives.discharge.transport import Transport
from objectives.electrode import AM_REFERENCE_MS_CM, TAU_CAP
from objectives.energy import Stack, derive
from objectives.physics import Conditions, Physics
from objectives.recipe import Recipe
from objectives.simulated import Simulated
from objectives.transport import arrhenius

NO_PATH_MS_CM = 1e-9  # conductivity that counts as none: a hundredth of a volt would drive a C-rate of 1e-8
NO_ELECTRONS = "no_electronic_path"
NOTHING_CONNECTED = "no_connected_am"


def simulate_cell(
    physics: Physics, recipe: Recipe, conditions: Sequence[Conditions] | None = None, transport: Transport | None = None
) -> tuple[Simulated, ...]:
    """Return the discharge of a recipe under each condition; the first of a process takes half a second more, to build the model.

    Args:
        physics: The study, its calibration, stack and SE lots.
        recipe: What is in the electrode.
        conditions: C-rates, temperatures, pressures and loadings; the physics' own when left out.
        transport: The electrode's structure; the closed form's when left out.

    Raises:
        MissingSimulationError: If PyBaMM is not installed. Nothing that a recipe or condition can be raises.
    """
    load_pybamm()
    kinetics = load_kinetics()
    made: dict[tuple[float, float], tuple[CellSpec, float]] = {}
    results = []
    for wanted in (physics.conditions,) if conditions is None else conditions:
        making = (wanted.pressure_mpa, wanted.loading_mg_cm2)
        if making not in made:
            spec = _spec(replace(physics, conditions=wanted), recipe, kinetics, transport)
            made[making] = spec, connected_share(spec, kinetics, physics.stack.separator_um) if _paths(spec) == "ok" else 0.0
        results.append(_simulated(*made[making], wanted, kinetics, physics.stack))
    return tuple(results)


def rate_capability(physics: Physics, recipe: Recipe, c_rates: Sequence[float], transport: Transport | None = None) -> tuple[Simulated, ...]:
    """Return the discharge of a recipe at each C-rate, all else as in the physics' conditions."""
    return simulate_cell(physics, recipe, [replace(physics.conditions, c_rate=rate) for rate in c_rates], transport)


def _spec(physics: Physics, recipe: Recipe, kinetics: Kinetics, transport: Transport | None) -> CellSpec:
    parameters = physics.calibration.parameters()
    electrodes = physics.electrodes(np.array([recipe.values()]), parameters)
    (spec,) = cell_specs(electrodes, parameters, kinetics)
    return spec if transport is None else replace(spec, transport=transport)


def _paths(spec: CellSpec) -> str:
    """Return whether a discharge is possible at all: ``ok``, or what is missing. Without an ionic path it is ``""``: an outcome, not a failure."""
    if spec.transport.ionic_ms_cm < NO_PATH_MS_CM:
        return ""
    if spec.transport.electronic_ms_cm < NO_PATH_MS_CM:
        return NO_ELECTRONS
    return NOTHING_CONNECTED if spec.transport.connected_am_fraction == 0.0 else "ok"


def _simulated(spec: CellSpec, connected: float, conditions: Conditions, kinetics: Kinetics, stack: Stack) -> Simulated:
    missing = _paths(spec)
    facts = {"connected_am_fraction": connected}
    if missing == "ok":
        cell = spec.half_cell(kinetics, connected, conditions.c_rate, conditions.temperature_c, stack.separator_um)
        found = discharge(cell)
        facts |= {"effective_diffusivity_m2_s": cell.diffusivity_m2_s, "solver_attempts": float(found.attempts)}
    else:
        detail = {"": "", NO_ELECTRONS: "electrons find no path through the electrode", NOTHING_CONNECTED: "no AM is connected"}[missing]
        found = Discharge(0.0, float("nan"), missing or "ok", detail)
    outcomes = _structure(spec)
    if found.status != FAILED:
        outcomes |= _performance(spec, found, kinetics, stack)
    percolates = spec.transport.percolates and missing != ""
    return Simulated(outcomes, status=found.status, detail=found.detail, percolates=percolates, facts=facts)


def _structure(spec: CellSpec) -> dict[str, float]:
    """Return what a discharge takes no part in."""
    structure = spec.transport
    bulk = spec.sigma_0_ionic * float(arrhenius(spec.ionic_ev, structure.temperature_c, REFERENCE_C))

    def tau(phi: float, sigma_0: float, effective: float) -> float:
        return min(phi * sigma_0 / effective, TAU_CAP) if effective >= NO_PATH_MS_CM else TAU_CAP

    return {
        "porosity": structure.porosity,
        "ionic_tortuosity_factor": tau(structure.phi_se, bulk, structure.ionic_ms_cm),
        "electronic_tortuosity_factor": tau(structure.phi_am, AM_REFERENCE_MS_CM, structure.electronic_ms_cm),
        "relative_density": 1.0 - structure.porosity,
        "electrode_density": spec.theoretical_density * (1.0 - structure.porosity),
        "thickness": spec.thickness_um,
    }


def _performance(spec: CellSpec, found: Discharge, kinetics: Kinetics, stack: Stack) -> dict[str, float]:
    """Return capacity, voltage and energies; without charge passed there is no voltage, and the energies are 0."""
    capacity = found.capacity_ah_m2 / (spec.am_mg_cm2 * 1e-2)
    passed = found.capacity_ah_m2 > 0.0
    voltage = found.mean_voltage_v + kinetics.voltage_offset if passed else 0.0
    derived = derive(spec.theoretical_density, spec.am_wt, spec.transport.porosity, capacity, voltage, spec.loading_mg_cm2, stack)
    return {
        "discharge_capacity": capacity,
        **({"mean_discharge_voltage": voltage} if passed else {}),
        "areal_capacity": derived.areal_capacity,
        "volumetric_energy_density": derived.volumetric_energy_density,
        "gravimetric_energy_density": derived.gravimetric_energy_density,
    }
