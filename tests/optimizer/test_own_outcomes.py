"""Outcomes that a lab defines in its campaign file: learned without physics, as objective or as limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from objectives.cell import Cell, Measured
from objectives.recipe import Recipe
from objectives.studies import read_data
from optimizer.campaign import Campaign, parse_campaign
from optimizer.candidates import Feasible
from optimizer.goal import CampaignError
from optimizer.model import FewCellsError, fit_model
from optimizer.suggestion import suggest_from

NONE = np.zeros((0, 4))
RETENTION = """
[[outcome]]
name = "retention_50"
unit = "%"
repeatability = 1.0
"""


def retention(am_wt: np.ndarray, vgcf_wt: np.ndarray) -> np.ndarray:
    """Return a made-up truth: retention falls with AM and with carbon, which attacks the SE."""
    return np.asarray(96.0 - 1.2 * (am_wt - 70.0) - 2.0 * vgcf_wt)


@pytest.fixture(scope="module")
def cells(campaign: Campaign) -> list[Cell]:
    physics = campaign.at(study="new").physics()
    constraints = campaign.constraints(physics)
    recipes = Feasible(campaign.space, constraints, campaign.accept(constraints)).sample(12, 4)
    truth, noise = physics.outcomes(recipes), np.random.default_rng(0).standard_normal(12)
    kept = retention(recipes[:, 0], recipes[:, 3]) + noise
    return [
        Cell(
            i + 2,
            f"c{i}",
            Recipe.from_row(row),
            {"discharge_capacity": Measured(float(truth.discharge_capacity[i])), "retention_50": Measured(float(kept[i]))},
        )
        for i, row in enumerate(recipes)
    ]


def campaign_with(extra: str, *, goal: str = "") -> Campaign:
    text = read_data("ncm811-lpscl.toml")
    return parse_campaign(text + RETENTION + extra + goal, "mine.toml").at(study="new")


def test_retention_is_learned_and_shown(cells: list[Cell]) -> None:
    model = fit_model(campaign_with(""), cells=cells)
    answer = suggest_from(model, 2, 0, NONE)
    for s in answer.suggestions:
        shown = s.predicted["retention_50"]
        truth = float(retention(np.array(s.recipe.am_wt), np.array(s.recipe.vgcf_wt)))
        assert shown.low - 1.5 <= truth <= shown.high + 1.5
        assert shown.unit == "%"


def test_limit_on_retention_moves_the_proposals(cells: list[Cell]) -> None:
    free = suggest_from(fit_model(campaign_with(""), cells=cells), 4, 0, NONE)
    held = suggest_from(fit_model(campaign_with('[[limit]]\noutcome = "retention_50"\nmin = 84\n'), cells=cells), 4, 0, NONE)
    kept = [[float(retention(np.array(s.recipe.am_wt), np.array(s.recipe.vgcf_wt))) for s in a.suggestions] for a in (free, held)]
    assert min(kept[0]) < 82.0
    assert min(kept[1]) > 83.0
    [state] = [state for state in held.suggestions[0].limits if state.name == "retention_50_min"]
    assert state.unit == "%"
    assert state.probability >= 0.8


def test_retention_can_be_an_objective(cells: list[Cell]) -> None:
    text = read_data("ncm811-lpscl.toml").replace('outcome = "discharge_capacity"\nreference = 150.0', 'outcome = "retention_50"\nreference = 70.0')
    both = suggest_from(fit_model(parse_campaign(text + RETENTION, "mine.toml").at(study="new"), cells=cells), 4, 0, NONE)
    free = suggest_from(fit_model(campaign_with(""), cells=cells), 4, 0, NONE)
    am = [np.mean([s.recipe.am_wt for s in answer.suggestions]) for answer in (both, free)]
    kept = [np.mean([s.predicted["retention_50"].mean for s in answer.suggestions]) for answer in (both, free)]
    assert am[0] < am[1] - 1.0  # retention wants less active material than capacity and energy do
    assert kept[0] > kept[1] + 1.0


def test_minimised_objective_goes_down(cells: list[Cell]) -> None:
    text = read_data("ncm811-lpscl.toml")
    start, end = text.index("[[objective]]"), text.index("[limits]")
    goal = '[[objective]]\noutcome = "retention_50"\nreference = 95.0\ndirection = "minimize"\n\n'
    lowest = parse_campaign(text[:start] + goal + text[end:] + RETENTION, "mine.toml").at(study="new")
    best = suggest_from(fit_model(lowest, cells=cells), 1, 0, NONE).suggestions[0]
    measured = [cell.outcomes["retention_50"].value for cell in cells]
    assert float(retention(np.array(best.recipe.am_wt), np.array(best.recipe.vgcf_wt))) < np.quantile(measured, 0.25)


def test_botorchs_rule_takes_own_outcomes_too(cells: list[Cell]) -> None:
    model = fit_model(campaign_with('[[limit]]\noutcome = "retention_50"\nmin = 80\n'), cells=cells)
    assert len(suggest_from(model, 2, 0, NONE, acquisition="qlognehvi").suggestions) == 2


def test_too_few_measured_cells_are_refused(cells: list[Cell]) -> None:
    bare = [replace(cell, outcomes={"discharge_capacity": cell.outcomes["discharge_capacity"]}) for cell in cells[2:]]
    with pytest.raises(FewCellsError, match="only 2 good cells measured it; measure at least 3"):
        fit_model(campaign_with(""), cells=[*cells[:2], *bare])


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ('[[limit]]\noutcome = "taste"\nmin = 1\n', 'limit "taste" is not an outcome'),
        ('[[limit]]\noutcome = "retention_50"\n', "needs min or max, got neither"),
        ('[[outcome]]\nname = "porosity"\nunit = "1"\nrepeatability = 1\n', "outcome porosity is built in"),
        ('[[outcome]]\nname = "x"\nunit = "1"\nrepeatability = 0\n', "repeatability must be above 0"),
        ('[[outcome]]\nname = "x"\nunit = "1"\nrepeatability = 1\nscale = "cubic"\n', "scale must be one of linear, log, share"),
        ('[[outcome]]\nname = "x"\n', "incomplete"),
    ],
)
def test_broken_outcome_is_refused_in_one_sentence(extra: str, message: str) -> None:
    with pytest.raises((CampaignError, ValueError), match=message):
        campaign_with(extra)


# A mean that the lab wrote down.

RESISTANCE = """
[[outcome]]
name = "interface_resistance"
unit = "ohm cm2"
repeatability = 5.0
scale = "log"
mean = "2.0 * ionic_tortuosity_factor / (am_wt / 100)"
"""


def with_resistance(text: str) -> Campaign:
    return parse_campaign(read_data("ncm811-lpscl.toml") + text, "mine.toml").at(study="new")


def test_mean_in_the_campaign_file_makes_few_cells_tell_more(campaign: Campaign) -> None:
    physics = campaign.at(study="new").physics()
    constraints = campaign.constraints(physics)
    sample = Feasible(campaign.space, constraints, campaign.accept(constraints)).sample(30, 2)
    truth = 3.0 * physics.outcomes(sample).ionic_tortuosity_factor / (sample[:, 0] / 100.0)  # the file's formula is off by half
    made = [Cell(i + 2, f"c{i}", Recipe.from_row(row), {"interface_resistance": Measured(float(truth[i]))}) for i, row in enumerate(sample[:5])]
    found = {}
    for name, text in (("with", RESISTANCE), ("without", RESISTANCE.replace("mean =", "# mean ="))):
        model = fit_model(with_resistance(text), cells=made)
        drawn = model.samples(sample[5:], 256, 0, joint=False).outcomes["interface_resistance"]
        found[name] = float(np.sqrt(np.mean(np.log(np.median(drawn, axis=0) / truth[5:]) ** 2)))
    assert found["with"] < 0.15
    assert found["with"] < 0.5 * found["without"]


@pytest.mark.parametrize(
    ("mean", "said"),
    [
        ("2 * tau", '"tau" in the formula'),
        ("open(1)", "mean of outcome interface_resistance: a formula may hold"),
    ],
)
def test_mean_that_is_no_formula_is_refused(mean: str, said: str) -> None:
    with pytest.raises(CampaignError) as caught:
        with_resistance(RESISTANCE.replace("2.0 * ionic_tortuosity_factor / (am_wt / 100)", mean))
    assert said in str(caught.value)


def test_mean_without_a_value_is_refused(campaign: Campaign, cells: list[Cell]) -> None:
    made = [Cell(c.row, c.name, c.recipe, {"interface_resistance": Measured(20.0)}) for c in cells]
    with pytest.raises(CampaignError, match=r"must have a value on its log scale for every recipe, got -"):
        fit_model(with_resistance(RESISTANCE.replace("2.0 *", "-2.0 *")), cells=made)
