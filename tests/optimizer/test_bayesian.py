from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from objectives.constraints import holds
from objectives.design_space import DesignSpace
from objectives.parameter import Parameter
from objectives.weighing import realised, weigh
from optimizer.batch_rule import campaign_ledger, stock_rule
from optimizer.bayesian import NoFeasibleRecipeError, propose
from optimizer.campaign import Campaign
from optimizer.candidates import Feasible
from optimizer.goal import Objective
from optimizer.measured import incumbents, measured_designs
from optimizer.model import FittedModel, fit_model

NONE = np.zeros((0, 4))


def measured_recipes(model: FittedModel) -> np.ndarray:
    return incumbents(measured_designs(model.data, model.physics), model.campaign.study)


def test_proposals_are_reproducible_and_differ_between_seeds(model: FittedModel, feasible: Feasible) -> None:
    runs = [propose(model, feasible, measured_recipes(model), NONE, 4, seed) for seed in (3, 3, 4)]
    recipes = [np.stack([choice.recipe for choice in run]) for run in runs]
    assert np.array_equal(recipes[0], recipes[1])
    assert [c.gain for c in runs[0]] == [c.gain for c in runs[1]]
    assert not np.array_equal(recipes[0], recipes[2])


def test_pending_recipes_are_not_repeated_and_lower_what_is_left_to_gain(model: FittedModel, feasible: Feasible) -> None:
    first = propose(model, feasible, measured_recipes(model), NONE, 2, 0)
    pending = np.stack([choice.recipe for choice in first])
    second = propose(model, feasible, measured_recipes(model), pending, 2, 0)
    assert not feasible.same(np.stack([c.recipe for c in second]), pending).any()
    assert second[0].gain < first[0].gain


def test_proposals_do_not_repeat_a_measured_recipe(model: FittedModel, feasible: Feasible) -> None:
    best = propose(model, feasible, measured_recipes(model), NONE, 1, 0)[0].recipe
    known = np.concatenate([measured_recipes(model), best[None]])
    again = propose(model, feasible, known, NONE, 4, 0)
    assert not feasible.same(np.stack([c.recipe for c in again]), known).any()


def test_proposals_beat_the_best_measured_cell_in_energy_density(model: FittedModel, feasible: Feasible) -> None:
    choices = propose(model, feasible, measured_recipes(model), NONE, 4, 0)
    energies = model.samples(np.stack([c.recipe for c in choices]), 512, 0).outcomes["volumetric_energy_density"].mean(axis=0)
    known = model.samples(measured_recipes(model), 512, 0).outcomes["volumetric_energy_density"].mean(axis=0)
    assert energies.max() > known.max() + 20.0


def test_botorchs_rule_proposes_among_the_same_candidates(model: FittedModel, feasible: Feasible) -> None:
    ours = propose(model, feasible, measured_recipes(model), NONE, 2, 0)
    theirs = propose(model, feasible, measured_recipes(model), NONE, 2, 0, "qlognehvi")
    assert len({tuple(c.recipe) for c in theirs}) == 2
    assert sum(c.gain for c in theirs) == pytest.approx(sum(c.gain for c in ours), rel=0.1)


@pytest.mark.parametrize("rule", ["sampled", "qlognehvi"])
def test_one_objective_is_proposed_for_alone(campaign: Campaign, rule: str) -> None:
    single = fit_model(replace(campaign, objectives=(Objective("volumetric_energy_density", 900.0),)))
    constraints = campaign.constraints(single.physics)
    feasible = Feasible(campaign.space, constraints, campaign.accept(constraints))
    best = propose(single, feasible, measured_recipes(single), NONE, 1, 0, rule)[0]  # type: ignore[arg-type]
    energy = single.samples(best.recipe[None], 512, 0).outcomes["volumetric_energy_density"].mean()
    assert energy > 1290.0


def test_limits_that_no_recipe_meets_are_refused_with_the_best_probability(campaign: Campaign, model: FittedModel, feasible: Feasible) -> None:
    strict = replace(model, campaign=replace(campaign, limits=replace(campaign.limits, relative_density_min=0.985, relative_density_max=0.999)))
    with pytest.raises(NoFeasibleRecipeError, match=r"probability 0\.8; the best found reaches 0\."):
        propose(strict, feasible, measured_recipes(model), NONE, 2, 0)


