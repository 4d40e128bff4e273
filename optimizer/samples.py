"""Posterior samples of outcomes and margins, and what a goal makes of them. Numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from objectives.composition import Array, Mask
from optimizer.goal import Objective


class Samples(NamedTuple):
    """Joint posterior samples at n recipes: outcomes by name, each ``(s, n)``, and the soft margins by limit, ``(s, n)``."""

    outcomes: Mapping[str, Array]
    margins: Mapping[str, Array]

    @property
    def feasible(self) -> Mask:
        """Return which samples meet every soft limit, ``(s, n)`` bool."""
        everywhere = np.ones_like(next(iter(self.outcomes.values())), dtype=bool)  # a campaign may have no limit
        return np.asarray(np.logical_and.reduce([everywhere, *(margin >= 0.0 for margin in self.margins.values())]))


def objective_values(objectives: Sequence[Objective], samples: Samples) -> Array:
    """Return the objectives ``(s, n, m)`` of samples, each to be maximised."""
    return np.stack([o.sign * samples.outcomes[o.outcome] for o in objectives], axis=-1)


def reference_point(objectives: Sequence[Objective]) -> Array:
    """Return the reference point ``(m,)``, in the objectives' own signs."""
    return np.array([o.sign * o.reference for o in objectives])
