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


LEAST_SD = 1e-6


@dataclass(frozen=True)
class Rows:
    """Where one outcome was measured, under known hyperparameters: all of its process that does not depend on the values.

    The discrepancy is Matern-5/2: what studies share, what each has of its own, and a constant of each.
    """

    points: Points
    noise_sd: Array  # (n,)
    found: Hyperparameters
    root: Array  # (n, n), Cholesky factor of the rows' covariance given the weights

    def extended(self, points: Points, noise_sd: Array) -> Rows:
        """Return the rows with further ones ``(m,)``: the factor grows by them, nothing is computed anew."""
        cross = Seen(self, points).cross
        corner = np.linalg.cholesky(self.covariance(points, points) + np.diag(noise_sd**2) - cross.T @ cross)
        root = np.block([[self.root, np.zeros_like(cross)], [cross.T, corner]])
        joined = Points(*(np.concatenate(pair) for pair in zip(self.points, points, strict=True)))
        return Rows(joined, np.concatenate([self.noise_sd, noise_sd]), self.found, root)

    def covariance(self, a: Points, b: Points) -> Array:
        """Return the discrepancy's covariance between points, ``(n, m)``."""
        f, unit = self.found, math.sqrt(5.0) / self.found.lengthscales
        s = cdist(a.features * unit, b.features * unit)
        same = a.study[:, None] == b.study
        found = (f.own * a.doubt)[:, None] * (f.own * b.doubt)
        found *= same
        found += f.discrepancy**2
        decay = np.negative(s)
        np.exp(decay, out=decay)
        found *= decay
        np.divide(s, 3.0, out=decay)  # 1 + s (1 + s / 3), in place: thousands of candidates fill the processor's cache
        decay += 1.0
        decay *= s
        decay += 1.0
        found *= decay
        found += f.offset**2 * same
        return found

    def variance(self, points: Points) -> Array:
        """Return the discrepancy's variance at points before any row, ``(m,)``."""
        f = self.found
        return np.asarray(f.discrepancy**2 + f.own**2 * points.doubt**2 + f.offset**2)

    def whiten(self, values: Array, back: bool = False) -> Array:
        """Return the root's solve of ``(n, ...)``, or its transpose's."""
        return np.asarray(solve_triangular(self.root, values, lower=True, trans=1 if back else 0, check_finite=False))

    @cached_property
    def precision(self) -> Array:
        """The inverse of the rows' covariance, ``(n, n)``."""
        inverse = self.whiten(np.eye(len(self.root)))
        return np.asarray(inverse.T @ inverse)


@dataclass(frozen=True)
class Seen:
    """Points as rows see them; models of the same rows share one, so that nothing is computed twice."""

    rows: Rows
    points: Points

    @cached_property
    def cross(self) -> Array:
        """The whitened covariance of the rows with the points, ``(n, m)``."""
        return self.rows.whiten(self.rows.covariance(self.rows.points, self.points))

    @cached_property
    def left_variance(self) -> Array:
        """What the rows leave of the discrepancy's variance, ``(m,)``."""
        return np.asarray(self.rows.variance(self.points) - (self.cross**2).sum(axis=0))

    @property
    def left_covariance(self) -> Array:
        """What the rows leave of the discrepancy's covariance, ``(m, m)``."""
        return np.asarray(self.rows.covariance(self.points, self.points) - self.cross.T @ self.cross)

    @cached_property
    def left_sd(self) -> Array:
        """Standard deviations of what is left, ``(m,)``."""
        return np.sqrt(np.maximum(self.left_variance, LEAST_SD**2))

    @cached_property
    def left_root(self) -> Array:
        """A square root of what is left, ``(m, m)``."""
        return least_jitter_root(self.left_covariance)


@dataclass(frozen=True)
class Process:
    """Values at rows: ``y = mean + columns @ w + discrepancy + noise``, w standard normal ``(r,)``."""

    rows: Rows
    rest: Array  # (n,), values less mean
    columns: Array  # (n, r)

    @classmethod
    def of(cls, points: Points, rest: Array, columns: Array, noise_sd: Array, found: Hyperparameters) -> Process:
        """Return the process of rows."""
        empty = Points(points.features[:0], points.study[:0], points.doubt[:0])
        return cls(Rows(empty, noise_sd[:0], found, np.zeros((0, 0))).extended(points, noise_sd), rest, columns)

    def extended(self, points: Points, rest: Array, columns: Array, noise_sd: Array) -> Process:
        """Return the process with further rows ``(m,)``."""
        rows = self.rows.extended(points, noise_sd)
        return Process(rows, np.concatenate([self.rest, rest]), np.concatenate([self.columns, columns]))

    @property
    def points(self) -> Points:
        """Where the rows are."""
        return self.rows.points

    @property
    def noise_sd(self) -> Array:
        """The rows' noise, ``(n,)``."""
        return self.rows.noise_sd

    @property
    def found(self) -> Hyperparameters:
        """The hyperparameters."""
        return self.rows.found

    @property
    def root(self) -> Array:
        """The rows' Cholesky factor, ``(n, n)``."""
        return self.rows.root

    @cached_property
    def white_columns(self) -> Array:
        """The columns, whitened by the root, ``(n, r)``."""
        return self.rows.whiten(self.columns)

    @cached_property
    def white_rest(self) -> Array:
        """The values less the mean, whitened, ``(n,)``."""
        return self.rows.whiten(self.rest)

    def __len__(self) -> int:
        return len(self.rest)


def least_jitter_root(covariance: Array) -> Array:
    """Return a Cholesky factor; near neighbours make a covariance singular, so the least jitter that helps is added."""
    scale = float(np.diag(covariance).mean())
    for exponent in range(-10, -3):
        try:
            return np.asarray(np.linalg.cholesky(covariance + np.eye(len(covariance)) * (scale * 10.0**exponent)))
        except np.linalg.LinAlgError:
            continue
    raise RuntimeError("the joint posterior covariance is not positive definite, whatever the jitter; please report this with the recipes")
