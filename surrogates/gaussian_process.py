"""A Gaussian process around the physics: BoTorch models whose mean is the calibrated closed form.

Per outcome, on its natural scale: ``y = a physics + b + calibration error + discrepancy + study + noise``, with a learned scale a
near one, the calibration's own uncertainty as a linear kernel, a Matern discrepancy that studies share in part (study as a task
with compound symmetry: what all share, plus what each has of its own), and known noise from replicates and stated errors.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import gpytorch
import numpy as np
import torch
from botorch.exceptions.warnings import InputDataWarning
from botorch.models import SingleTaskGP
from botorch.utils.sampling import draw_sobol_normal_samples
from linear_operator.operators import to_linear_operator

from objectives.composition import Array
from surrogates.map_fit import Hyperparameters, Priors, fit_map
from surrogates.protocol import Inputs, OutcomeData, Prediction

DTYPE = torch.float64
# Priors of the hyperparameters, on natural scales where 0.1 is 10 % of tau or about 2 points of porosity. Chosen by the predictive
# density of left-out designs among ten variants (docs/decisions/0004-surrogate.md).
PHYSICS_PRIORS = Priors(
    length=(math.log(1.0), 0.5),  # in units of the design space's width
    discrepancy=(math.log(0.24), 0.6),  # what studies share
    own=(math.log(0.24), 0.6),  # what a study has of its own
    offset=(math.log(0.10), 0.7),  # a study's constant
    scale_sd=0.03,  # of a around 1
    bias_sd=0.03,  # of b around 0
)


# Without physics, in units of the values' spread. Length scales as above; a study's own part is about a third of what all share.
LEAST_NOISE = 1e-3  # what the model takes for the least standard deviation of a measurement, in its own units
PLAIN_PRIORS = Priors((math.log(1.0), 0.5), (0.0, 0.7), (-1.0, 0.7), (-1.0, 0.7), None, None)

# Around a mean that a lab wrote down, in the same units: it is trusted to about a third, the rest is learned.
OWN_MEAN_PRIORS = Priors((math.log(1.0), 0.5), (math.log(0.5), 0.7), (-2.0, 0.5), (-2.0, 0.5), scale_sd=0.3, bias_sd=1.0)


class PhysicsMean(gpytorch.means.Mean):
    """``a * physics + b``, with physics read from one column of X."""

    def __init__(self, scale: float, bias: float, column: int) -> None:
        super().__init__()
        self.scale, self.bias, self.column = scale, bias, column

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the mean at X ``(..., n, d)``, shape ``(..., n)``."""
        return self.scale * x[..., self.column] + self.bias


class ElectrodeKernel(gpytorch.kernels.Kernel):
    """Calibration uncertainty + (shared + same-study) Matern-5/2 discrepancy + study constant, in one pass over X.

    Columns of X: features, study index, physics, then the directions of the calibration's uncertainty (used if ``calibrated``).
    """

    def __init__(self, found: Hyperparameters, calibrated: bool) -> None:
        super().__init__()
        self.found = found
        self.features = len(found.lengthscales)
        self.directions = slice(self.features + 2, None) if calibrated else slice(0, 0)
        self.register_buffer("lengthscales", torch.as_tensor(found.lengthscales, dtype=DTYPE))

    def forward(self, x1: torch.Tensor, x2: torch.Tensor, diag: bool = False, **_: Any) -> Any:
        """Return the covariance ``(..., n, m)`` of X1 and X2, or its diagonal."""
        shared, own, offset = self.found.discrepancy**2, self.found.own**2, self.found.offset**2
        u1, u2 = x1[..., self.directions], x2[..., self.directions]
        if diag:
            return (u1**2).sum(-1) + (shared + own + offset)
        a, b = x1[..., : self.features] / self.lengthscales, x2[..., : self.features] / self.lengthscales
        s = math.sqrt(5.0) * torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
        matern = (1.0 + s + s * s / 3.0) * torch.exp(-s)
        study = self.features
        same = (x1[..., study].unsqueeze(-1) == x2[..., study].unsqueeze(-2)).to(matern)
        return to_linear_operator(matern * (shared + own * same) + offset * same + u1 @ u2.transpose(-1, -2))


