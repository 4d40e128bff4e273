"""The shipped calibration, and twenty draws of it, shared by the tests of the closed form."""

from collections.abc import Callable

import numpy as np
import pytest

from objectives.calibration import load_calibration
from objectives.composition import Array
from objectives.electrode import Outcomes
from objectives.physics import Conditions, Physics, find_study

Evaluate = Callable[..., Outcomes]
DRAWS = 20


@pytest.fixture(scope="session")
def parameters() -> dict[str, Array]:
    return load_calibration().parameters()


@pytest.fixture(scope="session")
def posterior() -> Array:
    """z of a new study: the minimum, then `DRAWS` draws, shape ``(1 + DRAWS, p)``."""
    calibration = load_calibration().with_new_study()
    return np.concatenate([calibration.z[None], calibration.draws(DRAWS, seed=1)])


@pytest.fixture(scope="session")
def drawn(posterior: Array) -> dict[str, Array]:
    """Parameters of `posterior`, each of shape ``(1 + DRAWS, 1)``."""
    return load_calibration().with_new_study().parameters(posterior)


@pytest.fixture(scope="session")
def evaluate(posterior: Array) -> Evaluate:
    """Outcomes ``(1 + DRAWS, n)`` of recipes ``(n, 4)`` in a new study; conditions by name."""

    def outcomes(recipes: Array, **conditions: float) -> Outcomes:
        return Physics(find_study("new"), Conditions(**conditions)).outcomes(np.atleast_2d(recipes), posterior)

    return outcomes
