"""Grains: exact volumes, periodic distances, and no overlap where there is room."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.composition import Array
from objectives.microstructure.packing3d import distance_to, grain_radii, push_apart

VOXEL_UM = 0.5
SHAPE = (24, 20, 22)
LENGTHS = VOXEL_UM * np.array(SHAPE)


def gaps(centres: Array, radii: Array, lengths: Array) -> Array:
    """Gap between the surfaces of every pair, um, by the nearest image."""
    i, j = np.triu_indices(radii.size, 1)
    apart = centres[i] - centres[j]
    apart -= lengths * np.round(apart / lengths)
    return np.asarray(np.linalg.norm(apart, axis=1) - radii[i] - radii[j])


@given(grains=st.floats(0.1, 1e3), median=st.floats(0.25, 10.0), seed=st.integers(0, 9))
@settings(deadline=None)
def test_grains_have_exactly_the_volume(grains: float, median: float, seed: int) -> None:
    volume = grains * 4.0 / 3.0 * np.pi * median**3
    radii = grain_radii(volume, median, np.random.default_rng(seed))
    assert np.sum(4.0 / 3.0 * np.pi * radii**3) == pytest.approx(volume)
    assert (np.diff(radii) <= 0.0).all()


def test_median_size_is_by_volume() -> None:
    radii = grain_radii(1e6, 3.75, np.random.default_rng(0))
    held = np.cumsum(radii**3)
    assert radii[np.searchsorted(held, 0.5 * held[-1])] == pytest.approx(3.75, rel=0.03)


def test_no_volume_needs_no_grain() -> None:
    assert grain_radii(0.0, 3.75, np.random.default_rng(0)).size == 0


@pytest.mark.parametrize("ratio", [1.0, 2.0, 4.0])
def test_grains_with_room_end_without_overlap(ratio: float) -> None:
    rng = np.random.default_rng(1)
    lengths = np.array([30.0, 20.0, 20.0])
    radii = np.concatenate([grain_radii(2500.0, 3.0, rng), grain_radii(1000.0, 3.0 / ratio, rng)])  # 29 % of the block
    relaxed = push_apart(rng.random((radii.size, 3)) * lengths, radii, lengths, 200)
    assert gaps(relaxed, radii, lengths).min() > -0.01 * radii.min()
    assert ((relaxed >= 0.0) & (relaxed <= lengths)).all()


def test_fine_grains_give_way_to_coarse_ones() -> None:
    radii = np.array([0.5, 4.0])
    centres = np.array([[8.0, 8.0, 8.0], [10.0, 8.0, 8.0]])
    moved = np.linalg.norm(push_apart(centres, radii, np.full(3, 24.0), 5) - centres, axis=1)
    assert moved[0] == pytest.approx(2.5, abs=0.02)
    assert moved[1] < 0.01


@given(shift=st.tuples(*(st.integers(0, n) for n in SHAPE)))
@settings(max_examples=20, deadline=None)
def test_distances_know_no_border(shift: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(2)
    centres, radii = rng.random((12, 3)) * LENGTHS, rng.uniform(0.5, 4.0, 12)
    room = np.ones(SHAPE, dtype=np.float32)
    here, owner = distance_to(centres, radii, VOXEL_UM, room, 0.9 * room.size)
    there, moved_owner = distance_to((centres + VOXEL_UM * np.array(shift)) % LENGTHS, radii, VOXEL_UM, room, 0.9 * room.size)
    np.testing.assert_allclose(there, np.roll(here, shift, (0, 1, 2)), atol=1e-5)
    np.testing.assert_array_equal(moved_owner, np.roll(owner, shift, (0, 1, 2)))


def test_distance_is_that_to_the_nearest_surface() -> None:
    rng = np.random.default_rng(3)
    centres, radii = rng.random((9, 3)) * LENGTHS, rng.uniform(0.5, 3.0, 9)
    room = np.ones(SHAPE, dtype=np.float32)
    found, owner = distance_to(centres, radii, VOXEL_UM, room, room.size)
    places = (np.moveaxis(np.indices(SHAPE), 0, -1) + 0.5) * VOXEL_UM
    apart = places[..., None, :] - centres
    apart -= LENGTHS * np.round(apart / LENGTHS)
    distances = np.linalg.norm(apart, axis=-1) - radii
    np.testing.assert_allclose(found, distances.min(axis=-1), atol=1e-5)
    assert (owner == distances.argmin(axis=-1)).mean() > 0.999  # ties aside
