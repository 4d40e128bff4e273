"""A Bayesian-optimisation loop as a competent user writes it with BoTorch, to compare the proposal step with. Not a test.

One SingleTaskGP an outcome on the four encoded inputs, qLogNEI or qLogNEHVI with outcome constraints, SLSQP under the shell budget from
feasible starts, the result rounded to the lab grid. It knows no physics, except that energy density is computed from what was measured.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.acquisition.multi_objective.objective import IdentityMCMultiOutputObjective
from botorch.acquisition.objective import GenericMCObjective
from botorch.fit import fit_gpytorch_mll
from botorch.models import ModelListGP, SingleTaskGP
from botorch.optim import optimize_acqf
from botorch.optim.initializers import initialize_q_batch
from botorch.sampling.normal import SobolQMCNormalSampler
from gpytorch.mlls import SumMarginalLogLikelihood

from objectives.composition import Array
from objectives.design_space import DesignSpace
from objectives.limits import electrode_constraints
from objectives.parameter import ZERO_GAP

MC_SAMPLES, RESTARTS, RAW = 128, 8, 256
DENSITY, TAU_MAX = (0.82, 0.95), 37.0  # the loop's outcome constraints; the tau is about the reference campaign's 50 mV
POROSITY, LOG_TAU, ENERGY, CAPACITY = range(4)  # columns of the outcomes
DTYPE = torch.float64


def shell_budget(space: DesignSpace) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the free SE of encoded recipes ``(..., 4)`` in tenths of wt%, differentiable: at least 0 where the limit holds."""
    am, coating, _, vgcf = space.parameters

    def free(u: torch.Tensor) -> torch.Tensor:
        am_wt = am.lower + (am.upper - am.lower) * u[..., 0]
        vgcf_wt = vgcf.lower + (vgcf.upper - vgcf.lower) * u[..., 3]
        inside = coating.lower + (coating.upper - coating.lower) * (u[..., 1] - ZERO_GAP) / (1.0 - ZERO_GAP)
        coating_wt = torch.where(u[..., 1] < ZERO_GAP, u[..., 1] * (coating.lower / ZERO_GAP), inside)
        return (100.0 - am_wt - vgcf_wt - am_wt * coating_wt / (100.0 - coating_wt)) / 10.0

    return free


def starts(free: Callable[[torch.Tensor], torch.Tensor], seed: int) -> Callable[..., torch.Tensor]:
    """Return an initial-condition generator: `RAW` feasible points by rejection, of which BoTorch's heuristic picks some."""
    engine = torch.quasirandom.SobolEngine(4, scramble=True, seed=seed)

    def generate(acq_function: Any, bounds: torch.Tensor, q: int, num_restarts: int, raw_samples: int, **_: Any) -> torch.Tensor:
        points = torch.zeros((0, 4), dtype=DTYPE)
        while len(points) < raw_samples * q:
            drawn = engine.draw(1024, dtype=DTYPE)
            points = torch.cat([points, drawn[free(drawn) >= 0.0]])
        x = points[: raw_samples * q].reshape(raw_samples, q, 4)
        with torch.no_grad():
            values = torch.cat([acq_function(part) for part in x.split(64)])
        picked, _ = initialize_q_batch(x, values, num_restarts)
        return picked

    return generate


def rounded(space: DesignSpace, encoded: Array) -> Array:
    """Return encoded points on the lab grid; where rounding breaks the shell budget the coating goes down to what it allows."""
    recipes = space.decode(encoded)
    budget = next(c for c in electrode_constraints(space, lambda x: np.ones(len(x))) if c.name == "shell_budget")
    grid = space.parameters[1].values
    for row in recipes:
        while budget.margin(row[None])[0] < 0.0 and row[1] > 0.0:
            row[1] = grid[np.searchsorted(grid, row[1]) - 1]
    return recipes


def propose(space: DesignSpace, recipes: Array, outcomes: Array, reference: Array, n: int, seed: int) -> Array:
    """Return n recipes on the lab grid.

    Args:
        space: Of the reference campaign.
        recipes: Measured recipes ``(k, 4)``.
        outcomes: What was measured ``(k, 3)``: porosity, log ionic tau, Wh/L; ``(k, 4)`` for two objectives, with the capacity last.
        reference: Reference point, capacity and Wh/L; not used for one objective.
        n: How many.
        seed: Of samples and starts.
    """
    torch.manual_seed(seed)
    x, y = torch.as_tensor(space.encode(recipes), dtype=DTYPE), torch.as_tensor(outcomes, dtype=DTYPE)
    sampler = SobolQMCNormalSampler(torch.Size([MC_SAMPLES]), seed=seed)
    constraints = [
        lambda y: (1.0 - DENSITY[1]) - y[..., POROSITY],
        lambda y: y[..., POROSITY] - (1.0 - DENSITY[0]),
        lambda y: y[..., LOG_TAU] - math.log(TAU_MAX),
    ]
    free = shell_budget(space)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ModelListGP(*(SingleTaskGP(x, y[:, [i]]) for i in range(y.shape[1])))
        fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
        if y.shape[1] == 3:
            objective = GenericMCObjective(lambda y, X=None: y[..., ENERGY])
            acquisition: Any = qLogNoisyExpectedImprovement(model, x, sampler=sampler, objective=objective, constraints=constraints)
        else:
            acquisition = qLogNoisyExpectedHypervolumeImprovement(
                model,
                torch.as_tensor(reference, dtype=DTYPE),
                x,
                sampler=sampler,
                objective=IdentityMCMultiOutputObjective(outcomes=[CAPACITY, ENERGY]),
                constraints=constraints,
                prune_baseline=True,
            )
        chosen, _ = optimize_acqf(
            acquisition,
            bounds=torch.tensor([[0.0] * 4, [1.0] * 4], dtype=DTYPE),
            q=n,
            num_restarts=RESTARTS,
            raw_samples=RAW,
            options={"maxiter": 200},
            nonlinear_inequality_constraints=[(free, True)],
            ic_generator=starts(free, seed),
            sequential=True,
        )
    return rounded(space, chosen.detach().numpy())
