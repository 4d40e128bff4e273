"""Proposals from a list of candidates: prepared powders, on a lab grid or not; nothing else is proposed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from objectives.constraints import holds
from objectives.repair import InfeasibleError
from optimizer.candidates import Feasible
from optimizer.cli import app
from optimizer.lab_table import LabTableError
from optimizer.model import FittedModel
from optimizer.own_table import read_candidates
from optimizer.suggestion import Suggestions, suggest_from

NONE = np.zeros((0, 4))


@pytest.fixture(scope="module")
def prepared(feasible: Feasible) -> np.ndarray:
    recipes = feasible.sample(40, 8)
    recipes[:, 0] += 0.013  # on no lab grid
    broken = np.array([[91.0, 25.0, 1.0, 5.0]])  # more shell than SE
    return np.concatenate([recipes[holds(feasible.constraints, recipes)], broken])


def rows(answer: Suggestions) -> set[tuple[float, ...]]:
    return {suggestion.recipe.values() for suggestion in answer.suggestions}


@pytest.mark.parametrize("strategy", ["bayesian", "sobol"])
def test_only_candidates_that_keep_the_limits_are_proposed(model: FittedModel, prepared: np.ndarray, strategy: str) -> None:
    answer = suggest_from(model, 3, 0, NONE, strategy, candidates=prepared)  # type: ignore[arg-type]
    assert len(rows(answer)) == 3
    assert rows(answer) <= {tuple(map(float, row)) for row in prepared[:-1]}
    again = suggest_from(model, 3, 0, np.array(sorted(rows(answer))), strategy, candidates=prepared)  # type: ignore[arg-type]
    assert not rows(answer) & rows(again)


def test_list_without_a_feasible_recipe_is_refused(model: FittedModel, prepared: np.ndarray) -> None:
    with pytest.raises(InfeasibleError, match="none of its 1 does"):
        suggest_from(model, 1, 0, NONE, candidates=prepared[-1:])


def test_list_is_a_lab_table_without_outcomes(model: FittedModel, tmp_path: Path) -> None:
    file = tmp_path / "powders.csv"
    file.write_text("AM (wt%),coating,SE size (um),VGCF (wt%)\n82,95:5,1.5,2\n80,none,0.8,3\n84.2,96.5:3.5,0.6,1.5\n", encoding="utf-8")
    found = read_candidates(file, model.campaign)
    assert found.tolist() == [[82.0, 5.0, 1.5, 2.0], [80.0, 0.0, 0.8, 3.0], [84.2, pytest.approx(3.5), 0.6, 1.5]]
    file.write_text("AM (wt%),coating,SE size (um),VGCF (wt%)\n82,95:5,,2\n", encoding="utf-8")
    with pytest.raises(LabTableError, match=r'row 2, column "SE size \(um\)": must not be blank'):
        read_candidates(file, model.campaign)


def test_command_takes_a_list(tmp_path: Path) -> None:
    file = tmp_path / "powders.csv"
    file.write_text("AM (wt%),coating,SE size (um),VGCF (wt%)\n82,95:5,1.5,2\n80,none,0.8,3\n84.2,96.5:3.5,0.6,1.5\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["suggest", "-n", "2", "--candidates", str(file), "--json"])
    assert result.exit_code == 0, result.stderr
    assert {s["recipe"]["am_wt"] for s in json.loads(result.stdout)["suggestions"]} <= {82.0, 80.0, 84.2}
