"""A run as its results tell of it, for the live display: a few additions a result, so that evaluations of a millisecond are not slowed down."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from objectives.recipe import Recipe
from optimizer.campaign import Campaign
from optimizer.cli.live import View
from optimizer.report import recipe_text
from optimizer.runs.history import COMPLETED, FAILED, RUNNING, Trial
from optimizer.runs.schedule import fidelity_of, higher

if TYPE_CHECKING:
    from optimizer.runs.driver import Progress
    from optimizer.runs.store import Run

EVENTS = 4  # shown, the newest last
SAMPLES = 1000  # of the hypervolume kept for its trend, about
RECENT = 60  # moments over which the rate is taken: views before which a result had come


class Following:
    """What a driver's results say of a run, ready to be shown at any moment."""

    def __init__(self, run: Run, history: Sequence[Trial], clock: Callable[[], float] = time.monotonic) -> None:
        """Begin where the run stands.

        Args:
            run: The run.
            history: Its trials before it is driven.
            clock: Seconds that only grow.
        """
        self._plan, self._campaign, self._name, self._clock = run.plan, run.plan.campaign(), run.name, clock
        self._fidelity = run.plan.fidelity
        self._budget = run.plan.budget.evaluations
        self._every = max(self._budget // SAMPLES, 1)
        self._asked = len(history)
        self._failed = sum(trial.state == FAILED for trial in history)
        self._ended = sum(trial.state != RUNNING for trial in history)
        self._by = self._chooser(history[-1]) if history else ""
        self._volumes: list[float] = []
        self._best: list[Trial | None] = [None] * len(self._campaign.objectives)
        self._failures: Counter[str] = Counter()
        self._changes: deque[str] = deque(maxlen=EVENTS)
        self._moments = deque([(clock(), self._ended)], maxlen=RECENT)
        for trial in history:
            self._rank(trial)

    def __call__(self, progress: Progress) -> None:
        """Take a result in."""
        trial = progress.trial
        self._asked, self._ended, self._failed = progress.asked, progress.ended, progress.failed
        if not self._volumes or progress.ended % self._every == 0:
            self._volumes.append(progress.hypervolume)
        self._volumes[-1] = progress.hypervolume
        self._rank(trial)
        if trial.state == FAILED:
            self._failures[progress.status] += 1
        by = self._chooser(trial)
        if by != self._by:
            self._changes.append(f"trial {trial.number} on: {by}")
            self._by = by

    def _chooser(self, trial: Trial) -> str:
        """Return who chose a trial, and for which fidelity in a run of several."""
        return f"{trial.by}, {fidelity_of(self._plan, trial)}" if self._plan.stages else trial.by

    def _rank(self, trial: Trial) -> None:
        """Remember a trial that is the best of an objective."""
        fidelity = fidelity_of(self._plan, trial)
        if trial.state != COMPLETED or higher(self._fidelity, fidelity):
            return
        if higher(fidelity, self._fidelity):  # results of two fidelities are not compared
            self._fidelity, self._best = fidelity, [None] * len(self._best)
        if not trial.counts:
            return
        for i, objective in enumerate(self._campaign.objectives):
            best = self._best[i]
            if best is None or objective.sign * (trial.objectives[i] or 0.0) > objective.sign * (best.objectives[i] or 0.0):
                self._best[i] = trial

    def view(self) -> View:
        """Return what to show now."""
        now, ended = self._clock(), self._ended
        if ended > self._moments[-1][1]:  # a moment without a result says nothing of the rate of slow evaluations
            self._moments.append((now, ended))
        then, before = self._moments[0]
        failures = [f"failed: {', '.join(f'{name} {count}' for name, count in self._failures.copy().items())}"] if self._failures else []
        best = {trial.number: trial for trial in self._best if trial is not None}.values()
        return View(
            self._name,
            self._budget,
            ended - self._failed,
            self._failed,
            self._asked - ended,
            self._volumes[-1] if self._volumes else 0.0,
            volume_unit(self._campaign),
            tuple(self._volumes),
            (ended - before) / (now - then) if ended > before and now > then else 0.0,
            tuple(best_text(trial.number, trial.recipe, trial.objectives, self._campaign) for trial in best),
            (*self._changes, *failures),
            steady=len(self._plan.stages) < 2,
        )


def best_text(number: int, recipe: Sequence[float], values: Sequence[float | None], campaign: Campaign) -> str:
    """Return a trial with its recipe and what it is worth, in a line."""
    outcomes = [campaign.outcomes[objective.outcome] for objective in campaign.objectives]
    worth = ", ".join(f"{value:.{o.digits}g} {o.unit}" for value, o in zip(values, outcomes, strict=True) if value is not None)
    return f"trial {number}: {worth}: {recipe_text(Recipe(*recipe))}"


def volume_unit(campaign: Campaign) -> str:
    """Return the unit of the hypervolume."""
    return " x ".join(campaign.outcomes[objective.outcome].unit for objective in campaign.objectives)


def told(said: Mapping[str, Any], campaign: Campaign) -> View:
    """Return what `status` says of a run that another process drives, as a view."""
    counts, goal = said["evaluations"], [objective.outcome for objective in campaign.objectives]
    best = [best_text(one["trial"], list(one["recipe"].values()), [one[name] for name in goal], campaign) for one in said["best"][: len(goal)]]
    chosen = ", ".join(f"{count} by {by}" for by, count in said["chosen_by"].items())
    return View(
        said["run"],
        counts["budget"],
        counts["completed"],
        counts["failed"],
        counts["running"],
        said["hypervolume"],
        volume_unit(campaign),
        (),
        said["evaluations_a_second"],
        tuple(best),
        (f"chosen: {chosen}",) if chosen else (),
        steady=len(said["stages"]) < 2,
    )
