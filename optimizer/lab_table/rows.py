"""From one row of text to one cell: every bad value of the row is reported, and a row with problems makes no cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from objectives.cell import Cell, Measured
from objectives.recipe import RECIPE_FIELDS, Recipe, RecipeError
from optimizer.lab_table import values
from optimizer.lab_table.columns import COLUMNS, CONDITIONS, LOTS, OUTCOME_COLUMNS, RAW
from optimizer.lab_table.grid import UNCOMPUTED
from optimizer.lab_table.headers import Header
from optimizer.lab_table.options import Options
from optimizer.lab_table.problems import Problem
from optimizer.lab_table.quantities import AGREE, derive
from optimizer.lab_table.values import CellError
from optimizer.lab_table.weighed import COATING, MIX, Weighed, weighed_coating, weighed_mix

QUANTITIES = tuple(column.key for column in (*RAW, *OUTCOME_COLUMNS))
_TEACHES_NOTHING = {"thickness"}  # an outcome of no use alone: it follows from loading and porosity
_TOGETHER = "write 0 where nothing was weighed, or leave all of them blank"


class RowReader:
    """Reads the rows of one table.

    Args:
        headers: What the columns mean.
        options: What the lab says beside the table.
        decimal: The table's decimal mark.
        passed_over: Inputs whose absence is reported for the table as a whole.
    """

    def __init__(self, headers: Sequence[Header], options: Options, decimal: str, passed_over: frozenset[str]) -> None:
        self._headers = headers
        self._by_key = {header.key: header for header in headers if header.column}
        self._options = options
        self._decimal = decimal
        self._passed_over = passed_over

    def read(self, row: int, texts: Sequence[str]) -> tuple[Cell | None, list[Problem]]:
        """Return the cell of a row, or None and every problem of it."""
        one = _Row(row, self)
        for header in self._headers:
            one.take(header, texts[header.index])
        return one.cell(), one.problems

    def label(self, key: str) -> str:
        """Return how the table calls a column, or how it should."""
        return self._by_key[key].text if key in self._by_key else COLUMNS[key].label if key in COLUMNS else key

    @property
    def options(self) -> Options:
        """Return what the lab says beside the table."""
        return self._options

    @property
    def decimal(self) -> str:
        """Return the table's decimal mark."""
        return self._decimal

    @property
    def passed_over(self) -> frozenset[str]:
        """Return the inputs whose absence is reported for the table as a whole."""
        return self._passed_over


