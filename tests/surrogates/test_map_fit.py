from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from botorch.models import SingleTaskGP
from gpytorch.mlls import ExactMarginalLogLikelihood

from surrogates.gaussian_process import PHYSICS_PRIORS, ElectrodeKernel, PhysicsMean, columns
from surrogates.map_fit import Hyperparameters, fit_map, negative_log_posterior
from surrogates.protocol import Inputs, OutcomeData

PLAIN = replace(PHYSICS_PRIORS, scale_sd=None, bias_sd=None)


def some_data(n: int = 14, seed: int = 0) -> OutcomeData:
    rng = np.random.default_rng(seed)
    x, study = rng.random((n, 3)), rng.integers(0, 3, n).astype(float)
    physics, directions = np.sin(4.0 * x[:, 0]), 0.1 * rng.standard_normal((n, 2))
    values = 1.1 * physics + 0.3 * np.cos(5.0 * x[:, 1]) + 0.1 * study + 0.02 * rng.standard_normal(n)
    return OutcomeData(Inputs(x, study, physics, directions), values, np.full(n, 0.05))


@pytest.mark.parametrize("priors", [PHYSICS_PRIORS, PLAIN])
def test_gradient_equals_finite_differences(priors) -> None:  # type: ignore[no-untyped-def]
    objective = negative_log_posterior(some_data(), priors)
    theta = np.array([-0.2, 0.3, 0.1, -1.5, -2.0, -1.0, 0.9 if priors.scale_sd else 0.0, 0.1])
    gradient = objective(theta)[1]
    for i in range(len(theta)):
        step = np.zeros_like(theta)
        step[i] = 1e-5
        slope = (objective(theta + step)[0] - objective(theta - step)[0]) / 2e-5
        if i == 6 and priors.scale_sd is None:
            continue  # fixed at zero
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-6)


def botorch_objective(data: OutcomeData, theta: np.ndarray) -> float:
    """Return minus the log marginal likelihood of BoTorch's model, minus the log priors, up to a constant."""
    values = np.exp(theta[:6])
    found = Hyperparameters(values[:3], values[3], values[4], values[5], theta[6], theta[7])
    y, noise = torch.as_tensor(data.values).unsqueeze(-1), torch.as_tensor(data.noise_sd**2).unsqueeze(-1)
    model = SingleTaskGP(
        columns(data.inputs),
        y,
        noise,
        covar_module=ElectrodeKernel(found, calibrated=True),
        mean_module=PhysicsMean(found.scale, found.bias, 4),
        outcome_transform=None,
    )
    mll = ExactMarginalLogLikelihood(model.likelihood, model)
    model.train()
    likelihood = float(mll(model(*model.train_inputs), model.train_targets)) * len(data.values)
    p = PHYSICS_PRIORS
    prior = 0.0
    for value, (location, spread) in zip(values, [p.length] * 3 + [p.discrepancy, p.own, p.offset], strict=True):
        prior += -0.5 * ((math.log(value) - location) / spread) ** 2 - math.log(value)
    assert p.scale_sd is not None
    assert p.bias_sd is not None
    prior += -0.5 * ((theta[6] - 1.0) / p.scale_sd) ** 2 - 0.5 * (theta[7] / p.bias_sd) ** 2
    return -likelihood - prior


@pytest.mark.filterwarnings("ignore::botorch.exceptions.warnings.InputDataWarning")
def test_objective_is_that_of_botorchs_model() -> None:
    data = some_data()
    ours = negative_log_posterior(data, PHYSICS_PRIORS)
    a = np.array([0.0, 0.2, -0.1, -1.0, -2.0, -1.5, 1.0, 0.0])
    b = np.array([-0.5, 0.6, 0.2, -2.0, -1.0, -2.5, 1.05, 0.02])
    assert ours(a)[0] - ours(b)[0] == pytest.approx(botorch_objective(data, a) - botorch_objective(data, b), abs=1e-6)


def test_found_hyperparameters_are_a_minimum() -> None:
    data = some_data()
    found = fit_map(data, PHYSICS_PRIORS)
    theta = np.array([*np.log(found.lengthscales), *np.log([found.discrepancy, found.own, found.offset]), found.scale, found.bias])
    objective = negative_log_posterior(data, PHYSICS_PRIORS)
    rng = np.random.default_rng(1)
    for _ in range(50):
        assert objective(theta + 0.03 * rng.standard_normal(len(theta)))[0] > objective(theta)[0] - 1e-6


def test_length_scale_that_the_data_leave_open_is_the_one_expected_of_its_feature() -> None:
    data = some_data()
    said_nothing = replace(data, noise_sd=np.full(len(data.values), 1e3))
    usual = fit_map(said_nothing, PHYSICS_PRIORS).lengthscales
    expected = fit_map(said_nothing, replace(PHYSICS_PRIORS, lengths={1: math.log(0.25)})).lengthscales
    others = [i for i in range(len(usual)) if i != 1]
    assert expected[1] == pytest.approx(0.25 * usual[1], rel=0.01)  # the usual one is expected at 1
    assert expected[others] == pytest.approx(usual[others], rel=0.01)
