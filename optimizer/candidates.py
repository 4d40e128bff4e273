"""Candidate recipes for a proposal: every one on the lab grid, weighable, and inside the hard limits; none a repeat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Array, Mask
from objectives.constraints import Constraint, holds
from objectives.design_space import DesignSpace
from objectives.repair import Accept, InfeasibleError, feasible_sample, repair

START = 4096  # low-discrepancy points drawn; about half survive the electrode's limits
ROUNDS = (0.10, 0.04, 0.015)  # widths of the perturbation rounds, in units of the cube
PARENTS, CHILDREN = 60, 12  # best candidates perturbed a round, and how often each
REPEAT_SHARE = 0.02  # recipes nearer than this in every encoded parameter are the same recipe to a lab
ROUNDING = 1e-9  # the same for recipes of a list
SWITCH = 0.2  # share of perturbations that draw a category anew
KEEP = 500  # candidates of a search
REGIONS = 4  # of each parameter's range, so that d parameters make 4^d regions
CROWDED = 0.8  # what a candidate counts for each better one of its region, where candidates are spread

Score = Callable[[Array], Array]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Feasible:
    """The recipes a campaign may propose: space, hard limits and the balance; or only those of a list, ``pool`` ``(p, d)``."""

    space: DesignSpace
    constraints: tuple[Constraint, ...]
    accept: Accept
    pool: Array | None = None

    @classmethod
    def listed(cls, space: DesignSpace, constraints: tuple[Constraint, ...], accept: Accept, recipes: Array) -> Feasible:
        """Return the recipes of a list that keep the hard limits; what is on no lab grid may be in it.

        Raises:
            InfeasibleError: If none does.
        """
        everything = cls(space, constraints, accept)
        kept = everything.keep(recipes)
        if not len(kept):
            raise InfeasibleError(f"a list of candidates must hold a recipe that keeps the hard limits, but none of its {len(recipes)} does")
        return cls(space, constraints, accept, kept)

    def sample(self, n: int, seed: int) -> Array:
        """Return up to n feasible recipes spread over the space."""
        return feasible_sample(self.space, self.constraints, n, self.accept, seed)

    def keep(self, recipes: Array) -> Array:
        """Return the recipes that are feasible, each once."""
        unique = np.unique(recipes, axis=0)
        inside = unique[holds(self.constraints, unique)]
        return inside[self.accept(inside)] if len(inside) else inside

    def repaired(self, recipes: Array, seed: int) -> Array:
        """Return recipes brought back onto the feasible set, each once: optima like to sit on its surface."""
        return np.unique(repair(self.space, self.constraints, recipes, self.accept, seed), axis=0)

    def same(self, a: Array, b: Array) -> Mask:
        """Return which of ``a`` (n, d) and ``b`` (k, d) are the same recipe to a lab, ``(n, k)`` bool."""
        if not len(a) or not len(b):
            return np.zeros((len(a), len(b)), dtype=bool)
        apart = np.abs(self.space.encode(a)[:, None, :] - self.space.encode(b)[None, :, :])
        near = REPEAT_SHARE if self.pool is None else ROUNDING  # two powders on a list are two powders
        return np.asarray((apart < near).all(axis=-1))

    def new(self, recipes: Array, known: Array) -> Array:
        """Return the recipes that repeat none of the known ones."""
        return recipes[~self.same(recipes, known).any(axis=1)]


def search(feasible: Feasible, score: Score, known: Array, starts: Array, seed: int) -> Array:
    """Return the most promising feasible recipes ``(c, d)``, best first, at most `KEEP`.

    Args:
        feasible: What may be proposed.
        score: Recipes ``(n, d)`` to a score ``(n,)``, higher is better.
        known: Recipes not to repeat.
        starts: Recipes to look around as well (incumbents), feasible or not.
        seed: Of the points and perturbations.
    """
    if feasible.pool is not None:
        listed = feasible.new(feasible.pool, known)
        return np.asarray(listed[np.argsort(-score(listed), kind="stable")[:KEEP]]) if len(listed) else listed
    rng = np.random.default_rng([seed, 1])
    pool = feasible.sample(START, seed)
    if len(starts):
        pool = np.unique(np.concatenate([pool, feasible.repaired(starts, seed)]), axis=0)
    pool = feasible.new(pool, known)
    scores = score(pool)
    for width in ROUNDS:
        parents = feasible.space.encode(pool[_varied(feasible.space.encode(pool), scores, PARENTS)])
        moves = np.repeat(parents, CHILDREN, axis=0)
        mask = rng.random(moves.shape) < 0.6  # some parameters stay, so that a move can follow an edge of the feasible set
        moved = np.clip(moves + width * mask * rng.standard_normal(moves.shape), 0.0, 1.0)
        for column in feasible.space.categories:  # options have no neighbours: a small move would never change one
            moved[:, column] = np.where(rng.random(len(moved)) < SWITCH, rng.random(len(moved)), moves[:, column])
        raw = feasible.space.decode(moved)
        outside = ~holds(feasible.constraints, raw)
        children = np.concatenate([feasible.keep(raw[~outside]), feasible.repaired(raw[outside], seed)]) if outside.any() else feasible.keep(raw)
        children = feasible.new(np.unique(children, axis=0), known)
        if not len(children):
            continue
        pool, scores = np.concatenate([pool, children]), np.concatenate([scores, score(children)])
        pool, first = np.unique(pool, axis=0, return_index=True)
        scores = scores[first]
    kept = _varied(feasible.space.encode(pool), scores, KEEP)
    return np.asarray(pool[kept[np.argsort(-scores[kept], kind="stable")]])


def _varied(encoded: Array, scores: Array, n: int) -> IntArray:
    """Return the indices of up to n points of the cube ``(m, d)``: half the best, half the best of every region.

    What is best by itself crowds into one region as soon as it is a little better than the others, and a batch from there would be one question asked
    several times. A point of the second half counts `CROWDED` times as much for each better one of its region.
    """
    order = np.argsort(-scores, kind="stable")
    best, rest = order[: n // 2], order[n // 2 :]
    corner = np.minimum(encoded[order] * REGIONS, REGIONS - 1.0).astype(np.int64)
    _, region, members = np.unique(corner @ REGIONS ** np.arange(corner.shape[1]), return_inverse=True, return_counts=True)
    grouped = np.argsort(region, kind="stable")  # region by region, the best of each first
    rank = np.empty(len(order), dtype=np.int64)
    rank[grouped] = np.arange(len(order)) - np.repeat(np.cumsum(members) - members, members)
    worth = np.where(scores[rest] > 0.0, scores[rest] * CROWDED ** rank[n // 2 :], scores[rest])
    return np.asarray(np.concatenate([best, rest[np.argsort(-worth, kind="stable")[: n - len(best)]]]))
