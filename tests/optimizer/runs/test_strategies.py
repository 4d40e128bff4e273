"""Strategies: hard limits hold for every proposal, each is a function of the history, and none is worse than chance."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from objectives.constraints import holds
from optimizer.runs.history import Trial, as_known_at, recipes, unfinished
from optimizer.runs.plan import Budget, Plan, StrategySettings
from optimizer.runs.strategies import ExhaustedError, Filling, Setting, open_strategy
from optimizer.runs.worth import convergence, final_front
from tests.optimizer.runs.conftest import MakePlan

InMemory = Callable[[Plan], list[Trial]]
QUICK = ("random", "sobol", "tpe", "nsga-ii", "nsga-iii")


def needs_its_package(name: str) -> None:
    if name == "cma-es":
        pytest.importorskip("cmaes")


def hypervolume(plan: Plan, trials: list[Trial]) -> float:
    return final_front(plan.goal(), trials).volume


@pytest.mark.parametrize("name", [*QUICK, "cma-es", pytest.param("gp", marks=pytest.mark.slow), pytest.param("bayesian", marks=pytest.mark.slow)])
def test_every_proposal_keeps_the_hard_limits_and_none_repeats(name: str, make_plan: MakePlan, in_memory: InMemory) -> None:
    needs_its_package(name)
    plan = make_plan(name, 14 if name in ("gp", "bayesian") else 60)
    setting = Setting.of(plan)
    found = recipes(in_memory(plan))
    assert len(np.unique(found, axis=0)) == len(found)
    assert setting.campaign.space.on_grid(found).all()
    assert holds(setting.feasible.constraints, found).all()
    assert setting.feasible.accept(found).all()


@pytest.mark.parametrize("name", [*QUICK, "cma-es", pytest.param("gp", marks=pytest.mark.slow), pytest.param("bayesian", marks=pytest.mark.slow)])
def test_strategy_opened_anew_on_a_history_proposes_the_same(name: str, make_plan: MakePlan, in_memory: InMemory) -> None:
    needs_its_package(name)
    plan = make_plan(name, 14 if name in ("gp", "bayesian") else 50)
    history = in_memory(plan)
    for number in {0, 1, 9, 13, 24, 25, 36, 49} & set(range(len(history))):
        proposal = open_strategy(plan).propose(as_known_at(history, number))
        assert (proposal.recipe, proposal.notes) == (history[number].recipe, history[number].notes)


@pytest.mark.parametrize("name", ["tpe", "nsga-ii", "nsga-iii", "cma-es"])
def test_proposal_beside_running_trials_depends_on_what_had_ended_alone(name: str, make_plan: MakePlan, in_memory: InMemory) -> None:
    needs_its_package(name)
    plan = make_plan(name, 40)
    strategy, rng = open_strategy(plan), np.random.default_rng(0)
    results = in_memory(plan)  # what trials give is of no account here: any result will do
    history: list[Trial] = []
    running: list[int] = []
    for event in range(0, 10_000, 2):
        if len(running) == 3 or len(history) == 40:
            number = running.pop(rng.integers(len(running)))
            trial, given = history[number], results[number]
            history[number] = replace(trial, ended=event, state=given.state, objectives=given.objectives, margins=given.margins)
        if len(history) < 40:
            proposal = strategy.propose(history)
            running.append(len(history))
            history.append(Trial(len(history), proposal.recipe, proposal.by, asked=event + 1, notes=proposal.notes))
        if not running:
            break
    for number in (3, 12, 13, 25, 39):
        proposal = open_strategy(plan).propose(as_known_at(history, number))
        assert (proposal.recipe, proposal.notes) == (history[number].recipe, history[number].notes)


@pytest.mark.parametrize("name", ["tpe", "nsga-ii"])
def test_proposal_learns_from_results(name: str, make_plan: MakePlan, in_memory: InMemory) -> None:
    plan = make_plan(name, 30)
    history = in_memory(plan)
    late = [unfinished(trial) if trial.number >= 20 else trial for trial in history]
    assert open_strategy(plan).propose(late).recipe != open_strategy(plan).propose(history).recipe


def test_other_seed_gives_other_recipes(make_plan: MakePlan) -> None:
    for name in QUICK:
        assert open_strategy(make_plan(name, 5)).propose([]) != open_strategy(make_plan(name, 5, seed=1)).propose([])


@pytest.mark.parametrize("name", ["sobol", "nsga-ii"])  # all of them at length: test_shipped.py
def test_strategy_beats_random_search(name: str, make_plan: MakePlan, in_memory: InMemory) -> None:
    seeds = range(2)
    ours = [hypervolume(plan, in_memory(plan)) for plan in (make_plan(name, 100, seed) for seed in seeds)]
    chance = [hypervolume(plan, in_memory(plan)) for plan in (make_plan("random", 100, seed) for seed in seeds)]
    assert np.mean(ours) > np.mean(chance)


@pytest.mark.slow
def test_auto_hands_over_to_optuna_and_says_so(make_plan: MakePlan, in_memory: InMemory) -> None:
    plan = replace(make_plan("auto", 16), strategy=StrategySettings(kind="auto", sampler="tpe", fill=4, hand_over=8))
    history = in_memory(plan)
    assert [trial.by for trial in history] == ["sobol"] * 4 + ["bayesian"] * 4 + ["optuna tpe"] * 8
    said = open_strategy(plan).propose(history).why
    assert said == "auto: 16 finished evaluations, 8 or more, outgrow the Gaussian process; handed over to optuna"


def test_space_that_is_used_up_is_said(make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    filling = Filling(Setting.of(make_plan("sobol", 5)))
    only = filling.propose([]).recipe
    monkeypatch.setattr(filling, "_block", lambda _: np.tile(np.array(only), (256, 1)))
    with pytest.raises(ExhaustedError, match="have been evaluated already; widen the design space"):
        filling.propose([Trial(0, only, "sobol", asked=1)])


def test_front_grown_point_by_point_is_the_final_one(make_plan: MakePlan, in_memory: InMemory) -> None:
    plan = replace(make_plan("sobol", 200), budget=Budget(200))
    history = in_memory(plan)
    grown, volumes = convergence(plan.goal(), history)
    final = final_front(plan.goal(), history)
    assert volumes == sorted(volumes)
    assert grown.volume == pytest.approx(final.volume, rel=1e-12)
    assert {trial.number for trial in grown.trials} == {trial.number for trial in final.trials}
