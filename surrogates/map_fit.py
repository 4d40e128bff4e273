"""Maximum a posteriori hyperparameters of the electrode kernel, by exact gradients in numpy.

The same objective as BoTorch's ``fit_gpytorch_mll`` on the same model (a test compares the two), about forty times faster for the
tens of rows a lab has: there, most of the time goes into building graphs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs
from scipy.optimize import minimize

from objectives.composition import Array
from surrogates.protocol import OutcomeData

LOWEST, HIGHEST = 1e-3, 20.0  # of every hyperparameter, as the model's constraint
STEPS = 200


@dataclass(frozen=True)
class Priors:
    """Log-normal priors ``(location, spread)`` of length scales and of the three standard deviations; normal ones of a and b.

    ``lengths``: locations of features whose length scale is expected to be another, by their index. ``scale_sd`` None: no physics, a is
    zero. ``bias_sd`` None: b is free.
    """

    length: tuple[float, float]
    discrepancy: tuple[float, float]
    own: tuple[float, float]
    offset: tuple[float, float]
    scale_sd: float | None
    bias_sd: float | None
    lengths: Mapping[int, float] = field(default_factory=dict)

    def location(self, f: int) -> Array:
        """Return the locations of f length scales, then of the three standard deviations, ``(f + 3,)``."""
        return np.array([*(self.lengths.get(i, self.length[0]) for i in range(f)), self.discrepancy[0], self.own[0], self.offset[0]])


@dataclass(frozen=True)
class Hyperparameters:
    """What is learned: length scales ``(f,)``, standard deviations, and a and b of the mean ``a physics + b``."""

    lengthscales: Array
    discrepancy: float
    own: float
    offset: float
    scale: float
    bias: float


def negative_log_posterior(data: OutcomeData, priors: Priors, doubt: Array | None = None) -> Callable[[Array], tuple[float, Array]]:
    """Return the objective with its gradient, up to a constant, over ``theta``: logs of the f length scales and of the three standard
    deviations, then a and b.
    """
    x, y = data.inputs.features, data.values
    f = x.shape[1]
    physics = data.inputs.physics if priors.scale_sd is not None else np.zeros(len(y))
    squares = (x[:, None, :] - x[None, :, :]) ** 2  # (n, n, f)
    flat = squares.reshape(-1, f)
    same = (data.inputs.study[:, None] == data.inputs.study[None, :]).astype(float)
    alone = same if doubt is None else same * doubt[:, None] * doubt[None, :]
    fixed = np.diag(data.noise_sd**2)
    if priors.scale_sd is not None:
        fixed = fixed + data.inputs.directions @ data.inputs.directions.T
    location = priors.location(f)
    spread = np.array([*[priors.length[1]] * f, priors.discrepancy[1], priors.own[1], priors.offset[1]])

    def objective(theta: Array) -> tuple[float, Array]:
        logs, a, b = theta[: f + 3], theta[f + 3], theta[f + 4]
        inverse = np.exp(-2.0 * logs[:f])
        shared, own, offset = np.exp(2.0 * logs[f:])
        s = np.sqrt(5.0 * (squares @ inverse))
        decay = np.exp(-s)
        matern = (1.0 + s + s * s / 3.0) * decay
        weight = shared + own * alone
        covariance = matern * weight + offset * same + fixed
        residual = y - a * physics - b
        solved = _solve(covariance, residual)
        if solved is None:
            return 1e10, np.zeros_like(theta)
        alpha, inverted, log_root = solved
        inner = inverted - alpha[:, None] * alpha
        value = 0.5 * float(residual @ alpha) + log_root
        slope = (5.0 / 3.0) * (1.0 + s) * decay * weight * inner
        matern *= inner
        gradient = np.empty_like(theta)
        gradient[:f] = 0.5 * (slope.ravel() @ flat) * inverse
        gradient[f] = shared * float(matern.sum())
        gradient[f + 1] = own * float(np.vdot(matern, alone))
        gradient[f + 2] = offset * float(np.vdot(same, inner))
        gradient[f + 3] = -float(alpha @ physics)
        gradient[f + 4] = -float(alpha.sum())
        away = (logs - location) / spread  # of log-normal densities over the values themselves: the Jacobian adds log(value)
        value += 0.5 * float(away @ away) + float(logs.sum())
        gradient[: f + 3] += away / spread + 1.0
        if priors.scale_sd is not None:
            value += 0.5 * ((a - 1.0) / priors.scale_sd) ** 2
            gradient[f + 3] += (a - 1.0) / priors.scale_sd**2
        if priors.bias_sd is not None:
            value += 0.5 * (b / priors.bias_sd) ** 2
            gradient[f + 4] += b / priors.bias_sd**2
        return value, gradient

    return objective


def _solve(covariance: Array, residual: Array) -> tuple[Array, Array, float] | None:
    """Return the covariance's solve of the residual, its inverse and half its log determinant; None if it is not positive definite.

    LAPACK itself: SciPy's wrappers take as long as the work, for the tens of rows of a lab. It takes no empty matrix.
    """
    if not len(residual):
        return residual, covariance, 0.0
    factor, failed = dpotrf(covariance, lower=1)
    if failed:
        return None
    lower = dpotri(factor, lower=1)[0]  # above the diagonal are the factor's zeros
    inverse = lower + lower.T
    inverse.flat[:: len(inverse) + 1] *= 0.5
    return dpotrs(factor, residual, lower=1)[0], inverse, float(np.log(np.diag(factor)).sum())


def fit_map(data: OutcomeData, priors: Priors, doubt: Array | None = None) -> Hyperparameters:
    """Return the hyperparameters at the maximum a posteriori; deterministic. ``doubt`` as in `negative_log_posterior`."""
    f = data.inputs.features.shape[1]
    location = priors.location(f)
    bounds: list[tuple[float | None, float | None]] = [(math.log(LOWEST), math.log(HIGHEST))] * (f + 3)
    bounds += [(None, None) if priors.scale_sd is not None else (0.0, 0.0), (None, None)]
    start = np.concatenate(
        [location, [1.0 if priors.scale_sd is not None else 0.0], [0.0 if priors.bias_sd is not None else float(data.values.mean())]]
    )
    found = minimize(negative_log_posterior(data, priors, doubt), start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS}).x
    values = np.exp(found[: f + 3])
    return Hyperparameters(values[:f], float(values[f]), float(values[f + 1]), float(values[f + 2]), float(found[f + 3]), float(found[f + 4]))
