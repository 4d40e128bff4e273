"""Which voxels are connected to the electrodes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from objectives.composition import Mask
from objectives.microstructure.connectivity import reachable, spanning
from objectives.microstructure.network import Links, neighbours


def components(conducting: Mask, links: Links) -> NDArray[np.int32]:
    """The number of each voxel's connected component, by scipy's graph routine."""
    number = np.arange(conducting.size).reshape(conducting.shape)
    ends = []
    for axis in range(3):
        (one, other), (a, b) = neighbours(conducting, axis), neighbours(number, axis)
        passes = one & other & (links[axis] > 0.0)
        ends.append(np.stack([a[passes], b[passes]]))
    i, j = np.concatenate(ends, axis=1)
    return np.asarray(connected_components(coo_array((np.ones(len(i)), (i, j)), shape=(conducting.size, conducting.size)))[1]).reshape(
        conducting.shape
    )


def test_straight_channel_spans_and_a_dead_end_does_not() -> None:
    block = np.zeros((4, 5, 5), dtype=bool)
    block[:, 1, 1] = True
    block[:3, 3, 3] = True
    assert spanning(block)[:, 1, 1].all()
    assert spanning(block).sum() == 4
    assert reachable(block, "first").sum() == 7
    assert reachable(block, "last").sum() == 4


def test_branch_of_a_channel_counts_as_connected() -> None:
    block = np.zeros((3, 4, 4), dtype=bool)
    block[:, 0, 0] = True
    block[1, 1, 0] = True
    assert spanning(block)[1, 1, 0]


def test_voxels_that_touch_at_an_edge_only_are_not_connected() -> None:
    block = np.zeros((2, 4, 4), dtype=bool)
    block[0, 1, 1] = block[1, 2, 1] = True
    assert not spanning(block).any()


@pytest.mark.parametrize("axis", [1, 2])
def test_path_through_the_period_spans(axis: int) -> None:
    block = np.zeros((2, 4, 4), dtype=bool)
    block[0, 0, 0] = True
    block[(0, *(3 * (np.arange(2) == axis - 1)))] = True
    block[(1, *(3 * (np.arange(2) == axis - 1)))] = True
    assert spanning(block).sum() == 3


def test_transport_axis_is_not_periodic() -> None:
    block = np.zeros((4, 2, 2), dtype=bool)
    block[[0, 3]] = True
    assert not spanning(block).any()
    assert reachable(block, "first")[0].all()
    assert not reachable(block, "first")[3].any()


def test_closed_link_cuts_a_path() -> None:
    block = np.ones((3, 1, 1), dtype=bool)
    links = (np.array([1.0, 0.0]).reshape(2, 1, 1), np.ones((3, 1, 1)), np.ones((3, 1, 1)))
    assert not spanning(block, links).any()
    assert list(reachable(block, "first", links).ravel()) == [True, True, False]
    assert list(reachable(block, "last", links).ravel()) == [False, False, True]


@settings(deadline=None, max_examples=60)
@given(st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6)), st.floats(0.1, 0.9), st.integers(0, 2**32 - 1))
def test_connected_voxels_are_those_of_the_components_at_the_electrodes(shape: tuple[int, int, int], share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    block = rng.random(shape) < share
    links = tuple(np.asarray(rng.random((shape[0] - (axis == 0), *shape[1:])) < 0.8, dtype=float) for axis in range(3))
    component = components(block, (links[0], links[1], links[2]))
    first, last = (block & np.isin(component, component[end][block[end]]) for end in (0, -1))
    assert (reachable(block, "first", (links[0], links[1], links[2])) == first).all()
    assert (reachable(block, "last", (links[0], links[1], links[2])) == last).all()
    assert (spanning(block, (links[0], links[1], links[2])) == (first & last)).all()


def test_block_without_three_axes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a block must have voxels along x, y and z, got the shape \(3, 3\); give an array"):
        spanning(np.ones((3, 3), dtype=bool))
