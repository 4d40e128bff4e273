"""Effective conductivities: thresholds, ends of interpolations, and directions, over twenty draws of the calibration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.composition import Array
from objectives.transport import (
    BOLTZMANN_EV,
    COARSE_UM,
    FINE_UM,
    arrhenius,
    electronic_conductivity,
    ionic_conductivity_ratio,
    percolation_threshold,
    se_bulk_conductivity,
)

NONE, SHARE = np.asarray(0.0), st.floats(0.0, 1.0)
SHELL, SIZE = st.floats(0.0, 1.2), st.floats(0.5, 40.0)


@given(energy=st.floats(-1.0, 1.0), temperature=st.floats(-40.0, 120.0))
def test_arrhenius_at_the_reference_is_one(energy: float, temperature: float) -> None:
    assert arrhenius(energy, temperature, temperature) == 1.0


def test_arrhenius_from_30_to_60_c_by_hand() -> None:
    by_hand = np.exp(-0.30 / BOLTZMANN_EV * (1.0 / 333.15 - 1.0 / 303.15))
    assert arrhenius(0.30, 60.0, 30.0) == pytest.approx(by_hand)
    assert by_hand == pytest.approx(2.81, abs=0.01)


@given(energy=st.floats(0.01, 1.0), temperature=st.floats(-40.0, 119.0))
def test_arrhenius_rises_with_temperature_for_a_positive_energy(energy: float, temperature: float) -> None:
    assert arrhenius(energy, temperature + 1.0, 25.0) > arrhenius(energy, temperature, 25.0)


@pytest.mark.parametrize(
    ("size", "expected"), [(0.5, 2.0), (FINE_UM, 2.0), (COARSE_UM, 3.0), (40.0, 3.0), (np.sqrt(FINE_UM * COARSE_UM), np.sqrt(6.0))]
)
def test_free_se_conducts_by_its_size_between_fine_and_coarse(size: float, expected: float) -> None:
    assert se_bulk_conductivity(NONE, np.asarray(size), np.asarray(2.0), np.asarray(3.0)) == pytest.approx(expected)


@given(size=SIZE)
def test_shell_conducts_as_made_whatever_the_free_se(size: float) -> None:
    assert se_bulk_conductivity(np.asarray(1.0), np.asarray(size), np.asarray(2.0), np.asarray(3.0)) == pytest.approx(3.0)


@given(share=SHARE, size=SIZE)
def test_bulk_conductivity_lies_between_fine_and_coarse(share: float, size: float) -> None:
    assert 2.0 - 1e-12 <= se_bulk_conductivity(np.asarray(share), np.asarray(size), np.asarray(2.0), np.asarray(3.0)) <= 3.0 + 1e-12


@given(size=SIZE)
def test_threshold_with_all_se_in_the_shell_does_not_depend_on_the_size(drawn: dict[str, Array], size: float) -> None:
    threshold = percolation_threshold(np.asarray(1.0), np.asarray(size), np.asarray(3.75), drawn)
    assert threshold == pytest.approx(drawn["fcs"])


@given(size=st.floats(0.5, 39.0))
def test_threshold_of_mixed_se_rises_with_its_size(drawn: dict[str, Array], size: float) -> None:
    small, large = (percolation_threshold(NONE, np.asarray(d), np.asarray(3.75), drawn) for d in (size, size + 0.5))
    falls_with_ratio = drawn["b"] > 0.0
    assert (large[falls_with_ratio] > small[falls_with_ratio]).all()


@given(phi=st.floats(1e-6, 1.0), threshold=st.floats(0.01, 0.6), shell=SHELL, share=SHARE, offset=st.floats(-3.0, 3.0))
def test_ionic_tortuosity_factor_is_at_least_one(
    drawn: dict[str, Array], phi: float, threshold: float, shell: float, share: float, offset: float
) -> None:
    volume = np.asarray(phi)
    ratio = ionic_conductivity_ratio(volume, np.asarray(threshold), np.asarray(shell), np.asarray(share), np.asarray(offset), drawn)
    assert (ratio > 0.0).all()
    assert (volume / ratio >= 1.0).all()


def test_ionic_ratio_far_above_the_threshold_is_bruggemans_with_the_bare_neck(parameters: dict[str, Array]) -> None:
    ratio = ionic_conductivity_ratio(np.asarray(0.5), np.asarray(0.2), NONE, NONE, NONE, parameters)
    assert ratio == pytest.approx(float(parameters["gu"]) * (0.3 / 0.8) ** 1.5, rel=1e-6)


@given(phi=st.floats(0.1, 0.7), step=st.floats(1e-3, 0.2), shell=SHELL, share=SHARE)
def test_ionic_ratio_rises_with_the_se_share(drawn: dict[str, Array], phi: float, step: float, shell: float, share: float) -> None:
    rest = np.asarray(0.3), np.asarray(shell), np.asarray(share), NONE, drawn
    assert (ionic_conductivity_ratio(np.asarray(phi + step), *rest) > ionic_conductivity_ratio(np.asarray(phi), *rest)).all()


def test_ionic_offset_is_on_the_natural_log(parameters: dict[str, Array]) -> None:
    rest = np.asarray(0.35), np.asarray(0.2), NONE, NONE
    moved, plain = (ionic_conductivity_ratio(*rest, np.asarray(offset), parameters) for offset in (-1.0, 0.0))
    assert moved / plain == pytest.approx(np.exp(-1.0))


def test_shell_improves_necks_only_with_free_se_to_bridge_them(parameters: dict[str, Array]) -> None:
    def neck(share: float) -> float:
        return float(ionic_conductivity_ratio(np.asarray(0.3), np.asarray(0.2), np.asarray(0.4), np.asarray(share), NONE, parameters))

    bare = float(ionic_conductivity_ratio(np.asarray(0.3), np.asarray(0.2), NONE, NONE, NONE, parameters))
    assert neck(0.3) > bare
    assert neck(1.0) == pytest.approx(bare)


def test_electronic_conductivity_without_carbon_is_the_am_network(parameters: dict[str, Array]) -> None:
    sigma = electronic_conductivity(np.asarray(0.5), NONE, NONE, NONE, NONE, parameters)
    assert sigma == pytest.approx(float(parameters["sAM"]) * 0.5**1.5, rel=1e-3)  # below its threshold carbon adds next to nothing


@given(phi=st.floats(0.1, 0.85), carbon=st.floats(0.0, 0.1), thin=SHELL, more=st.floats(1e-3, 0.5), cover=SHARE)
def test_thicker_shell_never_raises_electronic_conductivity(
    drawn: dict[str, Array], phi: float, carbon: float, thin: float, more: float, cover: float
) -> None:
    low, high = (
        electronic_conductivity(np.asarray(phi), np.asarray(carbon), np.asarray(shell), np.asarray(cover), NONE, drawn)
        for shell in (thin + more, thin)
    )
    assert (low <= high).all()


@given(phi=st.floats(0.1, 0.85), carbon=st.floats(0.0, 0.09), more=st.floats(1e-3, 0.01), shell=SHELL, cover=SHARE)
def test_more_carbon_raises_electronic_conductivity(
    drawn: dict[str, Array], phi: float, carbon: float, more: float, shell: float, cover: float
) -> None:
    low, high = (
        electronic_conductivity(np.asarray(phi), np.asarray(amount), np.asarray(shell), np.asarray(cover), NONE, drawn)
        for amount in (carbon, carbon + more)
    )
    assert (low < high).all()


def test_carbon_network_is_not_throttled_by_the_shell(parameters: dict[str, Array]) -> None:
    p = {**parameters, "cx": np.asarray(0.0)}
    carbon, cover = np.asarray(0.04), np.asarray(1.0)
    thick = electronic_conductivity(np.asarray(0.5), carbon, np.asarray(100.0), cover, NONE, p)
    assert thick == pytest.approx(float(p["S"]) * (0.08 - float(p["pc"])) ** float(p["te"]), rel=1e-6)


def test_electronic_offset_scales_the_am_network(parameters: dict[str, Array]) -> None:
    p = {**parameters, "S": np.asarray(0.0)}
    moved, plain = (electronic_conductivity(np.asarray(0.5), NONE, NONE, NONE, np.asarray(offset), p) for offset in (1.0, 0.0))
    assert moved / plain == pytest.approx(np.e)
