"""What a lab's stock and mill allow in one batch, and what each recipe costs it: handed to the choice of recipes as functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from objectives.composition import Array, Mask
from optimizer.campaign import Campaign

Chosen = list[int]  # indices of the candidates already in the batch


@dataclass(frozen=True)
class BatchRule:
    """Which recipes may be made at all, ``(n, d) -> (n,)``; and which candidates may join those chosen, ``(c, d), indices -> (c,)``."""

    alone: Callable[[Array], Mask]
    together: Callable[[Array, Chosen], Mask]


def coating_rule(campaign: Campaign) -> BatchRule | None:
    """Return the limit on new coatings as a rule; None where there is no limit."""
    batch, column = campaign.batch, campaign.space.names.index("coating_se_wt")
    most = batch.max_new_coatings
    if most is None:
        return None

    def alone(recipes: Array) -> Mask:
        return batch.are_stocked(recipes[:, column]) if most == 0 else np.ones(len(recipes), dtype=bool)

    def together(candidates: Array, chosen: Chosen) -> Mask:
        coatings = candidates[:, column]
        stocked = batch.are_stocked(coatings)
        begun = {float(coatings[i]) for i in chosen if not stocked[i]}
        if len(begun) < most:
            return np.ones(len(coatings), dtype=bool)
        return stocked | np.isin(coatings, list(begun))

    return BatchRule(alone, together)
