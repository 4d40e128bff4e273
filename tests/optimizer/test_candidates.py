"""The search for candidates: promising, but not all from one corner of the space."""

from __future__ import annotations

import numpy as np

from objectives.composition import Array
from optimizer.campaign import Campaign
from optimizer.candidates import KEEP, Feasible, _varied, search


def hills(x: Array) -> Array:
    """Two hills, the first 5 % higher."""
    first, second = np.full(x.shape[1], 0.15), np.full(x.shape[1], 0.85)
    return np.asarray(1.05 * np.exp(-8.0 * ((x - first) ** 2).sum(axis=1)) + np.exp(-8.0 * ((x - second) ** 2).sum(axis=1)))


def test_half_are_the_best_and_half_are_spread() -> None:
    x = np.random.default_rng(0).uniform(size=(3000, 3))
    scores = hills(x)
    kept = _varied(x, scores, 100)
    assert len(set(kept.tolist())) == 100
    assert set(np.argsort(-scores)[:50].tolist()) <= set(kept.tolist())
    regions = {tuple(row) for row in (x[kept] * 4).astype(int).tolist()}
    alone = {tuple(row) for row in (x[np.argsort(-scores)[:100]] * 4).astype(int).tolist()}
    assert len(regions) > 1.5 * len(alone)


def test_few_points_are_all_kept() -> None:
    x = np.random.default_rng(1).uniform(size=(7, 2))
    assert sorted(_varied(x, hills(x), 100).tolist()) == list(range(7))


def test_points_that_are_worth_nothing_come_last() -> None:
    x = np.random.default_rng(2).uniform(size=(200, 2))
    scores = np.where(np.arange(200) < 40, 1.0, -0.5)
    assert set(_varied(x, scores, 40).tolist()) == set(range(40))


def test_search_keeps_the_lower_of_two_hills(campaign: Campaign, feasible: Feasible) -> None:
    """A narrow score over the space: with the best alone, all candidates would sit on the higher hill."""
    nothing = np.zeros((0, 4))
    low, high = feasible.space.encode(feasible.sample(64, 5))[[3, 40]]
    assert np.abs(low - high).max() > 0.3

    def score(recipes: Array) -> Array:
        x = feasible.space.encode(recipes)
        near = [np.exp(-20.0 * ((x - hill) ** 2).sum(axis=1)) for hill in (low, high)]
        return np.asarray(1.2 * near[0] + near[1])

    found = feasible.space.encode(search(feasible, score, nothing, nothing, 0))
    assert len(found) <= KEEP
    on = [int((np.abs(found - hill).max(axis=1) < 0.15).sum()) for hill in (low, high)]
    assert min(on) > 20
