"""scikit-learn models behind the surrogate protocol: baselines that know nothing of the physics."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from objectives.composition import Array
from surrogates.protocol import Inputs, OutcomeData, Prediction


def _design_matrix(inputs: Inputs, studies: Array) -> Array:
    """Return features beside one column a study (all zero for a study not seen)."""
    return np.column_stack([inputs.features, (inputs.study[:, None] == studies[None, :]).astype(float)])


def _refuse_empty(name: str, data: OutcomeData) -> None:
    if not len(data.values):
        raise ValueError(f"{name} needs at least one measured row, got none; only the Gaussian process around the physics has a prior")


@dataclass(frozen=True)
class _Forest:
    model: Any
    studies: Array

    def predict(self, inputs: Inputs) -> Prediction:
        x = _design_matrix(inputs, self.studies)
        trees = np.stack([tree.predict(x) for tree in self.model.estimators_])
        return Prediction(trees.mean(axis=0), trees.std(axis=0))


@dataclass(frozen=True)
class RandomForest:
    """A random forest; the spread of its trees is its standard deviation."""

    trees: int = 200

    @property
    def name(self) -> str:
        """Short name, as in tables and options."""
        return "forest"

    def fit(self, data: OutcomeData, seed: int) -> _Forest:
        """Return the forest fitted to the rows, weighted by their noise."""
        _refuse_empty(self.name, data)
        studies = np.unique(data.inputs.study)
        model = RandomForestRegressor(self.trees, min_samples_leaf=2, random_state=seed, n_jobs=1)
        model.fit(_design_matrix(data.inputs, studies), data.values, sample_weight=1.0 / data.noise_sd**2)
        return _Forest(model, studies)


@dataclass(frozen=True)
class _Plain:
    model: Any
    studies: Array

    def predict(self, inputs: Inputs) -> Prediction:
        mean, sd = self.model.predict(_design_matrix(inputs, self.studies), return_std=True)
        return Prediction(mean, sd)


@dataclass(frozen=True)
class SklearnGaussianProcess:
    """scikit-learn's Gaussian process with a Matern-5/2 kernel on features and study columns."""

    @property
    def name(self) -> str:
        """Short name, as in tables and options."""
        return "gp-sklearn"

    def fit(self, data: OutcomeData, seed: int) -> _Plain:
        """Return the process at its maximum marginal likelihood, with the rows' known noise."""
        _refuse_empty(self.name, data)
        studies = np.unique(data.inputs.study)
        x = _design_matrix(data.inputs, studies)
        kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(np.ones(x.shape[1]), (0.1, 30.0), nu=2.5)
        spread = float(np.std(data.values)) or 1.0
        model = GaussianProcessRegressor(kernel, alpha=(data.noise_sd / spread) ** 2, normalize_y=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # length scales at their bounds are expected with few rows
            model.fit(x, data.values)
        return _Plain(model, studies)
