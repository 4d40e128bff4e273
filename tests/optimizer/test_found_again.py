"""Model 4 of the reference paper is found without ever having been seen; tests/benchmarks/found_again.py says what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.campaign import load_campaign
from optimizer.model import fit_model
from tests.benchmarks.found_again import AM_LIMIT, limited, near, not_known, replay, speaks_of_it, without_it


def test_model_4_teaches_nothing_in_the_replay() -> None:
    with not_known():
        model = fit_model(limited(load_campaign()))
    assert not any(speaks_of_it(target) for target in model.data.problem.targets)
    assert model.data.calibration.z[:5] == pytest.approx(without_it()[1].z[:5])
    shipped = load_campaign().physics().calibration
    assert not np.allclose(shipped.z[:5], model.physics.calibration.z[:5])


@pytest.mark.parametrize("seed", [0, 1])
def test_proposals_reach_model_4_within_two_batches(seed: int) -> None:
    found = replay(seed)
    assert (found.recipes[:, 0] <= AM_LIMIT).all()
    assert near(found.recipes).any()
    assert near(np.array([[85.0, 5.0, 1.5, 2.34]])).all()
    assert not near(np.array([[85.0, 15.0, 1.5, 2.34], [85.0, 5.0, 4.8, 2.34], [88.0, 5.0, 1.5, 2.34]])).any()
