"""A CSV file of any lab's making as text: its encoding, its delimiter, its rows."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator

from optimizer.lab_table.grid import MAX_COLUMNS, MAX_HEADER, MAX_ROWS, Grid, make_grid
from optimizer.lab_table.headers import read_headers
from optimizer.lab_table.problems import LabTableError, refused

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_FOREIGN = re.compile(r"[^\x00-\x7f]{3}")  # Western text hardly has three letters above ASCII in a row; other encodings misread do
_SAVE = "save the table as CSV UTF-8 or as XLSX"


def decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the text of a CSV file, and a note where its encoding had to be guessed.

    Raises:
        LabTableError: If it is not text, or in an encoding that cannot be told.
    """
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), "")
    notes: tuple[str, ...] = ()
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding:
            raise refused(f"must be valid {encoding.upper()}, as its first bytes say", f"byte {error.start}", _SAVE) from error
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError as other:
            raise refused("must be text in UTF-8, UTF-16 or Windows-1252", f"byte {other.start}", _SAVE) from other
        if _FOREIGN.search(text):
            raise refused("must be in an encoding that can be told", _FOREIGN.findall(text)[0], _SAVE) from error
        notes = ("read as Windows-1252, because it is not UTF-8; check letters such as µ",)
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise refused("must be text, without control characters", ascii(control[0])[1:-1], _SAVE, row=line)
    lost = text.find("\ufffd")
    if lost >= 0:
        raise refused("must not hold lost characters", "\ufffd", f"{_SAVE} from the original", row=text.count("\n", 0, lost) + 1)
    return text, notes


def _records(text: str, delimiter: str, first: int) -> Iterator[tuple[int, list[str]]]:
    """Yield numbered rows; a quoted line break stays within its row.

    Raises:
        LabTableError: If quotes do not match.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    row = first - 1
    try:
        for row, cells in enumerate(reader, start=first):
            yield row, cells
    except csv.Error as error:
        remedy = "close the quotes, and double a quote inside a quoted text"
        raise refused("must be valid CSV", str(error), remedy, row=row + 1) from error


def _delimiter(text: str, first: int) -> str:
    """Return the delimiter under which most headers are known, then the one that makes most columns."""
    scores = []
    for delimiter in DELIMITERS:
        try:
            header = next((cells for _, cells in _records(text, delimiter, first) if any(cell.strip() for cell in cells)), [])
        except LabTableError:
            continue
        texts = [cell.strip()[:MAX_HEADER] for cell in header[:MAX_COLUMNS]]
        headers = read_headers(first, texts, {})
        known = sum(1 for one in headers.known if one.column) + len(headers.unclear)
        scores.append((known, len(texts), delimiter) if len(texts) > 1 else (0, 0, delimiter))
    return max(scores, default=(0, 0, ","), key=lambda score: score[:2])[2]


def read_csv(data: bytes) -> Grid:
    """Return the table of a CSV file.

    Raises:
        LabTableError: If it cannot be read as one table.
    """
    text, notes = decode(data)
    first = 1
    declared = re.match(r'"?sep=(.)"?\r?\n', text)
    if declared:  # Excel's own way to say the delimiter
        text, first, delimiter = text[declared.end() :], 2, declared[1]
        if delimiter not in DELIMITERS:
            raise refused("must be separated by commas, semicolons or tabs", delimiter, "save it with one of them", row=1)
    else:
        delimiter = _delimiter(text, first)

    def bounded() -> Iterator[tuple[int, list[str]]]:
        for row, cells in _records(text, delimiter, first):
            if row > 10 * MAX_ROWS:
                raise refused(f"must have at most {MAX_ROWS} rows", f"more by row {row}", "remove the blank rows or split the table", row=row)
            yield row, cells

    grid = make_grid(bounded(), decimal_comma=delimiter != ",", problems=(), notes=(*notes, f"columns separated by {DELIMITERS[delimiter]}"))
    if len(grid.headers) == 1:
        rule = "must have columns separated by commas, semicolons or tabs"
        raise refused(rule, grid.headers[0], "save it with one of them", row=grid.header_row)
    return grid
