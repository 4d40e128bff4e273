"""Effective conductivities with known answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.composition import Array
from objectives.microstructure.network import Links
from objectives.microstructure.solve import Method, effective_conductivity, tortuosity_factor

METHODS: tuple[Method, ...] = ("amg", "pcg")
CLOSE = 1e-5  # relative; the default tolerance is 1e-6
fast = settings(deadline=None, max_examples=40)
shapes = st.tuples(st.integers(1, 9), st.integers(1, 7), st.integers(1, 7))
seeds = st.integers(0, 2**32 - 1)


def random_field(shape: tuple[int, int, int], seed: int, spread: float = 1.0) -> Array:
    return np.exp(spread * np.random.default_rng(seed).standard_normal(shape))


def random_links(shape: tuple[int, int, int], seed: int) -> Links:
    rng = np.random.default_rng(seed)
    x, y, z = (10.0 ** rng.uniform(-3.0, 0.0, (shape[0] - (axis == 0), *shape[1:])) for axis in range(3))
    return x, y, z


def conductivity(sigma: Array, links: Links | None = None, method: Method = "amg") -> float:
    solution = effective_conductivity(sigma, links, method=method)
    assert solution.converged
    return solution.sigma_eff


def sphere(voxels: int, share: float, inside: float) -> Array:
    """A sphere of a conductivity in a medium of 1: with its periodic images (and mirror images at the electrodes) a cubic array."""
    centres = (np.arange(voxels) + 0.5) / voxels - 0.5
    squares = centres[:, None, None] ** 2 + centres[:, None] ** 2 + centres**2
    return np.where(squares < (0.75 * share / np.pi) ** (2.0 / 3.0), inside, 1.0)


def cubic_array(share: float, inside: float) -> float:
    """Rayleigh's series for a cubic array of spheres, to McPhedran and McKenzie, Proc. R. Soc. A 359, 45 (1978), Eq. (25), first terms."""
    t1, t3 = ((inside + (n + 1.0) / n) / (1.0 - inside) for n in (1, 3))
    return 1.0 - 3.0 * share / (t1 + share - 1.3045 * share ** (10.0 / 3.0) / (t3 + 0.4054 * share ** (7.0 / 3.0)))


@pytest.mark.parametrize("method", METHODS)
def test_uniform_block_has_tortuosity_factor_one(method: Method) -> None:
    solution = effective_conductivity(np.full((12, 5, 7), 2.5), method=method)
    assert solution.percolates
    assert solution.converged
    assert tortuosity_factor(1.0, 2.5, solution.sigma_eff) == pytest.approx(1.0, rel=CLOSE)


@pytest.mark.parametrize("method", METHODS)
def test_straight_channels_conduct_by_their_share(method: Method) -> None:
    channels = np.random.default_rng(0).random((1, 9, 8)) < 0.4
    sigma = np.repeat(np.where(channels, 3.0, 0.0), 11, axis=0)
    assert conductivity(sigma, method=method) == pytest.approx(3.0 * channels.mean(), rel=CLOSE)
    assert tortuosity_factor(float(channels.mean()), 3.0, conductivity(sigma, method=method)) == pytest.approx(1.0, rel=CLOSE)


@pytest.mark.parametrize("method", METHODS)
def test_layers_in_series_conduct_their_harmonic_mean(method: Method) -> None:
    layers = random_field((40, 1, 1), seed=1, spread=2.0)
    assert conductivity(np.tile(layers, (1, 4, 5)), method=method) == pytest.approx(1.0 / np.mean(1.0 / layers), rel=CLOSE)


@pytest.mark.parametrize("method", METHODS)
def test_layers_in_parallel_conduct_their_arithmetic_mean(method: Method) -> None:
    layers = random_field((1, 1, 20), seed=2, spread=2.0)
    assert conductivity(np.tile(layers, (9, 3, 1)), method=method) == pytest.approx(layers.mean(), rel=CLOSE)


def test_a_layer_whose_face_is_off_the_grid_is_right_to_a_voxel() -> None:
    thickness, inside = 0.37, 0.1
    exact = 1.0 / (thickness / inside + 1.0 - thickness)
    for voxels in (10, 30, 90):
        centres = (np.arange(voxels) + 0.5) / voxels
        found = conductivity(np.where(centres < thickness, inside, 1.0).reshape(-1, 1, 1))
        assert abs(1.0 / found - 1.0 / exact) <= 0.5 / voxels * (1.0 / inside - 1.0) + CLOSE


