"""A campaign without physics: mixtures that sum exactly, constraints over everything that has a name, contradictions refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.constraints import holds
from objectives.parameter import DesignSpaceError
from objectives.repair import InfeasibleError, feasible_sample, low_discrepancy, repair
from objectives.studies import read_data
from optimizer.goal import CampaignError
from optimizer.space.campaign import SpaceCampaign, is_space_campaign, load_space_campaign, parse_space_campaign

TEXT = read_data("graphite-anode.toml")
SMALL = """
name = "small"
physics = "none"
[space.a]
lower = 0
upper = 1
[space.powder]
options = ["P1", "P2"]
descriptors = { d50 = [5.0, 12.0] }
[[outcome]]
name = "y"
unit = ""
repeatability = 0.1
[[objective]]
outcome = "y"
reference = 0.0
"""


def test_mixture_sums_exactly_for_every_recipe(graphite: SpaceCampaign) -> None:
    x = graphite.space.sample(low_discrepancy(10_000, graphite.space.dimension, 0))
    values = graphite.values(x)
    total = values["graphite_wt"] + values["carbon_wt"] + values["binder_wt"]
    assert np.abs(total - 100.0).max() < 1e-9
    assert "graphite_wt" not in graphite.space.names


def test_hard_limits_hold_after_rounding_and_repair(graphite: SpaceCampaign) -> None:
    x = repair(graphite.space, graphite.constraints, graphite.space.sample(low_discrepancy(2_000, graphite.space.dimension, 1)))
    assert graphite.space.on_grid(x).all()
    assert holds(graphite.constraints, x).all()
    v = graphite.values(x)
    assert (v["carbon_wt"] + v["binder_wt"] <= 10.0 + 1e-9).all()
    assert (10.0 * v["loading_mg_cm2"] / v["density_g_cm3"] <= 100.0 + 1e-9).all()
    assert ((v["graphite_wt"] >= 88.0) & (v["graphite_wt"] <= 98.0)).all()
    assert set(np.unique(v["carbon_wt"] > 0.0)) == {True, False}


@given(st.integers(0, 2**16))
@settings(max_examples=30, deadline=None)
def test_recipe_by_names_comes_back(seed: int) -> None:
    campaign = load_space_campaign("graphite-anode")
    for row in feasible_sample(campaign.space, campaign.constraints, 5, seed=seed):
        assert np.array_equal(campaign.row(campaign.recipe(row)), row)


def test_remainder_may_be_left_out_but_not_contradicted(graphite: SpaceCampaign) -> None:
    (row,) = feasible_sample(graphite.space, graphite.constraints, 1)
    recipe = graphite.recipe(row)
    without = {name: value for name, value in recipe.items() if name != "graphite_wt"}
    assert np.array_equal(graphite.row(without), row)
    with pytest.raises(DesignSpaceError, match=r"graphite_wt \+ carbon_wt \+ binder_wt must sum to 100, got 102"):
        graphite.row({**recipe, "graphite_wt": float(recipe["graphite_wt"]) + 2.0})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"binder": "SBR"}, "binder must be one of CMC-SBR, PVDF, PAA, got 'SBR'"),
        ({"binder_wt": "3"}, "binder_wt must be a finite number, got '3'"),
        ({"binder_wt": float("nan")}, "binder_wt must be a finite number"),
        ({"mystery": 1.0}, '"mystery" is no parameter of graphite-anode'),
    ],
)
def test_recipe_that_is_none_is_refused(graphite: SpaceCampaign, change: dict[str, object], said: str) -> None:
    (row,) = feasible_sample(graphite.space, graphite.constraints, 1)
    with pytest.raises(DesignSpaceError) as caught:
        graphite.row({**graphite.recipe(row), **change})
    assert said in str(caught.value)
    with pytest.raises(DesignSpaceError, match="carbon_wt must be given, got none"):
        graphite.row({"binder_wt": 3.0})


def test_descriptors_may_stand_in_a_formula() -> None:
    text = SMALL + '[[constraint]]\nname = "fine powder"\nexpression = "powder_d50 * a"\nmax = 6.0\n'
    campaign = parse_space_campaign(text, "mine.toml")
    x = np.array([[0.9, 0.0], [0.9, 1.0], [0.4, 1.0]])
    assert holds(campaign.constraints, x).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('physics = "none"', 'physics = "magic"', 'physics must be "none"'),
        ('physics = "none"', "", "has no 'physics'"),
        ("repeatability = 0.05", "repeatability = 0", "repeatability must be above 0"),
        ('outcome = "rate_retention"', 'outcome = "life"', 'objective "life" is not an outcome; use one of areal_capacity'),
        ('outcome = "adhesion"', 'outcome = "grip"', 'limit "grip" is not an outcome'),
        ('name = "adhesion"', 'name = "areal_capacity"', "every outcome needs a name of its own, got 'areal_capacity' twice"),
        ('name = "adhesion"', 'name = "binder"', "every outcome needs a name of its own"),
        ("[space.binder]", "[space.status]", "a parameter's name must be a word other than cause, date, name, status, got 'status'"),
        ("[space.binder]", '[space."my binder"]', "got 'my binder'"),
        ('remainder = "graphite_wt"', 'remainder = "solids_wt"', "remainder must be one of graphite_wt, carbon_wt, binder_wt, got 'solids_wt'"),
        ('"carbon_wt", "binder_wt"]', '"carbon_wt", "binder"]', "parameters must be two or more different ones of"),
        ('"carbon_wt", "binder_wt"]', '"carbon_wt", "solids_wt", "loading_mg_cm2"]', "parameters of a mixture must have one unit"),
        ("total = 100.0", 'total = "all"', "[mixture] total must be a number"),
        ("probability = 0.8", "probability = 1.5", "limits.probability must lie between 0 and 1"),
        ("probability = 0.8", "probability = 0.8\nohmic_drop_mv = 50", "[limits] has no setting 'ohmic_drop_mv' without physics"),
        ("size = 4", "size = 0", "a batch must hold at least 1 recipe"),
        ("batch_mg = 20000.0", "batch_mg = -1.0", "batch_mg must be above 0 mg, got -1"),
        ('expression = "10 * loading_mg_cm2 / density_g_cm3"', 'expression = "open(1)"', "coating thickness: a formula may hold"),
        ("carbon_wt = 1.0, binder_wt = 1.0", "carbon_wt = 1.0, glue = 1.0", 'coefficients must be of graphite_wt, carbon_wt'),
        ("bound = 10.0", 'bound = "ten"', "inactive solids: bound must be a finite number, got 'ten'"),
        ("name = \"graphite-anode\"", "name = \"graphite-anode\"\nstudy = \"kim2025\"", "has an unknown table 'study'"),
    ],
)  # fmt: skip
def test_contradiction_is_refused_in_one_sentence(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises((CampaignError, DesignSpaceError)) as caught:
        parse_space_campaign(TEXT.replace(old, new, 1), "mine.toml")
    assert said in str(caught.value)


def test_space_without_a_feasible_recipe_is_refused() -> None:
    with pytest.raises(InfeasibleError, match='"coating thickness"'):
        parse_space_campaign(TEXT.replace("max = 100.0", "max = 1.0"), "mine.toml")


def test_file_tells_the_kind_of_campaign(tmp_path: Path) -> None:
    assert is_space_campaign(TEXT)
    assert not is_space_campaign(read_data("ncm811-lpscl.toml"))
    assert not is_space_campaign("not = [toml")
    file = tmp_path / "mine.toml"
    file.write_text(SMALL, encoding="utf-8-sig")
    assert load_space_campaign(file).name == "small"
    with pytest.raises(CampaignError, match="cannot be read"):
        load_space_campaign(tmp_path / "none.toml")
