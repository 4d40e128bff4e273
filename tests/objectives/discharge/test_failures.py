"""Every failure of the solver has a name, and no number is silent."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from objectives.discharge import MissingSimulationError, Transport, model, simulate_cell
from objectives.discharge.model import FAILED, OUT_OF_WINDOW, RISES, Discharge, discharge, load_pybamm
from objectives.discharge.scaling import HalfCell
from objectives.physics import Conditions, Physics
from objectives.recipe import Recipe

NUMBERS = {"discharge_capacity", "areal_capacity", "volumetric_energy_density", "gravimetric_energy_density"}


def random_cells(count: int, seed: int) -> list[HalfCell]:
    """Cells far beyond anything that is made: conductivities over ten decades, 0.001C to 1,000C."""
    rng = np.random.default_rng(seed)

    def log_uniform(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    return [
        HalfCell(
            current_a_m2=log_uniform(0.1, 300.0),
            capacity_ah_m2=log_uniform(0.05, 100.0),
            thickness_um=log_uniform(10.0, 400.0),
            ionic_ms_cm=log_uniform(1e-9, 20.0),
            electronic_ms_cm=log_uniform(1e-9, 100.0),
            separator_um=log_uniform(0.1, 100.0),
            separator_ms_cm=log_uniform(0.1, 20.0),
            am_radius_um=log_uniform(0.5, 15.0),
            diffusivity_m2_s=log_uniform(1e-21, 1e-13),
            exchange_a_m2=log_uniform(1e-7, 100.0),
            temperature_c=float(rng.uniform(-40.0, 120.0)),
        )
        for _ in range(count)
    ]


def check(cell: HalfCell) -> str:
    found = discharge(cell)
    if found.status == "ok":
        assert 0.0 < found.capacity_ah_m2 < 1.08 * cell.capacity_ah_m2
        assert 2.5 <= found.mean_voltage_v <= 4.25
    elif found.status == OUT_OF_WINDOW:
        assert found.capacity_ah_m2 == 0.0
        assert found.detail
    else:
        assert found.status == FAILED
        assert math.isnan(found.capacity_ah_m2)
        assert found.detail
    return found.status


def test_any_cell_gives_a_number_or_a_name() -> None:
    statuses = [check(cell) for cell in random_cells(40, seed=1)]
    assert {"ok", OUT_OF_WINDOW} <= set(statuses)


@pytest.mark.slow
def test_any_of_300_cells_gives_a_number_or_a_name_and_few_fail() -> None:
    statuses = [check(cell) for cell in random_cells(300, seed=0)]
    assert statuses.count(FAILED) <= 2  # none when it was written


def random_recipe(rng: np.random.Generator) -> Recipe:
    coating = float(rng.choice([0.0, rng.uniform(2.0, 25.0)]))
    return Recipe(float(rng.uniform(60.0, 95.0)), coating, float(np.exp(rng.uniform(np.log(0.5), np.log(20.0)))), float(rng.uniform(0.0, 5.0)))


def check_recipes(physics: Physics, count: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    statuses = []
    for _ in range(count):
        recipe = random_recipe(rng)
        conditions = [
            Conditions(float(rng.uniform(-40.0, 120.0)), float(np.exp(rng.uniform(np.log(1e-3), np.log(10.0)))), loading_mg_cm2=float(loading))
            for loading in rng.uniform(5.0, 100.0, 2)
        ]
        for result in simulate_cell(physics, recipe, conditions):
            assert bool(result.detail) == (result.status != "ok")
            assert set(result.outcomes) >= (NUMBERS if result.status != FAILED else set())
            assert result.status != FAILED or not NUMBERS & set(result.outcomes)
            assert ("mean_discharge_voltage" in result.outcomes) == (result.outcomes.get("discharge_capacity", 0.0) > 0.0)
            statuses.append(result.status)
    return statuses


def test_any_recipe_at_any_condition_gives_numbers_or_a_name(physics: Physics) -> None:
    assert set(check_recipes(physics, 10, seed=1)) <= {"ok", OUT_OF_WINDOW, FAILED}


@pytest.mark.slow
def test_recipes_hardly_ever_defeat_the_solver(physics: Physics) -> None:
    statuses = check_recipes(physics, 150, seed=2)
    assert statuses.count(FAILED) <= 3


def test_current_too_large_for_the_window_is_a_capacity_of_zero(physics: Physics, model4: Recipe) -> None:
    barely = Transport(1e-4, 1e-4, 0.3, 0.55, 0.12, connected_am_fraction=1.0)
    (result,) = simulate_cell(physics, model4, [Conditions(c_rate=10.0)], barely)
    assert result.status == OUT_OF_WINDOW
    assert result.outcomes["discharge_capacity"] == result.outcomes["volumetric_energy_density"] == 0.0
    assert "mean_discharge_voltage" not in result.outcomes
    assert "below 2.5 V" in result.detail


class Broken:
    """A simulation whose solver gives up, with the message it was given."""

    def __init__(self, error: Exception) -> None:
        self.error, self.calls = error, 0

    def solve(self, *_: Any, **__: Any) -> Any:
        self.calls += 1
        raise self.error


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Broken]:
    def install(message: str) -> Broken:
        made = Broken(load_pybamm().SolverError(message))
        monkeypatch.setattr(model, "simulation", lambda *_: made)
        return made

    return install


def test_solver_that_gives_up_is_tried_again_and_then_named(broken: Callable[[str], Broken], physics: Physics, model4: Recipe) -> None:
    made = broken("IDA_CONV_FAIL at t = 1 with inputs {...}")
    handed = Transport(0.2, 10.0, 0.3, 0.55, 0.12, connected_am_fraction=0.9)
    (result,) = simulate_cell(physics, model4, transport=handed)
    assert made.calls == len(RISES)
    assert result.status == FAILED
    assert "IDA_CONV_FAIL at t = 1)" in result.detail
    assert not NUMBERS & set(result.outcomes)
    assert result.outcomes["porosity"] == 0.12


def test_message_of_an_initial_voltage_is_understood(broken: Callable[[str], Broken], good: HalfCell) -> None:
    made = broken("Events ['Minimum voltage [V]'] are non-positive at initial conditions with inputs {}")
    assert discharge(good).status == OUT_OF_WINDOW
    assert made.calls == 1


def test_pybamm_still_says_so_of_an_initial_voltage(good: HalfCell) -> None:
    """The real message: without it the case would only be named after a soft start."""
    found = discharge(replace(good, separator_ms_cm=1e-3, current_a_m2=20.0))
    assert (found.status, found.attempts) == (OUT_OF_WINDOW, 1)


def test_end_other_than_the_cut_off_is_a_failure(good: HalfCell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "LONGEST", 0.5)  # the time ends before the discharge does
    found = discharge(good)
    assert found.status == FAILED
    assert "ended by final time instead of 2.5 V" in found.detail


def test_failure_has_no_number_to_be_used_by_mistake() -> None:
    assert math.isnan(Discharge(math.nan, math.nan, FAILED).capacity_ah_m2)


def test_missing_pybamm_is_one_sentence_with_the_remedy(monkeypatch: pytest.MonkeyPatch, physics: Physics, model4: Recipe) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pybamm", None)
    with pytest.raises(MissingSimulationError, match=r'needs PyBaMM, which is not installed; install "glittercake\[simulation\]"'):
        simulate_cell(physics, model4)