def _uninformative(data: OutcomeData) -> OutcomeData:
    """Return one row so noisy that it says nothing: an outcome nobody measured keeps its prior, in the same kind of model."""
    features, rank = data.inputs.features.shape[1], data.inputs.directions.shape[1]
    inputs = Inputs(np.zeros((1, features)), np.full(1, -1.0), np.zeros(1), np.zeros((1, rank)))
    return OutcomeData(inputs, np.zeros(1), np.full(1, 1e3))


@lru_cache(maxsize=2)
def _base_samples(width: int, n: int, seed: int) -> torch.Tensor:
    """Return n scrambled-Sobol standard normal rows ``(n, width)``; kept, since the outcomes of one question share them."""
    return draw_sobol_normal_samples(width, n, dtype=DTYPE, seed=seed)


def _normals(n: int, seed: int) -> Array:
    """Return n scrambled-Sobol standard normals ``(n, 1)``."""
    uniform = torch.quasirandom.SobolEngine(1, scramble=True, seed=seed).draw(n, dtype=DTYPE).clamp(1e-6, 1.0 - 1e-6)
    return np.asarray(torch.special.ndtri(uniform).numpy())


def _root(covariance: torch.Tensor) -> torch.Tensor:
    """Return a Cholesky factor; near neighbours make the covariance singular, so the least jitter that helps is added."""
    scale = float(covariance.diagonal().mean())
    for exponent in range(-10, -3):
        jitter = torch.eye(len(covariance), dtype=DTYPE) * (scale * 10.0**exponent)
        factor, failed = torch.linalg.cholesky_ex(covariance + jitter)
        if not failed:
            return factor
    raise RuntimeError("the joint posterior covariance is not positive definite, whatever the jitter; please report this with the recipes")


def columns(inputs: Inputs) -> torch.Tensor:
    """Return inputs as one tensor ``(n, f + 1 + 1 + r)``: features, study, physics, directions."""
    stacked = np.column_stack([inputs.features, inputs.study, inputs.physics, inputs.directions])
    return torch.as_tensor(stacked, dtype=DTYPE)


def _scaled(inputs: Inputs, spread: float) -> Inputs:
    return Inputs(inputs.features, inputs.study, inputs.physics / spread, inputs.directions / spread)


@dataclass(frozen=True)
class GaussianProcessPredictor:
    """A fitted BoTorch model and the hyperparameters it was given, both of values less ``centre``, in units of ``spread``."""

    model: SingleTaskGP
    found: Hyperparameters
    centre: float = 0.0
    spread: float = 1.0

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
            x = self.columns(inputs)
            known, root, weights = self._solved
            cross = self.model.covar_module(x, known).to_dense()
            mean = self.model.mean_module(x) + (cross @ weights).squeeze(-1)
            explained = torch.linalg.solve_triangular(root, cross.transpose(-1, -2), upper=False).square().sum(0)
            variance = self.model.covar_module(x, diag=True) - explained
            sd = variance.clamp_min(0.0).sqrt()
            return Prediction(self.unscaled(mean.numpy()), self.spread * sd.numpy())

    def columns(self, inputs: Inputs) -> torch.Tensor:
        """Return the model's X at inputs: their physics in the model's unit."""
        return columns(inputs if self.spread == 1.0 else _scaled(inputs, self.spread))

    def unscaled(self, values: Array) -> Array:
        """Return values of the model on the outcome's natural scale."""
        return self.centre + self.spread * values

    def sample(self, inputs: Inputs, n: int, seed: int, *, joint: bool = True) -> Array:
        """Return n samples ``(n, m)`` at m points, from scrambled-Sobol normals: joint over the points, BoTorch's posterior and its base
        samples; or each point by itself, all moved by one normal a sample (cheap, for many).

        Computed here because BoTorch's own way costs a second of imports at its first call; a test holds the two together.
        """
        if not joint:
            alone = self.predict(inputs)
            return np.asarray(alone.mean[None, :] + alone.sd[None, :] * _normals(n, seed))
        with torch.no_grad():
            x = self.columns(inputs)
            known, root, weights = self._solved
            cross = self.model.covar_module(x, known).to_dense()
            mean = self.model.mean_module(x) + (cross @ weights).squeeze(-1)
            explained = torch.linalg.solve_triangular(root, cross.transpose(-1, -2), upper=False)
            covariance = self.model.covar_module(x).to_dense() - explained.transpose(-1, -2) @ explained
            base = _base_samples(len(x), n, seed)
            return self.unscaled((mean + base @ _root(covariance).transpose(-1, -2)).numpy())

    def moments(self, inputs: Inputs) -> tuple[Array, Array]:
        """Return mean ``(m,)`` and covariance ``(m, m)`` of the posterior, joint over m points."""
        with torch.no_grad():
            posterior: Any = self.model.posterior(self.columns(inputs)).mvn
            return self.unscaled(posterior.mean.numpy()), self.spread**2 * posterior.covariance_matrix.numpy()

    def hyperparameters(self) -> dict[str, float]:
        """Return the learned scale on the physics and the standard deviations of discrepancy, study's own and study offset."""
        f, unit = self.found, self.spread
        bias = float(self.unscaled(np.asarray(f.bias)))
        return {"physics_scale": f.scale, "bias": bias, "discrepancy": unit * f.discrepancy, "own": unit * f.own, "offset": unit * f.offset}


