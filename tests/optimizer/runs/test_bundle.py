"""The bundled simulated sets are what the bundled runs give with this simulator, and one command makes them anew."""

import csv
import json
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from objectives.simulated import Fidelity
from objectives.simulated_set import BUNDLED, DISCHARGE, STRUCTURE, SimulatedSet, file_names, load_simulated_set, parse
from optimizer.campaign import load_campaign
from optimizer.runs import bundle
from optimizer.runs.evaluate import Job, evaluate
from optimizer.runs.history import Trial
from optimizer.runs.plan import Plan, load_plan
from optimizer.runs.strategies import BLOCK, open_strategy
from optimizer.runs.version import simulator_version
from tests.optimizer.runs.conftest import MakePlan

AGAIN = "make it anew with: make simulated (or python -m optimizer.runs.bundle), which takes 25 CPU minutes, and commit configs/simulated-*"
ROWS, ABOUT = file_names("micro")


@pytest.mark.parametrize("fidelity", BUNDLED)
def test_set_was_made_by_this_simulator(fidelity: Fidelity) -> None:
    made, now = load_simulated_set(fidelity).simulator, simulator_version(load_campaign())
    assert made == now, f"the bundled simulated set was made by simulator {made}, and this is {now}; {AGAIN}"


@pytest.fixture(scope="module")
def plan() -> Plan:
    pytest.importorskip("numba")
    pytest.importorskip("pybamm")
    return load_plan(bundle.run_name("micro"))


