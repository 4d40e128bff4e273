"""Honest errors on a lab's own cells: each design left out with all its replicates, rates and outcomes, every model refitted, and it predicted."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from objectives.cell import Cell
from objectives.outcomes import LEARNED
from objectives.physics import Physics
from objectives.recipe import Recipe
from surrogates.calibration.fit import build_problem
from surrogates.cells import carriers, cell_data_at
from surrogates.fusion.fit import fit_fused
from surrogates.fusion.simulated import bundled_correction
from surrogates.scores import Held
from surrogates.training import ElectrodeData
from surrogates.validation import FEWEST_ROWS, FUSED, Label, held_rows, models


def own_designs(cells: Sequence[Cell]) -> tuple[Recipe, ...]:
    """Return the recipes that have a measured learned outcome, each once, in the order of the cells."""
    measured = {id(cell) for outcome in LEARNED for cell in carriers(outcome, cells)}
    return tuple(dict.fromkeys(cell.recipe for cell in cells if id(cell) in measured))


def validate_own(design: Recipe, physics: Physics, cells: Sequence[Cell], evidence: Collection[str], seed: int = 0) -> list[Held]:
    """Return every row of a lab's design as each model predicts it from the bundled studies and the lab's other designs.

    Args:
        design: One of `own_designs`.
        physics: Of the lab, calibrated on the bundled studies; the lab's cells take no part in that.
        cells: All of the lab's.
        evidence: Flags of the bundled rows to learn from.
        seed: Of the models that are random.
    """
    data = ElectrodeData(build_problem(), physics.calibration, evidence)
    left, kept = [cell for cell in cells if cell.recipe == design], [cell for cell in cells if cell.recipe != design]
    pool = {name: data.training(name).data for name in LEARNED}
    lab, known = data.study_index(physics.study.name), len(data.studies)
    fit = fit_fused(pool, cell_data_at(data, physics, kept), data.prior, lab, known, bundled_correction())
    at = cell_data_at(data, physics, left)
    calibrated, moved = at(data.point), at(fit.point)
    held: list[Held] = []
    for outcome, rows in moved.items():
        labels = [Label(physics.study.name, cell.name or f"row {cell.row}", _c_rate(cell, physics)) for cell in carriers(outcome, left)]
        held.extend(held_rows(FUSED, outcome, labels, rows, fit.fused.predict(outcome, rows.inputs)))
        for model in models(data.calibration.root):
            if len(fit.training[outcome].values) >= FEWEST_ROWS:
                predicted = model.fit(fit.training[outcome], seed).predict(calibrated[outcome].inputs)
                held.extend(held_rows(model.name, outcome, labels, rows, predicted))
    return held


def _c_rate(cell: Cell, physics: Physics) -> float:
    return physics.conditions.c_rate if np.isnan(cell.c_rate) else cell.c_rate
