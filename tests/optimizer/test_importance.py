from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import sobol_indices, uniform

from optimizer.campaign import Campaign
from optimizer.candidates import Feasible
from optimizer.importance import importance, shapley_effects
from optimizer.model import FittedModel


def ishigami(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sin(x[0]) + 7.0 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0]))


def test_effects_of_independent_inputs_lie_between_sobols_first_and_total_indices() -> None:
    x = np.pi * (2.0 * np.random.default_rng(0).random((4096, 3)) - 1.0)
    found = shapley_effects([column[:, None] for column in x.T], ishigami(x.T)[:, None])[:, 0]
    even: Any = [uniform(-np.pi, 2.0 * np.pi)] * 3  # SciPy's stubs do not know its frozen distributions here
    sobol = sobol_indices(func=ishigami, n=8192, dists=even, rng=0)
    # The only interaction is of two inputs, so that each gets half of it.
    assert found == pytest.approx(0.5 * (sobol.first_order + sobol.total_order), abs=0.03)


@pytest.mark.parametrize("rho", [0.0, 0.5, -0.6])
def test_effects_of_correlated_inputs_are_those_of_the_closed_form(rho: float) -> None:
    rng = np.random.default_rng(3)
    x = rng.multivariate_normal([0.0, 0.0], [[1.0, rho], [rho, 1.0]], size=8192)
    a, b = 2.0, 1.0
    first = a * a * (1.0 - rho**2 / 2.0) + a * b * rho + b * b * rho**2 / 2.0  # A. B. Owen and C. Prieur (2017), theorem 2
    found = shapley_effects([x[:, [0]], x[:, [1]]], (a * x[:, 0] + b * x[:, 1])[:, None])[:, 0]
    assert found[0] == pytest.approx(first / (a * a + b * b + 2.0 * a * b * rho), abs=0.02)


def test_output_that_does_not_vary_has_no_effects() -> None:
    assert not shapley_effects([np.arange(50.0)[:, None]] * 2, np.ones((50, 1))).any()


def test_too_many_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 10"):
        shapley_effects([np.zeros((4, 1))] * 11, np.zeros((4, 1)))


def test_density_is_a_matter_of_am_and_porosity_is_not(model: FittedModel, feasible: Feasible) -> None:
    density, porosity = importance(model, feasible, ("electrode_density", "porosity"), 0)
    assert density.of_mean["am_wt"] > 0.6
    assert porosity.of_mean["am_wt"] < 0.2
    for one in (density, porosity):
        assert sum(one.of_mean.values()) == pytest.approx(1.0)
        assert sum(one.of_doubt.values()) == pytest.approx(1.0)


def test_space_without_enough_recipes_inside_the_limits_is_refused(model: FittedModel, feasible: Feasible, campaign: Campaign) -> None:
    strict = replace(model, campaign=replace(campaign, limits=replace(campaign.limits, relative_density_min=0.94)))
    with pytest.raises(ValueError, match="loosen a limit"):
        importance(strict, feasible, ("porosity",), 0)
