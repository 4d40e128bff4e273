"""The fidelity `micro` of a run: means over seeds and their scatter, each seed with its own discharge."""

import importlib

import numpy as np
import pytest

from objectives.electrode import TAU_CAP
from objectives.simulated import Simulated
from optimizer.campaign import load_campaign
from optimizer.runs.conditions import TestCondition, at_conditions

pytest.importorskip("numba")
pytest.importorskip("pybamm")

TAU = "ionic_tortuosity_factor"


def seeds(*capacities: float | None) -> list[Simulated]:
    return [Simulated({"porosity": 0.1} | ({} if q is None else {"discharge_capacity": q}), facts={"solver_attempts": 1.0}) for q in capacities]


def test_tortuosity_factors_are_averaged_as_logarithms_and_capacities_plainly() -> None:
    from optimizer.runs.micro import pooled

    found = pooled(seeds(200.0, 180.0), {TAU: np.array([2.0, 8.0])}, {"seeds": 2.0})
    assert "porosity" not in found.sd  # the recipe fixes it
    assert found.outcomes["discharge_capacity"] == 190.0
    assert found.sd["discharge_capacity"] == pytest.approx(20.0 / np.sqrt(2.0))
    assert (found.status, found.percolates, found.facts) == ("ok", True, {"solver_attempts": 1.0, "seeds": 2.0})


def test_tau_of_the_seeds_stands_for_that_of_their_discharges() -> None:
    from optimizer.runs.micro import pooled

    one = [Simulated({TAU: 3.0}), Simulated({TAU: 3.0})]
    found = pooled(one, {TAU: np.array([2.0, 8.0])}, {})
    assert found.outcomes[TAU] == pytest.approx(4.0)
    assert found.sd[TAU] == pytest.approx(4.0 * np.log(4.0) / np.sqrt(2.0))
    assert pooled(one, {TAU: np.array([TAU_CAP, TAU_CAP])}, {}).outcomes[TAU] == TAU_CAP


def test_seed_without_a_path_counts_as_no_capacity() -> None:
    from optimizer.runs.micro import pooled

    blocked = Simulated({"discharge_capacity": 0.0}, percolates=False)
    found = pooled([*seeds(100.0), blocked], {}, {})
    assert (found.outcomes["discharge_capacity"], found.percolates, found.status) == (50.0, False, "ok")


def test_seed_whose_discharge_was_not_solved_leaves_the_condition_without_capacity() -> None:
    from optimizer.runs.micro import pooled

    unsolved = Simulated({"porosity": 0.1}, status="solver_failed", detail="the solver gave up 3 times")
    found = pooled([*seeds(100.0), unsolved], {}, {})
    assert (found.status, found.detail, set(found.outcomes)) == ("solver_failed", "the solver gave up 3 times", {"porosity"})


def test_cause_that_all_seeds_share_is_the_status() -> None:
    from optimizer.runs.micro import pooled

    broken = Simulated({"discharge_capacity": 0.0}, status="no_electronic_path", detail="electrons find no path")
    assert pooled([broken, broken], {}, {}).status == "no_electronic_path"
    assert pooled([broken, *seeds(100.0)], {}, {}).status == "ok"


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [(85.0, 5.0, 1.5, 2.3), (85.0, 0.0, 4.83, 3.0)])  # the second: seeds without a path
def test_blocks_are_those_of_the_fidelity_and_each_is_solved_once(recipe: tuple[float, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    from objectives.microstructure.analyse import simulate_micro
    from objectives.recipe import Recipe

    micro, solved = importlib.import_module("optimizer.runs.micro"), []

    def counting(*arguments: object) -> object:
        solved.append(arguments)
        return analyse(*arguments)

    analyse = micro.analyse
    monkeypatch.setattr(micro, "analyse", counting)
    physics = load_campaign().physics()
    conditions = at_conditions(physics.conditions, [TestCondition(0.2, 30.0)])
    own, cold = micro.simulate_seeds(physics, Recipe(*recipe), 1, conditions)
    structure = simulate_micro(physics, Recipe(*recipe), seeds=(6, 7, 8))
    assert len(solved) == structure.facts["seeds"]
    for found in (own, cold):
        assert {name: found.outcomes[name] for name in structure.outcomes} == pytest.approx(structure.outcomes, rel=1e-12)
        assert {name: found.sd[name] for name in structure.sd} == pytest.approx(structure.sd, rel=1e-9)
        assert found.percolates == structure.percolates
    assert {name: own.facts[name] for name in structure.facts if name in own.facts} == {
        name: value for name, value in structure.facts.items() if name in own.facts
    }
    assert 0.0 < cold.outcomes["discharge_capacity"] < own.outcomes["discharge_capacity"] < 230.0
    assert (own.sd["discharge_capacity"] > 0.0, cold.sd["discharge_capacity"] > 0.0) == (True, True)
