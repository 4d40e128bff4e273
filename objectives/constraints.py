"""Hard limits of any design space as data: signed margins of recipes, made from bounds, sums, formulas or functions.

A margin is in the limit's own unit and positive where the limit holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from objectives.composition import Array, Mask
from objectives.design_space import DesignSpace
from objectives.expression import Columns, ExpressionError, Formula, formula
from objectives.parameter import DesignSpaceError

TOLERANCE = 1e-9  # in the limit's unit: float noise of a sum that should be zero, far below any balance


@dataclass(frozen=True)
class View:
    """What a constraint may name, and how recipes ``(n, d)`` give those columns, each ``(n,)``."""

    names: tuple[str, ...]
    columns: Callable[[Array], Columns]


def view_of(space: DesignSpace) -> View:
    """Return the parameters themselves."""
    return View(space.names, space.columns)


@dataclass(frozen=True)
class Constraint:
    """A hard limit as data: ``margin`` takes recipes ``(n, d)`` and returns ``(n,)``, at least 0 where the limit holds."""

    name: str
    unit: str
    margin: Callable[[Array], Array]


def margins(constraints: Sequence[Constraint], x: Array) -> dict[str, Array]:
    """Return the margin of every constraint by name, each ``(n,)``, for recipes ``(n, d)``."""
    return {constraint.name: constraint.margin(x) for constraint in constraints}


def holds(constraints: Sequence[Constraint], x: Array) -> Mask:
    """Return whether each recipe of ``(n, d)`` satisfies every constraint, shape ``(n,)``.

    A constraint is asked only about recipes that satisfied those before it: list cheap ones first, and physics last.
    """
    passed = np.arange(x.shape[0])
    for constraint in constraints:
        if passed.size:
            passed = passed[constraint.margin(x[passed]) >= -TOLERANCE]
    mask = np.zeros(x.shape[0], dtype=np.bool_)
    mask[passed] = True
    return mask


def _bounds_margin(column: int, lower: float, upper: float, zero: bool, x: Array) -> Array:
    value = x[:, column]
    inside = np.minimum(value - lower, upper - value)
    return np.maximum(inside, -np.abs(value)) if zero else inside


def bounds(space: DesignSpace) -> tuple[Constraint, ...]:
    """Return one constraint a parameter, ``bounds.NAME``: distance to the nearer bound, 0 where a semi-continuous one is left out."""
    return tuple(
        Constraint(f"bounds.{p.name}", p.unit, partial(_bounds_margin, column, p.lower, p.upper, p.zero)) for column, p in enumerate(space.parameters)
    )


def _linear_margin(names: Sequence[str], coefficients: Mapping[str, float], bound: float, columns: Callable[[Array], Columns], x: Array) -> Array:
    named = columns(x)
    return np.asarray(bound - np.sum([coefficients[name] * named[name] for name in names], axis=0))


def linear(space: DesignSpace, name: str, unit: str, coefficients: Mapping[str, float], bound: float, view: View | None = None) -> Constraint:
    """Return the constraint ``sum coefficient * column <= bound``; at least one coefficient.

    Raises:
        DesignSpaceError: If a coefficient is for a parameter that the space does not have.
    """
    view = view or view_of(space)
    unknown = sorted(set(coefficients) - set(view.names))
    if unknown:
        raise DesignSpaceError(f'{name}: coefficients must be of {", ".join(view.names)}, got "{unknown[0]}"; correct the name')
    if not coefficients:
        raise DesignSpaceError(f"{name}: coefficients must name at least one parameter, got none; add one or remove the constraint")
    return Constraint(name, unit, partial(_linear_margin, tuple(coefficients), dict(coefficients), float(bound), view.columns))


def _formula_margin(value: Formula, low: float | None, high: float | None, columns: Callable[[Array], Columns], x: Array) -> Array:
    found = value(columns(x))
    below = np.inf if low is None else found - low
    above = np.inf if high is None else high - found
    return np.nan_to_num(np.minimum(below, above), nan=-np.inf)  # a recipe without a value breaks the limit


def expressed(space: DesignSpace, name: str, unit: str, text: str, low: float | None, high: float | None, view: View | None = None) -> Constraint:
    """Return the constraint that a formula (`objectives.expression`) of the columns is at least ``low`` and at most ``high``.

    Raises:
        DesignSpaceError: If neither or contradicting bounds are given, or the text is no formula of the columns.
    """
    if low is None and high is None:
        raise DesignSpaceError(f"{name}: an expression needs min or max, got neither; add one")
    if low is not None and high is not None and not low < high:
        raise DesignSpaceError(f"{name}: min must be below max, got {low:g} and {high:g}; correct one")
    view = view or view_of(space)
    try:
        return Constraint(name, unit, partial(_formula_margin, formula(text, view.names), low, high, view.columns))
    except ExpressionError as error:
        raise DesignSpaceError(f"{name}: {error}") from error


def _function_margin(space: DesignSpace, function: Callable[[Columns], Array], x: Array) -> Array:
    return function(space.columns(x))


def nonlinear(space: DesignSpace, name: str, unit: str, function: Callable[[Columns], Array]) -> Constraint:
    """Return the constraint that a function of the columns by parameter name, each ``(n,)``, is at least 0."""
    return Constraint(name, unit, partial(_function_margin, space, function))


_BESIDE: Mapping[str, tuple[str, ...]] = MappingProxyType({"coefficients": ("bound",), "expression": ("min", "max")})


def _number(name: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise DesignSpaceError(f"{name}: {key} must be a finite number, got {value!r}; write it without quotes")
    return float(value)


def from_tables(
    space: DesignSpace,
    tables: Sequence[Mapping[str, Any]],
    functions: Mapping[str, Callable[[Columns], Array]] = MappingProxyType({}),
    view: View | None = None,
) -> tuple[Constraint, ...]:
    """Return the constraints of TOML tables, each with name and unit.

    ``{coefficients, bound}`` is linear, ``{expression, min, max}`` a formula with either or both bounds, ``{function}`` one of
    ``functions``, at least 0. ``view`` is what the first two may name; the space's parameters when left out.

    Raises:
        DesignSpaceError: If a table is neither, or names an unknown parameter or function.
    """
    made = []
    for table in tables:
        name, unit = str(table.get("name", table.get("function", "constraint"))), str(table.get("unit", ""))
        kinds = [key for key in ("coefficients", "expression", "function") if key in table]
        known = {"name", "unit", *kinds, *_BESIDE.get(kinds[0] if kinds else "", ())}
        if len(kinds) != 1 or set(table) - known or (kinds == ["coefficients"] and "bound" not in table):
            raise DesignSpaceError(
                f"{name}: a constraint needs coefficients and bound, or expression with min or max, or function, got {', '.join(table)}; "
                "correct the table"
            )
        if kinds == ["coefficients"]:
            coefficients = table["coefficients"]
            if not isinstance(coefficients, Mapping):
                raise DesignSpaceError(f"{name}: coefficients must be a table such as {{ am_wt = 1.0 }}, got {coefficients!r}; correct it")
            numbers = {key: _number(name, f"coefficient of {key}", value) for key, value in coefficients.items()}
            made.append(linear(space, name, unit, numbers, _number(name, "bound", table["bound"]), view))
        elif kinds == ["expression"]:
            low, high = (None if table.get(key) is None else _number(name, key, table[key]) for key in ("min", "max"))
            made.append(expressed(space, name, unit, str(table["expression"]), low, high, view))
        else:
            if table["function"] not in functions:
                raise DesignSpaceError(f'{name}: function must be one of {", ".join(functions)}, got "{table["function"]}"; correct the name')
            made.append(nonlinear(space, name, unit, functions[table["function"]]))
    return tuple(made)
