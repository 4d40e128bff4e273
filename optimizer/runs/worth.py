"""What a run's results are worth: the hypervolume above the campaign's reference, grown point by point, and the front. Numpy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from objectives.composition import Array, Mask
from optimizer.goal import Objective
from optimizer.improvement import improvement
from optimizer.runs.history import Trial


class Front:
    """The undominated results so far, and their hypervolume; with one objective, the best result above the reference."""

    def __init__(self, objectives: Sequence[Objective]) -> None:
        """Open an empty front."""
        self._signs = np.array([o.sign for o in objectives])
        self._reference = self._signs * np.array([o.reference for o in objectives])
        self._points = np.zeros((0, len(self._signs)))
        self.trials: list[Trial] = []
        self.volume = 0.0

    def add(self, trial: Trial) -> float:
        """Return by how much a trial enlarges the hypervolume, and let it join the front if it is not dominated."""
        if not trial.counts:
            return 0.0
        point = self._signs * np.array(trial.objectives, dtype=float)
        if bool((point <= self._reference).any()) or bool((self._points >= point).all(axis=1).any()):
            return 0.0
        gain = float(improvement(self._points[None], point[None, None], self._reference)[0, 0])
        kept = ~(point >= self._points).all(axis=1)
        self.trials = [old for old, keep in zip(self.trials, kept, strict=True) if keep] + [trial]
        self._points = np.concatenate([self._points[kept], point[None]])
        self.volume += gain
        return gain


def convergence(objectives: Sequence[Objective], trials: Sequence[Trial]) -> tuple[Front, list[float]]:
    """Return the front of all that has ended, and the hypervolume after each result, in the order in which they came."""
    front = Front(objectives)
    ended = sorted((trial for trial in trials if trial.ended is not None), key=lambda trial: trial.ended or 0)
    volumes = []
    for trial in ended:
        front.add(trial)
        volumes.append(front.volume)
    return front, volumes


def final_front(objectives: Sequence[Objective], trials: Sequence[Trial]) -> Front:
    """Return the front of all that has ended, quickly: what is dominated is left out before the hypervolume is counted."""
    good = [trial for trial in trials if trial.counts]
    values = np.array([trial.objectives for trial in good], dtype=float).reshape(-1, len(objectives)) * np.array([o.sign for o in objectives])
    front = Front(objectives)
    for i in np.flatnonzero(undominated(values)):
        front.add(good[i])
    return front


def undominated(values: Array) -> Mask:
    """Return which points ``(n, m)``, to be maximised, no other point dominates; of equal ones the first. Shape ``(n,)``."""
    kept = np.ones(len(values), dtype=bool)
    for i in np.argsort(-values.sum(axis=1), kind="stable"):  # none is dominated by a point of smaller sum
        if kept[i]:
            kept &= (values > values[i]).any(axis=1)
            kept[i] = True
    return kept
