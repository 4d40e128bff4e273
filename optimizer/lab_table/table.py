"""A lab's table as cells and problems: the import as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from objectives.cell import Cell
from objectives.recipe import RECIPE_FIELDS
from optimizer.lab_table.columns import COLUMNS, LOTS
from optimizer.lab_table.grid import Grid
from optimizer.lab_table.headers import Headers, read_headers
from optimizer.lab_table.options import Options
from optimizer.lab_table.problems import LabTableError, Problem
from optimizer.lab_table.reader import Source, read_grid
from optimizer.lab_table.rows import QUANTITIES, RowReader
from optimizer.lab_table.values import decimal_mark
from optimizer.lab_table.weighed import COATING, MIX

MAX_PROBLEMS = 10_000  # reading stops there: a wrong column gives as many as the table has rows


Row = TypeVar("Row")


@dataclass(frozen=True)
class LabTable(Generic[Row]):
    """What a table says and what is wrong with it. Take the cells through `require_clean`.

    Args:
        cells: Of the rows without problem.
        problems: Every problem, in the order of the rows.
        notes: What reading had to choose: sheet, delimiter, encoding, decimal mark.
    """

    cells: tuple[Row, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    def require_clean(self, *, skip_bad_rows: bool = False) -> tuple[Row, ...]:
        """Return the cells of a clean table.

        Args:
            skip_bad_rows: Leave out rows with problems instead; they stay listed in ``problems``. Problems of the table as a whole
                (a header, an encoding) cannot be skipped.

        Raises:
            LabTableError: If there is a problem that is not skipped, or no row is left.
        """
        if self.problems and (not skip_bad_rows or not self.cells or any(problem.fatal for problem in self.problems)):
            raise LabTableError(self.problems)
        return self.cells

    @property
    def skipped_rows(self) -> tuple[int, ...]:
        """Return the rows that have problems, in order."""
        return tuple(sorted({problem.row for problem in self.problems if problem.row and not problem.fatal}))


def _absent(grid: Grid, headers: Headers, options: Options) -> dict[str, Problem]:
    """Return a problem for each input that no row can have."""
    keys = {header.key for header in headers.known} | headers.unclear
    supplied = {key for lot in options.lots.values() for key in lot} if keys & set(LOTS) else set()
    weighed = {"coating_se_wt"} if keys >= set(COATING) else set()
    weighed |= {"am_wt", "vgcf_wt"} if keys >= set(MIX) else set()
    absent = {}
    for key in RECIPE_FIELDS:
        if key not in keys | supplied | weighed | set(options.defaults):
            remedy = f'add the column, its masses or a lot that has it, or set the option defaults["{key}"]'
            absent[key] = Problem(grid.header_row, COLUMNS[key].label, "must be a column of the table", "", remedy, fatal=True)
    if not options.candidates and not keys & {*QUANTITIES, "status", *options.extra_outcomes}:
        rule, remedy = "must have a column of outcomes or failures", 'add one, such as "discharge capacity (mAh/g)" or "status"'
        absent["outcome"] = Problem(grid.header_row, "", rule, "", remedy, fatal=True)
    return absent


def _cells(grid: Grid, headers: Headers, options: Options, absent: Sequence[str]) -> tuple[list[Cell], list[Problem], str]:
    numeric = [header.index for header in headers.known if header.column and header.column.kind in ("number", "c_rate", "coating")]
    decimal = decimal_mark([cells[index] for _, cells in grid.rows for index in numeric]) if grid.decimal_comma else "."
    silent = headers.unclear | set(absent) | ({*QUANTITIES} if "outcome" in absent else set())
    reader = RowReader(headers.known, options, decimal, frozenset(silent))
    cells: list[Cell] = []
    problems: list[Problem] = []
    first_row: dict[tuple[str, ...], int] = {}
    for row, texts in grid.rows:
        first = first_row.setdefault(texts, row)
        if first != row:
            problems.append(Problem(row, "", f"repeats row {first}", "", "remove it, or tell a replicate apart by its name or date"))
            continue
        cell, found = reader.read(row, texts)
        problems += found
        if cell and row not in grid.bad_rows:
            cells.append(cell)
        if len(problems) >= MAX_PROBLEMS:
            rule = f"must have fewer than {MAX_PROBLEMS} problems"
            problems.append(Problem(row, "", rule, f"{len(problems)} by this row", "correct these first; later rows were not read", fatal=True))
            break
    return cells, problems, decimal


def read_table(source: Source, *, options: Options | None = None) -> LabTable[Cell]:
    """Return the cells of a lab's table and every problem with it; raises nothing for a bad table and writes nothing.

    Args:
        source: Path to a CSV or XLSX file, its bytes, rows as dictionaries, or a data frame (anything with ``to_dict("records")``).
        options: What the table does not say.
    """
    options = options or Options()
    try:
        grid = read_grid(source, options.sheet)
    except LabTableError as error:
        return LabTable((), error.problems)
    headers = read_headers(grid.header_row, grid.headers, {} if options.candidates else options.extra_outcomes)
    absent = _absent(grid, headers, options)
    cells, found, decimal = _cells(grid, headers, options, tuple(absent))
    problems = sorted((*grid.problems, *headers.problems, *absent.values(), *found), key=lambda problem: problem.row)
    notes = (*grid.notes, "decimal comma") if decimal == "," else grid.notes
    return LabTable(tuple(cells), tuple(problems), notes)
