"""An observation: what one test of one cell gave, or how the cell failed, as a caller reports it. Data only, checked when made."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from objectives.cell import STATUSES, Measured, Status
from optimizer.lab_table.values import is_formula
from optimizer.store.errors import RecordError
from optimizer.store.tables import NAME

Parameters = Mapping[str, float | str]  # a recipe by the names of its parameters; options by name
CONDITIONS = ("temperature_c", "c_rate", "pressure_mpa", "loading_mg_cm2")
LONGEST_TEXT = 10_000  # letters; as a cell of a lab table
LARGEST = 1e300  # nearly what a float holds
MOST = 200  # outcomes, own columns, lots or masses; as columns of a lab table
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # as in a lab table, and halves of letters


def check_text(name: str, value: object, longest: int = LONGEST_TEXT) -> None:
    """Refuse a text that a database, a CSV or a spreadsheet could not keep as it is.

    Raises:
        RecordError: If it is no text, too long, has control characters or outer blanks, or would be run as a formula.
    """
    if not isinstance(value, str):
        raise RecordError(name, "must be a text", value, "put it in quotes")
    if len(value) > longest:
        raise RecordError(name, f"must have at most {longest} letters", f"{value[:20]}...", "shorten it")
    if value != value.strip() or _CONTROL.search(value):
        raise RecordError(name, "must have no control characters and no outer blanks", value[:60], "correct it")
    if is_formula(value):
        raise RecordError(name, "must not be a formula", value[:60], "write the value that it gives, or start the text with a letter")


def check_name(name: str, value: object, longest: int = NAME) -> None:
    """Refuse what cannot name anything: as `check_text`, of one line, with at least a letter.

    Raises:
        RecordError: If it cannot.
    """
    check_text(name, value, longest)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise RecordError(name, "must be one line with at least a letter", value, "give it a name")


def check_number(name: str, value: object) -> float:
    """Return a number as a float.

    Raises:
        RecordError: If it is no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        raise RecordError(name, "must be a finite number", value, "leave it out where nothing is known")
    return float(value)


def _numbers(name: str, values: Mapping[str, Any]) -> dict[str, float]:
    _check_names(name, values)
    return {key: check_number(f"{name}.{key}", value) for key, value in values.items()}


def _texts(name: str, values: Mapping[str, Any]) -> dict[str, str]:
    _check_names(name, values)
    for key, value in values.items():
        check_text(f"{name}.{key}", value)
    return dict(values)


def _check_names(name: str, values: Mapping[str, Any]) -> None:
    if len(values) > MOST:
        raise RecordError(name, f"must have at most {MOST} entries", len(values), "leave some out")
    for key in values:
        check_text(f"a name in {name}", key, NAME)
        if not key:
            raise RecordError(f"a name in {name}", "must not be empty", key, "name it")


def as_parameters(name: str, values: Mapping[str, Any]) -> Parameters:
    """Return a recipe with its numbers as floats.

    Raises:
        RecordError: If a value is neither a finite number nor a text.
    """
    _check_names(name, values)
    found: dict[str, float | str] = {}
    for key, value in values.items():
        if isinstance(value, str):
            check_text(f"{name}.{key}", value, NAME)
            found[key] = value
        else:
            found[key] = check_number(f"{name}.{key}", value)
    return found


