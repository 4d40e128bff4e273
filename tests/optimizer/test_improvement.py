from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from botorch.utils.multi_objective.hypervolume import Hypervolume
from hypothesis import given
from hypothesis import strategies as st

from optimizer.improvement import BLOCK, batch_gains, greedy_batch, improvement


def area(points: np.ndarray, reference: np.ndarray) -> float:
    """Return the dominated area by counting cells of the grid that the coordinates span: slow and plain."""
    xs = np.unique(np.concatenate([[reference[0]], points[:, 0]]))
    ys = np.unique(np.concatenate([[reference[1]], points[:, 1]]))
    total = 0.0
    for x0, x1 in itertools.pairwise(xs):
        for y0, y1 in itertools.pairwise(ys):
            if x0 >= reference[0] and y0 >= reference[1] and any(p[0] >= x1 and p[1] >= y1 for p in points):
                total += (x1 - x0) * (y1 - y0)
    return total


def volume(points: np.ndarray, reference: np.ndarray) -> float:
    """Return the dominated volume by BoTorch."""
    return float(Hypervolume(torch.as_tensor(reference)).compute(torch.as_tensor(points)))


@given(st.integers(0, 6), st.integers(1, 4), st.integers(0, 10_000))
def test_hypervolume_improvement_equals_the_counted_area(front_size: int, candidates: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    front = rng.integers(-3, 8, (2, front_size, 2)).astype(np.float64)
    values, reference = rng.integers(-3, 8, (2, candidates, 2)).astype(np.float64), np.zeros(2)
    found = improvement(front, values, reference)
    for s in range(2):
        before = area(front[s], reference)
        for c in range(candidates):
            after = area(np.concatenate([front[s], values[s, [c]]]), reference)
            assert found[s, c] == pytest.approx(after - before, abs=1e-9)


def test_single_objective_improvement_is_over_the_best_or_the_reference() -> None:
    front = np.array([[[3.0], [5.0]], [[-1.0], [0.5]]])
    values = np.array([[[6.0], [4.0]], [[6.0], [0.7]]])
    assert improvement(front, values, np.array([1.0])) == pytest.approx(np.array([[1.0, 0.0], [5.0, 0.0]]))


def test_improvement_without_anything_known_starts_at_the_reference() -> None:
    assert improvement(np.zeros((1, 0, 1)), np.array([[[2.5]]]), np.array([2.0])) == pytest.approx(np.array([[0.5]]))
    assert improvement(np.zeros((1, 0, 2)), np.array([[[3.0, 4.0]]]), np.array([1.0, 1.0])) == pytest.approx(np.array([[6.0]]))
    assert improvement(np.zeros((1, 0, 3)), np.array([[[3.0, 4.0, 0.5]]]), np.array([1.0, 1.0, 0.0])) == pytest.approx(np.array([[3.0]]))


@given(st.integers(0, 9), st.integers(1, 4), st.sampled_from([0, 3]), st.integers(0, 10_000))
def test_hypervolume_improvement_of_three_objectives_equals_botorchs(front_size: int, candidates: int, decimals: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference = np.array([1.0, -1.0, 0.0])
    values = reference + np.round(rng.uniform(-2.0, 6.0, (2, front_size + candidates, 3)), decimals)  # whole numbers: ties, some at the reference
    front, values = values[:, :front_size], values[:, front_size:]
    found = improvement(front, values, reference)
    for s in range(2):
        before = volume(front[s], reference)
        for c in range(candidates):
            after = volume(np.concatenate([front[s], values[s, [c]]]), reference)
            assert found[s, c] == pytest.approx(after - before, abs=1e-9)


@given(st.permutations([0, 1, 2]), st.integers(0, 10_000))
def test_improvement_does_not_depend_on_the_order_of_three_objectives(order: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    front, values, reference = rng.random((3, 12, 3)), 1.5 * rng.random((3, 5, 3)), np.array([0.1, 0.2, 0.3])
    turned = improvement(front[..., order], values[..., order], reference[order])
    assert turned == pytest.approx(improvement(front, values, reference))


def test_repeated_and_dominated_points_of_a_front_change_nothing() -> None:
    rng = np.random.default_rng(1)
    front, values, reference = rng.random((4, 6, 3)), 1.5 * rng.random((4, 7, 3)), np.zeros(3)
    padded = np.concatenate([0.5 * front, front, front, np.broadcast_to(reference, (4, 2, 3)), front - 2.0], axis=1)
    assert improvement(padded, values, reference) == pytest.approx(improvement(front, values, reference))
    assert (improvement(front, front, reference) == 0.0).all()


def test_candidates_of_several_blocks_gain_what_each_gains_alone() -> None:
    rng = np.random.default_rng(2)
    front, values, reference = rng.random((2, 5, 3)), 1.5 * rng.random((2, 2 * BLOCK + 7, 3)), np.zeros(3)
    together = improvement(front, values, reference)
    for c in (0, BLOCK - 1, BLOCK, 2 * BLOCK, 2 * BLOCK + 6):
        assert together[:, [c]] == pytest.approx(improvement(front, values[:, [c]], reference))


def test_improvement_of_four_objectives_is_refused() -> None:
    with pytest.raises(ValueError, match="one to three objectives, got 4"):
        improvement(np.zeros((1, 0, 4)), np.zeros((1, 1, 4)), np.zeros(4))


def test_greedy_batch_spreads_over_the_front_and_never_takes_a_candidate_twice() -> None:
    values = np.array([[[4.0, 1.0], [3.9, 1.05], [1.0, 4.0], [2.5, 2.5]]])
    picks = greedy_batch(np.zeros((1, 0, 2)), values, np.zeros(2), 4, np.eye(4, dtype=bool))
    assert sorted(picks) == [0, 1, 2, 3]
    assert picks[0] == 3  # the largest area
    assert picks[-1] == 1  # adds least beside its neighbour 0


def test_greedy_batch_leaves_out_what_is_blocked() -> None:
    values = np.array([[[4.0], [3.9], [1.0]]])
    blocked = np.array([[True, True, False], [True, True, False], [False, False, True]])
    assert greedy_batch(np.zeros((1, 0, 1)), values, np.zeros(1), 3, blocked) == [0, 2]


def test_batch_gains_add_up_to_the_whole_batch() -> None:
    rng = np.random.default_rng(0)
    front, values, reference = rng.random((5, 3, 2)), rng.random((5, 4, 2)) * 1.5, np.zeros(2)
    gains = batch_gains(front, values, reference, [2, 0, 3])
    whole = [area(np.concatenate([front[s], values[s, [2, 0, 3]]]), reference) - area(front[s], reference) for s in range(5)]
    assert sum(gains) == pytest.approx(float(np.mean(whole)))