def test_link_factors_are_resistances_in_series() -> None:
    voxels, factor = 15, 0.05
    links = (np.full((voxels - 1, 4, 4), factor), np.ones((voxels, 4, 4)), np.ones((voxels, 4, 4)))
    assert conductivity(np.ones((voxels, 4, 4)), links) == pytest.approx(voxels / ((voxels - 1) / factor + 1.0), rel=CLOSE)


def test_links_beside_the_current_change_nothing() -> None:
    links = (np.ones((9, 4, 4)), np.full((10, 4, 4), 0.01), np.zeros((10, 4, 4)))
    assert conductivity(np.ones((10, 4, 4)), links) == pytest.approx(1.0, rel=CLOSE)


def test_checkerboard_conducts_the_geometric_mean_and_finer_grids_more_exactly() -> None:
    # Dykhne, Sov. Phys. JETP 32, 63 (1971). The electrodes are at mirror planes, through the centres of cells.
    errors = []
    for cell in (8, 16, 32):
        x, y = np.arange(cell)[:, None] >= cell // 2, np.arange(2 * cell) >= cell
        sigma = np.where(x ^ y, 4.0, 1.0)[:, :, None]
        errors.append(abs(conductivity(np.asarray(sigma)) / 2.0 - 1.0))
    assert errors[2] < 0.006
    assert errors[2] < 0.6 * errors[1] < 0.36 * errors[0]


@pytest.mark.parametrize("inside", [0.0, 0.1, 10.0])
def test_cubic_array_of_spheres_approaches_the_series_with_the_grid(inside: float) -> None:
    coarse, fine = (abs(conductivity(sphere(voxels, 0.2, inside)) / cubic_array(0.2, inside) - 1.0) for voxels in (10, 40))
    assert fine < 0.013  # the steps of the surface, in proportion to the voxel
    assert fine < 0.3 * coarse


def test_dilute_spheres_obey_maxwell_and_bruggeman() -> None:
    share = 0.02
    for inside, error in ((0.0, 0.1), (5.0, 0.03)):  # an insulator of 7 voxels' radius has a rough surface
        sigma = sphere(40, share, inside)
        voxelised = float((sigma == inside).mean())
        maxwell = 1.0 + 3.0 * voxelised * (inside - 1.0) / (inside + 2.0)
        assert conductivity(sigma) - 1.0 == pytest.approx(maxwell - 1.0, rel=error)
    sigma = sphere(40, share, 0.0)
    assert conductivity(sigma) == pytest.approx(float((sigma > 0.0).mean()) ** 1.5, rel=0.004)


def test_mirror_images_and_rotations_about_the_current_conduct_alike() -> None:
    shape = (8, 6, 7)
    sigma, links = random_field(shape, seed=3), random_links(shape, seed=4)
    here = conductivity(sigma, links)
    swapped = (links[0].transpose(0, 2, 1), links[2].transpose(0, 2, 1), links[1].transpose(0, 2, 1))
    assert conductivity(sigma.transpose(0, 2, 1), swapped) == pytest.approx(here, rel=CLOSE)
    assert conductivity(np.roll(sigma, 2, axis=1), tuple(np.roll(link, 2, axis=1) for link in links)) == pytest.approx(here, rel=CLOSE)  # type: ignore[arg-type]
    assert conductivity(sigma[::-1], (links[0][::-1], links[1][::-1], links[2][::-1])) == pytest.approx(here, rel=CLOSE)
    assert conductivity(sigma[:, ::-1]) == pytest.approx(conductivity(sigma), rel=CLOSE)
    assert conductivity(sigma[:, :, ::-1]) == pytest.approx(conductivity(sigma), rel=CLOSE)


@pytest.mark.parametrize("unit", [1e-30, 7.0, 1e25])
def test_conductivity_scales_with_the_unit(unit: float) -> None:
    sigma = random_field((9, 5, 5), seed=5)
    assert conductivity(unit * sigma) == pytest.approx(unit * conductivity(sigma), rel=CLOSE)


@pytest.mark.parametrize(
    ("name", "sigma"),
    [
        ("lognormal", random_field((20, 16, 16), seed=6, spread=3.0)),
        ("percolating noise", (np.random.default_rng(7).random((24, 24, 24)) < 0.38).astype(float)),
        ("contrast", np.where(np.random.default_rng(8).random((20, 16, 16)) < 0.3, 1.0, 1e-6)),
        ("a chain", random_field((200, 1, 2), seed=9)),
        ("one plane", random_field((1, 9, 9), seed=10)),
    ],
)
def test_two_methods_agree(name: str, sigma: Array) -> None:
    links = random_links((sigma.shape[0], sigma.shape[1], sigma.shape[2]), seed=11)
    for factors in (None, links):
        one, other = (conductivity(sigma, factors, method) for method in METHODS)
        assert one > 0.0, name
        assert one == pytest.approx(other, rel=1e-5)


