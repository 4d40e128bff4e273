"""Which finished recipes deserve a higher fidelity: a ranking of results, the same for the same results. Numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from objectives.composition import Array
from optimizer.goal import Objective
from optimizer.improvement import improvement
from optimizer.runs.history import COMPLETED, Trial
from optimizer.runs.worth import undominated


@dataclass(frozen=True)
class Ranking:
    """Finished trials in the order in which they are worth a higher fidelity."""

    best: tuple[Trial, ...]  # within every limit
    doubtful: tuple[Trial, ...]  # outside one at this fidelity, which may be wrong about it


def rank(objectives: Sequence[Objective], trials: Sequence[Trial], most: int) -> Ranking:
    """Return a ranking of the completed trials with every objective and a path for ions; failures are not ranked.

    Args:
        objectives: What is sought.
        trials: Of one fidelity.
        most: How many places of each kind are wanted.
    """
    complete = [trial for trial in trials if trial.state == COMPLETED and all(value is not None for value in trial.objectives)]
    usable = sorted((trial for trial in complete if trial.percolates), key=lambda trial: trial.number)  # of equals, the earlier one
    good, broken = ([trial for trial in usable if trial.counts is kept] for kept in (True, False))
    signs = np.array([objective.sign for objective in objectives])
    reference = signs * np.array([objective.reference for objective in objectives])
    values = _values(good, signs)
    doubtful = _nearest_misses(_values(broken, signs), _misses(broken, usable), values, reference)[:most] if broken else []
    return Ranking(tuple(good[i] for i in _by_layers(values, reference, most)), tuple(broken[i] for i in doubtful))


def _values(trials: Sequence[Trial], signs: Array) -> Array:
    return np.array([trial.objectives for trial in trials], dtype=float).reshape(-1, len(signs)) * signs


def _by_layers(values: Array, reference: Array, most: int) -> list[int]:
    """Return indices of points ``(n, m)``, to be maximised: undominated ones first, each layer by what its points alone add to its hypervolume."""
    left, order = np.arange(len(values)), list[int]()
    while len(left) and len(order) < most:
        mask = undominated(values[left])
        layer = left[mask]
        order += layer[np.argsort(-_alone(values[layer], reference), kind="stable")].tolist()
        left = left[~mask]
    return order[:most]


def _alone(points: Array, reference: Array) -> Array:
    """Return the hypervolume that each of the points ``(n, m)`` adds to the others, ``(n,)``."""
    n = len(points)
    others = np.broadcast_to(points, (n, *points.shape)).copy()
    others[np.arange(n), np.arange(n)] = reference
    return improvement(others, points[:, None], reference)[:, 0]


def _misses(broken: Sequence[Trial], usable: Sequence[Trial]) -> Array:
    """Return by how much trials miss their limits, ``(n,)``, each limit in the scatter of its margin over all usable trials, for units differ."""
    scatter = np.array([trial.margins for trial in usable], dtype=float).std(axis=0)
    margins = np.array([trial.margins for trial in broken], dtype=float)
    return np.asarray((np.maximum(-margins, 0.0) / np.where(scatter > 0.0, scatter, 1.0)).sum(axis=1))


def _nearest_misses(values: Array, misses: Array, good: Array, reference: Array) -> list[int]:
    """Return indices of trials that break a limit: first those that would enlarge the front if they did not, each kind by how little they miss."""
    front = good[undominated(good)]
    gains = improvement(front[None], values[None], reference)[0] > 0.0
    order: list[int] = np.lexsort((misses, ~gains)).tolist()
    return order
