"""A cell that a lab made: what was really in it, what it was tested under, and what came out. Data only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from objectives.recipe import Recipe

Status = Literal["ok", "failed_process", "failed_cell", "short", "invalid"]
STATUSES: tuple[Status, ...] = ("ok", "failed_process", "failed_cell", "short", "invalid")
FAILURES: frozenset[Status] = frozenset(("failed_process", "failed_cell", "short"))  # these teach; an invalid measurement teaches nothing


@dataclass(frozen=True)
class Measured:
    """A measured value and its standard error, in the outcome's unit; NaN where none was stated."""

    value: float
    sd: float = math.nan


@dataclass(frozen=True)
class Cell:
    """One row of a lab table: one cell tested at one condition.

    ``recipe`` is what was weighed where masses were given, else what was planned; ``recipe_sd`` its standard error in the order of
    `Recipe`'s fields. NaN conditions are the campaign's. ``outcomes`` are by name, in the unit of `objectives.outcomes`, with
    ``ionic_conductivity`` and ``electronic_conductivity`` (mS/cm, effective) beside them.
    """

    row: int  # line of the table, the header being 1
    name: str
    recipe: Recipe
    outcomes: Mapping[str, Measured]
    status: Status = "ok"
    cause: str = ""
    recipe_sd: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    planned: Recipe | None = None
    temperature_c: float = math.nan
    c_rate: float = math.nan
    pressure_mpa: float = math.nan
    loading_mg_cm2: float = math.nan
    date: str = ""
    lots: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)  # the lab's own columns, as written
