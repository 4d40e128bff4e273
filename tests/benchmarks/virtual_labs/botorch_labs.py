"""A Bayesian-optimisation loop as a competent user writes it with BoTorch, in a virtual lab.

As `tests.benchmarks.botorch_loop`, one SingleTaskGP an outcome and qLogNEI or qLogNEHVI with outcome constraints; the shell budget is met
by construction (the coating is searched as a share of what the SE allows), so that all restarts climb together by L-BFGS-B: SLSQP, one
restart at a time, took two to three times as long for no better value of the acquisition (four cases, -0.04 to +0.04).
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import torch
from botorch.acquisition import AcquisitionFunction
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.acquisition.multi_objective.objective import IdentityMCMultiOutputObjective
from botorch.acquisition.objective import GenericMCObjective
from botorch.fit import fit_gpytorch_mll
from botorch.models import ModelListGP, MultiTaskGP, SingleTaskGP
from botorch.models.transforms.outcome import Standardize
from botorch.optim import optimize_acqf
from botorch.sampling.normal import SobolQMCNormalSampler
from gpytorch.mlls import ExactMarginalLogLikelihood

from objectives.design_space import DesignSpace
from objectives.parameter import ZERO_GAP
from optimizer.campaign import load_campaign
from tests.benchmarks.botorch_loop import DTYPE, MC_SAMPLES, RAW, RESTARTS, rounded
from tests.benchmarks.virtual_labs.lab import CONDITIONS, DENSITY_MIN, TAU_MAX, History, Task
from tests.benchmarks.virtual_labs.matter import Array

POROSITY, LOG_TAU, FIRST = range(3)  # columns of the outcomes; the objectives from FIRST on


class Within(AcquisitionFunction):
    """An acquisition on the cube whose second value is the share of the highest coating that the SE allows."""

    def __init__(self, inner: Any, space: DesignSpace) -> None:
        super().__init__(model=inner.model)
        self.inner, self.space = inner, space
        self.X_pending: torch.Tensor | None = None

    def encoded(self, u: torch.Tensor) -> torch.Tensor:
        """Return points ``(..., 4)`` as the design space encodes them."""
        am, coating, _, vgcf = self.space.parameters
        am_wt = am.lower + (am.upper - am.lower) * u[..., 0]
        se_wt = 100.0 - am_wt - (vgcf.lower + (vgcf.upper - vgcf.lower) * u[..., 3])
        most = (100.0 * se_wt / (am_wt + se_wt)).clamp(max=coating.upper)
        inside = ZERO_GAP + (1.0 - ZERO_GAP) * (most - coating.lower) / (coating.upper - coating.lower)
        highest = torch.where(most < coating.lower, most * (ZERO_GAP / coating.lower), inside)
        return torch.stack([u[..., 0], u[..., 1] * highest, u[..., 2], u[..., 3]], dim=-1)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the acquisition of points ``(b, q, 4)``, ``(b,)``."""
        return self.inner(self.encoded(X))

    def set_X_pending(self, X_pending: torch.Tensor | None = None) -> None:
        """Pass on what is chosen already."""
        self.X_pending = X_pending
        self.inner.set_X_pending(None if X_pending is None else self.encoded(X_pending))


def _single(x: torch.Tensor, columns: list[torch.Tensor]) -> Any:
    """Return the GP of one outcome: of two columns, the same at the goal's and at another condition, a multi-task one for the goal's."""
    if len(columns) == 1:
        return SingleTaskGP(x, columns[0])
    tasks = [torch.cat([x, torch.full((len(x), 1), float(i), dtype=DTYPE)], dim=1) for i in range(len(columns))]
    return MultiTaskGP(torch.cat(tasks), torch.cat(columns), task_feature=-1, output_tasks=[0], outcome_transform=Standardize(1))


def fit(x: torch.Tensor, outcomes: list[list[Array]]) -> Any:
    """Return one independent GP an outcome, fitted; in one batched model where no outcome has a second column, as BoTorch is quickest."""
    columns = [[torch.as_tensor(column, dtype=DTYPE)[:, None] for column in of] for of in outcomes]
    if all(len(of) == 1 for of in columns):
        model = SingleTaskGP(x, torch.cat([of[0] for of in columns], dim=1))
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        return model
    models = [_single(x, of) for of in columns]
    for single in models:
        fit_gpytorch_mll(ExactMarginalLogLikelihood(single.likelihood, single))
    return ModelListGP(*models)


def propose(task: Task, history: History, values: Array, reference: tuple[float, float], n: int, seed: int) -> Array:
    """Return n recipes on the lab grid: qLogNEI or qLogNEHVI over one GP an outcome.

    Args:
        task: The goal.
        history: What was measured, k cells.
        values: Objectives to maximise ``(k, m)``: Wh/L, or capacity and Wh/L.
        reference: Of two objectives.
        n: How many.
        seed: Of samples and starts.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    space = load_campaign().space
    x = torch.as_tensor(space.encode(history.recipes), dtype=DTYPE)
    outcomes = [[history.porosity], [np.log(history.ionic_tau)], *([column] for column in values.T)]
    for name in CONDITIONS:
        if name != task.condition and name in history.capacity:
            outcomes[-1].append(history.energy(name))
            if task.objectives == 2:
                outcomes[-2].append(history.capacity[name])
    sampler = SobolQMCNormalSampler(torch.Size([MC_SAMPLES]), seed=seed)
    constraints = [lambda y: y[..., POROSITY] - (1.0 - DENSITY_MIN), lambda y: y[..., LOG_TAU] - math.log(TAU_MAX)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = fit(x, outcomes)
        if values.shape[1] == 1:
            objective = GenericMCObjective(lambda y, X=None: y[..., FIRST])
            acquisition: Any = qLogNoisyExpectedImprovement(model, x, sampler=sampler, objective=objective, constraints=constraints)
        else:
            acquisition = qLogNoisyExpectedHypervolumeImprovement(
                model,
                torch.as_tensor(reference, dtype=DTYPE),
                x,
                sampler=sampler,
                objective=IdentityMCMultiOutputObjective(outcomes=[FIRST, FIRST + 1]),
                constraints=constraints,
                prune_baseline=True,
            )
        search = Within(acquisition, space)
        chosen, _ = optimize_acqf(
            search,
            bounds=torch.tensor([[0.0] * 4, [1.0] * 4], dtype=DTYPE),
            q=n,
            num_restarts=RESTARTS,
            raw_samples=RAW,
            options={"maxiter": 100, "seed": seed},
            sequential=True,
        )
    return rounded(space, search.encoded(chosen).detach().numpy())
