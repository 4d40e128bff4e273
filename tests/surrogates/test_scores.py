"""Scores of left-out rows: coverage, errors in their units, and the model that an outcome chooses."""

import math
from dataclasses import replace

import pytest

from objectives.outcomes import LEARNED
from surrogates.scores import Held, scores, wilson


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 100, 0.7222, 0.8749), (0, 0, 0.0, 1.0)],
)
def test_wilson_interval_of_known_shares(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=2e-4)


def test_wilson_interval_narrows_with_a_lower_level() -> None:
    assert wilson(5, 10, 0.5)[1] < wilson(5, 10)[1]


@pytest.mark.parametrize("hits", range(11))
def test_wilson_interval_holds_the_share(hits: int) -> None:
    low, high = wilson(hits, 10)
    assert 0.0 <= low <= hits / 10 + 1e-12
    assert hits / 10 - 1e-12 <= high <= 1.0


@pytest.mark.parametrize(
    ("outcome", "measured", "predicted", "error"),
    [("porosity", 0.10, 0.12, 2.0), ("discharge_capacity", 200.0, 190.0, -10.0), ("ionic_tortuosity_factor", 2.0, 4.0, math.log(2.0))],
)
def test_error_is_in_the_outcomes_unit(outcome: str, measured: float, predicted: float, error: float) -> None:
    assert Held("m", outcome, "s", "r", 0.05, measured, predicted, True).error == pytest.approx(error)


def test_scores_are_by_outcome_and_model() -> None:
    rows = [Held("a", "porosity", "s", "r", math.nan, 0.10, 0.10 + miss, miss < 0.02) for miss in (0.0, 0.01, 0.03)]
    [score] = scores(rows)
    assert (score.model, score.outcome, score.rows, score.covered) == ("a", "porosity", 3, 2)
    assert score.median == pytest.approx(1.0)
    assert score.rms == pytest.approx(math.sqrt(10.0 / 3.0))
    assert score.coverage == pytest.approx(2.0 / 3.0)
    assert score.interval == wilson(2, 3)


def test_scores_keep_the_order_of_outcomes_and_models() -> None:
    rows = [Held(model, outcome, "s", "r", 0.05, 1.0, 1.0, True) for outcome in reversed(LEARNED) for model in ("gp", "physics")]
    assert [(score.outcome, score.model) for score in scores(rows)] == [(outcome, model) for outcome in LEARNED for model in ("gp", "physics")]


def test_densest_model_of_each_outcome_is_chosen() -> None:
    row = Held("a", "porosity", "s", "r", 0.05, 0.1, 0.1, True, log_density=-1.0)
    rows = [row, replace(row, model="b", log_density=0.5), replace(row, outcome="discharge_capacity", log_density=-3.0)]
    assert [(s.outcome, s.model) for s in scores(rows) if s.chosen] == [("porosity", "b"), ("discharge_capacity", "a")]
    assert [s.log_density for s in scores(rows)] == [-1.0, 0.5, -3.0]
