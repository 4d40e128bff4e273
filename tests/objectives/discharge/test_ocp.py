import numpy as np
import pytest

from objectives.discharge.ocp import CHARGED, EMPTY, open_circuit_potential


def test_potential_is_the_cut_off_at_each_end_of_the_window() -> None:
    assert open_circuit_potential(np.array([CHARGED, EMPTY])) == pytest.approx([4.25, 2.5], abs=1e-9)


def test_potential_falls_all_the_way() -> None:
    assert (np.diff(open_circuit_potential(np.linspace(CHARGED, 1.0, 500))) < 0.0).all()
