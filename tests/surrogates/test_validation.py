"""Honest errors: what a fold leaves out, what it predicts, and how it is scored."""

import math

import numpy as np
import pytest

from objectives.outcomes import LEARNED
from surrogates.calibration.fit import Problem
from surrogates.gaussian_process import GaussianProcess
from surrogates.protocol import Inputs, OutcomeData, Prediction
from surrogates.scores import Held
from surrogates.validation import FUSED, Fold, PhysicsAlone, Pooled, design_folds, models, study_folds, validate_fold

NAMES = ("fused", "physics", "gp-plain", "gp-multitask", "gp-sklearn", "forest")


@pytest.fixture(scope="module")
def held() -> list[Held]:
    """Lee's 90:10, a design with both rates and every outcome."""
    return validate_fold(Fold("lee2026", "90:10, 75 wt%"))


def test_every_model_is_compared_and_the_one_in_use_comes_first() -> None:
    assert (FUSED, *(model.name for model in models(np.eye(1)))) == NAMES


def test_physics_alone_predicts_the_physics_with_its_calibrations_uncertainty() -> None:
    inputs = Inputs(np.zeros((2, 4)), np.zeros(2), np.array([1.0, 2.0]), np.array([[3.0, 4.0], [0.0, 1.0]]))
    prediction = PhysicsAlone(np.eye(2)).fit(OutcomeData(inputs, np.zeros(2), np.ones(2)), 0).predict(inputs)
    assert prediction.mean.tolist() == [1.0, 2.0]
    assert prediction.sd.tolist() == [5.0, 1.0]


def test_noise_adds_in_squares() -> None:
    assert Prediction(np.zeros(1), np.array([3.0])).with_noise(4.0).sd.tolist() == [5.0]


def test_design_folds_are_one_a_design() -> None:
    folds = design_folds()
    assert len(folds) == len(set(folds)) == 24
    assert Fold("lee2026", "90:10, 75 wt%") in folds


def test_study_folds_are_one_a_study() -> None:
    assert next((fold.study, fold.design) for fold in study_folds()) == ("kim2025", None)
    assert len(study_folds()) == 6


@pytest.mark.parametrize("fold", design_folds(), ids=lambda fold: f"{fold.study} {fold.design}")
def test_fold_leaves_out_every_rate_and_outcome_of_its_design(problem: Problem, fold: Fold) -> None:
    assert fold.design is not None
    label = fold.design.rsplit(", ", 1)[0]
    for target in problem.targets:
        if target.study == fold.study and target.combine == "value" and target.designs[0] == fold.design:
            assert fold.leaves_out(target)
    left = [t for t in problem.targets if fold.leaves_out(t)]
    assert left
    assert all(fold.design in target.designs for target in left)
    assert any(label.split(" (")[0].split(", ")[0] in target.name for target in left)


def test_design_with_two_rates_is_left_out_at_both(problem: Problem) -> None:
    fold = Fold("lee2026", "90:10, 75 wt%")
    rates = {t.c_rate for t in problem.targets if fold.leaves_out(t) and t.quantity == "discharge_capacity"}
    assert rates == {0.05, 0.5}


def test_replicates_are_left_out_together(problem: Problem) -> None:
    [fold] = [f for f in design_folds() if f.study == "bazzoun2026" and f.design is not None and f.design.endswith("75 wt%")]
    assert len([t for t in problem.targets if fold.leaves_out(t)]) == 3


def test_comparison_is_left_out_with_either_of_its_designs(problem: Problem) -> None:
    [ratio] = [t for t in problem.targets if t.quantity == "ionic_tortuosity_ratio"]
    assert all(Fold("kim2025", f"Model {model}, 85 wt%").leaves_out(ratio) for model in (3, 4))
    assert not Fold("kim2025", "Model 2, 85 wt%").leaves_out(ratio)


def test_designs_that_are_one_cell_share_a_fold() -> None:
    minnmann = [fold.design for fold in design_folds() if fold.study == "minnmann2021"]
    assert len(minnmann) == len({str(design).split(",")[0] for design in minnmann}) == 5


def test_fold_predicts_every_left_out_row_with_every_model(held: list[Held]) -> None:
    rows = {(h.outcome, h.c_rate) for h in held if h.model == "fused"}
    assert {outcome for outcome, _ in rows} == set(LEARNED)
    assert {rate for outcome, rate in rows if outcome == "discharge_capacity"} == {0.05, 0.5}
    for name in NAMES:
        assert len([h for h in held if h.model == name]) == len(rows), name


def test_fold_reports_measured_numbers_in_their_unit(held: list[Held]) -> None:
    measured = {(h.outcome, h.c_rate): h.measured for h in held if h.model == "fused"}
    assert measured["discharge_capacity", 0.05] == 201.4
    assert measured["discharge_capacity", 0.5] == 170.9
    assert next(value for (outcome, _), value in measured.items() if outcome == "porosity") == pytest.approx(0.067)


def test_fold_does_not_see_what_it_left_out(held: list[Held]) -> None:
    errors = [abs(h.error) for h in held if h.model == "physics" and h.outcome == "discharge_capacity"]
    assert max(errors) > 10.3  # in sample 0.5C misses by 10.3 mAh/g; seen less, it must miss by more


def test_fold_predictions_are_physical(held: list[Held]) -> None:
    for h in held:
        assert math.isfinite(h.predicted)
        assert h.predicted > 0.0


def test_fold_is_the_same_twice(held: list[Held]) -> None:
    again = validate_fold(Fold("lee2026", "90:10, 75 wt%"))
    assert [(h.model, h.outcome, h.predicted) for h in again] == [(h.model, h.outcome, h.predicted) for h in held]


def test_study_fold_leaves_out_the_whole_study() -> None:
    held = validate_fold(Fold("bazzoun2026", None))
    assert {h.study for h in held} == {"bazzoun2026"}
    assert len([h for h in held if h.model == "fused"]) == 9


def test_plain_process_pools_studies() -> None:
    """One row a study at the same place: the pooled process predicts their mean for any study, the multi-task one tells them apart."""
    x = np.zeros((2, 4))
    rows = OutcomeData(Inputs(x, np.array([0.0, 1.0]), np.zeros(2), np.zeros((2, 0))), np.array([-1.0, 1.0]), np.full(2, 0.05))
    pooled, tasks = (
        model.fit(rows, 0).predict(rows.inputs).mean for model in (Pooled(GaussianProcess(physics=False)), GaussianProcess(physics=False))
    )
    assert pooled == pytest.approx([0.0, 0.0], abs=1e-6)
    assert tasks[1] - tasks[0] > 0.5
