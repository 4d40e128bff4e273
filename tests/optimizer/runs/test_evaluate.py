"""An evaluation gives what the closed form gives, names its failures, and travels to other processes."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from objectives.outcomes import OUTCOMES
from objectives.recipe import Recipe
from objectives.simulated import Fidelity, Simulated
from optimizer.campaign import load_campaign
from optimizer.report import from_outcomes, physics_margins
from optimizer.runs.evaluate import Job, complete, evaluate
from optimizer.runs.history import Result
from optimizer.runs.plan import load_plan

RECIPE = (85.0, 5.0, 1.5, 2.3)
TEXT = load_plan("analytic-sobol").campaign_text
JOB = Job(0, RECIPE, "analytic", 0, TEXT)


def test_analytic_evaluation_is_the_closed_form() -> None:
    campaign = load_campaign()
    x = np.array([RECIPE])
    closed = campaign.physics().outcomes(x)
    result = evaluate(JOB)
    assert result.simulated.outcomes == {name: float(value[0]) for name, value in from_outcomes(closed).items()}
    assert result.margins == {name: float(margin[0]) for name, margin in physics_margins(campaign, x, closed).items()}
    assert set(result.simulated.outcomes) == set(OUTCOMES)


def test_evaluation_travels() -> None:
    assert pickle.loads(pickle.dumps(evaluate))(pickle.loads(pickle.dumps(JOB))) == evaluate(JOB)
    assert "85.0" in repr(JOB)
    assert "[space" not in repr(JOB)


def test_where_tau_is_no_limit_its_drop_is_taken_off_the_voltage() -> None:
    warm, cool = TEXT.replace("temperature_c = 60.0\nc_rate = 0.05", "temperature_c = 30.0\nc_rate = 0.2", 1), TEXT
    thin = (85.0, 22.0, 1.5, 0.0)  # no carbon: electrons have the longest way
    priced = evaluate(Job(0, thin, "analytic", 0, warm))
    assert priced.simulated.status == "ok", priced.simulated.detail
    assert "ionic_tortuosity" not in priced.margins
    assert "ionic_tortuosity" in evaluate(Job(0, thin, "analytic", 0, cool)).margins
    found = priced.simulated.outcomes
    unpriced = found["areal_capacity"] * found["mean_discharge_voltage"]
    assert found["gravimetric_energy_density"] < 1000.0 * unpriced / 30.6  # Wh/kg of the composite alone, at the full voltage


def test_exception_becomes_a_status() -> None:
    broken = evaluate(replace(JOB, recipe=(85.0, 5.0, 0.0, 2.3)))
    assert broken.state == "failed"
    assert broken.simulated.status == "error"
    assert broken.simulated.detail.startswith("RecipeError: se_particle_um must be above 0 um")


def test_electrode_without_a_path_breaks_its_limit_at_the_cap() -> None:
    campaign = load_campaign()
    broken = Simulated({"porosity": 0.1, "electronic_tortuosity_factor": 0.1}, percolates=False)
    result = complete(campaign, Recipe(*RECIPE), campaign.physics().outcomes(np.array([RECIPE])), broken, priced=False)
    assert result.state == "completed"
    assert result.margins["ionic_tortuosity"] < 0.0 < result.margins["electronic_tortuosity"]
    assert set(result.simulated.outcomes) == {"porosity", "electronic_tortuosity_factor", "relative_density", "electrode_density", "thickness"}


def test_simulation_that_failed_has_no_margins() -> None:
    campaign = load_campaign()
    broken = Simulated({}, status="diverged", detail="why")
    assert complete(campaign, Recipe(*RECIPE), campaign.physics().outcomes(np.array([RECIPE])), broken, priced=False) == Result(broken, {})


@pytest.mark.parametrize(("fidelity", "package"), [("cell", "pybamm"), ("micro", "numba")])
def test_fidelity_whose_packages_are_missing_is_refused_before_any_evaluation(
    fidelity: Fidelity, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = load_plan("analytic-sobol")
    monkeypatch.setattr("optimizer.runs.plan.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=f'fidelity "{fidelity}" needs the package {package}, which is not installed'):
        replace(plan, fidelity=fidelity)


@pytest.mark.slow
def test_cell_evaluation_is_the_discharge() -> None:
    pytest.importorskip("pybamm")
    from objectives.discharge import simulate_cell

    physics = load_campaign().physics()
    (found,) = simulate_cell(physics, Recipe(*RECIPE))
    result = evaluate(replace(JOB, fidelity="cell"))
    assert result.simulated.outcomes == {**result.simulated.outcomes, **found.outcomes}
    assert result.state == "completed"
    assert set(result.margins) == set(evaluate(JOB).margins)


@pytest.mark.slow
def test_micro_evaluation_is_the_structure_and_its_discharge() -> None:
    pytest.importorskip("pybamm")
    pytest.importorskip("numba")
    from objectives.microstructure.analyse import simulate_micro

    structure = simulate_micro(load_campaign().physics(), Recipe(*RECIPE), seeds=(6, 7, 8))
    result = evaluate(replace(JOB, fidelity="micro", seed=1))
    assert result.state == "completed", result.simulated.detail
    found = result.simulated
    assert {name: found.outcomes[name] for name in structure.outcomes} == pytest.approx(structure.outcomes, rel=1e-12)
    assert {name: found.sd[name] for name in structure.sd} == pytest.approx(structure.sd, rel=1e-9)
    assert 100.0 < found.outcomes["discharge_capacity"] < 230.0
    assert set(result.margins) == set(evaluate(JOB).margins)
