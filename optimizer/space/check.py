"""Check one recipe of a campaign without physics: its limits, the nearest that passes, and what trials say of it if there are any.

Imports no torch where there are no trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from objectives.composition import Array
from objectives.repair import nearest_feasible
from optimizer.report import Interval, LimitState, hard_states, rounded
from optimizer.space.campaign import SpaceCampaign
from optimizer.space.table import Trial

Described = tuple[dict[str, Interval], tuple[LimitState, ...], float]  # predictions, limits, probability of meeting all of them


@dataclass(frozen=True)
class SpaceCheck:
    """What is known of one recipe without making it; predictions only where trials were given."""

    campaign: SpaceCampaign
    recipe: dict[str, float | str]
    source: str
    predicted: dict[str, Interval]
    limits: tuple[LimitState, ...]
    feasible: bool
    nearest: dict[str, float | str] | None

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "recipe": recipe_json(self.recipe),
            "source": self.source,
            "feasible": self.feasible,
            "predicted": {name: interval.as_json() for name, interval in self.predicted.items()},
            "limits": [state.as_json() for state in self.limits],
            "nearest_feasible": None if self.nearest is None else recipe_json(self.nearest),
        }

    @property
    def verdict(self) -> str:
        """Return one sentence: whether it passes, else which limits fail, by how much, and what would pass."""
        if self.feasible:
            return "feasible: all limits hold"
        failing = [s for s in self.limits if not s.holds] or sorted(self.limits, key=lambda s: s.probability)[:1]
        parts = [f"{s.name} by {-s.margin:.3g} {s.unit}".rstrip() if not s.holds else f"{s.name} (probability {s.probability:.2f})" for s in failing]
        off = "" if parts else "a value off the lab grid"
        near = ", ".join(f"{name} {value}" for name, value in recipe_json(self.nearest).items()) if self.nearest else ""
        return f"refused: breaks {', '.join(parts) or off}; " + (f"nearest recipe that passes: {near}" if near else "no recipe passes")


def recipe_json(recipe: dict[str, float | str]) -> dict[str, float | str]:
    """Return a recipe as plain data, numbers to six digits."""
    return {name: value if isinstance(value, str) else rounded(value) for name, value in recipe.items()}


def hard_limits(campaign: SpaceCampaign, recipe: Array) -> tuple[LimitState, ...]:
    """Return the hard limits of a recipe ``(d,)``: each holds or not."""
    return hard_states(recipe[None, :], campaign.constraints, 1.0)


def check_in_space(campaign: SpaceCampaign, recipe: Array, trials: Sequence[Trial] = ()) -> SpaceCheck:
    """Return which limits a recipe ``(d,)`` keeps and what its outcomes may be, with the nearest recipe that keeps the hard limits.

    Limits on outcomes count where trials were given that measured them.
    """
    described: Described = {}, hard_limits(campaign, recipe), 1.0
    if trials:
        from optimizer.space.model import fit_space_model
        from optimizer.space.suggestion import describe

        described = describe(fit_space_model(campaign, trials), recipe[None, :], 0)[0]
    predicted, limits, together = described
    on_grid = bool(campaign.space.on_grid(recipe[None, :])[0])
    hard = all(state.holds for state in limits if state.kind == "hard") and on_grid
    feasible = hard and all(state.holds for state in limits) and together >= campaign.probability
    nearest = recipe if hard else nearest_feasible(campaign.space, campaign.constraints, recipe)
    shown = None if nearest is None else campaign.recipe(nearest)
    source = "your table" if trials else "hard limits alone"
    return SpaceCheck(campaign, campaign.recipe(recipe), source, predicted, limits, feasible, shown)
