"""A Gaussian process around the physics: BoTorch models whose mean is the calibrated closed form.

Per outcome, on its natural scale: ``y = a physics + b + calibration error + discrepancy + study + noise``, with a learned scale a
near one, the calibration's own uncertainty as a linear kernel, a Matern discrepancy that studies share in part (study as a task
with compound symmetry: what all share, plus what each has of its own), and known noise from replicates and stated errors.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import gpytorch
import numpy as np
import torch
from botorch.exceptions.warnings import InputDataWarning
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from gpytorch.constraints import Interval
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.priors import LogNormalPrior, NormalPrior
from linear_operator.operators import to_linear_operator

from surrogates.protocol import Inputs, OutcomeData, Prediction

DTYPE = torch.float64
# Priors of the hyperparameters, on natural scales where 0.1 is 10 % of tau or about 2 points of porosity. Chosen once, by the
# size of the closed form's residuals between studies (docs/reproduced.md), and not tuned afterwards.
SCALE_SD = 0.10  # of a around 1
BIAS_SD = 0.05  # of b around 0
DISCREPANCY = (math.log(0.12), 0.6)  # log-normal: standard deviation of what studies share
OWN = (math.log(0.12), 0.6)  # of what a study has of its own
OFFSET = (math.log(0.10), 0.7)  # of a study's constant
LENGTH = (math.log(1.0), 0.5)  # of the length scales, in units of the design space's width
JITTER = 1e-8


class PhysicsMean(gpytorch.means.Mean):
    """``a * physics + b``, with physics read from one column of X and a prior on a and b; without physics, b alone."""

    def __init__(self, column: int | None) -> None:
        super().__init__()
        self.column = column
        start = 1.0 if column is not None else 0.0
        self.register_parameter("scale", torch.nn.Parameter(torch.tensor(start, dtype=DTYPE), requires_grad=column is not None))
        self.register_parameter("bias", torch.nn.Parameter(torch.tensor(0.0, dtype=DTYPE)))
        if column is not None:
            self.register_prior("scale_prior", NormalPrior(torch.tensor(1.0, dtype=DTYPE), torch.tensor(SCALE_SD, dtype=DTYPE)), "scale")
            self.register_prior("bias_prior", NormalPrior(torch.tensor(0.0, dtype=DTYPE), torch.tensor(BIAS_SD, dtype=DTYPE)), "bias")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the mean at X ``(..., n, d)``, shape ``(..., n)``."""
        if self.column is None:
            return self.bias.expand(x.shape[:-1])
        return self.scale * x[..., self.column] + self.bias


class ElectrodeKernel(gpytorch.kernels.Kernel):
    """Calibration uncertainty + (shared + same-study) Matern-5/2 discrepancy + study constant, in one pass over X.

    Columns: ``features`` first, then the study index; ``directions`` are the columns of the calibration's uncertainty.
    """

    def __init__(self, features: int, study: int, directions: slice | None) -> None:
        super().__init__()
        self.features, self.study, self.directions = features, study, directions
        for name, shape, (location, spread) in (
            ("lengthscales", (features,), LENGTH),
            ("discrepancy", (), DISCREPANCY),
            ("own", (), OWN),
            ("offset", (), OFFSET),
        ):
            raw = f"raw_{name}"
            self.register_parameter(raw, torch.nn.Parameter(torch.zeros(shape, dtype=DTYPE)))
            self.register_constraint(raw, Interval(1e-3, 20.0, initial_value=torch.full(shape, math.exp(location), dtype=DTYPE)))
            prior = LogNormalPrior(torch.tensor(location, dtype=DTYPE), torch.tensor(spread, dtype=DTYPE))
            self.register_prior(f"{name}_prior", prior, _reader(name), _writer(name))

    def value(self, name: str) -> torch.Tensor:
        """Return a hyperparameter on its own scale."""
        constrained: torch.Tensor = getattr(self, f"raw_{name}_constraint").transform(getattr(self, f"raw_{name}"))
        return constrained

    def forward(self, x1: torch.Tensor, x2: torch.Tensor, diag: bool = False, **_: Any) -> Any:
        """Return the covariance ``(..., n, m)`` of X1 and X2, or its diagonal."""
        if diag:
            variance = (self.value("discrepancy") ** 2 + self.value("own") ** 2 + self.value("offset") ** 2).expand(x1.shape[:-1])
            return variance + (x1[..., self.directions] ** 2).sum(-1) if self.directions else variance
        scale = self.value("lengthscales")
        a, b = x1[..., : self.features] / scale, x2[..., : self.features] / scale
        distance = (a.unsqueeze(-2) - b.unsqueeze(-3)).square().sum(-1).clamp_min(1e-30).sqrt() * math.sqrt(5.0)
        matern = (1.0 + distance + distance * distance / 3.0) * torch.exp(-distance)
        same = (x1[..., self.study].unsqueeze(-1) == x2[..., self.study].unsqueeze(-2)).to(matern)
        covariance = matern * (self.value("discrepancy") ** 2 + self.value("own") ** 2 * same) + self.value("offset") ** 2 * same
        if self.directions:
            covariance = covariance + x1[..., self.directions] @ x2[..., self.directions].transpose(-1, -2)
        return to_linear_operator(covariance)


