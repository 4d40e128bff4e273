"""A lab's own table for a campaign: read, checked whole, and turned into cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from objectives.cell import Cell
from objectives.composition import Array
from objectives.physics import find_study
from optimizer.campaign import Campaign
from optimizer.lab_table import Densities, LabTable, Options, read_table
from optimizer.lab_table.reader import Source

ELECTRONIC_TAU = "an electronic tortuosity factor refers to an AM conductivity of its own and teaches nothing; give the electronic conductivity"


def read_own_table(source: Source, campaign: Campaign) -> LabTable[Cell]:
    """Return the table as the campaign reads it: its balance, lots and defaults, the study's densities, its own outcomes."""
    read = read_table(source, options=replace(_options(campaign), extra_outcomes={outcome.name: outcome.unit for outcome in campaign.own}))
    silent = sum("electronic_tortuosity_factor" in c.outcomes and "electronic_conductivity" not in c.outcomes for c in read.cells)
    return replace(read, notes=(*read.notes, f"{silent} rows: {ELECTRONIC_TAU}")) if silent else read


def _options(campaign: Campaign) -> Options:
    fixed = find_study(campaign.study).fixed
    return Options(
        balance_mg=campaign.batch.balance_mg,
        defaults=campaign.defaults,
        lots={
            **{lot.name: {"se_particle_um": lot.se_particle_um} for lot in campaign.lots.se},
            **{lot.name: {"coating_se_wt": lot.coating_se_wt} for lot in campaign.lots.coated},
        },
        densities=Densities(am=fixed["am_density"], se=fixed["se_density"]),
    )


def read_candidates(source: Source, campaign: Campaign, *, skip_bad_rows: bool = False) -> Array:
    """Return the recipes of a list of candidates, ``(c, 4)``: the columns of a lab table that say what a recipe is.

    Raises:
        LabTableError: If the table has problems; lists them all, by row and column.
    """
    cells = read_table(source, options=replace(_options(campaign), candidates=True)).require_clean(skip_bad_rows=skip_bad_rows)
    return np.array([cell.recipe.values() for cell in cells])


def read_cells(source: Source | None, campaign: Campaign, *, skip_bad_rows: bool = False) -> tuple[Cell, ...]:
    """Return the cells of a table (a path, bytes, rows as dictionaries, a data frame), none for no table.

    Raises:
        LabTableError: If the table has problems; lists them all, by row and column.
    """
    return () if source is None else read_own_table(source, campaign).require_clean(skip_bad_rows=skip_bad_rows)
