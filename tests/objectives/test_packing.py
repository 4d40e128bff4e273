"""Porosity of a pressed composite: directions it may only move in, over the whole box and twenty draws of the calibration."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.composition import Array, Composition, compose
from objectives.packing import LOOSE_POROSITY, coverage, porosity

SIZES = np.geomspace(0.5, 40.0, 60)
AM, COATING, SIZE, VGCF = st.floats(40.0, 94.0), st.floats(0.0, 25.0), st.floats(0.5, 40.0), st.floats(0.0, 5.0)


def made(am_wt: Array, coating: Array, vgcf: Array) -> Composition:
    return compose(
        am_wt, coating, vgcf, other_wt=0.0, am_radius_um=3.75, am_density=4.8, se_density=1.64, vgcf_density=2.0, other_density=2.2
    )  # fmt: skip


def pores(am_wt: Array, coating: Array, size: Array, vgcf: Array, p: Mapping[str, Array], pressure: Array | float = 500.0) -> Array:
    composition = made(am_wt, coating, vgcf)
    return porosity(composition, size, np.asarray(3.75), np.asarray(pressure), coverage(composition.shell_um, p), p)


@given(am=AM, coating=COATING, vgcf=VGCF)
@settings(max_examples=200)
def test_porosity_rises_with_se_size(drawn: dict[str, Array], am: float, coating: float, vgcf: float) -> None:
    values = pores(np.asarray(am), np.asarray(coating), SIZES, np.asarray(vgcf), drawn)
    assert values.shape == (21, 60)
    assert (np.diff(values, axis=-1) > -1e-12).all()


def test_porosity_rises_with_se_size_in_20000_recipes(parameters: dict[str, Array]) -> None:
    rng = np.random.default_rng(0)
    am, coating, vgcf = rng.uniform(40.0, 94.9, (20_000, 1)), rng.uniform(0.0, 25.0, (20_000, 1)), rng.uniform(0.0, 5.0, (20_000, 1))
    assert (np.diff(pores(am, coating, SIZES, vgcf, parameters), axis=-1) > -1e-12).all()


def test_porosity_rises_with_se_size_in_2000_recipes_of_each_draw(drawn: dict[str, Array]) -> None:
    rng = np.random.default_rng(1)
    am, coating, vgcf = rng.uniform(40.0, 94.9, 2000), rng.uniform(0.0, 25.0, 2000), rng.uniform(0.0, 5.0, 2000)
    before = pores(am, coating, np.asarray(SIZES[0]), vgcf, drawn)
    for size in SIZES[1:]:
        after = pores(am, coating, np.asarray(size), vgcf, drawn)
        assert (after > before - 1e-12).all()
        before = after


@given(am=AM, coating=COATING, size=SIZE, vgcf=VGCF)
def test_more_pressure_leaves_less_porosity(drawn: dict[str, Array], am: float, coating: float, size: float, vgcf: float) -> None:
    low, high = (pores(np.asarray(am), np.asarray(coating), np.asarray(size), np.asarray(vgcf), drawn, pressure) for pressure in (400.0, 500.0))
    assert (high < low).all()


@given(am=AM, coating=COATING, size=SIZE, vgcf=VGCF)
def test_porosity_is_a_share(drawn: dict[str, Array], am: float, coating: float, size: float, vgcf: float) -> None:
    values = pores(np.asarray(am), np.asarray(coating), np.asarray(size), np.asarray(vgcf), drawn)
    assert ((values > 0.0) & (values < 1.0)).all()


def test_unpressed_bed_of_plain_grains_has_the_loose_porosity(parameters: dict[str, Array]) -> None:
    only_am = made(np.asarray(95.0), np.asarray(0.0), np.asarray(5.0))
    value = porosity(only_am, np.asarray(3.0), np.asarray(3.75), np.asarray(0.0), np.asarray(0.0), {**parameters, "om": np.asarray(1.0)})
    assert value == pytest.approx(LOOSE_POROSITY, abs=2e-3)  # the blend of the two branches costs a little


def test_mixing_two_sizes_packs_denser_than_equal_ones(parameters: dict[str, Array]) -> None:
    am, coating, vgcf = np.asarray(75.0), np.asarray(0.0), np.asarray(0.0)
    assert pores(am, coating, np.asarray(1.0), vgcf, parameters) < pores(am, coating, np.asarray(7.5), vgcf, parameters)


def test_porosity_above_the_am_size_grows_as_the_power_nu(parameters: dict[str, Array]) -> None:
    one, two = (pores(np.asarray(75.0), np.asarray(0.0), np.asarray(size), np.asarray(0.0), parameters) for size in (10.0, 20.0))
    assert two / one == pytest.approx(2.0 ** float(parameters["nu"]))


def test_coverage_of_no_shell_is_zero(parameters: dict[str, Array]) -> None:
    assert coverage(np.asarray(0.0), parameters) == 0.0


@given(thin=st.floats(0.0, 1.0), more=st.floats(1e-6, 1.0))
def test_coverage_rises_with_the_shell_and_stays_a_share(drawn: dict[str, Array], thin: float, more: float) -> None:
    low, high = coverage(np.asarray(thin), drawn), coverage(np.asarray(thin + more), drawn)
    assert ((low >= 0.0) & (high <= 1.0) & (high >= low)).all()


def test_coverage_at_its_scale_is_one_minus_one_over_e(parameters: dict[str, Array]) -> None:
    assert coverage(parameters["t0"], parameters) == pytest.approx(1.0 - np.exp(-1.0))
