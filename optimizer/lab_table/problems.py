"""What is wrong with a lab table: one sentence per bad cell, and the error that carries them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SHOWN = 20  # problems in the error's message; all are in its `problems`
_LONGEST = 60  # characters of a received value


@dataclass(frozen=True)
class Problem:
    """One bad cell, row or table.

    Args:
        row: Row as the spreadsheet numbers it, the first being 1; 0 is the whole table.
        column: Header as written, or the column's letter where it has none; empty where the row as a whole is meant.
        rule: What must hold, following the place: "must be a number".
        value: What was received; empty where nothing was.
        remedy: What would mend it, in the imperative.
        fatal: True where no row can be trusted, so that skipping rows does not help.
    """

    row: int
    column: str
    rule: str
    value: str
    remedy: str
    fatal: bool = False

    def __str__(self) -> str:
        place = f"row {self.row}" if self.row else "table"
        if self.column:
            place += f', column "{shown(self.column)}"'
        got = f', got "{shown(self.value)}"' if self.value else ""
        return f"{place}: {self.rule}{got}; {self.remedy}"


class LabTableError(ValueError):
    """Raised when a lab table is not clean; ``problems`` holds every one, the message the first 20."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        lines = [f"{count} problem{'s' if count != 1 else ''} in the table; nothing was imported", *map(str, self.problems[:SHOWN])]
        if count > SHOWN:
            lines.append(f"... and {count - SHOWN} more")
        super().__init__("\n".join(lines))


def shown(text: str) -> str:
    """Return a text that is safe to print: one line, at most 60 characters, no control characters."""
    printable = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: _LONGEST + 1])
    return printable if len(printable) <= _LONGEST else printable[: _LONGEST - 3] + "..."


def refused(rule: str, value: str, remedy: str, *, row: int = 0, column: str = "") -> LabTableError:
    """Return the error for a table that cannot be read at all."""
    return LabTableError([Problem(row, column, rule, value, remedy, fatal=True)])
