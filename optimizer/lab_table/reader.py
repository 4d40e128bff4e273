"""From a file, bytes or records to a grid of text, within limits; writes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from optimizer.lab_table.csv_text import read_csv
from optimizer.lab_table.grid import MAX_COLUMNS, MAX_ROWS, Grid, make_grid
from optimizer.lab_table.problems import Problem, refused
from optimizer.lab_table.xlsx import cell_text, is_workbook, read_xlsx

MAX_BYTES = 10_000_000


class Frame(Protocol):
    """A data frame, as pandas and others have it."""

    def to_dict(self, orient: Literal["records"], /) -> Any:
        """Return the rows as dictionaries for ``"records"``."""


Source = Path | str | bytes | Iterable[Mapping[str, object]] | Frame


def _file(path: Path) -> bytes:
    if not path.is_file():  # a device or a pipe would be read for ever
        raise refused("must be a file", str(path), "check the path")
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise refused("must be a readable file", str(path), f"check the path ({error.strerror})") from error


def _value(value: object) -> str | None:
    """Return a record's value as text, blank for what frames write for nothing; None where it is not one value."""
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():  # a numpy scalar
        value = item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, list | tuple | dict | set | bytes) or getattr(value, "shape", ()) != ():
        return None
    text = cell_text(value)
    return "" if text in ("NaT", "<NA>") else text


def _records(records: Iterable[Mapping[str, object]]) -> Grid:
    headers: dict[str, None] = {}
    kept: list[Mapping[str, object]] = []
    for row, record in enumerate(records, start=2):
        if not isinstance(record, Mapping):
            raise refused("must be a mapping from column to value", repr(record), "give each row as a dictionary", row=row)
        if len(kept) >= MAX_ROWS:
            raise refused(f"must have at most {MAX_ROWS} rows", f"more by row {row}", "split the table", row=row)
        headers.update(dict.fromkeys(map(str, record)))
        kept.append(record)
        if len(headers) > MAX_COLUMNS:
            raise refused(f"must have at most {MAX_COLUMNS} columns", f"{len(headers)}", "leave out columns", row=1)
    problems: list[Problem] = []
    rows: list[tuple[int, list[str]]] = [(1, list(headers))]
    for row, record in enumerate(kept, start=2):
        named = {str(name): _value(value) for name, value in record.items()}
        for name, text in named.items():
            if text is None:
                problems.append(Problem(row, name, "must be one value", repr(record.get(name)), "give a number, a text or None"))
        rows.append((row, [named.get(name) or "" for name in headers]))
    return make_grid(rows, decimal_comma=False, problems=problems, notes=())


def read_grid(source: Source, sheet: str | None = None) -> Grid:
    """Return the table of a file, of a file's bytes, of records, or of a data frame.

    Args:
        source: Path to a CSV or XLSX file (told apart by content), its bytes, rows as mappings, or anything with ``to_dict("records")``.
        sheet: Sheet of a workbook; the first that is not empty when left out.

    Raises:
        LabTableError: If it cannot be read as one table within the limits.
    """
    if isinstance(source, str | Path):
        source = _file(Path(source))
    if isinstance(source, bytes):
        if len(source) > MAX_BYTES:
            raise refused(f"must be at most {MAX_BYTES // 1_000_000} MB", "a larger file", "keep one row per cell, without raw curves")
        return read_xlsx(source, sheet) if is_workbook(source) else read_csv(source)
    to_dict = getattr(source, "to_dict", None)
    if to_dict is not None:
        return _records(to_dict("records"))
    if not isinstance(source, Iterable) or isinstance(source, Mapping):
        raise refused("must be a path, bytes, rows as dictionaries or a data frame", type(source).__name__, "pass one of these")
    return _records(source)
