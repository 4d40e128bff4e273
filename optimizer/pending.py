"""Recipes already being made, as read from the JSON that `suggest` printed. Data only."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from objectives.composition import Array
from objectives.recipe import RECIPE_FIELDS, Recipe


class PendingError(ValueError):
    """Raised when a file of pending recipes cannot be used."""


def read_pending(path: Path | None) -> Array:
    """Return the electrode recipes of a file ``(p, 4)``; as `read_pending_rows`."""
    return read_pending_rows(path, _values, len(RECIPE_FIELDS))


def read_pending_rows(path: Path | None, values: Callable[[Mapping[str, Any]], Sequence[float] | Array], dimension: int) -> Array:
    """Return the recipes of a file ``(p, d)``: an answer of `suggest --json`, or a list of recipes; none for no file.

    Args:
        path: Of the file.
        values: From a recipe by names to its row, raising ValueError for what is no recipe.
        dimension: d.

    Raises:
        PendingError: If the file cannot be read or an entry is not a recipe; names the entry.
    """
    if path is None:
        return np.zeros((0, dimension))
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise PendingError(f"the pending recipes in {path} cannot be read ({error}); give the output of `glittercake suggest --json`") from error
    entries = data.get("suggestions") if isinstance(data, dict) else data
    if not isinstance(entries, list):
        raise PendingError(f"{path} must hold a list of recipes or an object with `suggestions`, got {type(data).__name__}; use `suggest --json`")
    controls = data.get("controls", []) if isinstance(data, dict) else []  # they are being made too, of the same lots
    if not isinstance(controls, list):
        raise PendingError(f"{path} must hold a list of `controls`, got {type(controls).__name__}; use `suggest --json`")
    entries = [*entries, *controls]
    rows = []
    for number, entry in enumerate(entries, start=1):
        recipe = entry.get("recipe", entry) if isinstance(entry, dict) else None
        try:
            if not isinstance(recipe, dict):
                raise PendingError(f"must be an object with a recipe, got {type(entry).__name__}")
            for name, value in recipe.items():
                if not isinstance(value, str) and not _is_number(value):  # a text may be the name of an option
                    raise PendingError(f"{name} must be a number, got {value!r}")
            rows.append(values(recipe))
        except ValueError as error:
            raise PendingError(f"recipe {number} in {path}: {error}; correct the entry") from error
    recipes = np.array(rows, dtype=float).reshape(-1, dimension)
    return np.roll(recipes, len(controls), axis=0)  # the controls first, in the order in which `suggest` took from the lots


def _is_number(value: object) -> bool:
    """Return whether a JSON value is a number that a float can hold; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) > sys.float_info.max


def _values(recipe: Mapping[str, Any]) -> tuple[float, ...]:
    missing = [name for name in RECIPE_FIELDS if name not in recipe]
    if missing:
        raise PendingError(f"gives no {missing[0]}")
    unknown = sorted(set(recipe) - set(RECIPE_FIELDS))
    if unknown:
        raise PendingError(f"has the unknown key {unknown[0]!r} beside {', '.join(RECIPE_FIELDS)}")
    for name in RECIPE_FIELDS:
        if isinstance(recipe[name], str):
            raise PendingError(f"{name} must be a number, got {recipe[name]!r}")
    return Recipe(*(float(recipe[name]) for name in RECIPE_FIELDS)).values()