@dataclass(frozen=True)
class Observation:
    """One test of one cell.

    Args:
        recipe: What was really made, by parameter.
        outcomes: By name, in the units of the campaign; NaN as standard error where none was stated.
        status: "ok", or what failed; a failed cell needs no outcome.
        cause: Of a failure, in the lab's words.
        name: Of the cell; another observation of this name, recipe, batch and date is the same cell tested again.
        date: As YYYY-MM-DD; empty where nobody says.
        planned: The recipe that was meant, where what was weighed is another.
        recipe_sd: Standard errors of the recipe by parameter.
        conditions: Of the test, some of `CONDITIONS`; the campaign's where left out.
        lots: By material.
        masses_mg: What was weighed, by column of the lab table.
        own: The lab's own columns, as written.
        source: Where the numbers come from: an instrument, a file, a simulation.

    Raises:
        RecordError: If a value could not be kept; names the field. Whether a campaign has such a recipe is the store's to say.
    """

    recipe: Parameters
    outcomes: Mapping[str, Measured] = field(default_factory=dict)
    status: Status = "ok"
    cause: str = ""
    name: str = ""
    date: str = ""
    planned: Parameters | None = None
    recipe_sd: Mapping[str, float] = field(default_factory=dict)
    conditions: Mapping[str, float] = field(default_factory=dict)
    lots: Mapping[str, str] = field(default_factory=dict)
    masses_mg: Mapping[str, float] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)
    source: str = "measured"

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "recipe", as_parameters("recipe", self.recipe))
        put(self, "planned", None if self.planned is None else as_parameters("planned", self.planned))
        _check_names("outcomes", self.outcomes)
        outcomes = {}
        for name, measured in self.outcomes.items():
            sd = measured.sd if measured.sd != measured.sd else check_number(f"outcomes.{name}.sd", measured.sd)
            if sd <= 0.0:
                raise RecordError(f"outcomes.{name}.sd", "must be above 0, as a standard error", sd, "leave it out where it is not known")
            outcomes[name] = Measured(check_number(f"outcomes.{name}", measured.value), sd)
        put(self, "outcomes", outcomes)
        for name in ("recipe_sd", "conditions", "masses_mg"):
            put(self, name, _numbers(name, getattr(self, name)))
        for name in ("lots", "own"):
            put(self, name, _texts(name, getattr(self, name)))
        for name, longest in (("cause", LONGEST_TEXT), ("name", NAME), ("date", NAME), ("source", NAME)):
            check_text(name, getattr(self, name), longest)
        self._check(self.status)

    def _check(self, status: str) -> None:
        if status not in STATUSES:
            raise RecordError("status", f"must be one of {', '.join(STATUSES)}", self.status, "say what failed")
        if status == "ok" and not self.outcomes:
            raise RecordError(
                "outcomes", "must have an outcome, or the status a failure", dict(self.outcomes), "fill in what was measured, or what failed"
            )
        if self.date and not _is_date(self.date):
            raise RecordError("date", "must be a day of the calendar as YYYY-MM-DD", self.date, "write it as 2026-03-25")
        for name in self.conditions:
            if name not in CONDITIONS:
                raise RecordError("conditions", f"must be some of {', '.join(CONDITIONS)}", name, "correct the name")
        for field_name in ("recipe_sd", "masses_mg"):
            for name, value in getattr(self, field_name).items():
                if value < 0.0:
                    raise RecordError(f"{field_name}.{name}", "must be at least 0", value, "correct it")

    def as_json(self) -> dict[str, Any]:
        """Return plain data: what was stated, and nothing else."""
        outcomes = {name: {"value": one.value} if math.isnan(one.sd) else {"value": one.value, "sd": one.sd} for name, one in self.outcomes.items()}
        rest = {name: getattr(self, name) for name in ("cause", "name", "date", "recipe_sd", "conditions", "lots", "masses_mg", "own")}
        told = {name: dict(value) if isinstance(value, Mapping) else value for name, value in rest.items() if value}
        planned = {} if self.planned is None else {"planned": dict(self.planned)}
        return {"recipe": dict(self.recipe), "outcomes": outcomes, "status": self.status, "source": self.source, **planned, **told}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Observation:
        """Return the observation of plain data, as `as_json` gives it; what is None was not stated.

        Raises:
            RecordError: As the constructor, or if a field is unknown or of the wrong kind.
        """
        data = {name: value for name, value in data.items() if value is not None}
        known = set(cls.__dataclass_fields__)
        for name in data:
            if name not in known:
                raise RecordError(str(name), f"must be one of {', '.join(sorted(known))}", data[name], "correct the name")
        for name in ("recipe", "planned", "outcomes", "recipe_sd", "conditions", "lots", "masses_mg", "own"):
            if name in data and not isinstance(data[name], Mapping):
                raise RecordError(name, "must be an object of names and values", data[name], "write it as {name: value}")
        if "recipe" not in data:
            raise RecordError("recipe", "must be given", None, "say what was made")
        outcomes = {str(name): _measured(str(name), value) for name, value in data.get("outcomes", {}).items()}
        return cls(**{**data, "outcomes": outcomes})


def _measured(name: str, value: object) -> Measured:
    """Return a measured value from a number, or from an object with a value and perhaps its standard error."""
    if isinstance(value, Mapping):
        for key in value:
            if key not in ("value", "sd"):
                raise RecordError(f"outcomes.{name}", 'must have "value" and perhaps "sd"', key, "correct the name")
        sd = value.get("sd")
        return Measured(check_number(f"outcomes.{name}", value.get("value")), math.nan if sd is None else check_number(f"outcomes.{name}.sd", sd))
    return Measured(check_number(f"outcomes.{name}", value))


def _is_date(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
