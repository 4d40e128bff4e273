from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from objectives.constraints import holds
from objectives.outcomes import LEARNED, OUTCOMES
from objectives.recipe import Recipe
from objectives.repair import InfeasibleError
from optimizer.bayesian import NoFeasibleRecipeError
from optimizer.campaign import Campaign
from optimizer.candidates import Feasible
from optimizer.goal import Objective
from optimizer.model import FittedModel, fit_model
from optimizer.request import SuggestError
from optimizer.suggestion import choose_strategy, predict, suggest, suggest_from
from optimizer.trust import TITLES, agreements, trust_rows
from surrogates.training import REPEATABILITY

NONE = np.zeros((0, 4))


@pytest.fixture(scope="module")
def batch(model: FittedModel):  # type: ignore[no-untyped-def]
    return suggest_from(model, 4, 0, NONE)


def test_suggestions_carry_predictions_limits_reason_and_sheet(batch) -> None:  # type: ignore[no-untyped-def]
    data = json.loads(json.dumps(batch.as_json(), allow_nan=False))
    assert {"campaign", "seed", "strategy", "conditions", "suggestions"} <= set(data)
    for s in data["suggestions"]:
        assert set(s["recipe"]) == {"am_wt", "coating_se_wt", "se_particle_um", "vgcf_wt"}
        assert set(s["predicted"]) == set(OUTCOMES)
        for entry in s["predicted"].values():
            assert entry["low"] <= entry["mean"] <= entry["high"]
            assert entry["basis"]
        assert {"name", "margin", "unit", "probability"} <= set(s["limits"][0])
        assert s["probability_of_all_limits"] >= 0.8


def test_sheet_masses_add_up_and_make_the_recipe(batch, feasible: Feasible) -> None:  # type: ignore[no-untyped-def]
    for s in batch.suggestions:
        m = s.sheet.masses_mg
        assert m["mix_coated_powder"] + m["mix_free_se"] + m["mix_vgcf"] == pytest.approx(s.sheet.batch_mg, abs=1e-9)
        assert m["coating_am"] + m["coating_se"] >= 5000.0 - 1e-9
        coated = m["coating_am"] / (m["coating_am"] + m["coating_se"])
        assert 100.0 * coated * m["mix_coated_powder"] / s.sheet.batch_mg == pytest.approx(s.recipe.am_wt, abs=0.05)
        assert holds(feasible.constraints, np.array([s.sheet.realised.values()]))[0]


def test_reason_names_the_nearest_cell_its_result_and_the_exploration(batch) -> None:  # type: ignore[no-untyped-def]
    for s in batch.suggestions:
        assert "kim2025" in s.reason
        assert "mAh/g" in s.reason
        assert "exploration" in s.reason
        assert "inds" in s.reason


def test_same_seed_gives_the_same_answer_to_the_digit(model: FittedModel, batch, campaign: Campaign) -> None:  # type: ignore[no-untyped-def]
    assert json.dumps(suggest_from(fit_model(campaign), 4, 0, NONE).as_json()) == json.dumps(batch.as_json())


def test_sobol_fills_the_space_with_feasible_recipes(model: FittedModel, feasible: Feasible) -> None:
    answer = suggest_from(model, 8, 0, NONE, "sobol")
    recipes = np.array([s.recipe.values() for s in answer.suggestions])
    assert holds(feasible.constraints, recipes).all()
    assert feasible.space.on_grid(recipes).all()
    assert np.ptp(feasible.space.encode(recipes), axis=0).min() > 0.4
    assert "fill the space" in answer.suggestions[0].reason


def test_auto_says_what_it_took_and_why() -> None:
    assert choose_strategy("auto", 24) == ("bayesian", "auto: 24 measured capacities to learn from")
    assert choose_strategy("auto", 3) == ("sobol", "auto: 3 measured capacities, fewer than 4; fill the space first")
    assert choose_strategy("sobol", 24)[0] == "sobol"


@pytest.mark.parametrize("n", [0, -3, 33])
def test_number_of_recipes_out_of_range_is_refused(campaign: Campaign, n: int) -> None:
    with pytest.raises(SuggestError, match=f"between 1 and 32, got {n}"):
        suggest(campaign, n)


