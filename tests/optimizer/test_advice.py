from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from optimizer.advice import Advice, advise, advise_from
from optimizer.advice_text import chance, learned_text, outlook_text, plain, sentences
from optimizer.campaign import Campaign
from optimizer.cli import app
from optimizer.fidelity_choice import Simulating
from optimizer.goal import Objective
from optimizer.model import FittedModel
from optimizer.outlook import Range
from optimizer.request import SuggestError
from optimizer.stock import Effort
from optimizer.suggestion import suggest_from
from optimizer.value import Value

NONE = np.zeros((0, 4))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def energy(campaign: Campaign) -> Campaign:
    return replace(campaign, objectives=(Objective("volumetric_energy_density", 900.0),))


@pytest.fixture(scope="module")
def advice(energy: Campaign) -> Advice:
    return advise(energy)


def test_advice_is_on_the_batch_that_suggest_proposes(model: FittedModel) -> None:
    found, batch = advise_from(model, 4, 0, NONE), suggest_from(model, 4, 0, NONE)
    assert [tuple(row) for row in found.recipes[found.known :][:4]] == [s.recipe.values() for s in batch.suggestions]
    assert batch.outlook is not None
    assert batch.outlook.as_json()["cells"] == 4
    assert found.outlook.beyond == pytest.approx(batch.outlook.beyond, abs=0.03)


def test_advice_says_gain_noise_and_probability_in_the_labs_units(advice: Advice) -> None:
    verdict, outlook, *rest = sentences(advice)
    assert verdict == "Go on: make the next 4 cells."
    assert outlook.startswith("Next 4 cells: +")
    assert "Wh/L expected (90 %: +" in outlook
    assert "scatter of one cell" in outlook
    assert any(sentence.startswith("Repeat or explore") for sentence in rest)
    assert any("ionic tau 12 %" in sentence for sentence in rest)
    assert json.loads(json.dumps(advice.as_json(), allow_nan=False))["verdict"] == "go on"


def test_two_objectives_are_said_one_by_one(model: FittedModel) -> None:
    text = outlook_text(advise_from(model, 4, 0, NONE).outlook)
    assert "best capacity +" in text
    assert "and Wh/L +" in text
    assert "mAh/g and" in text


def test_batch_that_cannot_gain_what_is_asked_is_not_worth_its_cells(energy: Campaign) -> None:
    found = advise(energy, 4, least=(500.0,))
    assert found.verdict == "stop"
    assert sentences(found)[0] == "Stop: the next 4 cells will hardly gain more than what you ask a batch to gain."
    assert "no more than what you ask a batch to gain, 500 Wh/L" in sentences(found)[1]
    assert not any(sentence.startswith("Simulating") for sentence in sentences(found))


def test_one_number_an_objective_is_asked_for(campaign: Campaign) -> None:
    with pytest.raises(SuggestError, match="one number of at least 0 an objective"):
        advise(campaign, 4, least=(30.0,))
    with pytest.raises(SuggestError, match="between 1 and 32"):
        advise(campaign, 0)


def test_same_seed_gives_the_same_advice(energy: Campaign, advice: Advice) -> None:
    assert advise(energy).as_json() == advice.as_json()


def test_effort_tells_what_the_batch_costs(energy: Campaign) -> None:
    found = advise(replace(energy, effort=Effort("h", cell=8.0, coating_run=5.0, gram=1.0)), 2)
    assert found.cost is not None
    assert 17.0 <= found.cost[0] <= 27.0
    assert any("for each h" in sentence for sentence in sentences(found))


def test_stated_trust_decides_on_simulating(energy: Campaign) -> None:
    none, full = ([s for s in sentences(advise(energy, trust=r)) if s.startswith("Simulating first (cell,")] for r in (0.0, 1.0))
    assert "cannot change the next cell for the better, at a correlation of 0" in none[0]
    assert full[0].endswith("simulate.")


def test_learned_trust_is_told_unless_one_is_given(energy: Campaign, advice: Advice) -> None:
    (cell,) = [sentence for sentence in sentences(advice) if sentence.startswith("Measured cells teach")]
    assert "(capacity) of `cell`" in cell
    assert "Simulating first (micro): the free SE of every candidate is too fine or too coarse to be drawn." in sentences(advice)
    (learned,) = advice.as_json()["simulate_as_learned"]
    assert learned["fidelity"] == "cell"
    assert set(learned["correlation"]) == {"discharge_capacity"}
    micro = Simulating("micro", 2, 7.2, 1e-4, 0.3, 50.0, Value(5.0, 1.0, 0.4))
    assert learned_text({"ionic_tortuosity_factor": 0.3}, micro) == (
        "Measured cells teach a correlation of 0.30 (ionic tau) of `micro` with what is still unknown: there simulating raises the next cell's "
        "expected gain by 10 %, more than it costs."
    )
    given = advise(energy, trust=0.5)
    assert given.learned == ()
    assert not any(sentence.startswith("Measured cells teach") for sentence in sentences(given))


def test_numbers_are_as_long_as_people_say_them() -> None:
    assert [plain(v) for v in (0.0, 31.4, -3.14, 0.0123, -0.00001)] == ["0", "+31", "-3.1", "+0.012", "0"]
    assert [chance(v) for v in (0.0, 0.5, 1.0)] == ["below 0.01", "0.50", "over 0.99"]
    assert Range(1.0, 0.0, 2.0).as_json() == {"mean": 1.0, "low": 0.0, "high": 2.0}


def test_advise_prints_sentences_and_json(tmp_path: Path) -> None:
    table = tmp_path / "cells.csv"
    assert run("template", str(table)).exit_code == 0
    text = run("advise", str(table), "-n", "2")
    assert text.exit_code == 0
    assert "Next 2 cells" in text.stdout
    data = json.loads(run("advise", str(table), "-n", "2", "--json").stdout)
    assert {"verdict", "outlook", "repeat", "new", "simulate", "scatter_of_one_cell"} <= set(data)
    refused = run("advise", "--least", "5")
    assert refused.exit_code == 1
    assert "--least" in refused.stderr


def test_importance_prints_shares_and_json() -> None:
    text = run("importance")
    assert text.exit_code == 0
    assert "Shapley" in text.stdout
    data = json.loads(run("importance", "--json").stdout)
    assert sum(data["outcomes"]["porosity"]["share_of_variance"].values()) == pytest.approx(1.0, abs=1e-4)
