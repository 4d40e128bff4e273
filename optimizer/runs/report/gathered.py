"""What the report of a run shows, read once: the run, its trials with all that came of them, and what is best. Draws nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from objectives.composition import Array, Mask
from objectives.outcomes import Outcome
from objectives.parameter import Parameter
from objectives.recipe import RECIPE_FIELDS, Recipe
from optimizer.campaign import UNITS, Campaign
from optimizer.goal import Objective
from optimizer.report import bases, recipe_text
from optimizer.runs.history import COMPLETED, Trial
from optimizer.runs.schedule import counted, reached
from optimizer.runs.status import best, status
from optimizer.runs.store import Run, Store
from optimizer.runs.worth import Front, convergence

BEST = 10  # recipes with a sheet


@dataclass(frozen=True, slots=True)
class Seen:
    """A trial with all that its evaluation gave."""

    trial: Trial
    status: str
    detail: str
    outcomes: Mapping[str, float]
    margins: Mapping[str, float]

    @property
    def complete(self) -> bool:
        """Whether it has a value of every objective."""
        return self.trial.state == COMPLETED and all(value is not None for value in self.trial.objectives)

    def value(self, i: int) -> float:
        """Return the value of objective i; NaN where there is none."""
        value = self.trial.objectives[i] if self.trial.objectives else None
        return float("nan") if value is None else value


@dataclass(frozen=True)
class Gathered:
    """A run as its report sees it.

    Args:
        said: What `status` says of it.
        seen: Every trial, in order of number.
        fidelity: The highest that has a result; what is shown of recipes is of this fidelity alone, never of two mixed.
        shown: The trials of that fidelity.
        front: The undominated trials, and what they are worth.
        volumes: The hypervolume after each result, in the order in which they came.
        best: Trials worth a row of their own: the best of each objective in turn.
        events: The run's events that are about no trial.
    """

    run: Run
    campaign: Campaign
    said: Mapping[str, Any]
    seen: Sequence[Seen]
    fidelity: str
    shown: Sequence[Seen]
    front: Front
    volumes: Sequence[float]
    best: Sequence[Trial]
    events: Sequence[Mapping[str, Any]]

    @property
    def goal(self) -> tuple[Objective, ...]:
        """What the run seeks."""
        return self.campaign.objectives

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What a recipe sets, in the order of its values."""
        return self.campaign.space.parameters

    @property
    def complete(self) -> list[Seen]:
        """Trials shown that have a value of every objective."""
        return [one for one in self.shown if one.complete]

    @property
    def best_numbers(self) -> frozenset[int]:
        """Numbers of the trials on the front."""
        return frozenset(trial.number for trial in self.front.trials)

    @property
    def basis(self) -> Mapping[str, str]:
        """What each outcome refers to."""
        return bases(self.campaign)

    @property
    def test(self) -> str:
        """The conditions of every number, in a few words."""
        c = self.campaign.conditions
        return f"{c.c_rate:g}C, {c.temperature_c:g} C, {c.loading_mg_cm2:g} mg/cm2 of composite pressed at {c.pressure_mpa:g} MPa"

    def words(self, recipe: Sequence[float]) -> str:
        """Return a recipe as people write it."""
        if self.campaign.space.names == RECIPE_FIELDS:
            return recipe_text(Recipe(*recipe))
        return ", ".join(f"{p.name} {p.text(value)}" for p, value in zip(self.parameters, recipe, strict=True))

    def said_of(self, one: Seen) -> str:
        """Return a trial in one line: number, recipe, what it is worth."""
        named = zip(self.goal, (one.value(i) for i in range(len(self.goal))), strict=True)
        values = ", ".join(f"{value:.4g} {self.outcome(o).unit}" for o, value in named)
        return f"trial {one.trial.number}: {self.words(one.trial.recipe)}: {values}"

    def outcome(self, objective: Objective) -> Outcome:
        """Return what an objective is about."""
        return self.campaign.outcomes[objective.outcome]


def gather(store: Store, name: str | None = None) -> Gathered:
    """Read a run.

    Raises:
        StoreError: If there is no such run.
    """
    run = store.run(name)
    campaign, history = run.plan.campaign(), store.history(run)
    rows = [(row["status"], row["detail"], row["outcomes"] or {}, row["margins"] or {}) for row in store.rows(run)]
    seen = [Seen(trial, *row) for trial, row in zip(history, rows[: len(history)], strict=True)]  # a driver may have asked for more meanwhile
    result = counted(run.plan, history)
    numbers = {trial.number for trial in result}
    shown = [one for one in seen if one.trial.number in numbers]
    front, volumes = convergence(campaign.objectives, result)
    events = [event for event in store.events(run) if event["number"] is None]
    leading = best(campaign.objectives, [trial for trial in result if trial.counts], BEST)
    fidelity = reached(run.plan, history)
    return Gathered(run, campaign, status(store, run.name), seen, fidelity, shown, front, volumes, leading, events)


def outcome_title(outcome: Outcome) -> str:
    """Return an outcome's name and unit as they stand at an axis; one called by its unit is named in full."""
    if outcome.label == outcome.unit:
        return f"{outcome.name.replace('_', ' ')}, {outcome.unit}"
    return outcome.label if outcome.unit in ("", "1") else f"{outcome.label}, {outcome.unit}"


def parameter_title(parameter: Parameter) -> str:
    """Return a parameter's name and unit."""
    unit = UNITS.get(parameter.name, parameter.unit)
    return f"{parameter.name}, {unit}" if unit else parameter.name


def utc(seconds: float) -> str:
    """Return a time as people read it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """Return a length of time: 12.3 s, 4 min 5 s, 3 h 12 min, 2 d 5 h."""
    if seconds < 60.0:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    for large, small, size, part in (("min", "s", 60, 1), ("h", "min", 3600, 60), ("d", "h", 86400, 3600)):
        if whole < size * (60 if large == "min" else 24) or large == "d":
            return f"{whole // size} {large} {whole % size // part} {small}"
    raise AssertionError  # the last unit takes everything


def recipes_of(seen: Sequence[Seen], d: int) -> Array:
    """Return the recipes of trials, ``(n, d)``."""
    return np.array([one.trial.recipe for one in seen], dtype=float).reshape(-1, d)


def on_front(data: Gathered, seen: Sequence[Seen]) -> Mask:
    """Return which trials are on the front, ``(n,)``."""
    numbers = data.best_numbers
    return np.array([one.trial.number in numbers for one in seen], dtype=bool)


def counting(seen: Sequence[Seen]) -> Mask:
    """Return which trials keep every limit, ``(n,)``."""
    return np.array([one.trial.counts for one in seen], dtype=bool)
