"""A table of a campaign without physics: trials made and measured, or candidates at hand; every bad cell is reported at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from objectives.cell import Measured, Status
from objectives.composition import Array
from objectives.parameter import Category, DesignSpaceError, Parameter
from optimizer.goal import OwnOutcome
from optimizer.lab_table import values
from optimizer.lab_table.columns import COLUMNS, Column
from optimizer.lab_table.grid import UNCOMPUTED
from optimizer.lab_table.headers import Header, Headers, Vocabulary, normal, own_column, understood
from optimizer.lab_table.problems import LabTableError, Problem
from optimizer.lab_table.reader import Source, read_grid
from optimizer.lab_table.table import LabTable
from optimizer.lab_table.values import CellError, decimal_mark
from optimizer.space.campaign import RESERVED, SpaceCampaign

_ANY = (-math.inf, math.inf)
_SCALE_RANGES = {"linear": _ANY, "log": (0.0, math.inf), "share": (0.0, 1.0)}


@dataclass(frozen=True)
class Trial:
    """One row of a table: a recipe ``(d,)`` as the campaign's space has it, and what came out, in the outcomes' units."""

    row: int  # line of the table, the header being 1
    name: str
    recipe: tuple[float, ...]
    outcomes: Mapping[str, Measured]
    status: Status = "ok"
    cause: str = ""
    date: str = ""
    own: Mapping[str, str] = field(default_factory=dict)  # further columns, as written


def recipes_of(trials: Sequence[Trial], campaign: SpaceCampaign) -> Array:
    """Return the recipes of trials, ``(n, d)``."""
    return np.array([trial.recipe for trial in trials], dtype=float).reshape(-1, campaign.space.dimension)


def _parameter_column(p: Parameter) -> Column:
    if isinstance(p, Category):
        return Column(p.name, p.name, ())
    label = f"{p.name} ({p.unit})" if p.unit else p.name
    low = 0.0 if p.scale == "log" or p.lower >= 0.0 else -math.inf
    return Column(p.name, label, (), p.unit or "1", "number", low, math.inf, above=p.scale == "log")


def _outcome_column(outcome: OwnOutcome) -> Column:
    low, high = _SCALE_RANGES[outcome.scale]
    plain = own_column(outcome.name, outcome.unit)
    return Column(plain.key, plain.label, (), plain.unit, "number", low, high, above=outcome.scale == "log", measured=True)


def vocabulary(campaign: SpaceCampaign) -> Vocabulary:
    """Return the headers that a table of the campaign may have, its own names before those that every table has."""
    texts = {key: COLUMNS[key] for key in sorted(RESERVED)}
    own = {column.key: column for column in (*map(_parameter_column, campaign.declared), *map(_outcome_column, campaign.own))}
    names: dict[str, tuple[Column, ...]] = {}
    for column in (*texts.values(), *own.values()):  # the campaign's own names win
        for spelling in (normal(column.key), *column.aliases):
            names[spelling] = (column,)
    for column in own.values():
        names[normal(column.key)] = (column,)
    return Vocabulary(names, own, {})


def read_trials(source: Source, campaign: SpaceCampaign, *, candidates: bool = False) -> LabTable[Trial]:
    """Return the trials of a table and every problem with it; raises nothing for a bad table and writes nothing.

    Args:
        source: Path to a CSV or XLSX file, its bytes, rows as dictionaries, or a data frame (anything with ``to_dict("records")``).
        campaign: Its parameters and outcomes are the columns, by name, with the unit in the header if it is another one.
        candidates: The rows are recipes that could be made, so that they need no outcome.
    """
    try:
        grid = read_grid(source)
    except LabTableError as error:
        return LabTable((), error.problems)
    remainders = {mixture.remainder for mixture in campaign.mixtures}
    required = [p.name for p in campaign.declared if p.name not in remainders]
    headers = understood(grid.header_row, grid.headers, vocabulary(campaign), required)
    problems = [*grid.problems, *headers.problems]
    outcomes = {outcome.name for outcome in campaign.own}
    keys = {header.key for header in headers.known}
    if not candidates and not keys & {*outcomes, "status"} and not headers.unclear & outcomes:
        rule = f"must have a column of an outcome ({', '.join(sorted(outcomes))}) or of failures"
        problems.append(Problem(grid.header_row, "", rule, "", "add one", fatal=True))
    numeric = [header.index for header in headers.known if header.column and header.column.kind == "number"]
    decimal = decimal_mark([cells[index] for _, cells in grid.rows for index in numeric]) if grid.decimal_comma else "."
    trials: list[Trial] = []
    first_row: dict[tuple[str, ...], int] = {}
    for row, texts in grid.rows:
        first = first_row.setdefault(texts, row)
        if first != row:
            problems.append(Problem(row, "", f"repeats row {first}", "", "remove it, or tell a replicate apart by its name or date"))
            continue
        trial, found = _trial(row, texts, headers, campaign, decimal, candidates)
        problems += found
        if trial and row not in grid.bad_rows:
            trials.append(trial)
    notes = (*grid.notes, "decimal comma") if decimal == "," else grid.notes
    return LabTable(tuple(trials), tuple(sorted(problems, key=lambda problem: problem.row)), notes)


def _trial(
    row: int, texts: Sequence[str], headers: Headers, campaign: SpaceCampaign, decimal: str, candidates: bool
) -> tuple[Trial | None, list[Problem]]:
    problems: list[Problem] = []
    given: dict[str, float | str] = {}
    own: dict[str, str] = {}
    bad: set[str] = set()
    for header in headers.known:
        text = texts[header.index]
        if text == "" or (header.column and values.is_blank(text)):
            continue
        try:
            if header.column is None:
                own[header.text] = _plain(text)
            else:
                given[header.key] = _value(text, decimal, header, header.column)
        except CellError as error:
            bad.add(header.key)
            problems.append(Problem(row, header.text, error.rule, text, error.remedy))
    remainders = {mixture.remainder for mixture in campaign.mixtures}
    for p in campaign.declared:
        if p.name not in {*given, *bad, *headers.unclear, *remainders}:
            problems.append(Problem(row, p.name, "must not be blank", "", "fill it in"))
    outcomes = {}
    for outcome in campaign.own:
        sd = given.get(f"{outcome.name} sd", math.nan)
        if outcome.name in given:
            outcomes[outcome.name] = Measured(float(given[outcome.name]), float(sd))
        elif f"{outcome.name} sd" in given and outcome.name not in bad:
            problems.append(Problem(row, f"{outcome.name} sd", "must stand beside a value", f"{sd:g}", "fill in the value or clear it"))
    status: Status = given.get("status", "ok")  # type: ignore[assignment]  # `values.status` gave it
    if not candidates and status == "ok" and not outcomes and not bad and not headers.unclear:
        rule, remedy = "must have an outcome or a failure", "fill in what was measured, or say in a status column what failed"
        problems.append(Problem(row, "", rule, "", remedy))
    if problems:
        return None, problems
    try:
        recipe = campaign.row({p.name: given[p.name] for p in campaign.declared if p.name in given})
    except DesignSpaceError as error:
        rule, _, remedy = str(error).rpartition("; ")
        return None, [Problem(row, "", rule, "", remedy)]
    name = str(given.get("name", f"row {row}"))
    return Trial(row, name, tuple(map(float, recipe)), outcomes, status, str(given.get("cause", "")), str(given.get("date", "")), own), []


def _plain(text: str) -> str:
    if values.is_formula(text):
        raise CellError("must not be a formula", "write the value that it gives, or start the text with a letter")
    return text


def _value(text: str, decimal: str, header: Header, column: Column) -> float | str:
    if text == UNCOMPUTED:
        raise CellError("must have a value, not a formula that was never computed", "open the file in a spreadsheet and save it")
    if column.kind == "number":
        return values.measured_number(text, decimal, header, column)
    if column.kind == "status":
        return values.status(text)
    return values.date(text) if column.kind == "date" else _plain(text)