def test_recipes_are_those_that_the_run_asks_for(plan: Plan) -> None:
    data, strategy, history = load_simulated_set(), open_strategy(plan), list[Trial]()
    for number in range(BLOCK // 2):  # the rest takes seconds more
        proposal = strategy.propose(history)
        history.append(Trial(number, proposal.recipe, proposal.by, number, notes=proposal.notes))
    assert [trial.recipe for trial in history] == [tuple(recipe) for recipe in data.recipes[: len(history)].tolist()], AGAIN
    assert len(data.recipes) == plan.budget.evaluations
    assert data.trials.tolist() == list(range(len(data.recipes)))
    assert load_simulated_set("cell").recipes.tolist() == data.recipes.tolist(), AGAIN


def kept(number: int, **changes: object) -> dict[str, object]:
    """Return a trial as the store keeps it."""
    cold = {f"{name}@0.2C_30degC": value for name, value in zip(DISCHARGE, (170.0, 3.6), strict=True)}
    trial: dict[str, object] = {
        "number": number,
        "recipe": [85.0, 5.0, 1.5, 2.3],
        "status": "ok",
        "percolates": 1,
        "ended_at": 1.0,
        "outcomes": {**dict.fromkeys(STRUCTURE, 2.5), "discharge_capacity": 200.0, "mean_discharge_voltage": 3.7, "thickness": 100.0, **cold},
        "sd": {"ionic_tortuosity_factor": 0.1, "discharge_capacity": 1.0, "discharge_capacity@0.2C_30degC": 2.0},
        "facts": {"seeds": 3.0, "percolating_seeds": 3.0, "se_coarse": 0.0, "connected_am_fraction": 1.0, "wetted_am_fraction": 0.9},
    }
    return trial | changes


def read(trials: list[dict[str, object]], plan: Plan, tmp_path: Path) -> SimulatedSet:
    found = bundle.rows(trials, plan)
    with (tmp_path / ROWS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows(found)
    return parse((tmp_path / ROWS).read_text(encoding="utf-8"), json.dumps(bundle.about(plan, len(found))))


def test_what_is_written_is_what_is_read(plan: Plan, tmp_path: Path) -> None:
    none = {"outcomes": {"discharge_capacity": 0.0}, "sd": {}, "percolates": 0, "status": "no_electronic_path"}
    lost = {"outcomes": None, "sd": None, "facts": None, "status": "worker_died", "percolates": None}
    coarse = {"facts": {"seeds": 3.0, "se_coarse": 1.0}}
    trials = [kept(0), kept(1, recipe=[85.0, 5.0, 0.9, 2.3]), kept(2, **none), kept(3, **lost), kept(4, **coarse), kept(5, ended_at=None)]
    found = read(trials, plan, tmp_path)
    assert found.trials.tolist() == [0, 1, 2, 3, 4]
    assert found.trained_on.tolist() == [True, False, False, False, False]
    assert (found.fine_se.tolist(), found.coarse_se.tolist()) == ([False, True, False, False, False], [False, False, False, False, True])
    own, cold = found.at(0.05, 60.0), found.at(0.2, 30.0)
    np.testing.assert_array_equal(found.discharge["discharge_capacity"][:, [own, cold]], [[200, 170]] * 2 + [[0, np.nan], [np.nan] * 2, [200, 170]])
    np.testing.assert_array_equal(found.discharge_sd["discharge_capacity"][:3, own], [1.0, 1.0, 0.0])
    assert found.discharge_sd["discharge_capacity"][0, cold] == 2.0
    assert found.structure["ionic_tortuosity_factor"][0] == 2.5
    assert (found.study, found.simulator) == ("kim2025", simulator_version(plan.campaign()))


def test_command_makes_the_set_and_goes_on_after_an_interruption(
    plan: Plan, make_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = replace(make_plan("sobol", 12), fidelity="cell", conditions=plan.conditions)
    monkeypatch.setattr(bundle, "load_plan", lambda _: small)
    monkeypatch.setattr(sys, "argv", ["bundle", "--fidelity", "cell", "--store", str(tmp_path / "new" / "runs.db"), "--output", str(tmp_path)])
    bundle.main()
    rows, about = (tmp_path / name for name in file_names("cell"))
    first = rows.read_text(encoding="utf-8")
    assert "wrote 12 electrodes simulated as cell" in capsys.readouterr().out
    bundle.main()  # the run has ended: nothing is simulated again
    assert rows.read_text(encoding="utf-8") == first
    found = parse(first, about.read_text(encoding="utf-8"))
    assert not found.fine_se.any()
    assert np.isfinite(found.discharge["discharge_capacity"]).all()
    assert found.discharge["discharge_capacity"].shape == (12, 4)


# An easy one; one of which half the seeds lack a path for ions; one without carbon, of which a seed lacks a path for electrons. As `cell` an easy one
# and one with hardly any carbon.
@pytest.mark.parametrize(
    ("fidelity", "number"), [*(pytest.param("micro", number, marks=pytest.mark.slow) for number in (1, 23, 175)), ("cell", 1), ("cell", 4)]
)
def test_row_is_simulated_again_to_the_solvers_tolerance(plan: Plan, fidelity: Fidelity, number: int) -> None:
    plan, data = load_plan(bundle.run_name(fidelity)), load_simulated_set(fidelity)
    recipe = tuple(data.recipes[number].tolist())
    result = evaluate(Job(number, recipe, plan.fidelity, plan.seed + number, plan.campaign_text, plan.conditions))
    trial = {"number": number, "recipe": recipe, "ended_at": 1.0, "facts": result.simulated.facts, "outcomes": result.simulated.outcomes}
    trial |= {"sd": result.simulated.sd, "status": result.simulated.status, "percolates": result.simulated.percolates}
    with (files("configs") / file_names(fidelity)[0]).open(encoding="utf-8") as file:
        kept = list(csv.DictReader(file))[number]
    (again,) = bundle.rows([trial], plan)
    assert list(again) == list(kept)
    for name, value in again.items():
        if kept[name] in ("", "ok"):
            assert str(value) == kept[name], name
        else:  # scatter is a difference of solved numbers
            close = pytest.approx(float(kept[name]), rel=1e-4, abs=1e-3 if name.startswith("sd.") else 1e-9)
            assert float(value) == close, f"{name} of trial {number}; {AGAIN}"