def test_binding_density_limit_holds_with_the_required_probability(campaign: Campaign, model: FittedModel, feasible: Feasible) -> None:
    tight = replace(model, campaign=replace(campaign, limits=replace(campaign.limits, relative_density_min=0.885)))
    choices = propose(tight, feasible, measured_recipes(model), NONE, 3, 0)
    probability = tight.samples(np.stack([c.recipe for c in choices]), 8192, 77).feasible.mean(axis=0)
    assert (probability >= campaign.probability - 0.02).all()


def random_space(rng: np.random.Generator) -> DesignSpace:
    am = np.sort(rng.choice(np.arange(60.0, 95.0, 0.5), 2, replace=False))
    vgcf = np.sort(rng.choice(np.arange(0, 60), 2, replace=False)) / 10.0
    coating = np.sort(rng.choice(np.arange(1.0, 26.0), 2, replace=False))
    size = np.sort(rng.uniform(0.3, 25.0, 2))
    return DesignSpace(
        (
            Parameter("am_wt", am[0], am[1], 0.5, "wt%"),
            Parameter("coating_se_wt", coating[0], coating[1], 1.0, "wt%", zero=bool(rng.random() < 0.5)),
            Parameter("se_particle_um", float(f"{size[0]:.3g}"), float(f"{size[1] + 0.1:.3g}"), None, "um", "log"),
            Parameter("vgcf_wt", vgcf[0], vgcf[1], 0.1, "wt%"),
        )
    )


def violations(model: FittedModel, seed: int) -> int:
    """Propose in a random space and return how many recipes break a hard limit, on the grid or as weighed; -1: space is empty."""
    from objectives.repair import InfeasibleError

    rng = np.random.default_rng(seed)
    campaign = replace(model.campaign, space=random_space(rng), batch=replace(model.campaign.batch, batch_mg=float(rng.integers(1000, 20000)) / 10.0))
    constraints = campaign.constraints(model.physics)
    feasible = Feasible(campaign.space, constraints, campaign.accept(constraints))
    try:
        choices = propose(replace(model, campaign=campaign), feasible, measured_recipes(model), NONE, 4, seed)
    except (InfeasibleError, NoFeasibleRecipeError):
        return -1
    recipes = np.stack([c.recipe for c in choices])
    batch = campaign.batch
    weighed = weigh(recipes, batch.batch_mg, batch.balance, batch.mill_minimum_mg, lambda x: holds(constraints, x))
    good = campaign.space.on_grid(recipes) & holds(constraints, recipes) & weighed.weighable & holds(constraints, realised(weighed))
    return int((~good).sum())


def test_proposals_in_random_spaces_keep_every_hard_limit(model: FittedModel) -> None:
    found = [violations(model, seed) for seed in range(12)]
    assert sum(v >= 0 for v in found) >= 6
    assert all(v <= 0 for v in found)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_two_hundred_bayesian_runs_keep_every_hard_limit(model: FittedModel) -> None:
    found: list[int] = []
    seed = 1000
    while sum(v >= 0 for v in found) < 200:
        found.append(violations(model, seed))
        seed += 1
    assert all(v <= 0 for v in found)


def test_batch_holds_at_most_the_allowed_new_coatings(campaign: Campaign, model: FittedModel, feasible: Feasible) -> None:
    for stock, most in (((), 1), ((5.0,), 0), ((10.0,), 1)):
        batch = replace(campaign.batch, coatings_in_stock=stock, max_new_coatings=most)
        restricted = replace(campaign, batch=batch)
        rule = stock_rule(restricted, campaign_ledger(restricted, NONE))
        choices = propose(replace(model, campaign=restricted), feasible, measured_recipes(model), NONE, 6, 0, rule=rule)
        coatings = {float(c.recipe[1]) for c in choices}
        assert len(coatings - {0.0, *stock}) <= most
        assert len(choices) >= 4


def test_rule_of_new_coatings_is_refused_where_it_cannot_be_kept(campaign: Campaign, model: FittedModel, feasible: Feasible) -> None:
    restricted = replace(campaign, batch=replace(campaign.batch, max_new_coatings=1))
    rule = stock_rule(restricted, campaign_ledger(restricted, NONE))
    with pytest.raises(ValueError, match="use --acquisition sampled"):
        propose(model, feasible, measured_recipes(model), NONE, 2, 0, "qlognehvi", rule)
