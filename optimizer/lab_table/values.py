"""From the text of one cell to a number, a rate, a coating, a status or a date; each refusal says what to write instead."""

from __future__ import annotations

import datetime
import math
import re

from objectives.cell import Status
from objectives.recipe import RecipeError, parse_coating
from optimizer.lab_table.columns import Column, canonical_unit
from optimizer.lab_table.headers import Header

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_POINT = re.compile(r"[+-]?[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_THOUSANDS = re.compile(
    r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]*|[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]*|[+-]?[0-9]{1,3}(?:([,.' \u00a0\u202f’])[0-9]{3})(?:\1[0-9]{3})*"
)
_ISO = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})(?:[T ][0-9]{1,2}:[0-9]{2}.*)?")
_DAY_MONTH = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4}|[0-9]{2})")
_WITH_UNIT = re.compile(r"([+-]?[0-9.,]+(?:[eE][+-]?[0-9]+)?) ?([^0-9\s.,+-].*)")
_ERRORS = ("#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#GETTING_DATA", "#SPILL!", "#CALC!")
_BLANK = {"", "-", "–", "—", "n/a", "na", "n.a.", "n.a"}
_LONGEST = 100  # characters of a number, date or status
_STATUSES: dict[str, Status] = {
    **dict.fromkeys(("", "ok", "okay", "good", "success", "successful", "passed", "pass", "fine"), "ok"),
    **dict.fromkeys(("failed process", "process failed", "process failure", "failure process", "failed in process"), "failed_process"),
    **dict.fromkeys(("failed cell", "cell failed", "cell failure", "failure cell", "dead", "dead cell"), "failed_cell"),
    **dict.fromkeys(("short", "shorted", "short circuit", "shortcircuit", "short circuited", "internal short", "soft short"), "short"),
    **dict.fromkeys(("invalid", "invalid measurement", "measurement invalid", "not valid"), "invalid"),
}


class CellError(ValueError):
    """Raised for a cell that cannot be read: the rule and the remedy."""

    def __init__(self, rule: str, remedy: str) -> None:
        self.rule, self.remedy = rule, remedy
        super().__init__(rule)


def is_blank(text: str) -> bool:
    """Return whether a cell says nothing: empty, a dash, n/a."""
    return text.lower() in _BLANK


def is_formula(text: str) -> bool:
    """Return whether a text would be run as a formula by a spreadsheet: starts with = + - @ and is no number."""
    if text[:1] not in ("=", "+", "-", "@") or is_blank(text):
        return False
    return not (
        _NUMBER.fullmatch(text) or _COMMA.fullmatch(text) or _THOUSANDS.fullmatch(text) or _WITH_UNIT.fullmatch(text) or _word(text) in _NOT_FINITE
    )


_NOT_FINITE = {"nan", "inf", "infinity", "1.#inf", "1.#qnan", "1.#ind"}


def _word(text: str) -> str:
    return text.lower().lstrip("+-")


def decimal_mark(texts: list[str]) -> str:
    """Return the decimal mark of a table whose delimiter leaves commas free: the more frequent among its numbers."""
    commas, points = (sum(1 for text in texts if pattern.fullmatch(text)) for pattern in (_COMMA, _POINT))
    return "," if commas > points or (commas and commas == points) else "."


def _refuse_number(text: str, decimal: str, unit: str) -> CellError:
    """Return why a text is no number."""
    where = "the header" if not unit else f"the header, as {unit}"
    if text.upper() in _ERRORS or text.startswith("#"):
        return CellError("must not be a spreadsheet error", "correct the formula or leave the cell blank")
    if _word(text) in _NOT_FINITE:
        return CellError("must be a finite number", "leave the cell blank where nothing was measured")
    if is_formula(text):
        return CellError("must not be a formula", "write the value that it gives")
    if _ISO.fullmatch(text):
        return CellError("must be a number, not a date", "write the number, and format the column as numbers: spreadsheets turn 1.5 into a date")
    if decimal == "," and _POINT.fullmatch(text):
        return CellError("must use the table's decimal comma", "write the same decimal mark in every cell")
    if _COMMA.fullmatch(text) and not _THOUSANDS.fullmatch(text):
        return CellError("must use a decimal point", f"write {text.replace(',', '.')}, or separate the columns by semicolons")
    if _THOUSANDS.fullmatch(text):
        return CellError("must have no thousands separator", "write 1234.5, not 1,234.5")
    if "±" in text or "+/-" in text:
        return CellError("must be one number", 'put the standard error into a column of its own, named like the value with "sd"')
    if text[:1] in "<>~≈≤≥":
        return CellError("must be a number, not a bound", "write the value measured, or leave the cell blank")
    if _WITH_UNIT.fullmatch(text):
        return CellError("must be a number without unit", f"put the unit into {where}")
    return CellError("must be a number", "write digits with a decimal mark, or leave the cell blank")


def number(text: str, decimal: str = ".", unit: str = "") -> float:
    """Return a number.

    Args:
        text: Of the cell, stripped and not blank.
        decimal: The table's decimal mark.
        unit: Unit of the header, for the remedy.

    Raises:
        CellError: If the text is not exactly one finite number.
    """
    if len(text) > _LONGEST:
        raise CellError(f"must be at most {_LONGEST} characters", "write a number")
    folded = text.replace("\u2212", "-")
    if decimal == "," and _COMMA.fullmatch(folded):
        folded = folded.replace(",", ".")
    elif not _NUMBER.fullmatch(folded) or (decimal == "," and _POINT.fullmatch(folded)):
        raise _refuse_number(folded, decimal, unit)
    value = float(folded)
    if not math.isfinite(value):
        raise CellError("must be a finite number", "correct the exponent")
    return value


