"""Derived outcomes: the exact formula, by hand and against the reference paper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.energy import Derived, Stack, derive

RHO_85 = 100.0 / (85.0 / 4.8 + 12.66 / 1.64 + 2.34 / 2.0)  # g/cm3, 85:12.66:2.34


def model_4(capacity: float = 198.88, voltage: float = 3.716, stack: Stack | None = None) -> Derived:
    return derive(RHO_85, 85.0, 0.123, capacity, voltage, 30.6, stack or Stack())


def test_volumetric_energy_of_the_papers_best_cell() -> None:
    assert model_4().volumetric_energy_density == pytest.approx(1258.0, rel=2e-3)


def test_volumetric_energy_at_30_c_implies_173_mah_per_g() -> None:
    assert model_4(capacity=173.0).volumetric_energy_density == pytest.approx(1094.0, rel=2e-3)


def test_gravimetric_energy_of_the_papers_best_cell() -> None:
    assert model_4(voltage=3.70).gravimetric_energy_density == pytest.approx(515.6, rel=2e-3)


@given(
    rho=st.floats(1.0, 5.0), am=st.floats(40.0, 95.0), porosity=st.floats(0.0, 0.6), q=st.floats(0.0, 230.0), volt=st.floats(3.0, 4.2),
    loading=st.floats(1.0, 200.0), separator=st.floats(0.0, 200.0), anode=st.floats(0.0, 200.0),
)  # fmt: skip
def test_energies_are_the_formula_in_si_units(
    rho: float, am: float, porosity: float, q: float, volt: float, loading: float, separator: float, anode: float
) -> None:
    derived = derive(rho, am, porosity, q, volt, loading, Stack(separator, anode, 1.7, 0.6))
    mass = loading * 1e-2  # kg/m2
    thickness = mass / (1e3 * rho * (1.0 - porosity))  # m
    energy = (q * am / 100.0) * mass * volt * 3600.0  # J/m2: mAh/g is Ah/kg
    stack_volume = thickness + 1e-6 * (separator + anode)  # m
    stack_mass = mass + 1e-6 * (separator * 1.7e3 + anode * 0.6e3)  # kg/m2
    assert derived.thickness_um == pytest.approx(1e6 * thickness)
    assert derived.volumetric_energy_density == pytest.approx(energy / stack_volume / 3.6e6)
    assert derived.gravimetric_energy_density == pytest.approx(energy / stack_mass / 3.6e3)


def test_energy_is_areal_capacity_times_voltage_over_the_stack() -> None:
    cell = model_4()
    assert cell.volumetric_energy_density == pytest.approx(cell.areal_capacity * 3.716 / (cell.thickness_um + 60.0) * 1e4)


def test_stack_without_separator_and_anode_has_the_energy_of_the_cathode() -> None:
    cell = model_4(stack=Stack(0.0, 0.0))
    assert cell.gravimetric_energy_density == pytest.approx(198.88 * 0.85 * 3.716)


def test_stack_says_what_the_energy_refers_to() -> None:
    assert Stack(25.0, 40.0).basis == "stack: cathode + 25 um separator + 40 um Li"


def test_inactive_mass_is_separator_and_anode() -> None:
    assert Stack().inactive_mg_cm2 == pytest.approx(4.92 + 1.602)


def test_derived_outcomes_broadcast() -> None:
    porosity, q = np.array([[0.1], [0.2]]), np.array([150.0, 180.0, 200.0])
    together = derive(RHO_85, 85.0, porosity, q, 3.716, 30.6, Stack())
    assert together.volumetric_energy_density.shape == (2, 3)
    assert together.volumetric_energy_density[1, 2] == derive(RHO_85, 85.0, 0.2, 200.0, 3.716, 30.6, Stack()).volumetric_energy_density
