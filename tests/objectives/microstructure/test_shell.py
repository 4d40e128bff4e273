"""The shell: exact, conformal, connected, however thin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from objectives.microstructure.shell import LAYER, shell_fraction

N = 30
FAR = np.linalg.norm(np.indices((N, N, N)) - (N - 1) / 2.0, axis=0)
DISTANCE: NDArray[np.float32] = (FAR - 8.2).astype(np.float32)  # voxels, from a sphere


@given(share=st.floats(1e-4, 0.8))
def test_shell_has_exactly_its_volume(share: float) -> None:
    free = DISTANCE > 0.0
    wanted = share * np.count_nonzero(free)
    found = shell_fraction(DISTANCE, free, 1.0, wanted)
    assert found.sum(dtype=np.float64) == pytest.approx(wanted, rel=1e-6)
    assert found.min() >= 0.0
    assert found.max() <= 1.0
    assert not found[~free].any()


@pytest.mark.parametrize("thickness", [0.05, 0.3, 1.0, 2.5])
def test_shell_is_conformal(thickness: float) -> None:
    free = DISTANCE > 0.0
    volume = 4.0 / 3.0 * np.pi * ((8.2 + thickness) ** 3 - 8.2**3)
    found = shell_fraction(DISTANCE, free, 1.0, volume)
    order = np.argsort(DISTANCE[free])
    assert (np.diff(found[free][order]) <= 0.0).all()  # as thick on every side
    assert found[free & (thickness + LAYER < DISTANCE)].max() == 0.0


def test_thin_shell_covers_every_face_of_the_grain() -> None:
    free = DISTANCE > 0.0
    found = shell_fraction(DISTANCE, free, 1.0, 20.0)
    touched = np.zeros_like(free)
    for axis in range(3):
        for step in (1, -1):
            touched |= np.roll(~free, step, axis) & free
    assert (found[touched] > 0.0).all()


def test_thin_shell_conducts_all_round_the_grain() -> None:
    from scipy.ndimage import label

    _, pieces = label(shell_fraction(DISTANCE, DISTANCE > 0.0, 1.0, 20.0) > 0.0)  # through faces alone
    assert pieces == 1


def test_no_coating_is_no_shell() -> None:
    assert not shell_fraction(DISTANCE, DISTANCE > 0.0, 1.0, 0.0).any()


def test_shell_larger_than_its_room_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit into the"):
        shell_fraction(DISTANCE, DISTANCE > 0.0, 1.0, 2.0 * N**3)
