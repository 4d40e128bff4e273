"""What a lab says about its table beside the table: balance, lots, defaults, densities, outcomes of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from objectives.recipe import RECIPE_FIELDS
from optimizer.lab_table.columns import COLUMNS, CONDITIONS, NAMES, canonical_unit
from optimizer.lab_table.headers import normal
from optimizer.lab_table.problems import LabTableError, Problem
from optimizer.lab_table.quantities import Densities

_DEFAULTS = (*RECIPE_FIELDS, *(column.key for column in CONDITIONS), "loading_mg_cm2")


@dataclass(frozen=True)
class Options:
    """How to read a table.

    Args:
        balance_mg: Smallest step of the balance, mg.
        defaults: Value of a blank input or condition by key, in the unit of the key: ``{"vgcf_wt": 2.34}``.
        lots: What a lot supplies to rows that name it: ``{"SE-7": {"se_particle_um": 1.5}}``. Before ``defaults``.
        densities: Of the materials without pores.
        extra_outcomes: The lab's own columns that are outcomes, with the unit to have them in: ``{"retention_50": "%"}``.
        sheet: Sheet of a workbook; the first that is not empty when left out.
        candidates: The rows are recipes that could be made, so that they need no outcome.

    Raises:
        LabTableError: If an option names what does not exist or has no possible value.
    """

    balance_mg: float = 0.1
    defaults: Mapping[str, float] = field(default_factory=dict)
    lots: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    densities: Densities = field(default_factory=Densities)
    extra_outcomes: Mapping[str, str] = field(default_factory=dict)
    sheet: str | None = None
    candidates: bool = False

    def __post_init__(self) -> None:
        problems = []

        def refuse(option: str, rule: str, value: object, remedy: str) -> None:
            problems.append(Problem(0, option, rule, str(value), remedy, fatal=True))

        for name, value in (("balance_mg", self.balance_mg), *((f"densities.{f.name}", getattr(self.densities, f.name)) for f in fields(Densities))):
            if not (math.isfinite(value) and value > 0.0):
                refuse(name, "must be above 0", value, "correct the option")
        tables = [("defaults", self.defaults, _DEFAULTS), *((f'lots["{lot}"]', table, RECIPE_FIELDS) for lot, table in self.lots.items())]
        for option, table, known in tables:
            for key, value in table.items():
                if key not in known:
                    refuse(option, "must name an input", key, f"use {', '.join(known)}")
                    continue
                column = COLUMNS[key]
                if not column.low <= value <= column.high or (column.above and value == column.low):
                    unit = canonical_unit(column)
                    refuse(option, f"must hold a {key} of {column.low:g} to {column.high:g} {unit}", value, "correct the option")
        for name in self.extra_outcomes:
            if normal(name) in NAMES or name in COLUMNS:
                refuse("extra_outcomes", "must name a column of the lab's own", name, "leave it out, it is read anyway")
        if problems:
            raise LabTableError(problems)
