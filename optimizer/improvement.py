"""Improvement of a candidate over what is known, sample by sample: plain for one objective, hypervolume for two or three. Numpy only.

All objectives are maximised. Values at or below the reference point count for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from objectives.composition import Array, Mask

BLOCK = 512  # candidates at a time in three objectives: what a slab computes stays in the processor's cache


def improvement(front: Array, values: Array, reference: Array) -> Array:
    """Return how much each candidate adds to the front, in each sample, shape ``(s, c)``.

    Args:
        front: Objective values of what is known (incumbents, pending, already chosen), shape ``(s, k, m)``, k may be 0; set a point
            that is not feasible in a sample to the reference there.
        values: Objective values of the candidates, shape ``(s, c, m)``.
        reference: Reference point, shape ``(m,)``, m 1, 2 or 3.

    Raises:
        ValueError: If m is another number.
    """
    m = len(reference)
    if m == 1:
        best = np.maximum(front[..., 0].max(axis=1, initial=-np.inf), reference[0])
        return np.maximum(values[..., 0] - best[:, None], 0.0)
    if m == 2:
        return _area(front, values, reference)
    if m == 3:
        return _volume(front, values, reference)
    raise ValueError(f"improvement takes one to three objectives, got {m}; remove the others")


def _area(front: Array, values: Array, reference: Array) -> Array:
    """Return the area that each candidate adds: strips of the first objective, each as high as the front reaches there."""
    front = _staircase(front, reference)
    upper, lower = _strips(front[..., 0], reference[0])
    height = np.maximum.accumulate(np.maximum(front[..., 1], reference[1]), axis=1)
    level = np.concatenate([np.full((len(front), 1), reference[1]), height], axis=1)
    first, second = np.ascontiguousarray(values[..., 0]), np.ascontiguousarray(values[..., 1])
    added = np.zeros(first.shape)
    for j in range(upper.shape[1]):
        width = np.minimum(first, upper[:, [j]]) - lower[:, [j]]
        added += np.maximum(width, 0.0) * np.maximum(second - level[:, [j]], 0.0)
    return added


def _volume(front: Array, values: Array, reference: Array) -> Array:
    """Return the volume that each candidate adds: slabs of the third objective, each over the area that the front's points reaching it leave."""
    front = _undominated(front, reference)
    upper, lower = _strips(front[..., 2], reference[2])
    added = np.zeros(values.shape[:2])
    for start in range(0, values.shape[1], BLOCK):
        block = values[:, start : start + BLOCK]
        third = np.ascontiguousarray(block[..., 2])
        for j in range(upper.shape[1]):
            depth = np.maximum(np.minimum(third, upper[:, [j]]) - lower[:, [j]], 0.0)
            added[:, start : start + BLOCK] += depth * _area(front[:, :j, :2], block[..., :2], reference[:2])
    return added


def _strips(falling: Array, floor: float) -> tuple[Array, Array]:
    """Return upper and lower edges ``(s, k + 1)`` of the strips between falling coordinates ``(s, k)``, from infinity down to the floor."""
    edge = np.maximum(falling, floor)
    ends = np.full((len(edge), 1), np.inf), np.full((len(edge), 1), floor)
    return np.concatenate([ends[0], edge], axis=1), np.concatenate([edge, ends[1]], axis=1)


def _staircase(front: Array, reference: Array) -> Array:
    """Return each sample's Pareto points ``(s, p, 2)``, the first objective falling, padded with the reference."""
    order = np.argsort(-front[..., 0], axis=1, kind="stable")
    front = np.take_along_axis(front, order[..., None], axis=1)
    highest = np.maximum.accumulate(front[..., 1], axis=1)
    before = np.concatenate([np.full((len(front), 1), -np.inf), highest], axis=1)[:, :-1]
    return _packed(front, front[..., 1] > before, reference)


def _undominated(front: Array, reference: Array) -> Array:
    """Return each sample's Pareto points above the reference ``(s, p, 3)``, the third objective falling, padded with the reference."""
    order = np.lexsort((-front[..., 1], -front[..., 0], -front[..., 2]), axis=-1)  # none is dominated by one after it
    front = np.take_along_axis(front, order[..., None], axis=1)
    kept = np.asarray((front > reference).all(axis=-1))
    for j in range(front.shape[1] - 1):
        kept[:, j + 1 :] &= (front[:, j + 1 :, :2] > front[:, [j], :2]).any(axis=-1)
    return _packed(front, kept, reference)


def _packed(front: Array, kept: Mask, reference: Array) -> Array:
    """Return the kept points of each sample in their order ``(s, p, m)``, padded with the reference to as many as the fullest sample has."""
    most = int(kept.sum(axis=1).max(initial=0))
    place = np.argsort(~kept, axis=1, kind="stable")[:, :most]
    points = np.take_along_axis(front, place[..., None], axis=1)
    return np.where(np.take_along_axis(kept, place, axis=1)[..., None], points, reference)


def greedy_batch(
    front: Array,
    values: Array,
    reference: Array,
    n: int,
    blocked: Mask,
    success: Array | None = None,
    open_to: Callable[[list[int]], Mask] | None = None,
    effort: Callable[[list[int]], Array] | None = None,
) -> list[int]:
    """Return the indices of a batch picked one by one by mean improvement over the samples, for what it costs.

    A chosen candidate joins the front of every sample, so that the next one is wanted for what it adds: joint in the posterior.

    Args:
        front: As in `improvement`, shape ``(s, k, m)``.
        values: As in `improvement`, shape ``(s, c, m)``; at the reference where a sample breaks a limit.
        reference: Shape ``(m,)``.
        n: How many.
        blocked: ``(c, c)`` bool: candidates too close to be in one batch (a candidate blocks itself).
        success: Probability that a candidate can be made at all, ``(c,)``; one when left out.
        open_to: Which candidates may join those already chosen, ``(c,)`` bool (a lab's rules for a batch); all when left out.
        effort: What each candidate adds to the cost of those already chosen, ``(c,)``, above 0; the same for all when left out.
    """
    left = np.ones(values.shape[1], dtype=bool)
    chosen: list[int] = []
    for _ in range(n):
        free = left if open_to is None else left & open_to(chosen)
        if not free.any():
            break
        gain = improvement(front, values, reference).mean(axis=0)
        gain = gain if success is None else gain * success
        gain = gain if effort is None else gain / effort(chosen)
        best = int(np.argmax(np.where(free, gain, -np.inf)))
        chosen.append(best)
        left &= ~blocked[best]
        front = np.concatenate([front, values[:, [best]]], axis=1)
    return chosen


def batch_gains(front: Array, values: Array, reference: Array, picks: Sequence[int]) -> list[float]:
    """Return the mean improvement of each pick over the front and the picks before it; arguments as in `greedy_batch`."""
    gains = []
    for pick in picks:
        gains.append(float(improvement(front, values[:, [pick]], reference).mean()))
        front = np.concatenate([front, values[:, [pick]]], axis=1)
    return gains
