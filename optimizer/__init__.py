"""Decides which recipe to make next, and is the product: campaign, strategies, suggestions, checks, command line.

The names below are the Python interface; each is imported when it is first used, so that `import optimizer` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from objectives.cell import Cell, Measured
    from objectives.recipe import Recipe
    from optimizer.campaign import Campaign, load_campaign
    from optimizer.checks import Check, check
    from optimizer.own_table import read_cells
    from optimizer.suggestion import Suggestion, Suggestions, predict, suggest

_WHERE = {
    "Campaign": "optimizer.campaign",
    "Cell": "objectives.cell",
    "Check": "optimizer.checks",
    "Measured": "objectives.cell",
    "Recipe": "objectives.recipe",
    "Suggestion": "optimizer.suggestion",
    "Suggestions": "optimizer.suggestion",
    "check": "optimizer.checks",
    "load_campaign": "optimizer.campaign",
    "read_cells": "optimizer.own_table",
    "predict": "optimizer.suggestion",
    "suggest": "optimizer.suggestion",
}
__all__ = [
    "Campaign",
    "Cell",
    "Check",
    "Measured",
    "Recipe",
    "Suggestion",
    "Suggestions",
    "check",
    "load_campaign",
    "predict",
    "read_cells",
    "suggest",
]


def __getattr__(name: str) -> Any:
    """Return a name of the interface from the module that defines it."""
    if name not in _WHERE:
        raise AttributeError(f"module 'optimizer' has no name {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_WHERE[name]), name)
