"""Recipes already being made, as read from the JSON that `suggest` printed. Data only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from objectives.composition import Array
from objectives.recipe import RECIPE_FIELDS, Recipe


class PendingError(ValueError):
    """Raised when a file of pending recipes cannot be used."""


def read_pending(path: Path | None) -> Array:
    """Return the recipes of a file ``(p, 4)``: an answer of `suggest --json`, or a list of recipes; none for no file.

    Raises:
        PendingError: If the file cannot be read or an entry is not a recipe; names the entry.
    """
    if path is None:
        return np.zeros((0, len(RECIPE_FIELDS)))
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise PendingError(f"the pending recipes in {path} cannot be read ({error}); give the output of `glittercake suggest --json`") from error
    entries = data.get("suggestions") if isinstance(data, dict) else data
    if not isinstance(entries, list):
        raise PendingError(f"{path} must hold a list of recipes or an object with `suggestions`, got {type(data).__name__}; use `suggest --json`")
    rows = []
    for number, entry in enumerate(entries, start=1):
        recipe = entry.get("recipe", entry) if isinstance(entry, dict) else None
        try:
            if not isinstance(recipe, dict):
                raise PendingError(f"must be an object with {', '.join(RECIPE_FIELDS)}, got {type(entry).__name__}")
            missing = [name for name in RECIPE_FIELDS if name not in recipe]
            if missing:
                raise PendingError(f"gives no {missing[0]}")
            rows.append(Recipe(*(float(recipe[name]) for name in RECIPE_FIELDS)).values())
        except (TypeError, ValueError) as error:
            raise PendingError(f"recipe {number} in {path}: {error}; correct the entry") from error
    return np.array(rows).reshape(-1, len(RECIPE_FIELDS))