@fast
@given(shapes, seeds, st.floats(0.1, 3.0))
def test_conductivity_keeps_the_bounds_of_wiener(shape: tuple[int, int, int], seed: int, spread: float) -> None:
    sigma = random_field(shape, seed, spread)
    found = conductivity(sigma)
    assert found <= sigma.mean() * (1.0 + CLOSE)
    assert found >= 1.0 / np.mean(1.0 / sigma) * (1.0 - CLOSE)


@fast
@given(shapes, seeds)
def test_more_conductive_voxels_never_conduct_less(shape: tuple[int, int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    sigma = random_field(shape, seed) * (rng.random(shape) < 0.7)
    more = sigma + random_field(shape, seed + 1) * (rng.random(shape) < 0.2)
    assert conductivity(more) >= conductivity(sigma) * (1.0 - CLOSE)


def test_block_without_a_path_is_recognised_without_a_solve() -> None:
    sigma = np.ones((6, 4, 4))
    sigma[3] = 0.0
    for block in (sigma, np.zeros((3, 3, 3))):
        solution = effective_conductivity(block)
        assert not solution.percolates
        assert (solution.sigma_eff, solution.iterations, solution.converged) == (0.0, 0, True)
        assert tortuosity_factor(0.8, 1.0, solution.sigma_eff) == np.inf


def test_path_closed_by_a_link_does_not_percolate() -> None:
    links = (np.array([1.0, 0.0])[:, None, None] * np.ones((2, 3, 3)), np.ones((3, 3, 3)), np.ones((3, 3, 3)))
    assert not effective_conductivity(np.ones((3, 3, 3)), links).percolates


def test_clusters_without_a_path_change_nothing() -> None:
    sigma = np.zeros((10, 6, 6))
    sigma[:, 1, 1] = 1.0
    alone = conductivity(sigma)
    sigma[:8, 4, 4] = sigma[3:5, 1, 3] = 1.0
    assert conductivity(sigma) == pytest.approx(alone, rel=CLOSE)


@pytest.mark.parametrize("method", METHODS)
def test_solve_that_is_cut_short_says_so(method: Method) -> None:
    sigma = random_field((20, 16, 16), seed=12, spread=3.0)
    solution = effective_conductivity(sigma, method=method, max_iterations=1)
    assert (solution.percolates, solution.converged, solution.iterations) == (True, False, 1)
    assert solution.imbalance > 1e-3


def test_tighter_tolerance_balances_the_currents() -> None:
    sigma = random_field((20, 12, 12), seed=13)
    loose, tight = (effective_conductivity(sigma, tolerance=tolerance) for tolerance in (1e-3, 1e-11))
    assert tight.imbalance < 1e-5
    assert loose.iterations < tight.iterations
    assert loose.sigma_eff == pytest.approx(tight.sigma_eff, rel=3e-3)


def test_multigrid_needs_few_iterations_at_any_size_and_contrast() -> None:
    for voxels in (16, 40):
        noise = np.random.default_rng(14).random((voxels, voxels, voxels))
        for sigma in (np.where(noise < 0.5, 1.0, 1e-6), (noise < 0.36).astype(float), 0.1 + noise):
            assert effective_conductivity(sigma).iterations <= 15


def test_same_block_gives_the_same_number() -> None:
    sigma = random_field((20, 12, 12), seed=15)
    assert effective_conductivity(sigma) == effective_conductivity(sigma)


@pytest.mark.parametrize(
    ("sigma", "tolerance", "message"),
    [
        (np.ones((3, 3)), 1e-6, r"sigma must have voxels along x, y and z, got the shape \(3, 3\)"),
        (-np.ones((3, 3, 3)), 1e-6, "sigma must be finite and at least 0, got -1"),
        (np.full((3, 3, 3), np.nan), 1e-6, "sigma must be finite"),
        (np.ones((3, 3, 3)), 1e-14, "tolerance must be at least 1e-12 and below 1, got 1e-14"),
    ],
)
def test_wrong_arguments_are_refused(sigma: Array, tolerance: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        effective_conductivity(sigma, tolerance=tolerance)
