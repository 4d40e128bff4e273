"""Mass and volume balance and the shell: known answers of the reference paper, and what holds for any recipe."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.composition import Composition, compose, literal_eq1, required_shell_wt, se_wt, shell_thickness_um
from objectives.energy import Stack, derive

NCM, LPSCL, VGCF = 4.8, 1.64, 2.0  # g/cm3, Kim 2025
RADIUS = 3.75  # um, Kim 2025
LOADING = 30.6  # mg/cm2 of composite, Kim 2025


def made(am_wt: float, coating_se_wt: float, vgcf_wt: float = 2.34, other_wt: float = 0.0) -> Composition:
    return compose(
        np.asarray(am_wt), np.asarray(coating_se_wt), np.asarray(vgcf_wt), other_wt=other_wt, am_radius_um=RADIUS, am_density=NCM, se_density=LPSCL,
        vgcf_density=VGCF, other_density=2.2,
    )  # fmt: skip


def test_se_is_what_the_other_ingredients_leave() -> None:
    assert se_wt(np.asarray(75.0), np.asarray(2.34), 0.3) == pytest.approx(22.36)


@pytest.mark.parametrize(("am_wt", "theoretical"), [(75.0, 3.267), (85.0, 3.760)])
def test_theoretical_density_of_the_papers_compositions(am_wt: float, theoretical: float) -> None:
    assert made(am_wt, 5.0).theoretical_density == pytest.approx(theoretical, abs=5e-4)


@pytest.mark.parametrize(
    ("am_wt", "porosity", "capacity", "density", "thickness", "areal"),
    [(75.0, 0.116, 204.25, 2.888, 106.0, 4.69), (85.0, 0.123, 198.88, 3.297, 92.8, 5.173)],
)
def test_density_thickness_and_areal_capacity_of_model_4(
    am_wt: float, porosity: float, capacity: float, density: float, thickness: float, areal: float
) -> None:
    derived = derive(made(am_wt, 5.0).theoretical_density, am_wt, porosity, capacity, 3.716, LOADING, Stack())
    assert derived.electrode_density == pytest.approx(density, abs=1e-3)
    assert derived.thickness_um == pytest.approx(thickness, abs=0.06)
    assert derived.areal_capacity == pytest.approx(areal, abs=0.006)


def test_volume_shares_of_the_papers_75_wt_composition() -> None:
    volume = 75.0 / NCM + 22.66 / LPSCL + 2.34 / VGCF
    shares = made(75.0, 5.0)
    assert (shares.v_am, shares.v_se, shares.v_vgcf) == pytest.approx((75.0 / NCM / volume, 22.66 / LPSCL / volume, 2.34 / VGCF / volume))


@given(am=st.floats(1.0, 95.0), coating=st.floats(0.0, 60.0), vgcf=st.floats(0.0, 5.0), other=st.floats(0.0, 5.0))
def test_volume_shares_are_shares_of_one(am: float, coating: float, vgcf: float, other: float) -> None:
    shares = made(am, coating, vgcf, min(other, 100.0 - am - vgcf))
    each = np.array([shares.v_am, shares.v_se, shares.v_vgcf, shares.v_other])
    assert each.sum() == pytest.approx(1.0, abs=1e-12)
    assert (each >= 0.0).all()


@given(am=st.floats(1.0, 94.0), coating=st.floats(0.0, 60.0), vgcf=st.floats(0.0, 5.0))
def test_shell_never_takes_more_than_all_se(am: float, coating: float, vgcf: float) -> None:
    shell = made(am, coating, vgcf)
    assert 0.0 <= shell.shell_share <= 1.0
    assert shell.shell_capped == bool(required_shell_wt(np.asarray(am), np.asarray(coating)) > 100.0 - am - vgcf + 1e-9)


@given(am=st.floats(1.0, 94.0), coating=st.floats(0.0, 60.0), vgcf=st.floats(0.0, 5.0))
def test_shell_volume_is_that_of_its_mass(am: float, coating: float, vgcf: float) -> None:
    shell = made(am, coating, vgcf)
    in_shell = ((RADIUS + shell.shell_um) ** 3 - RADIUS**3) / RADIUS**3
    assert in_shell == pytest.approx(shell.shell_share * shell.v_se / shell.v_am, abs=1e-9)


def test_shell_that_asks_for_more_than_there_is_gets_all_of_it_and_is_flagged() -> None:
    model_2 = made(75.0, 25.0)  # the paper's own: 25 wt% SE wanted, 22.66 held
    assert model_2.shell_capped
    assert model_2.shell_share == pytest.approx(1.0)


def test_shell_within_its_budget_is_not_flagged() -> None:
    model_4 = made(75.0, 5.0)
    assert not model_4.shell_capped
    assert model_4.shell_share == pytest.approx(75.0 / 19.0 / 22.66)


def test_shell_that_takes_exactly_all_se_is_not_flagged() -> None:
    assert not made(80.0, 20.0, 0.0).shell_capped


@pytest.mark.parametrize(("coating", "nanometres"), [(25.0, 882.0), (5.0, 183.4)])
def test_shell_thickness_of_the_papers_powders(coating: float, nanometres: float) -> None:
    assert 1e3 * made(75.0, coating).shell_um == pytest.approx(nanometres, abs=0.5)


def test_shell_thickness_without_the_cap_is_the_plain_conformal_shell() -> None:
    thickness = shell_thickness_um(np.asarray(25.0 / 75.0), np.asarray(RADIUS), np.asarray(NCM), np.asarray(LPSCL))
    assert 1e3 * thickness == pytest.approx(955.0, abs=0.5)


def test_uncoated_grain_has_no_shell() -> None:
    assert made(75.0, 0.0).shell_um == 0.0


@pytest.mark.parametrize(("ratio", "nanometres"), [(25.0 / 75.0, 604.5), (5.0 / 95.0, 96.3)])
def test_literal_eq1_gives_the_roots_that_the_paper_does_not_print(ratio: float, nanometres: float) -> None:
    assert 1e3 * literal_eq1(ratio, RADIUS) == pytest.approx(nanometres, abs=0.05)


@given(ratio=st.floats(1e-4, 3.0), radius=st.floats(0.5, 20.0), am=st.floats(3.0, 6.0), se=st.floats(1.0, 3.0))
def test_literal_eq1_solves_its_own_equation(ratio: float, radius: float, am: float, se: float) -> None:
    x = literal_eq1(ratio, radius, am, se)
    assert ((radius + x) ** 3 - (radius - x) ** 3) / radius**3 == pytest.approx(ratio * am / se, rel=1e-6)


def test_recipe_without_se_is_composed() -> None:
    bare = made(97.66, 0.0)
    assert bare.v_se == pytest.approx(0.0, abs=1e-12)
    assert bare.shell_share == 0.0
    assert not bare.shell_capped


def test_coated_recipe_without_se_has_no_shell_and_is_flagged() -> None:
    bare = made(95.0, 5.0, 5.0)
    assert bare.shell_um == 0.0
    assert bare.shell_share == 0.0
    assert bare.shell_capped


def test_composition_of_arrays_is_that_of_each_recipe() -> None:
    am, coating = np.array([70.0, 80.0, 90.0]), np.array([0.0, 5.0, 20.0])
    together = made(am, coating)  # type: ignore[arg-type]
    for i in range(3):
        single = made(float(am[i]), float(coating[i]))
        assert [field[i] if np.ndim(field) else field for field in together] == [float(field) for field in single]
