"""The probability of percolation follows the lab's own cells, not the bundled calibration alone."""

from __future__ import annotations

import numpy as np

from objectives.cell import Cell, Measured
from objectives.composition import Array
from objectives.recipe import Recipe
from optimizer.campaign import Campaign
from optimizer.model import fit_model

NEAR_THRESHOLD = np.array([[88.0, 8.0, 2.0, 2.0], [88.0, 4.0, 3.0, 2.0], [87.5, 4.0, 4.0, 2.5], [88.0, 6.0, 2.5, 1.5]])


def read(recipes: Array, tau: float) -> list[Cell]:
    """Cells that all read one ionic tortuosity factor."""
    reading = {"ionic_tortuosity_factor": Measured(tau)}
    return [Cell(i + 2, f"cell {i + 1}", Recipe.from_row(row), reading) for i, row in enumerate(recipes)]


def test_cells_that_conduct_raise_it_and_cells_without_a_path_lower_it(campaign: Campaign) -> None:
    lab = campaign.at(study="new")
    before, conducting, blocked = (
        fit_model(lab, cells=cells).percolation_probability(NEAR_THRESHOLD) for cells in ([], read(NEAR_THRESHOLD, 12.0), read(NEAR_THRESHOLD, 200.0))
    )
    assert ((before > 0.1) & (before < 0.9)).all(), "recipes whose percolation is in doubt"
    assert conducting.mean() > before.mean() + 0.1
    assert (blocked < before).all()
    assert blocked.mean() < 0.3 * before.mean()


def test_cells_far_from_the_threshold_hardly_move_it(campaign: Campaign) -> None:
    lab = campaign.at(study="new")
    far = np.array([[72.0, 10.0, 1.0, 2.0], [74.0, 8.0, 1.5, 2.0]])
    before, after = (fit_model(lab, cells=cells).percolation_probability(NEAR_THRESHOLD) for cells in ([], read(far, 6.0)))
    assert (np.abs(after - before) < 0.1).all()
