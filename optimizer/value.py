"""What a result is worth before it is known: how much better the choice of a recipe becomes. Numpy only.

The expected value of sample information by regression over posterior samples: in each sample the result is drawn with its noise, what each
choice is worth is regressed on it, and the choice follows the regression (M. Strong, J. E. Oakley, A. Brennan and P. Breeze, Med. Decis. Making 35,
570 (2015)). Half of the samples teach the regression and the other half judge its choices by what they are really worth there, and the other way
round: noise in the regression makes the value smaller, never larger.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from objectives.composition import Array, Mask

QUADRATIC = 12  # columns of a result up to which the regression has squares too; beyond, samples are too few for them
RIDGE = 1e-3  # of the samples: keeps columns that say the same from breaking the regression
ANGLES = 16  # weights between two objectives
WEIGHTS = 48  # weights among three


@dataclass(frozen=True)
class Value:
    """What a result is worth.

    Args:
        gain: How much more the choice is expected to be worth, in the unit of what was chosen by; at least 0.
        error: Standard error of the gain, from the finite number of samples.
        changes: Probability that the result changes the choice.
    """

    gain: float
    error: float
    changes: float


def value_of_result(worth: Array, seen: Array, before: Mask | None = None) -> Value:
    """Return what it is worth to see a result before choosing.

    Args:
        worth: What each choice is worth in each joint posterior sample, ``(s, c)``, or under several weights ``(w, s, c)``, over which is averaged.
        seen: The result in each sample, its noise included, ``(s, r)``; no column is a result that says nothing.
        before: Which choices there are without the result, ``(c,)``; all when left out. A recipe can be adopted once it has been made.
    """
    worth = worth if worth.ndim == 3 else worth[None]
    open_now = np.ones(worth.shape[2], dtype=bool) if before is None else before
    now = np.where(open_now, worth.mean(axis=1), -np.inf).argmax(axis=1)  # (w,)
    columns = _columns(seen)
    halves = np.arange(len(seen)) % 2 == 0
    chosen = np.zeros(worth.shape[:2], dtype=np.intp)
    for teach in (halves, ~halves):
        chosen[:, ~teach] = np.stack([_fitted(columns[teach], one[teach], columns[~teach]).argmax(axis=1) for one in worth])
    better = np.take_along_axis(worth, chosen[..., None], axis=2)[..., 0] - np.take_along_axis(worth, now[:, None, None], axis=2)[..., 0]
    gain = better.mean(axis=0)  # over the weights, (s,)
    return Value(max(float(gain.mean()), 0.0), float(gain.std() / math.sqrt(len(gain))), float((chosen != now[:, None]).mean()))


def _columns(seen: Array) -> Array:
    """Return a result as columns of the regression, in units of their spread, with a constant."""
    spread = seen.std(axis=0)
    scaled = (seen - seen.mean(axis=0))[:, spread > 0.0] / spread[spread > 0.0]
    squares = scaled**2 - 1.0 if scaled.shape[1] <= QUADRATIC else scaled[:, :0]
    return np.concatenate([np.ones((len(seen), 1)), scaled, squares], axis=1)


def _fitted(x: Array, y: Array, at: Array) -> Array:
    """Return the ridge regression of y ``(s, c)`` on x at other points; the constant is not shrunk."""
    penalty = RIDGE * len(x) * np.eye(x.shape[1])
    penalty[0, 0] = 0.0
    return np.asarray(at @ np.linalg.solve(x.T @ x + penalty, x.T @ y))


def worth_of(values: Array, reference: Array) -> Array:
    """Return what adopting each recipe is worth, under several weights of the objectives, ``(w, s, c)``.

    With one objective, how far it lies above the reference. With more, scalarised so that the mean over the weights of the best recipe's worth
    is the hypervolume (R. Zhang and D. Golovin, Random hypervolume scalarizations, ICML 2020).

    Args:
        values: Objectives, all maximised, ``(s, c, m)``; at the reference where a sample breaks a limit.
        reference: Shape ``(m,)``.
    """
    m = len(reference)
    above = np.maximum(values - reference, 0.0)
    if m == 1:
        return np.asarray(above[None, ..., 0])
    unit = np.maximum(above.mean(axis=0).max(axis=0), 1e-12)  # any scale gives the hypervolume; this one spreads the weights over the front
    nearest = np.stack([(above / (unit * weight)).min(axis=-1) for weight in _weights(m)])
    ball = math.pi ** (m / 2) / (2**m * math.gamma(m / 2 + 1))
    return np.asarray(ball * np.prod(unit) * nearest**m)


def _weights(m: int) -> Array:
    """Return weights spread over the positive part of the unit sphere, ``(w, m)``."""
    if m == 2:
        angle = (np.arange(ANGLES) + 0.5) / ANGLES * (math.pi / 2)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    drawn = np.abs(np.random.default_rng(0).standard_normal((WEIGHTS, m)))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))
