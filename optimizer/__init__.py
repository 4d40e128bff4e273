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
    from optimizer.own_table import read_candidates, read_cells
    from optimizer.space.campaign import SpaceCampaign, load_space_campaign
    from optimizer.space.check import check_in_space
    from optimizer.space.suggestion import suggest_in_space
    from optimizer.space.table import Trial, read_trials
    from optimizer.suggestion import Suggestion, Suggestions, predict, suggest

_WHERE = {
    "Campaign": "optimizer.campaign",
    "Cell": "objectives.cell",
    "Check": "optimizer.checks",
    "Measured": "objectives.cell",
    "Recipe": "objectives.recipe",
    "SpaceCampaign": "optimizer.space.campaign",
    "Suggestion": "optimizer.suggestion",
    "Suggestions": "optimizer.suggestion",
    "Trial": "optimizer.space.table",
    "check": "optimizer.checks",
    "check_in_space": "optimizer.space.check",
    "load_campaign": "optimizer.campaign",
    "load_space_campaign": "optimizer.space.campaign",
    "read_candidates": "optimizer.own_table",
    "read_cells": "optimizer.own_table",
    "read_trials": "optimizer.space.table",
    "predict": "optimizer.suggestion",
    "suggest": "optimizer.suggestion",
    "suggest_in_space": "optimizer.space.suggestion",
}
__all__ = [
    "Campaign",
    "Cell",
    "Check",
    "Measured",
    "Recipe",
    "SpaceCampaign",
    "Suggestion",
    "Suggestions",
    "Trial",
    "check",
    "check_in_space",
    "load_campaign",
    "load_space_campaign",
    "predict",
    "read_candidates",
    "read_cells",
    "read_trials",
    "suggest",
    "suggest_in_space",
]


def __getattr__(name: str) -> Any:
    """Return a name of the interface from the module that defines it."""
    if name not in _WHERE:
        raise AttributeError(f"module 'optimizer' has no name {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_WHERE[name]), name)
