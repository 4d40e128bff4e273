from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from optimizer.improvement import batch_gains
from optimizer.value import value_of_result, worth_of

SAMPLES = 16384


def knowledge_gradient(difference: float, sd: float) -> float:
    """The closed form for two choices, one of which the result moves by ``sd``."""
    z = -abs(difference) / sd
    return sd * (z * NormalDist().cdf(z) + NormalDist().pdf(z))


@pytest.mark.parametrize(("mean", "noise"), [(0.0, 0.5), (1.0, 0.5), (-1.0, 2.0), (0.3, 1.0)])
def test_value_of_a_noisy_result_is_the_knowledge_gradient(mean: float, noise: float) -> None:
    rng = np.random.default_rng(0)
    truth = mean + rng.standard_normal(SAMPLES)
    worth = np.stack([np.zeros(SAMPLES), truth], axis=1)
    found = value_of_result(worth, (truth + noise * rng.standard_normal(SAMPLES))[:, None])
    assert found.gain == pytest.approx(knowledge_gradient(mean, 1.0 / math.sqrt(1.0 + noise**2)), abs=4.0 * found.error)


def test_result_that_says_nothing_is_worth_nothing() -> None:
    rng = np.random.default_rng(1)
    worth = rng.standard_normal((SAMPLES, 5)) + np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    assert value_of_result(worth, rng.standard_normal((SAMPLES, 8))).gain == 0.0
    nothing = value_of_result(worth, np.zeros((SAMPLES, 0)))
    assert (nothing.gain, nothing.changes) == (0.0, 0.0)


def test_choice_that_the_result_brings_counts_from_nothing() -> None:
    worth = np.stack([np.zeros(SAMPLES), np.full(SAMPLES, 3.0)], axis=1)
    before = np.array([True, False])
    found = value_of_result(worth, np.random.default_rng(2).standard_normal((SAMPLES, 1)), before)
    assert found.gain == pytest.approx(3.0)
    assert found.changes == 1.0


@pytest.mark.parametrize("m", [1, 2, 3])
def test_best_worth_over_the_weights_is_the_hypervolume(m: int) -> None:
    points = np.random.default_rng(m).random((1, 6, m)) * np.array([200.0, 1300.0, 5.0])[:m]
    reference = np.zeros(m)
    volume = sum(batch_gains(points[:, :0], points, reference, range(6)))
    assert worth_of(points, reference).max(axis=2).mean() == pytest.approx(volume, rel=(1e-12, 0.02, 0.1)[m - 1])
