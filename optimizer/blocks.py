"""Blocks: the cells of a batch that are made in one go, each block with its control cell, in random order. Knows no campaign."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from objectives.recipe import RECIPE_FIELDS, Recipe, RecipeError
from optimizer.goal import CampaignError

Control = Recipe | Literal["best"]  # "best": the measured recipe that the first objective is highest for


@dataclass(frozen=True)
class Place:
    """When a cell is made: its block, and its turn in it; both from 1."""

    block: int
    position: int


def read_control(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a ``[batch]`` table with its control recipe, if it states one, as a `Recipe`.

    Raises:
        CampaignError: If the control is neither "best" nor a recipe.
    """
    settings = dict(batch)
    stated = settings.get("control")
    if isinstance(stated, Mapping):
        if set(stated) != set(RECIPE_FIELDS) or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in stated.values()):
            raise CampaignError(f"[batch] control must give {', '.join(RECIPE_FIELDS)} as numbers and nothing else, got {dict(stated)!r}; correct it")
        try:
            settings["control"] = Recipe(**{name: float(value) for name, value in stated.items()})
        except RecipeError as error:
            raise CampaignError(f"[batch] control: {error}") from error
    return settings


def check_blocks(control: object, block_size: int | None) -> None:
    """Refuse a control or a block size that cannot be.

    Raises:
        CampaignError: If the control is neither "best" nor a recipe that can be made, or a block has no room.
    """
    if not (control is None or control == "best" or isinstance(control, Recipe)):
        raise CampaignError(f'[batch] control must be "best" or a table with a recipe, got {control!r}; write control = "best"')
    if isinstance(control, Recipe) and control.free_se_wt < 0.0:
        raise CampaignError(f"[batch] control has too little SE for its coating, by {-control.free_se_wt:.3g} wt%; lower its AM or its coating")
    least = 1 if control is None else 2
    if block_size is not None and block_size < least:
        raise CampaignError(f"[batch] block_size must be at least {least}{', the control included' if control else ''}, got {block_size}; raise it")


def count_blocks(n: int, control: Control | None, block_size: int | None) -> int:
    """Return how many blocks n recipes need, a control in each if there is one."""
    return 1 if block_size is None else math.ceil(n / (block_size - (control is not None)))


def places(n: int, control: Control | None, block_size: int | None, seed: int) -> tuple[list[Place], list[Place]]:
    """Return the places of n recipes, and those of the controls, one a block.

    Blocks are of even size and take the recipes in their order, so that the best are made first; inside a block the order is random.
    """
    rng = np.random.default_rng([seed, 3])
    recipes, controls = [], []
    for block, members in enumerate(np.array_split(np.arange(n), count_blocks(n, control, block_size)), start=1):
        turns = 1 + rng.permutation(len(members) + (control is not None))
        recipes += [Place(block, int(turn)) for turn in turns[: len(members)]]
        controls += [Place(block, int(turn)) for turn in turns[len(members) :]]
    return recipes, controls
