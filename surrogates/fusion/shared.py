"""A model of all outcomes at once: a Gaussian process each, and weights of linear terms that they share.

Given the weights the outcomes are independent, so that a fit costs what the outcomes cost one by one; their posterior is one Gaussian.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.linalg import cho_solve

from objectives.composition import Array
from surrogates.fusion.process import LEAST_SD, Points, Process, Seen
from surrogates.protocol import Inputs, OutcomeData, Prediction


class Basis(Protocol):
    """How inputs become a mean and the columns of standard normal weights."""

    def mean(self, name: str, inputs: Inputs) -> Array:
        """Return the mean before any row, ``(n,)``."""
        ...

    def columns(self, name: str, inputs: Inputs) -> Array:
        """Return the columns of the weights, ``(n, r)``."""
        ...

    def points(self, name: str, inputs: Inputs) -> Points:
        """Return what the discrepancy depends on."""
        ...


@dataclass(frozen=True)
class SharedModel:
    """Rows of every outcome under known hyperparameters, and the posterior of the weights they share."""

    basis: Basis
    processes: Mapping[str, Process]

    @cached_property
    def _precision_root(self) -> Array:
        parts = [p.white_columns for p in self.processes.values()]
        return np.asarray(np.linalg.cholesky(np.eye(parts[0].shape[1]) + sum(part.T @ part for part in parts)))

    @cached_property
    def weights(self) -> Array:
        """Posterior mean of the weights, ``(r,)``."""
        pull: Array = sum((p.white_columns.T @ p.white_rest for p in self.processes.values()), np.zeros(len(self._precision_root)))
        return np.asarray(cho_solve((self._precision_root, True), pull))

    @cached_property
    def weight_root(self) -> Array:
        """A square root of the weights' posterior covariance, ``(r, r)``."""
        return np.asarray(np.linalg.inv(self._precision_root).T)

    def energy(self, weights: Array) -> float:
        """Return minus the log density of rows and weights together, up to a constant."""
        misfit = sum(float(np.sum((p.white_rest - p.white_columns @ weights) ** 2)) for p in self.processes.values())
        return 0.5 * (float(weights @ weights) + misfit)

    def seen(self, name: str, inputs: Inputs) -> Seen:
        """Return points as the outcome's rows see them: what the methods below take, for those who ask more than once."""
        return Seen(self.processes[name].rows, self.basis.points(name, inputs))

    def mean(self, name: str, inputs: Inputs) -> Array:
        """Return the mean at each point ``(m,)``: that of `predict` without the work for its doubt."""
        process, rows, points = self.processes[name], self.processes[name].rows, self.basis.points(name, inputs)
        pull = rows.whiten(process.white_rest - process.white_columns @ self.weights, back=True)
        return self._before(name, inputs) + self.basis.columns(name, inputs) @ self.weights + rows.covariance(points, rows.points) @ pull

    def predict(self, name: str, inputs: Inputs, seen: Seen | None = None) -> Prediction:
        """Return mean and standard deviation at each point by itself."""
        seen = seen or self.seen(name, inputs)
        mean, loading = self._parts(name, inputs, seen)
        variance = seen.left_variance + ((loading @ self.weight_root) ** 2).sum(axis=1)
        return Prediction(mean + loading @ self.weights, np.sqrt(np.maximum(variance, LEAST_SD**2)))

    def loading(self, name: str, inputs: Inputs) -> Array:
        """Return how the weights move the outcome at points, given the rows, ``(m, r)``."""
        return self._parts(name, inputs, self.seen(name, inputs))[1]

    def draw_weights(self, noise: Array) -> Array:
        """Return posterior samples of the weights ``(s, r)`` from standard normals ``(s, r)``."""
        return np.asarray(self.weights + noise @ self.weight_root.T)

    def draw(self, name: str, inputs: Inputs, weights: Array, noise: Array, seen: Seen | None = None) -> Array:
        """Return samples ``(s, m)`` given samples of the weights ``(s, r)``: joint over the points with normals ``(s, m)``; with normals
        ``(s, 1)`` each point by itself beyond the weights.
        """
        seen = seen or self.seen(name, inputs)
        mean, loading = self._parts(name, inputs, seen)
        found = weights @ loading.T
        found += mean
        found += noise * seen.left_sd if noise.shape[1] == 1 else noise @ seen.left_root.T
        return np.asarray(found)

    def covariance(self, name: str, inputs: Inputs, seen: Seen | None = None) -> Array:
        """Return the joint posterior covariance of points, ``(m, m)``."""
        seen = seen or self.seen(name, inputs)
        spread = self._parts(name, inputs, seen)[1] @ self.weight_root
        return np.asarray(seen.left_covariance + spread @ spread.T)

    def _before(self, name: str, inputs: Inputs) -> Array:
        """Return the mean before any row, ``(m,)``."""
        found = self.processes[name].found
        return np.asarray(found.scale * self.basis.mean(name, inputs) + found.bias)

    def _parts(self, name: str, inputs: Inputs, seen: Seen) -> tuple[Array, Array]:
        """Return the mean at weights zero ``(m,)`` and the loading of the weights ``(m, r)``."""
        process = self.processes[name]
        mean = self._before(name, inputs) + seen.cross.T @ process.white_rest
        return mean, self.basis.columns(name, inputs) - seen.cross.T @ process.white_columns

    def extended(self, rows: Mapping[str, OutcomeData]) -> SharedModel:
        """Return the model with further rows under the same hyperparameters: what a fit would give that found the same ones."""
        processes = dict(self.processes)
        for name, data in rows.items():
            process, inputs = processes[name], data.inputs
            rest = data.values - self._before(name, inputs)
            processes[name] = process.extended(self.basis.points(name, inputs), rest, self.basis.columns(name, inputs), data.noise_sd)
        return replace(self, processes=processes)

    def left_out(self, groups: Mapping[str, Array]) -> dict[str, Array]:
        """Return the log density of each row ``(n,)`` with its whole group left out, in every outcome: a cell, with all that it measured."""
        names = list(self.processes)
        starts = np.cumsum([0, *(len(self.processes[name]) for name in names)])
        processes = [self.processes[name] for name in names]
        wide = np.concatenate([p.rows.whiten(p.white_columns, back=True) for p in processes])
        pulled = np.concatenate([p.rows.whiten(p.white_rest - p.white_columns @ self.weights, back=True) for p in processes])
        wide = wide @ self.weight_root
        label, density = np.concatenate([groups[name] for name in names]), np.empty(starts[-1])
        for group in np.unique(label):
            rows = np.flatnonzero(label == group)
            inner = -wide[rows] @ wide[rows].T  # this block of the inverse of all rows' covariance
            for process, start, end in zip(processes, starts, starts[1:], strict=False):
                here = np.flatnonzero((rows >= start) & (rows < end))
                if here.size:
                    own = rows[here] - start
                    inner[here[:, None], here] += process.rows.precision[own[:, None], own]
            own = np.linalg.inv(inner)
            variance = np.diag(own)
            density[rows] = -0.5 * ((own @ pulled[rows]) ** 2 / variance + np.log(2.0 * np.pi * variance))
        return {name: density[start:end] for name, start, end in zip(names, starts, starts[1:], strict=False)}
