"""One outcome's Gaussian process given the weights of its linear terms: all that its model needs of the measured rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist

from objectives.composition import Array
from surrogates.map_fit import Hyperparameters


class Points(NamedTuple):
    """Where a discrepancy is asked for: features ``(n, f)``, study ``(n,)`` and doubt ``(n,)``, which multiplies what a study has of its own."""

    features: Array
    study: Array
    doubt: Array


@dataclass(frozen=True)
class Process:
    """Rows of one outcome under known hyperparameters: ``y = mean + columns @ w + discrepancy + noise``, w standard normal ``(r,)``.

    The discrepancy is Matern-5/2: what studies share, what each has of its own, and a constant of each.
    """

    points: Points
    rest: Array  # (n,), values less mean
    columns: Array  # (n, r)
    noise_sd: Array  # (n,)
    found: Hyperparameters
    root: Array  # (n, n), Cholesky factor of the rows' covariance given the weights

    @classmethod
    def of(cls, points: Points, rest: Array, columns: Array, noise_sd: Array, found: Hyperparameters) -> Process:
        """Return the process of rows."""
        empty = Points(points.features[:0], points.study[:0], points.doubt[:0])
        nothing = cls(empty, rest[:0], columns[:0], noise_sd[:0], found, np.zeros((0, 0)))
        return nothing.extended(points, rest, columns, noise_sd)

    def extended(self, points: Points, rest: Array, columns: Array, noise_sd: Array) -> Process:
        """Return the process with further rows ``(m,)``: the factor grows by them, nothing is computed anew."""
        cross = self.cross(points)
        corner = np.linalg.cholesky(self.covariance(points, points) + np.diag(noise_sd**2) - cross.T @ cross)
        root = np.block([[self.root, np.zeros_like(cross)], [cross.T, corner]])
        joined = Points(*(np.concatenate(pair) for pair in zip(self.points, points, strict=True)))
        return Process(
            joined,
            np.concatenate([self.rest, rest]),
            np.concatenate([self.columns, columns]),
            np.concatenate([self.noise_sd, noise_sd]),
            self.found,
            root,
        )

    def covariance(self, a: Points, b: Points) -> Array:
        """Return the discrepancy's covariance between points, ``(n, m)``."""
        f = self.found
        s = math.sqrt(5.0) * cdist(a.features / f.lengthscales, b.features / f.lengthscales)
        same = a.study[:, None] == b.study[None, :]
        own = f.own**2 * a.doubt[:, None] * b.doubt[None, :]
        return np.asarray((1.0 + s + s * s / 3.0) * np.exp(-s) * (f.discrepancy**2 + own * same) + f.offset**2 * same)

    def variance(self, points: Points) -> Array:
        """Return the discrepancy's variance at points before any row, ``(m,)``."""
        f = self.found
        return np.asarray(f.discrepancy**2 + f.own**2 * points.doubt**2 + f.offset**2)

    @cached_property
    def white_columns(self) -> Array:
        """The columns, whitened by the root, ``(n, r)``."""
        return self.whiten(self.columns)

    @cached_property
    def white_rest(self) -> Array:
        """The values less the mean, whitened, ``(n,)``."""
        return self.whiten(self.rest)

    def whiten(self, values: Array) -> Array:
        """Return the root's solve of ``(n, ...)``."""
        return np.asarray(solve_triangular(self.root, values, lower=True, check_finite=False))

    def cross(self, points: Points) -> Array:
        """Return the whitened covariance with points, ``(n, m)``."""
        return self.whiten(self.covariance(self.points, points))

    def __len__(self) -> int:
        return len(self.rest)
