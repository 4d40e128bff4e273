"""A table as text: headers and rows of stripped cells with the rows' numbers, before anything is understood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optimizer.lab_table.headers import letter
from optimizer.lab_table.problems import Problem, refused

MAX_ROWS = 100_000
MAX_COLUMNS = 200
MAX_CELL = 10_000  # characters
UNCOMPUTED = "#NOT COMPUTED!"  # stands in a cell for a formula without value
MAX_HEADER = 200  # characters


@dataclass(frozen=True)
class Grid:
    """A table of text; every row is as long as ``headers``."""

    header_row: int
    headers: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]  # row number, cells
    decimal_comma: bool = False  # whether commas are free to be decimal marks
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    bad_rows: frozenset[int] = frozenset()  # rows whose problems say all there is to say


def make_grid(rows: Iterable[tuple[int, Sequence[str]]], *, decimal_comma: bool, problems: Sequence[Problem], notes: Sequence[str]) -> Grid:
    """Return the grid of numbered rows, the first that is not blank being the header.

    Raises:
        LabTableError: If there is no header or no row below it, or too many rows or columns.
    """
    headers: tuple[str, ...] = ()
    header_row = 0
    kept: list[tuple[int, tuple[str, ...]]] = []
    found = list(problems)
    bad = {problem.row for problem in problems if problem.row}
    nameless: set[int] = set()
    for row, texts in rows:
        cells = tuple(text.strip() for text in texts)
        cells = cells[: max((i for i, text in enumerate(cells, start=1) if text), default=0)]
        if not cells:
            continue
        if len(cells) > MAX_COLUMNS:
            raise refused(
                f"must have at most {MAX_COLUMNS} columns", f"{len(cells)}", "leave out columns that are no cell's inputs or outcomes", row=row
            )
        if not headers:
            headers, header_row = cells, row
            for index, text in enumerate(headers):
                if len(text) > MAX_HEADER:
                    raise refused(f"must be a header of at most {MAX_HEADER} characters", text, "shorten it", row=row, column=letter(index))
            width = max(len(texts), len(cells))
            continue
        if len(kept) + len(bad) >= MAX_ROWS:
            raise refused(f"must have at most {MAX_ROWS} rows", f"more by row {row}", "split the table", row=row)
        if len(texts) < len(headers) or len(cells) > width:
            count = f"{len(texts)} cells under {len(headers)} headers"
            found.append(Problem(row, "", "must have one cell for each header", count, "fill or remove cells; quote a text that holds the delimiter"))
            bad.add(row)
            continue
        too_long = next((i for i, text in enumerate(cells) if len(text) > MAX_CELL), None)
        if too_long is not None:
            name = headers[too_long] if too_long < len(headers) else letter(too_long)
            found.append(Problem(row, name, f"must be at most {MAX_CELL} characters", cells[too_long], "shorten the text"))
            bad.add(row)
            continue
        for index in (i for i, text in enumerate(cells) if text and (i >= len(headers) or not headers[i])):
            if index not in nameless:
                nameless.add(index)
                found.append(
                    Problem(
                        header_row, letter(index), "must have a header, as there is data below it", cells[index], "name or clear the column", True
                    )
                )
        kept.append((row, (cells + ("",) * len(headers))[: len(headers)]))
    if not headers:
        raise refused("must not be empty", "", "write the headers in the first row and a cell in each row below (see the template)")
    if not kept and not found:
        raise refused("must have a row below the headers", "", "write one cell in each row", row=header_row)
    return Grid(header_row, headers, tuple(kept), decimal_comma, tuple(found), tuple(notes), frozenset(bad - {header_row}))
