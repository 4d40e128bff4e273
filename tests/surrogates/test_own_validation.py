"""Honest errors on a lab's own cells: what is left out, who predicts it, and that it was not seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from objectives.cell import Cell, Measured
from objectives.physics import Physics, find_study
from objectives.recipe import Recipe
from surrogates.own_validation import own_designs, validate_own
from surrogates.scores import Held

EVIDENCE = ("primary", "secondary")
RECIPES = np.array([[75.0, 5.0, 1.5, 2.0], [80.0, 10.0, 1.0, 2.5], [85.0, 5.0, 2.0, 2.0], [82.0, 4.0, 3.0, 1.5], [78.0, 8.0, 1.0, 3.0]])


@pytest.fixture(scope="module")
def physics() -> Physics:
    return Physics(find_study("new"))


@pytest.fixture(scope="module")
def cells(physics: Physics) -> list[Cell]:
    """Cells as the physics has them, all of them 3 mAh/g below it; the second recipe at two rates, the fourth failed."""
    found, row = [], 2
    for i, recipe in enumerate(RECIPES):
        for rate in (0.05, 0.5) if i == 1 else (0.05,):
            truth = physics.outcomes(recipe[None], None, {"c_rate": np.array([rate])})
            reading = {"discharge_capacity": Measured(float(truth.discharge_capacity[0]) - 3.0)}
            if rate == 0.05:
                reading["porosity"] = Measured(float(truth.porosity[0]))
            cell = Cell(row, f"cell {i + 1}", Recipe.from_row(recipe), reading, c_rate=rate)
            found.append(replace(cell, outcomes={}, status="failed_cell") if i == 3 else cell)
            row += 1
    return found


@pytest.fixture(scope="module")
def held(physics: Physics, cells: list[Cell]) -> list[Held]:
    return validate_own(Recipe.from_row(RECIPES[1]), physics, cells, EVIDENCE)


def scaled(cell: Cell, factor: float, names: tuple[str, ...]) -> Cell:
    """A cell with some readings multiplied."""
    return replace(cell, outcomes={name: Measured(factor * m.value) if name in names else m for name, m in cell.outcomes.items()})


def test_designs_are_those_that_measured_something(cells: list[Cell]) -> None:
    assert own_designs(cells) == tuple(Recipe.from_row(RECIPES[i]) for i in (0, 1, 2, 4))


def test_every_row_of_the_design_is_predicted_by_every_model(held: list[Held]) -> None:
    fused = [(h.outcome, h.row, h.c_rate) for h in held if h.model == "fused"]
    assert sorted(fused) == [("discharge_capacity", "cell 2", 0.05), ("discharge_capacity", "cell 2", 0.5), ("porosity", "cell 2", 0.05)]
    for model in ("physics", "gp-plain", "gp-multitask", "gp-sklearn", "forest"):
        assert [(h.outcome, h.row, h.c_rate) for h in held if h.model == model] == fused


def test_measured_values_are_the_labs(held: list[Held], cells: list[Cell]) -> None:
    told = {cell.c_rate: cell.outcomes["discharge_capacity"].value for cell in cells if cell.name == "cell 2"}
    for h in held:
        if h.outcome == "discharge_capacity":
            assert h.measured == pytest.approx(told[h.c_rate], rel=1e-9)


def test_left_out_readings_change_no_prediction(physics: Physics, cells: list[Cell], held: list[Held]) -> None:
    moved = [scaled(cell, 0.8, ("porosity", "discharge_capacity")) if cell.name == "cell 2" else cell for cell in cells]
    again = validate_own(Recipe.from_row(RECIPES[1]), physics, moved, EVIDENCE)
    assert [h.predicted for h in again] == pytest.approx([h.predicted for h in held], rel=1e-9)
    assert [h.measured for h in again] == pytest.approx([0.8 * h.measured for h in held], rel=1e-9)


def test_other_cells_of_the_lab_are_learned_from(physics: Physics, cells: list[Cell], held: list[Held]) -> None:
    lower = [cell if cell.name == "cell 2" else scaled(cell, 0.9, ("discharge_capacity",)) for cell in cells]
    again = validate_own(Recipe.from_row(RECIPES[1]), physics, lower, EVIDENCE)
    before, after = ([h.predicted for h in some if h.model == "fused" and h.outcome == "discharge_capacity"] for some in (held, again))
    assert all(b < a - 4.0 for a, b in zip(before, after, strict=True))
    assert [h.predicted for h in again if h.model == "physics"] == [h.predicted for h in held if h.model == "physics"]
