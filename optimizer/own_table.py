"""A lab's own table for a campaign: read, checked whole, and turned into cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from objectives.cell import Cell
from objectives.composition import Array
from objectives.physics import find_study
from optimizer.campaign import Campaign
from optimizer.lab_table import Densities, LabTable, Options, read_table
from optimizer.lab_table.reader import Source


def read_own_table(path: Path, campaign: Campaign) -> LabTable[Cell]:
    """Return the table as the campaign reads it: its balance, the study's densities, its own outcomes."""
    fixed = find_study(campaign.study).fixed
    options = Options(
        balance_mg=campaign.batch.balance_mg,
        densities=Densities(am=fixed["am_density"], se=fixed["se_density"]),
        extra_outcomes={outcome.name: outcome.unit for outcome in campaign.own},
    )
    return read_table(path, options=options)


def read_candidates(source: Source, campaign: Campaign, *, skip_bad_rows: bool = False) -> Array:
    """Return the recipes of a list of candidates, ``(c, 4)``: the columns of a lab table that say what a recipe is.

    Raises:
        LabTableError: If the table has problems; lists them all, by row and column.
    """
    options = Options(balance_mg=campaign.batch.balance_mg, candidates=True)
    cells = read_table(source, options=options).require_clean(skip_bad_rows=skip_bad_rows)
    return np.array([cell.recipe.values() for cell in cells])


def read_cells(path: Path | None, campaign: Campaign, *, skip_bad_rows: bool = False) -> tuple[Cell, ...]:
    """Return the cells of a table, none for no file.

    Raises:
        LabTableError: If the table has problems; lists them all, by row and column.
    """
    return () if path is None else read_own_table(path, campaign).require_clean(skip_bad_rows=skip_bad_rows)
