"""The fidelity `cell`: from a recipe to outcomes at any condition."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from objectives.discharge import Transport, rate_capability, simulate_cell, transport_of
from objectives.energy import Stack, derive
from objectives.physics import Conditions, Physics
from objectives.recipe import Recipe
from objectives.simulated import Simulated

MODELS = (
    Recipe(85.0, 0.0, 4.6, 2.34),
    Recipe(85.0, 15.0, 4.6, 2.34),
    Recipe(85.0, 5.0, 4.6, 2.34),
    Recipe(85.0, 5.0, 1.5, 2.34),
    Recipe(75.0, 5.0, 1.5, 2.34),
)


@pytest.mark.parametrize("recipe", MODELS)
def test_capacity_at_the_reference_is_the_closed_forms(physics: Physics, recipe: Recipe) -> None:
    (result,) = simulate_cell(physics, recipe)
    expected = float(physics.outcomes(np.array([recipe.values()])).discharge_capacity[0])
    assert result.outcomes["discharge_capacity"] == pytest.approx(expected, rel=2e-3)


def test_capacity_and_voltage_fall_with_the_rate_and_in_the_cold(physics: Physics, model4: Recipe) -> None:
    rates = rate_capability(physics, model4, (0.05, 0.1, 0.2, 0.5, 1.0))
    cold = simulate_cell(physics, model4, [Conditions(temperature_c=t) for t in (60.0, 30.0, 0.0)])
    for series in (rates, cold):
        for name in ("discharge_capacity", "mean_discharge_voltage", "volumetric_energy_density"):
            assert (np.diff([result.outcomes[name] for result in series]) < 0.0).all()


def test_structure_is_the_closed_forms(physics: Physics, model4: Recipe) -> None:
    (result,) = simulate_cell(physics, model4)
    expected = physics.outcomes(np.array([model4.values()]))
    for name in ("porosity", "ionic_tortuosity_factor", "electronic_tortuosity_factor", "electrode_density"):
        assert result.outcomes[name] == pytest.approx(float(getattr(expected, name)[0]), rel=1e-9)
    assert result.outcomes["thickness"] == pytest.approx(float(expected.thickness_um[0]), rel=1e-9)
    assert result.percolates


def test_energies_follow_from_capacity_and_voltage_on_the_physics_stack(physics: Physics, model4: Recipe) -> None:
    stack = Stack(separator_um=50.0)
    (result,) = simulate_cell(replace(physics, stack=stack), model4)
    made = physics.outcomes(np.array([model4.values()]))
    found = result.outcomes
    expected = derive(
        float(made.theoretical_density[0]), 85.0, found["porosity"], found["discharge_capacity"], found["mean_discharge_voltage"], 30.6, stack
    )
    assert found["areal_capacity"] == pytest.approx(expected.areal_capacity, rel=1e-9)
    assert found["volumetric_energy_density"] == pytest.approx(expected.volumetric_energy_density, rel=1e-9)
    assert found["gravimetric_energy_density"] == pytest.approx(expected.gravimetric_energy_density, rel=1e-9)


def test_results_depend_neither_on_the_order_of_recipes_nor_on_the_call(physics: Physics) -> None:
    conditions = [Conditions(c_rate=0.2), Conditions(temperature_c=30.0)]
    forwards = [simulate_cell(physics, recipe, conditions) for recipe in MODELS]
    backwards = [simulate_cell(physics, recipe, conditions[::-1])[::-1] for recipe in MODELS[::-1]][::-1]
    assert forwards == backwards


def test_transport_handed_in_takes_the_place_of_the_closed_form(physics: Physics, model4: Recipe) -> None:
    handed = Transport(0.4, 20.0, 0.31, 0.53, 0.14, wetted_fraction=0.8, connected_am_fraction=0.9)
    good, cold = simulate_cell(physics, model4, [Conditions(), Conditions(temperature_c=30.0)], handed)
    (poor,) = simulate_cell(physics, model4, transport=replace(handed, wetted_fraction=0.2))
    assert good.facts["connected_am_fraction"] == 0.9
    assert good.outcomes["porosity"] == 0.14
    assert 0.8 * 205.0 < good.outcomes["discharge_capacity"] < 0.9 * 208.0
    assert cold.outcomes["discharge_capacity"] < good.outcomes["discharge_capacity"] > poor.outcomes["discharge_capacity"]


def test_conductivity_handed_in_at_another_temperature_is_brought_to_that_of_the_test(physics: Physics, model4: Recipe) -> None:
    (closed,) = simulate_cell(physics, model4)
    made = physics.outcomes(np.array([model4.values()]), conditions={"temperature_c": np.array([30.0])})
    at_30 = Transport(
        float(made.ionic_conductivity[0]),
        float(made.electronic_conductivity[0]),
        float(made.phi_se[0]),
        float(made.phi_am[0]),
        float(made.porosity[0]),
        temperature_c=30.0,
    )
    (same,) = simulate_cell(physics, model4, transport=at_30)
    assert same.outcomes == pytest.approx(closed.outcomes, rel=1e-3)


def test_no_ionic_path_is_an_outcome(physics: Physics, model4: Recipe) -> None:
    (result,) = simulate_cell(physics, model4, transport=Transport(0.0, 20.0, 0.1, 0.7, 0.14, connected_am_fraction=0.0, percolates=False))
    assert (result.status, result.percolates, result.outcomes["discharge_capacity"]) == ("ok", False, 0.0)
    assert result.outcomes["ionic_tortuosity_factor"] == 200.0


@pytest.mark.parametrize(
    ("transport", "status"),
    [
        (Transport(0.2, 0.0, 0.3, 0.55, 0.12, connected_am_fraction=0.0), "no_electronic_path"),
        (Transport(0.2, 9.0, 0.3, 0.55, 0.12, connected_am_fraction=0.0), "no_connected_am"),
    ],
)
def test_other_missing_paths_have_a_name(physics: Physics, model4: Recipe, transport: Transport, status: str) -> None:
    (result,) = simulate_cell(physics, model4, transport=transport)
    assert (result.status, result.percolates, result.outcomes["discharge_capacity"]) == (status, True, 0.0)
    assert result.detail


@pytest.mark.parametrize(("name", "value"), [("phi_se", 30.0), ("wetted_fraction", -0.1), ("ionic_ms_cm", -1.0), ("electronic_ms_cm", float("nan"))])
def test_transport_refuses_what_no_electrode_has(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be"):
        Transport(**{**vars(Transport(0.2, 9.0, 0.3, 0.55, 0.12)), name: value})


FACTS = {
    "ionic_conductivity_ms_cm": 0.4,
    "electronic_conductivity_ms_cm": 20.0,
    "phi_se": 0.31,
    "phi_am": 0.53,
    "wetted_am_fraction": 0.8,
    "connected_am_fraction": 0.9,
}


def test_transport_of_a_microstructure_is_what_it_found() -> None:
    found = transport_of(Simulated({"porosity": 0.14}, percolates=False, facts=FACTS), 60.0)
    assert found == Transport(0.4, 20.0, 0.31, 0.53, 0.14, wetted_fraction=0.8, connected_am_fraction=0.9, percolates=False)


@pytest.mark.parametrize(
    "failed", [Simulated({"porosity": 0.14}, status="not_converged", detail="x", facts=FACTS), Simulated({"porosity": 0.14}, facts={"phi_se": 0.3})]
)
def test_transport_of_anything_else_is_refused(failed: Simulated) -> None:
    with pytest.raises(ValueError, match="a discharge needs a microstructure that was solved, got status"):
        transport_of(failed, 60.0)


def test_importing_the_package_loads_no_pybamm() -> None:
    code = "import sys, objectives.discharge; sys.exit('pybamm' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
