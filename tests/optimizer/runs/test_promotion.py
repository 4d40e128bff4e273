"""The ranking by which recipes are promoted: known answers, and what holds for any results."""

from dataclasses import replace
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optimizer.goal import Objective
from optimizer.runs.history import Trial
from optimizer.runs.promotion import rank

GOAL = (Objective("discharge_capacity", 0.0), Objective("volumetric_energy_density", 0.0))
Point = tuple[float, ...]


def trial(number: int, values: tuple[float | None, ...], *margins: float) -> Trial:
    return Trial(number, (float(number),), "sobol", 0, ended=1, state="completed", objectives=values, margins=margins or (1.0,))


def numbers(trials: tuple[Trial, ...]) -> list[int]:
    return [one.number for one in trials]


def test_undominated_recipes_come_first_by_what_they_alone_add() -> None:
    # Alone they add 1 x 4 = 4, (3 - 1) x (4 - 2) = 4 and (6 - 3) x 2 = 6; then the one that (3, 4) dominates.
    points = [(1.0, 8.0), (3.0, 4.0), (6.0, 2.0), (2.0, 3.0)]
    ranking = rank(GOAL, [trial(i, point) for i, point in enumerate(points)], 10)
    assert numbers(ranking.best) == [2, 0, 1, 3]
    assert ranking.doubtful == ()


def test_objective_to_minimise_is_minimised() -> None:
    goal = (Objective("porosity", 1.0, direction="minimize"),)
    assert numbers(rank(goal, [trial(0, (0.4,)), trial(1, (0.1,)), trial(2, (0.2,))], 2).best) == [1, 2]


def test_near_misses_are_ranked_by_how_little_they_miss_in_the_scatter_of_each_limit() -> None:
    trials = [
        trial(0, (2.0, 2.0), 0.5, 500.0),
        trial(1, (3.0, 3.0), -0.2, 100.0),  # by far the larger miss, for its margins scatter by less
        trial(2, (3.0, 3.0), 0.4, -1.0),
        trial(3, (1.0, 1.0), -0.001, 100.0),  # would add nothing to the front if it kept its limit
    ]
    ranking = rank(GOAL, trials, 10)
    assert (numbers(ranking.best), numbers(ranking.doubtful)) == ([0], [2, 1, 3])


def test_what_failed_or_has_no_path_or_no_value_is_not_promoted() -> None:
    good = trial(0, (2.0, 2.0))
    others = [replace(good, number=1, state="failed"), replace(good, number=2, state="running"), replace(good, number=3, percolates=False)]
    ranking = rank(GOAL, [good, *others, trial(4, (2.0, None))], 10)
    assert (numbers(ranking.best), numbers(ranking.doubtful)) == ([0], [])
    assert rank(GOAL, [], 10) == rank(GOAL, others, 10)


COORDINATE = st.integers(1, 9).map(float)


@given(st.lists(st.tuples(COORDINATE, COORDINATE, COORDINATE), max_size=20), st.randoms(use_true_random=False))
def test_nothing_ranks_before_what_dominates_it_whatever_the_order_of_results(points: list[Point], order: Random) -> None:
    goal = (*GOAL, Objective("porosity", 0.0))
    trials = [trial(i, point) for i, point in enumerate(points)]
    found = rank(goal, trials, len(points)).best
    assert sorted(numbers(found)) == list(range(len(points)))
    for place, one in enumerate(found):
        for later in found[place + 1 :]:
            a, b = np.array(one.objectives, dtype=float), np.array(later.objectives, dtype=float)
            assert not ((b >= a).all() and (b > a).any())
    shuffled = list(trials)
    order.shuffle(shuffled)
    assert rank(goal, shuffled, 4).best == found[:4]