class _Row:
    """One row being read: what is known so far and what is wrong with it."""

    def __init__(self, row: int, table: RowReader) -> None:
        self.row = row
        self.table = table
        self.problems: list[Problem] = []
        self.numbers: dict[str, float] = {}
        self.texts: dict[str, str] = {}
        self.own: dict[str, str] = {}
        self.bad: set[str] = set()

    def report(self, key: str, rule: str, value: str, remedy: str) -> None:
        """Add a problem with a column."""
        self.bad.add(key)
        self.problems.append(Problem(self.row, self.table.label(key) if key else "", rule, value, remedy))

    def take(self, header: Header, text: str) -> None:
        """Read one cell."""
        if text == "" or (header.column and values.is_blank(text)):
            return
        try:
            self._take(header, text)
        except CellError as error:
            self.bad.add(header.key)
            self.problems.append(Problem(self.row, header.text, error.rule, text, error.remedy))

    def _take(self, header: Header, text: str) -> None:
        column, decimal = header.column, self.table.decimal
        if text == UNCOMPUTED:
            raise CellError("must have a value, not a formula that was never computed", "open the file in a spreadsheet and save it")
        if column is None or column.kind in ("text", "status", "date"):
            if values.is_formula(text):
                raise CellError("must not be a formula", "write the value that it gives, or start the text with a letter")
            if column is None:
                self.own[header.text] = text
            elif column.kind == "status":
                self.texts["status"] = values.status(text)
            else:
                self.texts[column.key] = values.date(text) if column.kind == "date" else text
        elif header.is_error:
            self.numbers[header.key] = values.measured_number(text, decimal, header, column)
        elif column.kind == "coating":
            self.numbers[column.key] = values.coating(text, decimal, header, column)
        elif column.kind == "c_rate":
            self.numbers[column.key] = values.c_rate(text, decimal, header, column)
        else:
            self.numbers[column.key] = values.measured_number(text, decimal, header, column)

    def cell(self) -> Cell | None:
        """Return the cell, or None if the row has problems."""
        planned = {key: self._planned(key) for key in RECIPE_FIELDS}
        weighed = self._weighed(planned)
        parts = {key: weighed[key][0] if key in weighed else planned[key] for key in RECIPE_FIELDS}
        for key, part in parts.items():
            if part is None and key not in self.bad | self.table.passed_over:
                self._report_blank(key)
        recipe, plan = self._recipe(parts), self._recipe(planned, silent=True)
        outcomes, loading = self._outcomes(recipe)
        status = values.status(self.texts.get("status", ""))
        measured = set(outcomes) - _TEACHES_NOTHING
        unsure = (self.bad | self.table.passed_over) & {*QUANTITIES, "status", *self.table.options.extra_outcomes}
        if status == "ok" and not measured and not unsure and recipe and not self.table.options.candidates:
            self.report("", "must have an outcome or a failure", "", "fill in what was measured, or say in a status column what failed")
        if self.problems or recipe is None:
            return None
        am, coating, size, vgcf = (weighed.get(key, (0.0, 0.0))[1] for key in RECIPE_FIELDS)
        conditions = {column.key: self._condition(column.key) for column in CONDITIONS}
        return Cell(
            row=self.row,
            name=self.texts.get("name", f"row {self.row}"),
            recipe=recipe,
            outcomes=outcomes,
            status=status,
            cause=self.texts.get("cause", ""),
            recipe_sd=(am, coating, size, vgcf),
            planned=plan if weighed else None,
            loading_mg_cm2=loading,
            date=self.texts.get("date", ""),
            lots={kind: self.texts[key] for key, kind in LOTS.items() if key in self.texts},
            own=self.own,
            **conditions,
        )

    def _condition(self, key: str) -> float:
        return self.numbers.get(key, self.table.options.defaults.get(key, math.nan))

    def _planned(self, key: str) -> float | None:
        """Return an input from its cell, else a lot, else the default; None where nobody says."""
        supplied = None
        for lot_key in LOTS:
            table = self.table.options.lots.get(self.texts.get(lot_key, ""), {})
            if key not in table:
                continue
            value = float(table[key])
            given = self.numbers.get(key, supplied)
            if given is not None and abs(given - value) > AGREE * max(abs(given), abs(value)):
                rule = f'must agree with the {self.table.label(lot_key)} "{self.texts[lot_key]}", which has {value:g}'
                self.report(key, rule, f"{given:g}", "correct the cell or the lot in the options")
            supplied = value if supplied is None else supplied
        if key in self.numbers:
            return self.numbers[key]
        if key in self.bad:
            return None
        return supplied if supplied is not None else self.table.options.defaults.get(key)

    def _report_blank(self, key: str) -> None:
        lot = next((text for lot_key in LOTS if (text := self.texts.get(lot_key)) and text not in self.table.options.lots), None)
        supply = f'say in the options what lot "{lot}" has' if lot else "name a lot that has it"
        self.report(key, "must not be blank", "", f'fill it in, {supply}, or set the option defaults["{key}"]')

    def _group(self, keys: Sequence[str], what: str) -> dict[str, float] | None:
        """Return masses that belong together, or None where none is given or one is missing or bad."""
        given = {key: self.numbers[key] for key in keys if key in self.numbers}
        if not given:
            return None
        for key in keys:
            if key not in given and key not in self.bad:
                self.report(key, f"must be given with the other masses of the {what}", "", _TOGETHER)
        return given if len(given) == len(keys) else None

    def _weighed(self, planned: Mapping[str, float | None]) -> dict[str, Weighed]:
        """Return what the masses say of each input, with its standard error."""
        resolution = self.table.options.balance_mg
        found: dict[str, Weighed] = {}
        charge, mix = self._group(COATING, "coating"), self._group(MIX, "mix")
        if charge:
            try:
                found["coating_se_wt"] = weighed_coating(charge, resolution)
                if found["coating_se_wt"][0] > COLUMNS["coating_se_wt"].high:
                    raise CellError("must be less than the coating AM", "check that the two masses are not exchanged")
            except CellError as error:
                self.report("coating_se_mg", error.rule, f"{charge['coating_se_mg']:g} mg", error.remedy)
        coating = found.get("coating_se_wt")
        if coating is None and planned["coating_se_wt"] is not None:
            coating = planned["coating_se_wt"], 0.0
        if mix:
            try:
                found["am_wt"], found["vgcf_wt"] = weighed_mix(mix, coating or (0.0, 0.0), resolution)
            except CellError as error:
                self.report("coated_powder_mg", error.rule, f"{mix['coated_powder_mg']:g} mg", error.remedy)
        if self.bad & {*COATING, *MIX}:
            self.bad |= {"am_wt", "coating_se_wt", "vgcf_wt"}  # said once, with the masses
        return found

    def _recipe(self, parts: Mapping[str, float | None], *, silent: bool = False) -> Recipe | None:
        known = [part for part in parts.values() if part is not None]
        if len(known) < len(RECIPE_FIELDS):
            return None
        try:
            return Recipe(*known)
        except RecipeError as error:
            if not silent:
                rule, _, remedy = str(error).rpartition("; ")
                self.report("am_wt", rule, "", remedy)
            return None

    def _outcomes(self, recipe: Recipe | None) -> tuple[dict[str, Measured], float]:
        """Return the row's outcomes and its loading; reports standard errors without value and quantities that disagree."""
        given = {}
        for key in (*QUANTITIES, *self.table.options.extra_outcomes):
            sd = self.numbers.get(f"{key} sd", math.nan)
            if key in self.numbers:
                given[key] = Measured(self.numbers[key], sd)
            elif not math.isnan(sd) and key not in self.bad:
                self.report(f"{key} sd", "must stand beside a value", f"{sd:g}", "fill in the value or clear its standard error")
        if recipe is None:
            return {}, math.nan
        default = self.table.options.defaults.get("loading_mg_cm2")
        bad = frozenset(self.bad)
        derived = derive(given, recipe, self.table.options.densities, bad)
        for conflict in derived.conflicts:
            self.report(conflict.key, conflict.rule, conflict.value, conflict.remedy)
        extras = {key: given[key] for key in self.table.options.extra_outcomes if key in given}
        loading = derived.loading_mg_cm2
        return {**derived.outcomes, **extras}, default if default is not None and math.isnan(loading) else loading
