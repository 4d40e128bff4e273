"""Improvement of a candidate over what is known, sample by sample: plain for one objective, hypervolume for two. Numpy only.

All objectives are maximised. Values at or below the reference point count for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from objectives.composition import Array, Mask


def improvement(front: Array, values: Array, reference: Array) -> Array:
    """Return how much each candidate adds to the front, in each sample, shape ``(s, c)``.

    Args:
        front: Objective values of what is known (incumbents, pending, already chosen), shape ``(s, k, m)``, k may be 0; set a point
            that is not feasible in a sample to the reference there.
        values: Objective values of the candidates, shape ``(s, c, m)``.
        reference: Reference point, shape ``(m,)``, m 1 or 2.

    Raises:
        ValueError: If m is neither 1 nor 2.
    """
    m = len(reference)
    if m == 1:
        best = np.maximum(front[..., 0].max(axis=1, initial=-np.inf), reference[0])
        return np.maximum(values[..., 0] - best[:, None], 0.0)
    if m == 2:
        return _hypervolume_improvement(front, values, reference)
    raise ValueError(f"improvement takes one or two objectives, got {m}")


def _hypervolume_improvement(front: Array, values: Array, reference: Array) -> Array:
    """Return the area that each candidate adds: strips of the first objective, each as high as the front reaches there."""
    samples, candidates, _ = values.shape
    front = _pareto(front, reference)
    order = np.argsort(-front[..., 0], axis=1)
    edge = np.maximum(np.take_along_axis(front[..., 0], order, axis=1), reference[0])
    height = np.maximum.accumulate(np.maximum(np.take_along_axis(front[..., 1], order, axis=1), reference[1]), axis=1)
    top = np.full((samples, 1), np.inf)
    floor = np.full((samples, 1), reference[0])
    ground = np.full((samples, 1), reference[1])
    upper, lower = np.concatenate([top, edge], axis=1), np.concatenate([edge, floor], axis=1)
    level = np.concatenate([ground, height], axis=1)
    added = np.zeros((samples, candidates))
    for j in range(upper.shape[1]):
        width = np.minimum(values[..., 0], upper[:, [j]]) - lower[:, [j]]
        added += np.maximum(width, 0.0) * np.maximum(values[..., 1] - level[:, [j]], 0.0)
    return added


def _pareto(front: Array, reference: Array) -> Array:
    """Return each sample's Pareto points ``(s, p, 2)``, padded with the reference: the others dominate nothing of their own."""
    if front.shape[1] < 2:
        return front
    order = np.argsort(-front[..., 0], axis=1, kind="stable")
    first, second = (np.take_along_axis(front[..., i], order, axis=1) for i in (0, 1))
    before = np.concatenate([np.full((len(front), 1), -np.inf), np.maximum.accumulate(second, axis=1)[:, :-1]], axis=1)
    kept = second > before
    most = max(int(kept.sum(axis=1).max()), 1)
    place = np.argsort(~kept, axis=1, kind="stable")[:, :most]
    chosen = np.take_along_axis(kept, place, axis=1)[..., None]
    points = np.stack([np.take_along_axis(first, place, axis=1), np.take_along_axis(second, place, axis=1)], axis=-1)
    return np.where(chosen, points, reference)


def greedy_batch(
    front: Array,
    values: Array,
    reference: Array,
    n: int,
    blocked: Mask,
    success: Array | None = None,
    open_to: Callable[[list[int]], Mask] | None = None,
) -> list[int]:
    """Return the indices of a batch picked one by one by mean improvement over the samples.

    A chosen candidate joins the front of every sample, so that the next one is wanted for what it adds: joint in the posterior.

    Args:
        front: As in `improvement`, shape ``(s, k, m)``.
        values: As in `improvement`, shape ``(s, c, m)``; at the reference where a sample breaks a limit.
        reference: Shape ``(m,)``.
        n: How many.
        blocked: ``(c, c)`` bool: candidates too close to be in one batch (a candidate blocks itself).
        success: Probability that a candidate can be made at all, ``(c,)``; one when left out.
        open_to: Which candidates may join those already chosen, ``(c,)`` bool (a lab's rules for a batch); all when left out.
    """
    left = np.ones(values.shape[1], dtype=bool)
    chosen: list[int] = []
    for _ in range(n):
        free = left if open_to is None else left & open_to(chosen)
        if not free.any():
            break
        gain = improvement(front, values, reference).mean(axis=0)
        gain = np.where(free, gain if success is None else gain * success, -np.inf)
        best = int(np.argmax(gain))
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