def _range(column: Column) -> str:
    unit = "" if column.unit in ("", "1") else f" {column.unit}"
    percent = 100.0 if canonical_unit(column) == "1" and column.unit == "%" else 1.0
    low = f"above {column.low * percent:g}" if column.above else f"at least {column.low * percent:g}"
    if column.low == -math.inf:
        return f"must be at most {column.high * percent:g}{unit}"
    return f"must be {low}{unit}" if column.high == math.inf else f"must be {low} and at most {column.high * percent:g}{unit}"


def _in_range(value: float, header: Header, column: Column) -> float:
    if value > column.high or value < column.low or (column.above and value == column.low):
        raise CellError(_range(column), f'correct the value or the unit in the header (as in "{column.label}")')
    return value


def measured_number(text: str, decimal: str, header: Header, column: Column) -> float:
    """Return a number of a column in its canonical unit; "12%" is read as such where the column is a share.

    Raises:
        CellError: If it is no number, or outside the column's range.
    """
    share = canonical_unit(column) in ("wt%", "1", "%")
    if share and text.endswith("%"):
        percent = 0.01 if canonical_unit(column) == "1" else 1.0
        value = float(f"{percent * number(text[:-1].rstrip(), decimal, header.unit):.12g}")
    else:
        read = number(text, decimal, header.unit)
        value = header.scale.value(read)
        if header.scale.factor == 0.01 and 0.0 < read < 1.0 and canonical_unit(column) == "1" and not header.is_error:
            raise CellError("must be in percent, as the header says", "write 12 for 12 %, or 12% in the cell, or [1] in the header for fractions")
    if header.is_error:
        if value <= 0.0:
            raise CellError("must be above 0, as a standard error", "leave the cell blank where it is not known")
        return value if share and text.endswith("%") else header.scale.sd(number(text, decimal, header.unit))
    return _in_range(value, header, column)


def coating(text: str, decimal: str, header: Header, column: Column) -> float:
    """Return the SE share of the coated powder, wt%, from 95:5 (AM:SE), 5, 5% or none.

    Raises:
        CellError: If it is none of these, above 50 wt%, or may be a fraction.
    """
    if text.lower() in ("none", "uncoated", "no", "bare"):
        return 0.0
    if text.count(":") > 1:
        raise CellError("must not be a time of day", "format the column as text and write 95:5 again: spreadsheets take it for a time")
    if ":" in text or text.endswith("%"):
        parts = [number(part.strip(), decimal) for part in text.removesuffix("%").split(":")]
        try:
            value = parse_coating(":".join(f"{part!r}" for part in parts))
        except RecipeError as error:
            rule, _, remedy = str(error).rpartition("; ")
            raise CellError(rule.removeprefix("coating ").split(", got")[0], remedy) from error
    else:
        value = number(text, decimal, header.unit)
        if not header.unit and 0.0 < value < 1.0:
            raise CellError("may be a fraction or wt%", "write 95:5 or 5%, or give the header a unit")
        value = header.scale.value(value)
    if value > column.high:
        raise CellError(f"must be at most {column.high:g} wt% SE", "write AM first, as in 95:5")
    if value < 0.0:
        raise CellError("must be at least 0 wt% SE", "write 95:5, 5, 5% or none")
    return value


def c_rate(text: str, decimal: str, header: Header, column: Column) -> float:
    """Return a C-rate in 1/h from 0.05, 0.05C or C/20.

    Raises:
        CellError: If it is none of these, or outside the column's range.
    """
    bare = text.replace(" ", "").upper()
    try:
        if bare.startswith("C/"):
            hours = number(bare[2:], decimal)
            value = 1.0 / hours if hours > 0.0 else -1.0
        elif bare.endswith("C"):
            value = number(bare[:-1], decimal)
        else:
            value = header.scale.value(number(bare, decimal, header.unit))
    except CellError as error:
        if _WITH_UNIT.fullmatch(bare) or bare.startswith("C"):
            raise CellError("must be a C-rate", "write 0.05, 0.05C or C/20") from error
        raise
    return _in_range(value, header, column)


def status(text: str) -> Status:
    """Return the status a lab means.

    Raises:
        CellError: If it is none of the five, or does not say what failed.
    """
    word = " ".join(text.lower().replace("_", " ").replace("-", " ").split())
    if word in _STATUSES:
        return _STATUSES[word]
    if word in ("failed", "fail", "failure", "bad"):
        raise CellError("must say what failed", "write failed process, failed cell, short or invalid")
    raise CellError("must be a status", "write ok, failed process, failed cell, short or invalid")


def date(text: str) -> str:
    """Return a date as YYYY-MM-DD; a time of day is dropped.

    Raises:
        CellError: If it is not written year first, or is no day of the calendar.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        day_month = _DAY_MONTH.fullmatch(text)
        if day_month and len(day_month[3]) == 4:
            first, second, year = (int(part) for part in day_month.groups())
            if first <= 12 and second <= 12 and first != second:
                raise CellError("must not be ambiguous", f"write {year}-{second:02d}-{first:02d} or {year}-{first:02d}-{second:02d}")
            month, day = (second, first) if second <= 12 else (first, second)
            raise CellError("must be written year first", f"write {year}-{month:02d}-{day:02d}")
        raise CellError("must be a date", "write it as 2026-03-25")
    try:
        found = datetime.date(*(int(part) for part in match.groups()))
    except ValueError as error:
        raise CellError("must be a day of the calendar", "write it as 2026-03-25") from error
    if not 1990 <= found.year <= 2100:
        raise CellError("must lie between 1990 and 2100", "correct the year")
    return found.isoformat()
