"""Known answers of the half-cell: what must hold whatever the parameters."""

import os
from dataclasses import replace

import numpy as np
import pytest

from objectives.discharge import model
from objectives.discharge.model import POINTS, discharge, load_pybamm, simulation
from objectives.discharge.ocp import CHARGED, EMPTY, open_circuit_potential
from objectives.discharge.scaling import HalfCell, mesh_inputs


@pytest.fixture
def hard(good: HalfCell) -> HalfCell:
    """A cell that loses most of its capacity to all three: ions, electrons and diffusion."""
    return replace(good, current_a_m2=26.0, ionic_ms_cm=0.03, electronic_ms_cm=0.02, diffusivity_m2_s=1e-16, exchange_a_m2=0.5)


def test_slow_discharge_gives_the_whole_capacity_at_the_open_circuit_voltage(good: HalfCell) -> None:
    found = discharge(replace(good, current_a_m2=0.05))
    open_circuit = np.mean(open_circuit_potential(np.linspace(CHARGED, EMPTY, 10_001)))
    assert found.status == "ok"
    assert found.capacity_ah_m2 == pytest.approx(good.capacity_ah_m2, rel=1e-3)
    assert found.mean_voltage_v == pytest.approx(open_circuit, abs=2e-3)


def test_separator_costs_ohms_law(good: HalfCell) -> None:
    poor = replace(good, separator_ms_cm=0.01)
    drop = good.current_a_m2 * 30e-6 * (1 / 0.001 - 1 / 1.0)  # A/m2, m, S/m
    assert discharge(good).mean_voltage_v - discharge(poor).mean_voltage_v == pytest.approx(drop, rel=0.1)  # the mesh lacks half its last volume


@pytest.mark.parametrize("poor", ["ionic_ms_cm", "electronic_ms_cm"])
def test_electrode_with_an_even_reaction_costs_a_third_of_its_resistance(good: HalfCell, poor: str) -> None:
    even = replace(good, exchange_a_m2=1e-3, ionic_ms_cm=1e3, electronic_ms_cm=1e3)  # slow kinetics spread the current evenly
    resistive = HalfCell(**{**vars(even), poor: 0.05})
    drop = good.current_a_m2 * good.thickness_um * 1e-6 / 0.005 / 3.0
    assert discharge(even).mean_voltage_v - discharge(resistive).mean_voltage_v == pytest.approx(drop, rel=0.1)


def test_thickness_of_the_mesh_does_not_matter(hard: HalfCell) -> None:
    found = [discharge(hard, mesh_um) for mesh_um in (92.8, 100.0, 250.0)]
    assert 0.05 < found[0].capacity_ah_m2 / hard.capacity_ah_m2 < 0.5
    assert [d.capacity_ah_m2 for d in found] == pytest.approx([found[0].capacity_ah_m2] * 3, rel=1e-4)
    assert [d.mean_voltage_v for d in found] == pytest.approx([found[0].mean_voltage_v] * 3, abs=1e-3)


def test_grain_size_enters_diffusion_squared_and_surface_once(hard: HalfCell) -> None:
    twice = replace(hard, am_radius_um=2 * hard.am_radius_um, diffusivity_m2_s=4 * hard.diffusivity_m2_s, exchange_a_m2=2 * hard.exchange_a_m2)
    assert mesh_inputs(twice, 100.0) == pytest.approx(mesh_inputs(hard, 100.0))


@pytest.mark.parametrize(
    ("name", "worse"),
    [("ionic_ms_cm", 0.01), ("electronic_ms_cm", 0.01), ("diffusivity_m2_s", 5e-17), ("exchange_a_m2", 0.01)],
)
def test_capacity_falls_with_each_loss(hard: HalfCell, name: str, worse: float) -> None:
    assert discharge(HalfCell(**{**vars(hard), name: worse})).capacity_ah_m2 < discharge(hard).capacity_ah_m2


def test_soft_start_gives_what_a_hard_start_gives(hard: HalfCell, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = discharge(hard)
    monkeypatch.setattr("objectives.discharge.model.RISES", (1e-4, 1e-5))
    soft = discharge(hard)
    assert soft.capacity_ah_m2 == pytest.approx(plain.capacity_ah_m2, rel=1e-3)
    assert soft.mean_voltage_v == pytest.approx(plain.mean_voltage_v, abs=2e-3)


def test_finer_mesh_changes_a_hard_discharge_little(hard: HalfCell, monkeypatch: pytest.MonkeyPatch) -> None:
    coarse = discharge(hard)
    fine = model.simulation
    monkeypatch.setattr(model, "simulation", lambda mesh_um: fine(mesh_um, 2 * POINTS))
    assert discharge(hard).capacity_ah_m2 == pytest.approx(coarse.capacity_ah_m2, rel=0.04)


def test_discharge_does_not_depend_on_what_was_discharged_before(good: HalfCell) -> None:
    before = replace(good, current_a_m2=4.9, capacity_ah_m2=79.0, thickness_um=240.0, ionic_ms_cm=0.42, electronic_ms_cm=6.7, exchange_a_m2=0.41)
    before = replace(before, diffusivity_m2_s=5.7e-16)
    poor = replace(before, current_a_m2=8.5, capacity_ah_m2=37.0, thickness_um=290.0, ionic_ms_cm=1.7e-7, electronic_ms_cm=250.0)
    poor = replace(poor, diffusivity_m2_s=6e-22, exchange_a_m2=0.62)
    simulation.cache_clear()
    first = discharge(poor)
    simulation.cache_clear()
    discharge(before)
    assert discharge(poor) == first  # to the last digit: a run that was killed has to be computable again


def test_telemetry_is_off_once_pybamm_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYBAMM_DISABLE_TELEMETRY", raising=False)
    pybamm = load_pybamm()
    assert os.environ["PYBAMM_DISABLE_TELEMETRY"] == "true"
    assert pybamm.telemetry._posthog.disabled
