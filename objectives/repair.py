"""Repair: from recipes that break a hard limit to recipes on the lab grid that keep all of them, for any design space.

Deterministic for a seed. Distances are Euclidean in the encoded unit cube.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Array
from objectives.constraints import TOLERANCE, Constraint, holds
from objectives.design_space import DesignSpace
from objectives.parameter import DesignSpaceError

Accept = Callable[[Array], NDArray[np.bool_]]

SAMPLES = 4096  # recipes searched for feasible ones before a search that follows the violations
SEARCHES = 16  # rounds of that search
PARENTS = 64  # least violating recipes that a round starts from, each with as many neighbours
SPREAD = (0.5, 0.7)  # half-width of the first round's neighbourhoods in the unit cube, and what each round keeps of it
ANCHORS = 256  # feasible recipes to walk back to; the nearest is used
BISECTIONS = 9  # halvings of the way to an anchor: 1/512 of it is below a lab step
LOCAL = 1024  # recipes a round around the target
ROUNDS = 4
REACH = (0.15, 0.05, 0.015)  # half-widths, in the unit cube, of the boxes in which the descent looks, besides one grid step
NEIGHBOURS = 512  # recipes in each
MOST_MOVES = 100  # guards the descent; it stops by itself when no move helps


class InfeasibleError(ValueError):
    """Raised when no recipe is found that keeps every hard limit."""


def low_discrepancy(n: int, d: int, seed: int) -> Array:
    """Return n even points in ``[0, 1)^d``, shape ``(n, d)``; the first m of n points are the m points of the same seed.

    Source: the additive recurrence of the generalised golden ratio (M. Roberts, "The unreasonable effectiveness of quasirandom
    sequences", 2018), ``x**(d + 1) = x + 1``; the shift is random by seed.
    """
    ratio = 2.0
    for _ in range(64):  # contracts by 1/(d + 1) or better a step
        ratio = (1.0 + ratio) ** (1.0 / (d + 1))
    slopes = ratio ** -np.arange(1.0, d + 1.0)
    shift = np.random.default_rng(seed).random(d)
    points: Array = (shift + np.arange(1.0, n + 1.0)[:, None] * slopes) % 1.0
    return points


def _feasible(constraints: Sequence[Constraint], accept: Accept | None, x: Array) -> NDArray[np.bool_]:
    mask = holds(constraints, x)
    if accept is not None and mask.any():
        mask[mask] = accept(x[mask])
    return mask


def _violations(constraints: Sequence[Constraint], x: Array) -> Array:
    """Return by how much each recipe breaks each constraint, shape ``(n, k)``; infinite where a margin is not a number."""
    with np.errstate(all="ignore"):  # physics asked about recipes that break the limits before it
        broken = [np.maximum(-constraint.margin(x), 0.0) for constraint in constraints]
    return np.nan_to_num(np.stack(broken, axis=1), nan=np.inf, posinf=np.inf) if broken else np.zeros((x.shape[0], 0))


def _less_violating(space: DesignSpace, constraints: Sequence[Constraint], x: Array, spread: float, seed: int) -> Array:
    """Return grid recipes around the least violating ones, and these; each constraint counts in its own typical violation."""
    violations = _violations(constraints, x)
    usual = [np.median(column[counts]) if (counts := np.isfinite(column) & (column > 0.0)).any() else 1.0 for column in violations.T]
    parents = x[np.argsort(np.sum(violations / np.array(usual), axis=1), kind="stable")[:PARENTS]]
    steps = spread * (2.0 * low_discrepancy(parents.shape[0] * PARENTS, space.dimension, seed) - 1.0)
    return np.concatenate([parents, space.decode(np.repeat(space.encode(parents), PARENTS, axis=0) + steps)])


def feasible_sample(space: DesignSpace, constraints: Sequence[Constraint], n: int, accept: Accept | None = None, seed: int = 0) -> Array:
    """Return up to n different feasible recipes spread over the space, shape ``(m, d)`` with 1 <= m <= n.

    Raises:
        InfeasibleError: If none is found; names the limit that most recipes break.
    """
    kept_limits = False
    points = everywhere = space.sample(low_discrepancy(max(SAMPLES, n), space.dimension, seed))
    for turn in range(SEARCHES):
        kept = np.flatnonzero(holds(constraints, points))
        kept_limits |= bool(kept.size)
        if accept is not None:
            kept = kept[: 4 * n]  # accepting may cost far more than the limits; most that keep the limits are accepted
            kept = kept[accept(points[kept])]
        if kept.size:
            _, first = np.unique(points[kept], axis=0, return_index=True)
            found: Array = points[kept[np.sort(first)[:n]]]
            return found
        points = _less_violating(space, constraints, points, SPREAD[0] * SPREAD[1] ** turn, seed + turn)
    if kept_limits:
        raise InfeasibleError(
            "recipes keep the hard limits, but accept refuses them all: none can be weighed as itself; make a larger batch or use a finer balance"
        )
    share = np.mean(_violations(constraints, everywhere) > TOLERANCE, axis=0)
    worst = int(np.argmax(share)) if constraints else 0
    named = f'"{constraints[worst].name}" is broken by {100.0 * share[worst]:.0f}% of the space' if constraints else "accept refuses them"
    raise InfeasibleError(f"hard limits must leave some recipe, but none was found that keeps all; {named}; widen the bounds or loosen a limit")


def _nearest_anchor(anchors: Array, points: Array) -> Array:
    """Return the anchor nearest to each point, both encoded; shape ``(n, d)``."""
    squared = np.sum(anchors**2, axis=1)
    chosen = [np.argmin(squared - 2.0 * points[k : k + 8192] @ anchors.T, axis=1) for k in range(0, points.shape[0], 8192)]
    nearest: Array = anchors[np.concatenate(chosen)]
    return nearest


def _last_feasible(space: DesignSpace, constraints: Sequence[Constraint], start: Array, way: Array) -> Array:
    """Return how much of each way, 0-1, can be gone from a feasible start, by bisection on the grid; shape ``(n,)``."""
    reached, refused = np.zeros(start.shape[0]), np.ones(start.shape[0])
    for _ in range(BISECTIONS):
        middle = 0.5 * (reached + refused)
        good = holds(constraints, space.decode(start + middle[:, None] * way))
        reached, refused = np.where(good, middle, reached), np.where(good, refused, middle)
    return reached


def _checked(space: DesignSpace, x: Array) -> Array:
    if not np.all(np.isfinite(x)):
        raise DesignSpaceError("recipes must be finite numbers to be repaired, got NaN or infinity; correct or drop those rows")
    return space.clip(x)


def repair(space: DesignSpace, constraints: Sequence[Constraint], x: Array, accept: Accept | None = None, seed: int = 0) -> Array:
    """Return for each recipe one on the lab grid that keeps every limit, shape ``(n, d)``.

    A recipe that keeps them after snapping is only snapped. Any other is walked from the nearest of a set of feasible recipes
    towards where it was, up to the last feasible one, and then given back each wanted value that it can have.

    Args:
        space: Where to look.
        constraints: Cheap ones first.
        x: Recipes, shape ``(n, d)``, inside the bounds or not.
        accept: A further test of recipes ``(n, d)``, such as `objectives.weighing.weighable`.
        seed: Of the feasible set.

    Raises:
        InfeasibleError: If no feasible recipe is found.
        DesignSpaceError: If a value is not finite.
    """
    wanted = _checked(space, x)
    fixed = space.snap(wanted)
    broken = np.flatnonzero(~_feasible(constraints, accept, fixed))
    if not broken.size:
        return fixed
    anchors = space.encode(feasible_sample(space, constraints, ANCHORS, accept, seed))
    target = space.encode(wanted[broken])
    start = _nearest_anchor(anchors, target)
    way = target - start

    reached = _last_feasible(space, constraints, start, way)
    walked = space.decode(start + reached[:, None] * way)
    closest = walked.copy()
    for column in range(space.dimension):
        tried = closest.copy()
        tried[:, column] = fixed[broken, column]
        closest = np.where(holds(constraints, tried)[:, None], tried, closest)
    corner = space.encode(closest)  # of the wanted values; the rest of the way may now be open
    closest = space.decode(corner + _last_feasible(space, constraints, corner, target - corner)[:, None] * (target - corner))
    if accept is None:
        fixed[broken] = closest
        return fixed

    fixed[broken] = space.decode(start)  # accepted when sampled
    left = np.arange(broken.size)
    for choice in (closest, walked):
        good = accept(choice[left])
        fixed[broken[left[good]]] = choice[left[good]]
        left = left[~good]
    for back in 0.5 ** np.arange(BISECTIONS - 1.0, 0.0, -1.0):  # step back by a growing share of the way
        if not left.size:
            break
        share = np.maximum(reached[left] - back, 0.0)
        stepped = space.decode(start[left] + share[:, None] * way[left])
        good = _feasible(constraints, accept, stepped)
        fixed[broken[left[good]]] = stepped[good]
        left = left[~good]
    return fixed


def _nearest_of(
    space: DesignSpace, constraints: Sequence[Constraint], accept: Accept | None, candidates: Array, target: Array, within: float
) -> tuple[Array, float] | None:
    """Return the nearest feasible candidate and its distance, or None when none is nearer than ``within``."""
    distance = np.linalg.norm(space.encode(candidates) - target, axis=1)
    close = np.flatnonzero(distance < within - 1e-12)  # strictly nearer, so that the descent ends
    close = close[np.argsort(distance[close], kind="stable")]
    start, size = 0, 256
    while start < close.size:  # nearest first: most candidates are never asked about
        rows = close[start : start + size]
        kept = rows[holds(constraints, candidates[rows])]
        for row in np.array_split(kept, max(1, kept.size // 8)) if accept is not None else [kept]:
            good = row if accept is None or not row.size else row[accept(candidates[row])]
            if good.size:
                return candidates[good[0]], float(distance[good[0]])
        start, size = start + size, 2 * size
    return None


def _moves(d: int) -> Array:
    """Return directions of one descent step in -1, 0, 1, shape ``(m, d)``: all of them up to four parameters, else one or two at a time."""
    if d <= 4:
        return np.array([move for move in product((-1.0, 0.0, 1.0), repeat=d) if any(move)])
    unit = np.eye(d)
    pairs = [a * unit[i] + b * unit[j] for i, j in combinations(range(d), 2) for a, b in product((-1.0, 1.0), repeat=2)]
    return np.array([*unit, *-unit, *pairs])


def nearest_feasible(space: DesignSpace, constraints: Sequence[Constraint], x: Array, accept: Accept | None = None, seed: int = 0) -> Array | None:
    """Return the grid recipe nearest to x that keeps every limit, shape ``(d,)``, or None when none is found.

    Repairs x, searches ever smaller boxes around it, then descends on the grid. A search, not a proof: on coarse grids it finds the
    nearest, and electrodes came out at most 0.01 (half an AM step) further than the nearest of 200,000 around them. Arguments as
    in `repair`, for one recipe of shape ``(d,)``.

    Raises:
        DesignSpaceError: If a value is not finite.
    """
    wanted = _checked(space, np.asarray(x, dtype=np.float64)[None, :])
    target = space.encode(wanted)[0]
    try:
        best: Array = repair(space, constraints, wanted, accept, seed)[0]
    except InfeasibleError:
        return None
    distance = float(np.linalg.norm(space.encode(best[None, :])[0] - target))
    if np.array_equal(best, space.snap(wanted)[0]):
        return best

    for turn in range(ROUNDS):
        box = space.decode(target + distance * (2.0 * low_discrepancy(LOCAL, space.dimension, seed + 1 + turn) - 1.0))
        found = _nearest_of(space, constraints, accept, box, target, distance)
        if found is not None:
            best, distance = found
    moves = _moves(space.dimension)
    around = 2.0 * low_discrepancy(NEIGHBOURS, space.dimension, seed) - 1.0
    for _ in range(MOST_MOVES):
        here = space.encode(best[None, :])
        stepped = space.at_index(space.index(best[None, :]) + moves.astype(np.intp))
        candidates = np.concatenate([stepped, *(space.decode(here + reach * around) for reach in REACH)])
        found = _nearest_of(space, constraints, accept, candidates, target, distance)
        if found is None:
            break
        best, distance = found
    return best
