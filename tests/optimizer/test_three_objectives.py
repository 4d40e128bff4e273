"""Campaigns with three objectives, from the file to the proposals, and what is said of any objectives."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from objectives.outcomes import OUTCOMES, own_outcome
from objectives.studies import read_data
from optimizer.bayesian import ACQUISITIONS, propose
from optimizer.campaign import Campaign, parse_campaign
from optimizer.candidates import Feasible
from optimizer.cli import app
from optimizer.cli.render import show_suggestions
from optimizer.explain import expectation, in_reading_order, listed, trades
from optimizer.goal import Objective
from optimizer.measured import MeasuredDesign, incumbents, measured_designs
from optimizer.model import FittedModel, fit_model
from optimizer.report import Interval
from optimizer.suggestion import Suggestions, suggest_from

NONE = np.zeros((0, 4))
TEXT = read_data("ncm811-lpscl.toml")
PERCENT = '\n[[outcome]]\nname = "retention_50"\nunit = "%"\nrepeatability = 1.0\n'
TAU = '[[objective]]\noutcome = "ionic_tortuosity_factor"\nreference = 15.0\ndirection = "minimize"\n'
WEIGHT = '[[objective]]\noutcome = "gravimetric_energy_density"\nreference = 300.0 # Wh/kg\n'


def text_with(objective: str) -> str:
    """Return the bundled campaign's file with an objective beside its two."""
    return TEXT.replace("[limits]", f"{objective}\n[limits]", 1)


def campaign_with(objective: str) -> Campaign:
    return parse_campaign(text_with(objective), "mine.toml")


@pytest.fixture(scope="module")
def three() -> FittedModel:
    return fit_model(campaign_with(TAU))


@pytest.fixture(scope="module")
def batch(three: FittedModel) -> Suggestions:
    return suggest_from(three, 4, 0, NONE, "bayesian")


def recipes(answer: Suggestions) -> np.ndarray:
    return np.array([s.recipe.values() for s in answer.suggestions])


@pytest.mark.parametrize("third", [TAU, WEIGHT], ids=["minimised tau", "Wh/kg"])
def test_three_objectives_get_distinct_recipes_that_keep_the_limits(third: str) -> None:
    answer = suggest_from(fit_model(campaign_with(third)), 4, 0, NONE, "bayesian")
    assert answer.strategy == "bayesian"
    assert len(answer.as_json()["objectives"]) == 3
    assert len(np.unique(recipes(answer), axis=0)) == 4
    for s in answer.suggestions:
        assert s.probability >= 0.8
        assert all(state.holds for state in s.limits)


def test_campaign_file_with_three_objectives_is_answered_by_the_command(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text_with(TAU), encoding="utf-8")
    result = CliRunner().invoke(app, ["suggest", "-n", "2", "--campaign", str(file), "--json"])
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert data["objectives"] == ["discharge_capacity", "volumetric_energy_density", "ionic_tortuosity_factor"]
    assert len(data["suggestions"]) == 2


def test_three_objectives_give_the_same_answer_to_the_digit(batch: Suggestions) -> None:
    again = suggest_from(fit_model(campaign_with(TAU)), 4, 0, NONE, "bayesian")
    assert json.dumps(again.as_json()) == json.dumps(batch.as_json())


def test_third_objective_moves_the_proposals_its_way(batch: Suggestions, campaign: Campaign) -> None:
    two = suggest_from(fit_model(campaign), 4, 0, NONE, "bayesian")
    tau = [np.mean([s.predicted["ionic_tortuosity_factor"].mean for s in answer.suggestions]) for answer in (batch, two)]
    assert tau[0] < 0.95 * tau[1]


def test_botorchs_rule_takes_three_objectives_and_finds_as_much(three: FittedModel, feasible: Feasible) -> None:
    measured = incumbents(measured_designs(three.data, three.physics), three.campaign.study)
    ours, theirs = (propose(three, feasible, measured, NONE, 2, 0, rule) for rule in ACQUISITIONS)
    assert len({tuple(c.recipe) for c in theirs}) == 2
    assert sum(c.gain for c in theirs) == pytest.approx(sum(c.gain for c in ours), rel=0.1)


def test_reason_names_each_objective_and_which_is_minimised(batch: Suggestions) -> None:
    for s in batch.suggestions:
        tau = s.predicted["ionic_tortuosity_factor"]
        named = re.search(r" and ionic tau ([0-9.]+) \([0-9.]+ to [0-9.]+, less is better\)", s.reason)
        assert named
        assert float(named[1]) == pytest.approx(tau.mean, rel=0.02)
        assert s.reason.count("less is better") == 1
        assert s.reason.index("Wh/L (") < s.reason.index("mAh/g (") < s.reason.index("ionic tau ")
        assert f", at relative density {s.predicted['relative_density'].mean:.3f}." in s.reason


