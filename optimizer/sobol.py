"""Space-filling proposals under the constraints, for a cold start: scrambled Sobol points that keep every hard limit."""

from __future__ import annotations

import numpy as np
from torch.quasirandom import SobolEngine

from objectives.composition import Array
from objectives.repair import Accept
from optimizer.candidates import Feasible

OVERSAMPLE = 64  # points drawn for each recipe wanted; a fifth or more of the electrode's space keeps the limits


def propose(feasible: Feasible, known: Array, n: int, seed: int, likely: Accept) -> Array:
    """Return n feasible recipes ``(n, d)`` that fill the space and repeat none of the known ones.

    Points that break a hard limit are brought back onto the feasible set, so that its surface is filled as well. ``likely`` says
    which recipes meet the soft limits with the required probability; the others are passed over.
    """
    dimension = feasible.space.dimension
    raw = feasible.space.sample(SobolEngine(dimension, scramble=True, seed=seed).draw(n * OVERSAMPLE).numpy().astype(np.float64))
    chosen = np.zeros((0, dimension))
    for start in range(0, len(raw), n):
        block = feasible.repaired(raw[start : start + n], seed)
        fresh = feasible.new(block, np.concatenate([known, chosen]))
        fresh = fresh[likely(fresh)] if len(fresh) else fresh
        for recipe in fresh:
            if len(chosen) < n and not feasible.same(recipe[None], chosen).any():
                chosen = np.concatenate([chosen, recipe[None]])
        if len(chosen) == n:
            break
    return chosen
