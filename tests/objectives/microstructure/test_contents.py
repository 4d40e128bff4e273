"""What goes into a block is what the closed form says, and nothing is fitted anew."""

from collections.abc import Callable
from dataclasses import astuple

import numpy as np
import pytest

from objectives.microstructure.contents import contents
from objectives.physics import Physics, find_study
from objectives.recipe import Recipe
from objectives.transport import electronic_conductivity

Model = Callable[[int, float], Recipe]


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_contents_are_those_of_the_closed_form(physics: Physics, model: Model, number: int) -> None:
    recipe = model(number, 85.0)
    found, closed = contents(physics, recipe), physics.outcomes(np.array([recipe.values()]))
    assert found.porosity == pytest.approx(closed.porosity[0])
    assert found.phi_am == pytest.approx(closed.phi_am[0])
    assert found.phi_se == pytest.approx(closed.phi_se[0])
    assert found.phi_shell == pytest.approx(closed.phi_se[0] * closed.shell_share[0])
    assert found.thickness_um == pytest.approx(closed.thickness_um[0])
    assert found.porosity + found.phi_am + found.phi_se + found.phi_vgcf == pytest.approx(1.0)


def test_given_porosity_rescales_every_solid_and_the_thickness(physics: Physics, model: Model) -> None:
    loose, tight = (contents(physics, model(4, 80.0), porosity) for porosity in (0.4, 0.1))
    assert loose.phi_am / tight.phi_am == pytest.approx(0.6 / 0.9)
    assert loose.phi_free / tight.phi_free == pytest.approx(0.6 / 0.9)
    assert loose.thickness_um / tight.thickness_um == pytest.approx(0.9 / 0.6)


@pytest.mark.parametrize("porosity", [-0.1, 1.0])
def test_impossible_porosity_is_refused(physics: Physics, model: Model, porosity: float) -> None:
    with pytest.raises(ValueError, match="porosity must be at least 0 and below 1"):
        contents(physics, model(4, 80.0), porosity)


def test_reference_conductivity_is_the_volume_weighted_mean_of_shell_and_free_se(physics: Physics, model: Model) -> None:
    found = contents(physics, model(4, 80.0))
    assert found.sigma_0 * found.phi_se == pytest.approx(found.sigma_shell * found.phi_shell + found.sigma_free * found.phi_free)
    assert found.sigma_shell > found.sigma_free  # as made against milled


def test_necks_of_uncoated_se_are_the_calibrated_ones_and_a_shell_mends_them(physics: Physics, model: Model) -> None:
    bare, coated = contents(physics, model(5, 85.0)), contents(physics, model(4, 85.0))
    assert bare.se_contact == pytest.approx(float(physics.calibration.parameters()["gu"]))
    assert bare.se_contact < coated.se_contact <= 1.0


def test_necks_carry_the_offset_of_their_study(model: Model) -> None:
    kim, lee = (contents(Physics(find_study(name)), model(5, 75.0)).se_contact for name in ("kim2025", "lee2026"))
    offset = float(Physics(find_study("lee2026")).calibration.parameters()["lee2026.offset_ionic"])
    assert lee / kim == pytest.approx(np.exp(offset))


def test_exposure_is_one_without_a_shell_and_falls_with_its_thickness(physics: Physics, model: Model) -> None:
    bare, thin, thick = (contents(physics, model(number, 85.0)) for number in (1, 3, 2))
    assert bare.exposure == 1.0
    assert bare.exposure > thin.exposure > thick.exposure > 0.0
    p = physics.calibration.parameters()
    assert thin.exposure == pytest.approx(float(np.exp(-thin.shell_um / p["he"]) * (1.0 - thin.coverage * (1.0 - p["e1"]))), rel=1e-4)


def test_matrix_gives_the_calibrated_carbon_network_of_the_whole_electrode(physics: Physics, model: Model) -> None:
    found = contents(physics, model(4, 85.0))
    phi_m = found.phi_vgcf / (1.0 - found.phi_am)
    zero = np.zeros(())
    whole = electronic_conductivity(zero, np.asarray(phi_m), zero, zero, zero, physics.calibration.parameters())
    assert found.sigma_matrix * (1.0 - found.phi_am) ** 1.5 == pytest.approx(float(whole))


def test_shell_does_not_concentrate_the_carbon(physics: Physics) -> None:
    coated, bare = (contents(physics, Recipe(80.0, coating, 1.5, 2.0), porosity=0.12) for coating in (5.0, 0.0))
    assert coated.sigma_matrix == pytest.approx(bare.sigma_matrix)


def test_recipe_without_carbon_has_an_insulating_matrix(physics: Physics) -> None:
    assert contents(physics, Recipe(80.0, 5.0, 1.5, 0.0)).sigma_matrix == 0.0


def test_recipe_without_se_has_none(physics: Physics) -> None:
    found = contents(physics, Recipe(97.0, 5.0, 1.5, 3.0))
    assert found.phi_se == 0.0
    assert all(np.isfinite(astuple(found)))


def test_capped_shell_takes_all_se_and_is_flagged(physics: Physics, model: Model) -> None:
    found = contents(physics, model(2, 75.0))
    assert found.shell_capped
    assert found.phi_free == 0.0
