"""Discharge capacity: its limits, its three polarisations, and the directions it may only move in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.capacity import ONE_C_MA_PER_G, REFERENCE_C, discharge_capacity
from objectives.composition import Array

KAPPA, SIGMA = st.floats(1e-6, 20.0), st.floats(1e-6, 1e3)
SHELL, COVER, RATE, TEMPERATURE = st.floats(0.0, 1.2), st.floats(0.0, 1.0), st.floats(1e-3, 10.0), st.floats(-40.0, 119.0)
CELL = {"ionic_ms_cm": 0.5, "electronic_ms_cm": 5.0, "thickness_um": 100.0, "am_mg_cm2": 25.0, "shell_um": 0.2, "cover": 0.9, "c_rate": 0.1}


def capacity(p: dict[str, Array], *, temperature_c: float = 60.0, plateau_mah_g: float = 205.0, **changed: float) -> Array:
    cell = {name: np.asarray(value) for name, value in {**CELL, **changed}.items()}
    return discharge_capacity(**cell, temperature_c=np.asarray(temperature_c), plateau_mah_g=np.asarray(plateau_mah_g), p=p)


def test_capacity_of_a_perfect_slow_cell_is_the_plateau(drawn: dict[str, Array]) -> None:
    assert capacity(drawn, ionic_ms_cm=1e9, electronic_ms_cm=1e9, c_rate=1e-12, cover=1.0) == pytest.approx(205.0, rel=1e-4)


def test_bare_am_loses_its_static_share(parameters: dict[str, Array]) -> None:
    q = capacity(parameters, ionic_ms_cm=1e9, electronic_ms_cm=1e9, c_rate=1e-12, cover=0.0, shell_um=0.0)
    assert q == pytest.approx(205.0 * (1.0 - float(parameters["u0"])), rel=1e-6)


def test_ohmic_polarisation_by_hand(parameters: dict[str, Array]) -> None:
    p = {**parameters, "rc": np.asarray(0.0), "ce": np.asarray(0.0), "m": np.asarray(1.0)}
    current = 0.1 * ONE_C_MA_PER_G * 25.0 * 1e-6  # A/cm2
    drop = current * 100e-4 * (1.0 / 0.5e-3 + 1.0 / 5e-3)  # V, over 100 um at 0.5 and 5 mS/cm
    assert capacity(p, cover=1.0) == pytest.approx(205.0 / (1.0 + drop / float(p["Vs"])))


def test_reaction_polarisation_at_its_reference_is_not_activated(parameters: dict[str, Array]) -> None:
    p = {**parameters, "Vs": np.asarray(1e12), "ce": np.asarray(0.0), "m": np.asarray(1.0)}
    assert capacity(p, cover=1.0, c_rate=1.0, temperature_c=REFERENCE_C) == pytest.approx(205.0 / (1.0 + float(p["rc"])))


def test_contact_polarisation_does_not_depend_on_temperature(parameters: dict[str, Array]) -> None:
    p = {**parameters, "Vs": np.asarray(1e12), "rc": np.asarray(0.0)}
    assert capacity(p, temperature_c=30.0, shell_um=0.5) == capacity(p, temperature_c=60.0, shell_um=0.5)
    assert capacity(p, shell_um=0.5) < capacity(p, shell_um=0.1)


@given(kappa=KAPPA, sigma=SIGMA, shell=SHELL, cover=COVER, rate=st.floats(1e-3, 5.0), factor=st.floats(1.05, 2.0), temperature=TEMPERATURE)
def test_capacity_falls_with_c_rate(
    drawn: dict[str, Array], kappa: float, sigma: float, shell: float, cover: float, rate: float, factor: float, temperature: float
) -> None:
    cell = {"ionic_ms_cm": kappa, "electronic_ms_cm": sigma, "shell_um": shell, "cover": cover, "temperature_c": temperature}
    assert (capacity(drawn, **cell, c_rate=rate * factor) < capacity(drawn, **cell, c_rate=rate)).all()


@given(kappa=KAPPA, sigma=SIGMA, shell=SHELL, cover=COVER, rate=RATE, temperature=TEMPERATURE)
def test_capacity_rises_with_temperature(
    drawn: dict[str, Array], kappa: float, sigma: float, shell: float, cover: float, rate: float, temperature: float
) -> None:
    cell = {"ionic_ms_cm": kappa, "electronic_ms_cm": sigma, "shell_um": shell, "cover": cover, "c_rate": rate}
    assert (capacity(drawn, **cell, temperature_c=temperature + 1.0) >= capacity(drawn, **cell, temperature_c=temperature)).all()


@given(kappa=KAPPA, sigma=SIGMA, shell=SHELL, cover=COVER, rate=RATE, temperature=TEMPERATURE)
def test_capacity_lies_between_nothing_and_the_plateau(
    drawn: dict[str, Array], kappa: float, sigma: float, shell: float, cover: float, rate: float, temperature: float
) -> None:
    q = capacity(drawn, ionic_ms_cm=kappa, electronic_ms_cm=sigma, shell_um=shell, cover=cover, c_rate=rate, temperature_c=temperature)
    assert ((q > 0.0) & (q < 205.0)).all()


@pytest.mark.parametrize("carrier", ["ionic_ms_cm", "electronic_ms_cm"])
@given(conductivity=st.floats(1e-4, 10.0), factor=st.floats(1.1, 10.0))
def test_better_conduction_gives_more_capacity(drawn: dict[str, Array], carrier: str, conductivity: float, factor: float) -> None:
    assert (capacity(drawn, **{carrier: conductivity * factor}) > capacity(drawn, **{carrier: conductivity})).all()


def test_thicker_electrode_gives_less_capacity(drawn: dict[str, Array]) -> None:
    assert (capacity(drawn, thickness_um=200.0) < capacity(drawn, thickness_um=100.0)).all()
