"""Simulating before recipes are chosen: what is simulated, what the surrogates hear of it, and that nothing else changes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from objectives.outcomes import LEARNED
from objectives.simulated import Simulated
from optimizer import simulate_first as first
from optimizer.bayesian import propose
from optimizer.campaign import Campaign
from optimizer.candidates import Feasible
from optimizer.cli import app
from optimizer.fidelity_choice import CANDIDATES, Simulating, drawable, simulating
from optimizer.measured import incumbents, measured_designs
from optimizer.model import FittedModel
from optimizer.outlook import Field, survey
from optimizer.request import SuggestError
from optimizer.simulate_first import hearing, simulate_first
from optimizer.suggestion import suggest, suggest_from
from optimizer.value import Value
from surrogates.fusion.simulated import CAPACITY, Step, weights_of

NOBODY = np.zeros((0, 4))
COARSE = np.array([[80.0, 5.0, 4.0, 2.3], [78.0, 8.0, 3.0, 1.5]])


@pytest.fixture(scope="module")
def listening(model: FittedModel) -> FittedModel:
    """A model that takes its simulations for the truth's shape in the capacity."""
    return replace(model, fused=replace(model.fused, trust={**model.fused.trust, CAPACITY: {"physics": 0.0, "simulation": 1.0, "data": 0.0}}))


@pytest.fixture(scope="module")
def field(model: FittedModel, feasible: Feasible, campaign: Campaign) -> tuple[Field, np.ndarray]:
    known = incumbents(measured_designs(model.data, model.physics), campaign.study)
    candidates = np.stack([pick.recipe for pick in propose(model, feasible, known, NOBODY, 3, 0)])
    return survey(model, feasible, known, candidates, 1024, 0), candidates


def seen(capacity: float) -> tuple[Simulated, Simulated]:
    one = Simulated({"discharge_capacity": capacity})
    return one, one


def expected(model: FittedModel, recipes: np.ndarray) -> np.ndarray:
    return np.asarray(model.fused.predict(CAPACITY, model.inputs(recipes)[CAPACITY]).mean)


def test_more_simulated_capacity_raises_the_prediction_where_cells_bear_it_out(listening: FittedModel) -> None:
    weight = weights_of(listening.fused.models["simulation"])[Step("cell", CAPACITY)][0]
    assert weight > 0.1  # measured cells bear `cell` out in part
    closed = listening.physics.outcomes(COARSE).discharge_capacity
    low, high = (hearing(listening, COARSE, [seen(share * q) for q in closed], "cell") for share in (0.7, 1.0))
    assert (expected(high, COARSE) > expected(low, COARSE) + 0.02).all()
    for name in LEARNED:
        if name != CAPACITY:  # weights are shared, so other outcomes move, but hardly
            inputs = listening.inputs(COARSE)[name]
            np.testing.assert_allclose(high.fused.predict(name, inputs).mean, listening.fused.predict(name, inputs).mean, atol=0.02)


def test_failed_simulation_teaches_nothing(model: FittedModel) -> None:
    lost = Simulated({}, status="solver_failed", detail="it did")
    assert hearing(model, COARSE, [(lost, lost), (lost, lost)], "cell") is model
    coarse = Simulated({"discharge_capacity": 150.0}, facts={"se_coarse": 1.0})
    assert hearing(model, COARSE, [(coarse, coarse), (lost, lost)], "cell") is model


def test_microstructures_are_not_asked_about_se_that_they_cannot_draw(model: FittedModel) -> None:
    pytest.importorskip("numba")
    recipes = np.array([[80.0, 5.0, 0.6, 2.3], [80.0, 5.0, 1.5, 2.3], [80.0, 5.0, 15.0, 2.3]])
    assert drawable(model, recipes, "micro").tolist() == [1]
    assert drawable(model, recipes, "cell").tolist() == [0, 1, 2]


