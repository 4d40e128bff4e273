"""What keeps fits fast when rows are many: hyperparameters from a part of them, and beyond a limit, rows merged with their neighbours."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.cluster.vq import kmeans2

from objectives.composition import Array
from surrogates.map_fit import Hyperparameters, Priors, fit_map
from surrogates.protocol import Inputs, OutcomeData

LEARN_FROM = 256  # rows of an outcome that its hyperparameters are learned from; more would sharpen them less than they cost
MOST_ROWS = 2000  # rows of an outcome that are kept apart
MERGED_ROWS = 1000  # rows that more of them become


class ManyRowsWarning(UserWarning):
    """Says that rows were merged."""


def learned(data: OutcomeData, priors: Priors, doubt: Array | None = None) -> Hyperparameters:
    """Return the hyperparameters of rows, of a fixed random part of them where there are many; arguments as `fit_map`."""
    if len(data.values) <= LEARN_FROM:
        return fit_map(data, priors, doubt)
    part: Any = np.sort(np.random.default_rng(0).permutation(len(data.values))[:LEARN_FROM])
    return fit_map(data.take(part), priors, None if doubt is None else doubt[part])


def merged(name: str, data: OutcomeData) -> OutcomeData:
    """Return rows as they are up to `MOST_ROWS`; beyond, neighbours become one row, and a warning says so."""
    n = len(data.values)
    if n <= MOST_ROWS:
        return data
    warnings.warn(f"{name} has {n} rows, more than {MOST_ROWS}: neighbours are merged into {MERGED_ROWS} rows", ManyRowsWarning, stacklevel=2)
    return merge(data, MERGED_ROWS)


def merge(data: OutcomeData, into: int) -> OutcomeData:
    """Return at most so many rows: neighbours of one study become one, their mean weighted by precision.

    A mean of values is a measurement of the mean of functions, so physics and slopes are averaged alike and the noise falls.
    """
    n, i = len(data.values), data.inputs
    if n <= into:
        return data
    spread = np.maximum(i.features.std(axis=0), 1e-9)
    apart = np.column_stack([i.features / spread, 1e3 * i.study])  # rows of two studies are never neighbours
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # scipy: some clusters may be empty
        _, label = kmeans2(apart, into, iter=5, minit="points", rng=np.random.default_rng(0))
    _, label = np.unique(label, return_inverse=True)
    weight = data.noise_sd**-2.0
    total = np.bincount(label, weight)

    def mean(values: Array) -> Array:
        flat = values.reshape(n, -1)
        summed = np.zeros((len(total), flat.shape[1]))
        np.add.at(summed, label, weight[:, None] * flat)
        return np.asarray((summed / total[:, None]).reshape(len(total), *values.shape[1:]))

    inputs = Inputs(mean(i.features), np.round(mean(i.study)), mean(i.physics), mean(i.directions))
    return OutcomeData(inputs, mean(data.values), np.asarray(total**-0.5, dtype=float))
