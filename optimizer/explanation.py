"""Explain a prediction: its parts, what one lab step changes, the nearest measured recipes, and how far it lies from them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from objectives.composition import Array
from objectives.outcomes import Outcome
from objectives.recipe import Recipe
from optimizer.decompose import Parts, decompose
from optimizer.explain import BESIDE, LABELS, in_reading_order, value_text
from optimizer.goal import Objective
from optimizer.measured import measured_designs
from optimizer.model import FittedModel
from optimizer.report import recipe_json, recipe_text, rounded
from optimizer.space.check import recipe_json as space_recipe_json
from optimizer.space.model import SpaceModel
from optimizer.space.table import recipes_of
from optimizer.whatif import Near, Reach, Step, neighbours, reach, sensitivity


@dataclass(frozen=True)
class Measured:
    """A measured recipe near by: what it is called, what it is, what it gave, and what moves from it to the recipe, in words."""

    name: str
    recipe: dict[str, Any]
    summary: str
    near: Near
    moves: str

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.name,
            "recipe": self.recipe,
            "measured": self.summary,
            "distance": rounded(self.near.distance),
            "difference": {name: rounded(value) for name, value in self.near.moves.items()},
        }


@dataclass(frozen=True)
class Explanation:
    """Why a prediction is what it is.

    Args:
        recipe: In words.
        outcomes: Every outcome by name.
        parts: Of each outcome; empty without physics.
        steps: What one lab step of each parameter changes, and the words for it (``AM 85 wt% -> 85.5 wt%``).
        shown: Outcomes that the steps follow.
        nearest: Measured recipes near by.
        reach: How far the recipe lies from all of them; None where nothing was measured.
    """

    recipe: str
    outcomes: Mapping[str, Outcome]
    parts: Mapping[str, Parts]
    steps: tuple[tuple[str, Step], ...]
    shown: tuple[str, ...]
    nearest: tuple[Measured, ...]
    reach: Reach | None
    labels: Mapping[str, str]

    @property
    def warning(self) -> str:
        """Return a warning where the prediction is an extrapolation; nothing otherwise."""
        if self.reach is None:
            return "Nothing has been measured: this is the prior alone."
        if self.reach.outside:
            names = ", ".join(self.labels.get(name, name) for name in self.reach.outside)
            lie = "lies" if len(self.reach.outside) == 1 else "lie"
            return (
                f"Warning: extrapolates. {names} {lie} beyond every measured cell, {self.reach.distance:.2f} of the space's width from the nearest."
            )
        if self.reach.extrapolates:
            return (
                f"Warning: extrapolates. The nearest measured cell is {self.reach.distance:.2f} of the space's width away, "
                f"farther than any measured cell from its own nearest ({self.reach.gap:.2f})."
            )
        return ""

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "parts": {name: parts.as_json() for name, parts in self.parts.items()},
            "one_lab_step": [
                {
                    "parameter": step.parameter,
                    "to": rounded(step.to),
                    "keeps_hard_limits": step.allowed,
                    "change": {name: {**change.as_json(), "unit": self.outcomes[name].unit} for name, change in step.change.items()},
                }
                for _, step in self.steps
            ],
            "nearest_measured": [one.as_json() for one in self.nearest],
            "extrapolation": None if self.reach is None else {**self.reach.as_json(), "warning": self.warning},
        }


def explain(model: FittedModel, recipe: Recipe, seed: int) -> Explanation:
    """Return why the surrogates expect what they do of a recipe."""
    campaign, x = model.campaign, np.array(recipe.values())
    designs = measured_designs(model.data, model.physics, model.cells)
    measured = np.stack([design.recipe for design in designs])
    shown = _shown(campaign.objectives, campaign.outcomes)
    found = sensitivity(campaign.space, campaign.constraints(model.physics), model.samples, x, shown, seed)
    now = dict(zip(campaign.space.names, x, strict=True))
    words = [f"{LABELS[s.parameter]} {value_text(s.parameter, float(now[s.parameter]))} -> {value_text(s.parameter, s.to)}" for s in found]
    nearest = []
    for near in neighbours(campaign.space, measured, x):
        design = designs[near.at]
        moves = ", ".join(
            f"{LABELS[name]} {value_text(name, float(old))} -> {value_text(name, float(new))}"
            for name, old, new in zip(campaign.space.names, design.recipe, x, strict=True)
            if name in near.moves
        )
        made = Recipe.from_row(design.recipe)
        nearest.append(Measured(f"{design.name} ({design.study})", recipe_json(made), design.summary, near, moves or "the same recipe"))
    return Explanation(
        recipe_text(recipe),
        campaign.outcomes,
        decompose(model, x),
        tuple(zip(words, found, strict=True)),
        shown,
        tuple(nearest),
        reach(campaign.space, measured, x),
        LABELS,
    )


def explain_in_space(model: SpaceModel, recipe: Array, seed: int) -> Explanation:
    """Return why the surrogates of a campaign without physics expect what they do of a recipe ``(d,)``; there is no physics to take apart."""
    campaign = model.campaign
    made = [trial for trial in model.trials if trial.status == "ok" and trial.outcomes]
    measured = recipes_of(made, campaign)
    shown = tuple(name for name in _shown(campaign.objectives, campaign.outcomes) if name in model.predictors)
    found = sensitivity(campaign.space, campaign.constraints, model.samples, recipe, shown, seed) if shown else []
    parameters = {p.name: p for p in campaign.space.parameters}
    now = dict(zip(campaign.space.names, recipe, strict=True))
    words = [f"{s.parameter} {parameters[s.parameter].text(float(now[s.parameter]))} -> {parameters[s.parameter].text(s.to)}" for s in found]
    nearest = []
    for near in neighbours(campaign.space, measured, recipe) if made else []:
        trial = made[near.at]
        values = ", ".join(f"{name} {m.value:.4g} {campaign.outcomes[name].unit}".rstrip() for name, m in trial.outcomes.items())
        moves = ", ".join(
            f"{name} {parameters[name].text(float(old))} -> {parameters[name].text(float(new))}"
            for name, old, new in zip(campaign.space.names, trial.recipe, recipe, strict=True)
            if name in near.moves
        )
        plain = dict(space_recipe_json(campaign.recipe(measured[near.at])))
        nearest.append(Measured(trial.name or f"row {trial.row}", plain, values, near, moves or "the same recipe"))
    return Explanation(
        campaign.text(recipe),
        campaign.outcomes,
        {},
        tuple(zip(words, found, strict=True)),
        shown,
        tuple(nearest),
        reach(campaign.space, measured, recipe) if made else None,
        {},
    )


def _shown(objectives: Sequence[Objective], outcomes: Mapping[str, Outcome]) -> tuple[str, ...]:
    wanted = [objective.outcome for objective in in_reading_order(objectives)]
    return tuple(dict.fromkeys([*wanted, *(name for name in BESIDE if name in outcomes)]))