def _reader(name: str) -> Any:
    return lambda module: module.value(name)


def _writer(name: str) -> Any:
    return lambda module, value: module.initialize(**{f"raw_{name}": getattr(module, f"raw_{name}_constraint").inverse_transform(value)})


def _uninformative(data: OutcomeData) -> OutcomeData:
    """Return one row so noisy that it says nothing: an outcome nobody measured keeps its prior, in the same kind of model."""
    features, rank = data.inputs.features.shape[1], data.inputs.directions.shape[1]
    inputs = Inputs(np.zeros((1, features)), np.full(1, -1.0), np.zeros(1), np.zeros((1, rank)))
    return OutcomeData(inputs, np.zeros(1), np.full(1, 1e3))


def columns(inputs: Inputs) -> torch.Tensor:
    """Return inputs as one tensor ``(n, f + 1 + 1 + r)``: features, study, physics, directions."""
    stacked = np.column_stack([inputs.features, inputs.study, inputs.physics, inputs.directions])
    return torch.as_tensor(stacked, dtype=DTYPE)


@dataclass(frozen=True)
class GaussianProcessPredictor:
    """A fitted BoTorch model with the layout of its X."""

    model: SingleTaskGP

    @cached_property
    def _solved(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return training X, the Cholesky factor of its noisy covariance, and that covariance's solve of the residuals."""
        model = self.model
        x = model.train_inputs[0]
        covariance = model.covar_module(x).to_dense() + torch.diag(model.likelihood.noise.reshape(-1))
        root = torch.linalg.cholesky(covariance)
        return x, root, torch.cholesky_solve((model.train_targets - model.mean_module(x)).unsqueeze(-1), root)

    def predict(self, inputs: Inputs) -> Prediction:
        """Return mean and standard deviation at each point by itself: the marginals of BoTorch's posterior, for many points.

        The posterior of thousands of points would form their joint covariance first, a hundred times the work.
        """
        with torch.no_grad():
            x = columns(inputs)
            known, root, weights = self._solved
            cross = self.model.covar_module(x, known).to_dense()
            mean = self.model.mean_module(x) + (cross @ weights).squeeze(-1)
            explained = torch.linalg.solve_triangular(root, cross.transpose(-1, -2), upper=False).square().sum(0)
            variance = self.model.covar_module(x, diag=True) - explained
            return Prediction(mean.numpy(), variance.clamp_min(0.0).sqrt().numpy())

    def hyperparameters(self) -> dict[str, float]:
        """Return the learned scale on the physics and the standard deviations of discrepancy, study's own and study offset."""
        kernel, mean = self.model.covar_module, self.model.mean_module
        return {
            "physics_scale": float(mean.scale.detach()),
            **{name: float(kernel.value(name).detach()) for name in ("discrepancy", "own", "offset")},
        }


@dataclass(frozen=True)
class GaussianProcess:
    """The fused surrogate, or with ``physics=False`` a Gaussian process of the data alone."""

    physics: bool = True

    @property
    def name(self) -> str:
        """Short name, as in tables and options."""
        return "gp" if self.physics else "gp-plain"

    def fit(self, data: OutcomeData, seed: int) -> GaussianProcessPredictor:
        """Return the model at the maximum a posteriori of its hyperparameters; deterministic, the seed is not used."""
        del seed
        if not len(data.values):
            data = _uninformative(data)
        features = data.inputs.features.shape[1]
        rank = data.inputs.directions.shape[1]
        x = columns(data.inputs)
        y = torch.as_tensor(data.values, dtype=DTYPE).unsqueeze(-1)
        if self.physics:
            mean = PhysicsMean(features + 1)
            kernel = ElectrodeKernel(features, features, slice(features + 2, features + 2 + rank) if rank else None)
        else:
            mean = PhysicsMean(None)
            kernel = ElectrodeKernel(features, features, None)
            spread = float(np.std(data.values)) or 1.0
            kernel.discrepancy_prior = LogNormalPrior(torch.tensor(math.log(spread), dtype=DTYPE), torch.tensor(0.7, dtype=DTYPE))
            mean.bias.data.fill_(float(np.mean(data.values)))
        variance = torch.as_tensor(data.noise_sd**2, dtype=DTYPE).unsqueeze(-1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InputDataWarning)  # X and y are on scales of our own, by design: see `surrogates.protocol`
            model = SingleTaskGP(x, y, variance, covar_module=kernel, mean_module=mean, outcome_transform=None)
            model.eval()
            model.train()
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model), optimizer_kwargs={"options": {"maxiter": 200}})
        return GaussianProcessPredictor(model)