def test_simulating_one_candidate_is_worth_something_beside_the_others(model: FittedModel, field: tuple[Field, np.ndarray]) -> None:
    alone = simulating(model, field[0], "micro", 1.0, None, 0, np.array([0]))
    every = simulating(model, field[0], "micro", 1.0, None, 0)
    assert (alone.recipes, every.recipes) == (1, 3)
    assert alone.gain == every.gain
    assert alone.value.gain > 0.0


def test_simulation_that_raises_costs_the_others_nothing(
    model: FittedModel, field: tuple[Field, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(asked: FittedModel, x: np.ndarray, *rest: object) -> tuple[Simulated, Simulated]:
        del rest
        if x[0] == field[1][0][0]:
            raise ValueError("no such block")
        return seen(float(asked.physics.outcomes(x[None]).discharge_capacity[0]))

    monkeypatch.setattr(first, "_simulated", broken)
    _, done = simulate_first(model, *field, 0, "cell")
    assert done.results[0].detail == "ValueError: no such block"
    assert f"of which {done.failed} failed" in done.sentence
    assert 1 <= done.failed < len(done.results)


def test_unknown_fidelity_is_refused(campaign: Campaign) -> None:
    with pytest.raises(SuggestError, match="simulate must be one of auto, cell, micro or left out, got analytic"):
        suggest(campaign, 1, simulate="analytic")  # type: ignore[arg-type]


def test_auto_simulates_only_where_measured_cells_say_that_it_pays(
    model: FittedModel, field: tuple[Field, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pybamm")
    pytest.importorskip("numba")
    found, candidates = field
    same, done = simulate_first(model, found, candidates, 0, "auto")
    assert same is model
    assert done.fidelity is None
    assert "is not worth it" in done.sentence

    def promising(*asked: object) -> Simulating:
        return Simulating("cell", 3, 0.3, 1e-5, 0.5, 50.0, Value(20.0 if asked[2] == "cell" else 10.0, 1.0, 0.4))

    monkeypatch.setattr(first, "simulating", promising)
    taught, done = simulate_first(model, found, candidates, 0, "auto")
    assert done.fidelity == "cell"
    assert "raise the next cell's gain by 40 %" in done.sentence
    assert taught is not model
    assert [one.status for one in done.results] == ["ok"] * 3


def test_suggest_simulates_first_where_asked(model: FittedModel) -> None:
    pytest.importorskip("pybamm")
    plain, told = (suggest_from(model, 2, 0, NOBODY, simulate=wanted) for wanted in (None, "cell"))
    assert plain.simulated is None
    assert "simulated_first" not in plain.as_json()
    assert told.simulated is not None
    assert told.simulated.sentence in told._repr_html_()
    simulated = told.as_json()["simulated_first"]
    assert (simulated["fidelity"], len(simulated["simulated"])) == ("cell", CANDIDATES)
    assert 50.0 < simulated["simulated"][0]["outcomes"]["discharge_capacity"] < 230.0
    filled = suggest_from(model, 2, 0, NOBODY, "sobol", simulate="cell")
    assert filled.simulated is not None
    assert filled.simulated.fidelity is None


def test_command_says_what_was_simulated_and_refuses_it_without_physics(tmp_path: Path) -> None:
    pytest.importorskip("pybamm")
    runner, journal = CliRunner(), tmp_path / "journal.jsonl"
    shown = runner.invoke(app, ["suggest", "-n", "1", "--simulate", "cell", "--journal", str(journal)])
    assert "Simulated 8 candidates as cell first (asked for)" in shown.stdout
    (entry,) = map(json.loads, journal.read_text(encoding="utf-8").splitlines())
    assert (entry["simulated_first"]["fidelity"], len(entry["simulated_first"]["recipes"])) == ("cell", CANDIDATES)
    again = json.loads(runner.invoke(app, ["suggest", "-n", "1", "--simulate", "cell", "--json"]).stdout)
    assert again["simulated_first"]["fidelity"] == "cell"
    refused = runner.invoke(app, ["suggest", "--campaign", "graphite-anode", "--simulate", "auto"])
    assert refused.exit_code != 0
    assert "--simulate auto needs the electrode's physics" in refused.stderr