def test_batch_shows_a_column_for_each_objective(batch: Suggestions) -> None:
    out = io.StringIO()
    show_suggestions(batch, Console(file=out, width=150))
    [header] = [line for line in out.getvalue().splitlines() if "AM:SE" in line]
    places = [header.index(title) for title in ("Wh/L", "capacity, mAh/g", "ionic tau", "relative density")]
    assert places == sorted(places)


def predicted(**means: float) -> dict[str, Interval]:
    return {name: Interval(mean, 0.9 * mean, 1.1 * mean, "", "") for name, mean in means.items()}


def test_bundled_objectives_are_traded_in_wh_per_l_and_mah_per_g(campaign: Campaign) -> None:
    recipe = np.array([85.0, 5.0, 1.5, 2.3])
    measured = {("volumetric_energy_density", "0.05C, 60 C"): (1258.0, "Wh/L"), ("discharge_capacity", "0.05C, 60 C"): (198.88, "mAh/g")}
    design = MeasuredDesign("kim2025", "Model 4", recipe - [0.0, 1.0, 0.0, 0.0], measured)
    found = predicted(volumetric_energy_density=1300.0, discharge_capacity=198.5, ionic_tortuosity_factor=5.857, relative_density=0.8843)
    assert trades(recipe, design, found, campaign, "0.05C, 60 C") == (
        "From Model 4 (kim2025, measured 198.9 mAh/g at 0.05C, 60 C, 1258 Wh/L at 0.05C, 60 C): coating 96:4 -> 95:5. "
        "Expects 1300 Wh/L (1170 to 1430, +42) and 198 mAh/g (179 to 218, +0), at ionic tau 5.86 and relative density 0.884"
    )


def test_objective_is_compared_with_a_measurement_in_any_of_its_units() -> None:
    start, end = TEXT.index("[[objective]]"), TEXT.index("[limits]")
    goal = '[[objective]]\noutcome = "porosity"\nreference = 0.2\ndirection = "minimize"\n'
    own = '[[objective]]\noutcome = "retention_50"\nreference = 70.0\n\n'
    campaign = parse_campaign(TEXT[:start] + own + goal + TEXT[end:] + PERCENT, "mine.toml")
    recipe = np.array([85.0, 5.0, 1.5, 2.3])
    design = MeasuredDesign("new", "c1", recipe, {("porosity", ""): (12.0, "%"), ("retention_50", ""): (81.26, "")})
    found = predicted(porosity=0.1, retention_50=80.0, ionic_tortuosity_factor=5.0, relative_density=0.9)
    assert trades(recipe, design, found, campaign, "0.05C, 60 C").endswith(
        "Expects porosity 0.100 (0.090 to 0.110, -0.020, less is better) and retention_50 80.0 % (72.0 to 88.0, -1.3), "
        "at ionic tau 5 and relative density 0.900"
    )


@pytest.mark.parametrize(
    ("mean", "text"),
    [
        (0.0, "cost 0 EUR (0 to 0)"),
        (0.0123, "cost 0.0123 EUR (0.0111 to 0.0135)"),
        (-4.5, "cost -4.50 EUR (-4.05 to -4.95)"),
        (5432.1, "cost 5432 EUR"),
    ],
)
def test_expectation_has_the_outcomes_digits_at_any_magnitude(mean: float, text: str) -> None:
    [now] = predicted(cost=mean).values()
    assert expectation(Objective("cost", 1.0), own_outcome("cost", "EUR", "linear"), now, None).startswith(text)


def test_reading_order_starts_at_the_cell_and_ends_with_the_labs_own() -> None:
    names = ("retention_50", "porosity", "discharge_capacity", "volumetric_energy_density", "cost")
    ordered = [objective.outcome for objective in in_reading_order([Objective(name, 0.0) for name in names])]
    assert ordered == ["volumetric_energy_density", "discharge_capacity", "porosity", "retention_50", "cost"]
    assert len(in_reading_order([Objective(name, 0.0) for name in OUTCOMES])) == len(OUTCOMES)


def test_enumeration_reads_as_one_writes_it() -> None:
    assert [listed("abc"[:k]) for k in range(4)] == ["", "a", "a and b", "a, b and c"]
