"""Conductivity fields and link factors, on blocks drawn by hand where the answer is known."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from objectives.composition import Array
from objectives.microstructure.contents import Contents, contents
from objectives.microstructure.generate import AM, PORE, SE, Microstructure
from objectives.microstructure.properties import electronic_medium, ionic_medium
from objectives.physics import Physics
from objectives.recipe import Recipe

Model = Callable[[int, float], Recipe]
Blocks = Callable[..., Microstructure]


def column(labels: list[int], grains: list[int], shell: list[float] | None = None, *, am_grains: int = 0, voxel_um: float = 0.5) -> Microstructure:
    """A block that varies along x alone."""
    wide = (len(labels), 2, 2)
    fill = [np.broadcast_to(np.array(values)[:, None, None], wide) for values in (labels, grains, shell or [0.0] * len(labels))]
    return Microstructure(
        fill[0].astype(np.uint8),
        fill[2].astype(np.float32),
        fill[1].astype(np.int32),
        am_grains,
        voxel_um,
        seed=0,
        se_clamped=False,
        shell_capped=False,
    )


def series(sigma: Array, links: Array) -> float:
    """Conductivity along x of a block that varies along x alone, end halves left out."""
    one, other = sigma[:-1, 0, 0], sigma[1:, 0, 0]
    return float((sigma.shape[0] - 1) / np.sum((0.5 / one + 0.5 / other) / links[:, 0, 0]))


@pytest.fixture
def bare(physics: Physics, model: Model) -> Contents:
    return contents(physics, model(5, 80.0))


@pytest.mark.parametrize("voxel_um", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("size_um", [1.5, 3.0])
def test_chain_of_se_grains_conducts_its_neck_factor_at_any_grain_and_voxel_size(bare: Contents, size_um: float, voxel_um: float) -> None:
    each = round(size_um / voxel_um)
    grains = np.repeat(np.arange(400), each)[: 200 * each + 1]  # one voxel more: whole grains between the centres of the end voxels
    block = column([SE] * grains.size, grains.tolist(), voxel_um=voxel_um)
    medium = ionic_medium(block, replace(bare, se_particle_um=size_um))
    assert medium.links is not None
    assert series(medium.sigma, medium.links[0]) / bare.sigma_free == pytest.approx(bare.se_contact)


def test_sound_necks_need_no_link_factors(bare: Contents) -> None:
    assert ionic_medium(column([SE] * 4, [0, 0, 1, 1]), replace(bare, se_contact=1.0)).links is None


def test_ions_cross_shells_and_free_se_each_at_its_own_conductivity(physics: Physics, model: Model) -> None:
    content = contents(physics, model(4, 80.0))
    block = column([AM, PORE, SE, SE, PORE], [0, 0, 1, 1, -1], [0.0, 0.4, 0.25, 0.0, 0.0], am_grains=1)
    sigma = ionic_medium(block, content).sigma[:, 0, 0]
    mixed = 0.25 * content.sigma_shell + 0.75 * content.sigma_free
    np.testing.assert_allclose(sigma, [0.0, 0.4 * content.sigma_shell, mixed, content.sigma_free, 0.0], rtol=1e-6)


def test_ionic_conductivity_averages_to_the_reference_times_the_volume(physics: Physics, model: Model, block: Blocks) -> None:
    content = contents(physics, model(4, 85.0))
    assert ionic_medium(block(model(4, 85.0)), content).sigma.mean() == pytest.approx(content.sigma_0 * content.phi_se, rel=1e-4)


def test_bare_electrode_has_no_electronic_link_factors(bare: Contents) -> None:
    medium = electronic_medium(column([AM, AM, PORE, SE], [0, 1, -1, 2], am_grains=2), bare)
    assert medium.links is None
    np.testing.assert_allclose(medium.sigma[:, 0, 0], [bare.sigma_am] * 2 + [bare.sigma_matrix] * 2)


def test_shell_throttles_am_to_carbon_once_and_am_to_am_twice(physics: Physics, model: Model) -> None:
    content = contents(physics, model(3, 80.0))
    medium = electronic_medium(column([AM, AM, AM, PORE, PORE], [0, 0, 1, -1, -1], am_grains=2), content)
    assert medium.links is not None
    e = content.exposure
    np.testing.assert_allclose(medium.links[0][:, 0, 0], [1.0, e**2, e, 1.0])


def test_shell_holds_carbon_only_where_it_leaves_the_am_exposed(physics: Physics, model: Model) -> None:
    content = contents(physics, model(3, 80.0))
    sigma = electronic_medium(column([AM, PORE, PORE], [0, 0, -1], [0.0, 1.0, 0.0], am_grains=1), content).sigma[:, 0, 0]
    np.testing.assert_allclose(sigma, [content.sigma_am, content.sigma_matrix * content.exposure, content.sigma_matrix])


def test_carbon_below_its_threshold_conducts_nothing(physics: Physics) -> None:
    content = contents(physics, Recipe(80.0, 0.0, 1.5, 0.1))
    assert electronic_medium(column([AM, PORE], [0, -1], am_grains=1), content).sigma[1, 0, 0] == 0.0


def test_links_have_the_shapes_the_solver_takes_and_close_the_period(physics: Physics, model: Model, block: Blocks) -> None:
    content, drawn = contents(physics, model(3, 85.0)), block(model(3, 85.0))
    nx, ny, nz = drawn.labels.shape
    for medium in (ionic_medium(drawn, content), electronic_medium(drawn, content)):
        assert medium.links is not None
        assert [factor.shape for factor in medium.links] == [(nx - 1, ny, nz), (nx, ny, nz), (nx, ny, nz)]
        assert all(((factor > 0.0) & (factor <= 1.0)).all() for factor in medium.links)
    am = drawn.labels == AM
    face = am[:, -1] != am[:, 0]
    links = electronic_medium(drawn, content).links
    assert links is not None
    assert face.any()
    assert (links[1][:, -1][face] == content.exposure).all()