@dataclass(frozen=True)
class GaussianProcess:
    """A Gaussian process around the physics, or with ``physics=False`` of the data alone, multi-task: each study is one.

    ``own_priors`` replaces the priors; ``standardise`` states them in units of the values' spread, as they are without physics.
    """

    physics: bool = True
    own_priors: Priors | None = None
    standardise: bool = False

    @property
    def name(self) -> str:
        """Short name, as in tables and options."""
        return "gp" if self.physics else "gp-multitask"  # studies are its tasks

    def priors(self) -> Priors:
        """Return the priors: those of the data alone are in units of the values' spread."""
        if self.own_priors is not None:
            return self.own_priors
        if self.physics:
            return PHYSICS_PRIORS
        return PLAIN_PRIORS

    def fit(self, data: OutcomeData, seed: int) -> GaussianProcessPredictor:
        """Return the model at the maximum a posteriori of its hyperparameters; deterministic, the seed is not used.

        Torch runs on one thread from here on, so that the same data give the same numbers whatever the machine's load.
        """
        del seed
        torch.set_num_threads(1)
        if not len(data.values):
            data = _uninformative(data)
        centre = 0.0 if self.physics else float(np.mean(data.values))
        spread = float(np.std(data.values)) or 1.0 if self.standardise or not self.physics else 1.0
        noise = np.maximum(data.noise_sd / spread, LEAST_NOISE)
        data = OutcomeData(_scaled(data.inputs, spread), (data.values - centre) / spread, noise)
        found = fit_map(data, self.priors())
        mean = PhysicsMean(found.scale, found.bias, data.inputs.features.shape[1] + 1)
        kernel = ElectrodeKernel(found, calibrated=self.physics)
        y = torch.as_tensor(data.values, dtype=DTYPE).unsqueeze(-1)
        variance = torch.as_tensor(data.noise_sd**2, dtype=DTYPE).unsqueeze(-1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InputDataWarning)  # X and y are on scales of our own, by design: see `surrogates.protocol`
            model = SingleTaskGP(columns(data.inputs), y, variance, covar_module=kernel, mean_module=mean, outcome_transform=None)
        return GaussianProcessPredictor(model.eval(), found, centre, spread)


def own_surrogate(has_mean: bool, priors: Priors | None = None) -> GaussianProcess:
    """Return the surrogate of an outcome that a lab defines: around the mean it wrote down if it did, else of its rows alone."""
    return GaussianProcess(physics=True, own_priors=OWN_MEAN_PRIORS, standardise=True) if has_mean else GaussianProcess(False, priors)