def test_new_study_is_less_sure_than_a_measured_one(campaign: Campaign) -> None:
    recipe = Recipe(85.0, 5.0, 1.5, 2.3)
    known, new = predict(campaign, recipe), predict(campaign.at(study="new"), recipe)
    for name in ("porosity", "ionic_tortuosity_factor", "discharge_capacity", "volumetric_energy_density"):
        assert new.predicted[name].high - new.predicted[name].low > 1.3 * (known.predicted[name].high - known.predicted[name].low)


def test_prediction_of_a_measured_cell_holds_its_measurement(campaign: Campaign) -> None:
    answer = predict(campaign, Recipe(85.0, 5.0, 1.5, 2.34))
    for name, measured in (("discharge_capacity", 198.88), ("volumetric_energy_density", 1258.0)):
        found, noise = answer.predicted[name], 1.645 * REPEATABILITY["discharge_capacity"] * measured  # the interval is the electrode's own
        assert abs(found.mean - measured) <= np.hypot(found.high - found.mean, noise)


def test_primary_evidence_calibrates_the_physics_without_secondary_rows(campaign: Campaign, model: FittedModel) -> None:
    primary = fit_model(campaign, ("primary",))
    names = [prior.name for prior in primary.physics.calibration.priors]
    z = primary.physics.calibration.z[names.index("lee2026.offset_ionic")]
    assert z == pytest.approx(0.0, abs=1e-6)  # only Lee's own secondary rows could move it
    assert abs(model.physics.calibration.z[names.index("lee2026.offset_ionic")]) > 1.0
    recipe = np.array([[85.0, 5.0, 1.5, 2.3]])
    widths = [np.ptp(np.percentile(np.log(m.samples(recipe, 2048, 0).outcomes["ionic_tortuosity_factor"]), (5, 95))) for m in (primary, model)]
    assert widths[0] > widths[1]  # no primary row measures transport: wider


def test_primary_evidence_alone_still_predicts(campaign: Campaign) -> None:
    answer = predict(campaign, Recipe(85.0, 5.0, 1.5, 2.3), ("primary",))
    assert answer.predicted["discharge_capacity"].mean == pytest.approx(197.0, abs=6.0)


def test_harder_condition_wants_less_active_material(model: FittedModel, campaign: Campaign, batch) -> None:  # type: ignore[no-untyped-def]
    hard = suggest(campaign.at(c_rate=0.2, temperature_c=30.0), 4)
    easy_am = np.mean([s.recipe.am_wt for s in batch.suggestions])
    assert np.mean([s.recipe.am_wt for s in hard.suggestions]) < easy_am - 2.0
    names = {state.name for state in hard.suggestions[0].limits}
    assert "ionic_tortuosity" not in names  # a price here, not a limit


def test_ohmic_drop_is_priced_where_it_is_no_limit(campaign: Campaign) -> None:
    hard = campaign.at(c_rate=0.2, temperature_c=30.0)
    dense = Recipe(88.0, 4.0, 3.0, 1.0)
    generous = predict(replace(hard, limits=replace(hard.limits, ohmic_drop_mv=1000.0)), dense)
    assert predict(hard, dense).predicted["volumetric_energy_density"].mean < generous.predicted["volumetric_energy_density"].mean - 5.0


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("seed", [0, 1, 2, 7, 50, 123])
def test_samples_of_different_outcomes_hang_together_by_the_physics_alone(model: FittedModel, seed: int, joint: bool) -> None:
    """Outcomes share the physics' parameters and nothing else; base samples that hang together would bend every interval of an energy."""
    recipe = np.array([[87.0, 5.0, 0.5, 1.0]])
    found, inputs, physics = model.samples(recipe, 2048, seed, joint=joint).outcomes, model.inputs(recipe), model.fused.models["physics"]
    spread = {name: physics.loading(name, inputs[name])[0] @ physics.weight_root for name in LEARNED}
    sd = {name: physics.predict(name, inputs[name]).sd[0] for name in LEARNED}
    for i, one in enumerate(LEARNED):
        for other in LEARNED[:i]:
            share = sum(model.fused.trust[one][by] * model.fused.trust[other][by] for by in ("physics", "simulation"))
            expected = share * float(spread[one] @ spread[other]) / (sd[one] * sd[other])
            natural = [model.campaign.outcomes[name].to_natural(found[name][:, 0]) for name in (one, other)]
            assert np.corrcoef(natural[0], natural[1])[0, 1] == pytest.approx(expected, abs=0.15)


