from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from objectives.simulated import Fidelity
from optimizer.bayesian import propose
from optimizer.campaign import Campaign
from optimizer.candidates import Feasible
from optimizer.fidelity_choice import CELL_S, Simulating, cell_seconds, learned_correlation, least_correlation, shown, simulating
from optimizer.measured import incumbents, measured_designs
from optimizer.model import FittedModel
from optimizer.outlook import Field, survey
from optimizer.stock import Effort
from optimizer.value import Value


@pytest.fixture(scope="module")
def field(model: FittedModel, feasible: Feasible, campaign: Campaign) -> Field:
    known = incumbents(measured_designs(model.data, model.physics), campaign.study)
    picks = propose(model, feasible, known, np.zeros((0, 4)), 8, 0)
    return survey(model, feasible, known, np.stack([pick.recipe for pick in picks]), 4096, 0)


def test_simulation_that_knows_nothing_changes_nothing(model: FittedModel, field: Field) -> None:
    found = simulating(model, field, "micro", 0.0, None, 0)
    assert (found.value.gain, found.value.changes, found.changes, found.pays) == (0.0, 0.0, False, False)


def test_better_simulations_are_worth_more(model: FittedModel, field: Field) -> None:
    gains = [simulating(model, field, "micro", r, None, 0).value.gain for r in (0.0, 0.6, 0.9, 1.0)]
    assert gains == sorted(gains)
    assert gains[-1] > 0.0


def test_simulation_correlates_with_the_truth_as_stated(model: FittedModel, field: Field) -> None:
    truth = shown(model, field, "micro", 1.0, 0)
    for r in (0.3, 0.8):
        seen = shown(model, field, "micro", r, 0)
        assert [np.corrcoef(a, b)[0, 1] for a, b in zip(truth.T, seen.T, strict=True)] == pytest.approx([r] * truth.shape[1], abs=0.05)


def test_cheap_cells_are_not_worth_simulating_for(model: FittedModel, field: Field) -> None:
    cheap = Effort("s", cell=1.0)
    found = simulating(model, field, "micro", 1.0, cheap, 0)
    assert found.cost_share == pytest.approx(found.seconds)
    assert found.changes
    assert not found.pays
    assert least_correlation(model, field, "micro", cheap, 0).correlation == 1.0


def test_effort_in_money_leaves_a_working_day() -> None:
    assert cell_seconds(Effort("EUR", cell=300.0)) == cell_seconds(None) == CELL_S
    assert cell_seconds(Effort("h", cell=2.0)) == 7200.0


def test_gain_within_its_own_error_changes_nothing() -> None:
    one = Simulating("cell", 8, 1.0, 1e-5, 0.5, 50.0, Value(2.0, 1.5, 0.4))
    assert not one.changes
    assert replace(one, value=Value(2.0, 0.5, 0.4)).changes


def test_correlation_beyond_one_is_refused(model: FittedModel, field: Field) -> None:
    with pytest.raises(ValueError, match="--trust"):
        simulating(model, field, "micro", 1.2, None, 0)


@pytest.mark.parametrize(
    ("fidelity", "outcomes"),
    [("micro", {"ionic_tortuosity_factor", "electronic_tortuosity_factor", "discharge_capacity"}), ("cell", {"discharge_capacity"})],
)
def test_learned_correlation_follows_weight_share_and_doubt(model: FittedModel, fidelity: Fidelity, outcomes: set[str]) -> None:
    recipes = np.array([[85.0, 5.0, 1.5, 2.3], [78.0, 8.0, 3.0, 1.0]])
    found = learned_correlation(model, recipes, fidelity)
    assert set(found) == outcomes
    assert all(0.0 <= r < 0.5 for r in found.values())
    name = "discharge_capacity"
    sure = replace(model, fused=replace(model.fused, trust={**model.fused.trust, name: {"physics": 0.0, "simulation": 1.0, "data": 0.0}}))
    deaf = replace(model, fused=replace(model.fused, trust={**model.fused.trust, name: {"physics": 1.0, "simulation": 0.0, "data": 0.0}}))
    assert learned_correlation(deaf, recipes, fidelity)[name] == 0.0
    assert learned_correlation(sure, recipes, fidelity)[name] > found[name] > 0.0


def test_outcome_without_correlation_shows_nothing(model: FittedModel, field: Field) -> None:
    one = shown(model, field, "micro", {"ionic_tortuosity_factor": 0.8}, 0)
    assert one.shape == (4096, 8)
    assert shown(model, field, "micro", {}, 0).shape == (4096, 0)
    truth = shown(model, field, "micro", 1.0, 0)[:, :8]
    assert np.corrcoef(one[:, 0], truth[:, 0])[0, 1] == pytest.approx(0.8, abs=0.05)
    assert simulating(model, field, "micro", {}, None, 0).value.gain == 0.0
