"""Space-filling proposals under the constraints, for a cold start: scrambled Sobol points that keep every hard limit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from objectives.composition import Array
from objectives.design_space import DesignSpace
from objectives.repair import Accept
from optimizer.batch_rule import BatchRule
from optimizer.candidates import Feasible

OVERSAMPLE = 64  # points drawn for each recipe wanted; a fifth or more of the electrode's space keeps the limits


def propose(feasible: Feasible, known: Array, n: int, seed: int, likely: Accept, rule: BatchRule | None = None) -> Array:
    """Return n feasible recipes ``(n, d)`` that fill the space and repeat none of the known ones.

    Points that break a hard limit are brought back onto the feasible set, so that its surface is filled as well. ``likely`` says
    which recipes meet the soft limits with the required probability; the others are passed over, and so are those that ``rule`` does not
    allow beside the ones before.
    """
    chosen = np.zeros((0, feasible.space.dimension))
    for block in _blocks(feasible, known, n, seed):
        fresh = feasible.new(block, np.concatenate([known, chosen]))
        fresh = fresh[likely(fresh)] if len(fresh) else fresh
        for recipe in fresh:
            beside = np.concatenate([chosen, recipe[None]])
            allowed = rule is None or bool(rule.together(beside, list(range(len(chosen))))[-1])
            if len(chosen) < n and allowed and not feasible.same(recipe[None], chosen).any():
                chosen = beside
        if len(chosen) == n:
            break
    return chosen


def _blocks(feasible: Feasible, known: Array, n: int, seed: int) -> Iterator[Array]:
    """Yield recipes to choose from, best first: of a list the furthest from what is known, else Sobol points made feasible."""
    if feasible.pool is not None:
        yield _spread(feasible.space, feasible.new(feasible.pool, known), known, OVERSAMPLE * n)
        return
    from torch.quasirandom import SobolEngine  # torch takes over a second to import: only when asked

    points = SobolEngine(feasible.space.dimension, scramble=True, seed=seed).draw(n * OVERSAMPLE).numpy().astype(np.float64)
    raw = feasible.space.sample(points)
    for start in range(0, len(raw), n):
        yield feasible.repaired(raw[start : start + n], seed)


def _spread(space: DesignSpace, listed: Array, known: Array, n: int) -> Array:
    """Return up to n recipes of a list, each the furthest from what is known and chosen; the first of an empty start is the most central."""
    points = space.features(listed)
    anchors = space.features(known) if len(known) else np.zeros((0, points.shape[1]))
    distance = np.full(len(listed), np.inf)
    if len(anchors):
        distance = np.linalg.norm(points[:, None, :] - anchors[None, :, :], axis=2).min(axis=1)
    elif len(listed):
        distance = -np.linalg.norm(points - points.mean(axis=0), axis=1)
    chosen: list[int] = []
    while len(chosen) < min(n, len(listed)):
        best = int(np.argmax(distance))
        chosen.append(best)
        to_best = np.linalg.norm(points - points[best], axis=1)
        distance = np.minimum(distance, to_best) if len(chosen) > 1 or len(anchors) else to_best
        distance[chosen] = -np.inf
    return np.asarray(listed[chosen])
