"""Every bundled run of a sampler, as it is shipped, against random search with the same budget: what an adapter that did nothing would fail."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from optimizer.runs.driver import drive
from optimizer.runs.history import Trial, recipes
from optimizer.runs.plan import Plan, StrategySettings, load_plan, parse_plan, shipped
from optimizer.runs.status import status
from optimizer.runs.store import Store
from optimizer.runs.strategies import Setting
from optimizer.runs.worth import final_front

InMemory = Callable[[Plan], list[Trial]]

SEEDS_OF_CHANCE = 11  # whose best result a strategy of no use reaches once in twelve, and the median of five of its runs next to never
SEEDS = {"tpe": 5, "nsga-ii": 5, "nsga-iii": 5, "cma-es": 5, "bayesian": 1, "gp": 1, "auto": 1}  # the last three take a second a proposal


def by_chance(plan: Plan, seed: int) -> Plan:
    return replace(plan, seed=seed, strategy=StrategySettings(kind="random"))


def test_each_bundled_run_of_a_sampler_is_held_against_random_search() -> None:
    assert {f"analytic-{name}" for name in (*SEEDS, "sobol", "random")} == {name for name in shipped() if name.startswith("analytic-")}


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_bundled_run_beats_the_best_of_eleven_random_ones(name: str, store: Store, in_memory: InMemory) -> None:
    if name == "cma-es":
        pytest.importorskip("cmaes")
    plan = load_plan(f"analytic-{name}")

    def hypervolume(trials: list[Trial]) -> float:
        return final_front(plan.goal(), trials).volume

    run = drive(store, store.create(plan).name)
    assert (run.state, run.reason) == ("finished", f"budget of {plan.budget.evaluations} evaluations used")
    ours = [hypervolume(store.history(run)), *(hypervolume(in_memory(replace(plan, seed=seed))) for seed in range(1, SEEDS[name]))]
    chance = [hypervolume(in_memory(by_chance(plan, seed))) for seed in range(SEEDS_OF_CHANCE)]
    assert np.median(ours) > max(chance)
    if name == "auto":
        assert list(status(store)["begins_at"].items()) == [("optuna tpe", 30), ("bayesian", 8), ("sobol", 0)]
        assert any("outgrow the Gaussian process; handed over to optuna" in event["detail"] for event in store.events(run))


@pytest.mark.slow
def test_bundled_run_of_sobol_leaves_smaller_gaps_than_random_search_and_is_no_worse(store: Store, in_memory: InMemory) -> None:
    from scipy.spatial import cKDTree

    plan = load_plan("analytic-sobol")
    setting = Setting.of(plan)
    space = setting.campaign.space
    probes = space.encode(setting.repaired(space.sample(np.random.default_rng(99).random((2000, space.dimension)))))

    def gap(trials: list[Trial]) -> float:
        """Return how far a feasible recipe is from the nearest one evaluated, but for the farthest twentieth."""
        distance = np.asarray(cKDTree(space.encode(recipes(trials))).query(probes)[0])
        return float(np.quantile(distance, 0.95))

    assert drive(store, store.create(plan).name).state == "finished"
    ours = [store.history(store.run()), *(in_memory(replace(plan, seed=seed)) for seed in range(1, 7))]
    chance = [in_memory(by_chance(plan, seed)) for seed in range(SEEDS_OF_CHANCE)]
    assert np.median([gap(trials) for trials in ours]) < min(gap(trials) for trials in chance)
    volumes = [[final_front(plan.goal(), trials).volume for trials in kind] for kind in (ours, chance)]
    assert np.median(volumes[0]) >= np.median(volumes[1])


@pytest.mark.parametrize(
    "name",
    ["random", "sobol", "tpe", "nsga-ii", "nsga-iii", pytest.param("gp", marks=pytest.mark.slow), pytest.param("bayesian", marks=pytest.mark.slow)],
)
def test_strategy_seeks_three_objectives(name: str, in_memory: InMemory) -> None:
    third = '\n[[objective]]\noutcome = "gravimetric_energy_density"\nreference = 300.0\n'
    plan = load_plan(f"analytic-{name}")
    plan = replace(plan, campaign_text=plan.campaign_text + third, budget=replace(plan.budget, evaluations=14))
    trials = in_memory(plan)
    front = final_front(plan.goal(), trials)
    assert {len(trial.objectives) for trial in trials} == {3}
    assert front.volume > 0.0


def test_cma_es_refuses_several_objectives() -> None:
    text = 'name = "x"\n[strategy]\nkind = "optuna"\nsampler = "cma-es"\n[budget]\nevaluations = 9\n'
    said = r'^sampler cma-es seeks one objective, got 2 \(discharge_capacity, volumetric_energy_density\); choose with objectives = \["volumetric_'
    with pytest.raises(ValueError, match=said):
        parse_plan(text, "x.toml")