def test_probability_of_all_limits_counts_percolation(campaign: Campaign) -> None:
    edge = suggest(campaign.at(c_rate=0.001, temperature_c=120.0), 2)
    for s in edge.suggestions:
        [percolation] = [state for state in s.limits if state.name == "ionic_percolation"]
        assert percolation.probability >= campaign.probability - 0.02
        assert s.probability <= percolation.probability + 1e-9


@pytest.mark.parametrize(("batch_mg", "balance_mg"), [(60.0, 1.0), (60.0, 0.1), (500.0, 10.0)])
def test_what_is_weighed_is_the_recipe_within_half_a_lab_step(campaign: Campaign, batch_mg: float, balance_mg: float) -> None:
    coarse = replace(campaign, batch=replace(campaign.batch, batch_mg=batch_mg, balance_mg=balance_mg))
    try:
        answer = suggest(coarse, 3)
    except InfeasibleError as error:
        assert "make a larger batch or use a finer balance" in str(error)  # noqa: PT017
        return
    made = [s.sheet.realised for s in answer.suggestions]
    for s, real in zip(answer.suggestions, made, strict=True):
        assert real.am_wt == pytest.approx(s.recipe.am_wt, abs=0.25 + 1e-6)
        assert real.vgcf_wt == pytest.approx(s.recipe.vgcf_wt, abs=0.05 + 1e-6)
        assert real.coating_se_wt == pytest.approx(s.recipe.coating_se_wt, abs=0.5 + 1e-6)


def test_balance_that_makes_every_recipe_another_is_refused(campaign: Campaign) -> None:
    batch = replace(campaign.batch, balance_mg=100.0)  # only recipes in fifths can be weighed, and none is surely good
    coarse = replace(campaign, batch=batch, probability=0.95)
    with pytest.raises(NoFeasibleRecipeError, match="no recipe meets all limits"):
        suggest(coarse, 2)


def test_goal_out_of_reach_is_said_and_not_called_exploration(campaign: Campaign) -> None:
    unreachable = replace(campaign, objectives=(Objective("discharge_capacity", 400.0),))
    [s] = suggest(unreachable, 1).suggestions
    assert "No gain over what is measured is expected of it" in s.reason
    assert s.exploration == 0.0


def test_batch_says_how_much_each_outcome_trusts_the_physics(batch) -> None:  # type: ignore[no-untyped-def]
    trust = batch.as_json()["trust"]
    assert [one["outcome"] for one in trust] == list(LEARNED)
    for one in trust:
        assert sum(one["weights"].values()) == pytest.approx(1.0, abs=1e-5)
        assert one["judged_by_rows"] > 0
        follows = one["closed_form"]
        assert follows["low"] <= follows["correlation"] <= follows["high"]
        assert follows["correlation"] ** 2 - 1e-6 <= follows["variance_share"] <= 1.0
    assert all(len(row) == len(TITLES) for row in trust_rows(batch.trust))


def test_outcome_that_is_the_closed_form_follows_it_and_one_without_physics_need_not(model: FittedModel, feasible: Feasible) -> None:
    """With all trust in the physics the tau of a known study follows the closed form; with all in the data it follows less."""
    recipes, name = feasible.sample(64, 3), "ionic_tortuosity_factor"
    trusting, doubting = (
        replace(model, fused=replace(model.fused, trust={**model.fused.trust, name: {"physics": share, "data": 1.0 - share, "simulation": 0.0}}))
        for share in (1.0, 0.0)
    )
    sure, unsure = agreements(trusting, recipes, 0)[name], agreements(doubting, recipes, 0)[name]
    assert sure.correlation > 0.9
    assert sure.share > 0.8
    assert unsure.correlation < sure.correlation - 0.1
    assert unsure.high - unsure.low > sure.high - sure.low
