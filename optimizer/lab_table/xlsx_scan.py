"""One sheet of an XLSX file read tag by tag: where its cells are and what a reader of values does not tell. Keeps little, whatever the file says."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from optimizer.lab_table.grid import MAX_COLUMNS, MAX_ROWS
from optimizer.lab_table.headers import letter
from optimizer.lab_table.problems import refused

SAVE = "open it in a spreadsheet and save it as XLSX or CSV"
_MAX_AREA = 2_000_000  # cells of the rectangle that holds the table; as many as a CSV file of 10 MB has
_MAX_ODD = 100_000  # cells of a sheet with an error or without a value
_MAX_DEPTH = 50  # of tags in tags; a spreadsheet needs ten
_MAX_OUTSIDE = 1_000  # cells beyond the limits, after which nobody need look further
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")


class _Enough(Exception):  # noqa: N818 (no error: what was found is reason enough to refuse the sheet)
    """Raised to read no further."""


@dataclass
class Scan:
    """What calamine does not tell of one sheet; references are row and column from 0."""

    last_row: int = 0
    last_column: int = 0
    merged: list[str] = field(default_factory=list)
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    percents: array[int] = field(default_factory=lambda: array("q"))  # row * MAX_COLUMNS + column
    characters: int = 0  # of shared texts, counted as often as they are used
    uncomputed: list[tuple[int, int]] = field(default_factory=list)
    outside: int = 0  # cells with content beyond the limits


def position(reference: str) -> tuple[int, int] | None:
    """Return row and column from 0 of a cell's reference, such as B12; None where it is none."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return None
    column = 0
    for character in match[1]:
        column = 26 * column + ord(character) - 64
    return int(match[2]) - 1, column - 1


def shared_lengths(strings: bytes) -> array[int]:
    """Return the length of each shared text, from the part that holds them."""
    lengths = array("q")

    def start(tag: str, _: dict[str, str]) -> None:
        if tag.rpartition(":")[2] == "si":
            lengths.append(0)

    def characters(text: str) -> None:
        if lengths:
            lengths[-1] += len(text)

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.CharacterDataHandler = start, characters
    parser.Parse(strings, True)
    return lengths


def check_size(found: Scan) -> None:
    """Refuse a sheet that is larger than a table may be.

    Raises:
        LabTableError: If it is; names its last cell.
    """
    if found.last_row > MAX_ROWS or found.last_column >= MAX_COLUMNS or (found.last_row + 1) * (found.last_column + 1) > _MAX_AREA:
        rule = f"must have at most {MAX_ROWS} rows and {MAX_COLUMNS} columns, {_MAX_AREA} cells in all"
        got = f"a cell at {letter(found.last_column)}{found.last_row + 1}"
        raise refused(rule, got, "clear the cells outside the table", row=found.last_row + 1, column=letter(found.last_column))


def scan(sheet: bytes, percent_styles: set[int], shared: Sequence[int]) -> Scan:
    """Return what a sheet's XML says beyond its values; cells without reference follow the one before.

    Raises:
        LabTableError: If it is far larger, or nested deeper, than a table is.
    """
    found = Scan()
    state: dict[str, Any] = {"row": -1, "column": -1, "tag": "", "text": "", "cell": None, "depth": 0}

    def start(tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        state["depth"] += 1
        if state["depth"] > _MAX_DEPTH:
            raise refused(f"must have tags at most {_MAX_DEPTH} deep in its sheet", "more", SAVE, row=state["row"] + 1)
        if tag == "row":
            state["row"], state["column"] = int(attributes.get("r", state["row"] + 2)) - 1, -1
        elif tag == "c":
            place = position(attributes.get("r", "")) or (state["row"], state["column"] + 1)
            state.update(row=place[0], column=place[1], cell=place, type=attributes.get("t", "n"), formula=False, text="")
            state["percent"] = int(attributes.get("s", "0")) in percent_styles
        elif tag == "f":
            state["formula"] = True
        elif tag == "mergeCell":
            found.merged.append(attributes.get("ref", "?"))
            if len(found.merged) == 5:
                raise _Enough
        state["tag"] = tag

    def end(tag: str) -> None:
        state["depth"] -= 1
        if tag.rpartition(":")[2] == "c":
            place, text = state["cell"], state["text"]
            if text or state["formula"] or state["type"] == "e":
                found.last_row, found.last_column = max(found.last_row, place[0]), max(found.last_column, place[1])
                found.outside += place[0] > MAX_ROWS or place[1] >= MAX_COLUMNS
                if found.outside > _MAX_OUTSIDE or (found.last_row + 1) * (found.last_column + 1) > 2 * _MAX_AREA:
                    raise _Enough
            if state["type"] == "s":
                found.characters += shared[int(text)] if text else 0
            if place[1] >= MAX_COLUMNS:
                pass  # refused for its size
            elif state["type"] == "e":
                found.errors[place] = text
            elif state["formula"] and not text and state["type"] != "str":
                found.uncomputed.append(place)
            elif state["percent"] and state["type"] == "n" and text:
                found.percents.append(place[0] * MAX_COLUMNS + place[1])
            if len(found.errors) + len(found.uncomputed) > _MAX_ODD:
                rule = f"must have at most {_MAX_ODD} cells with an error or a formula that was never computed"
                raise refused(rule, "more", "correct them in the spreadsheet and save it", row=place[0] + 1, column=letter(place[1]))
        state["tag"] = ""

    def characters(text: str) -> None:
        if state["tag"] in ("v", "t"):
            state["text"] += text

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, characters
    with suppress(_Enough):
        parser.Parse(sheet, True)
    return found
