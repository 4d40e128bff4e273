"""Optuna's samplers on a run's own history: an in-memory study mirrors the trials, and a sampler with a fresh seed serves each ask.

What a sampler suggests is brought onto the feasible set, and the repaired recipe is what the study knows. The samplers see the unit cube
of the design space. Soft limits are Optuna's constraints; a running trial is a running trial.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIIISampler, NSGAIISampler, TPESampler
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState, create_trial

from optimizer.runs.history import COMPLETED, RUNNING, Proposal, Trial
from optimizer.runs.plan import StrategySettings
from optimizer.runs.strategies import NUDGES, ExhaustedError, Filling, Known, Setting

TRIES = 8  # neighbours looked at for each width of a nudge
UNIT: BaseDistribution = FloatDistribution(0.0, 1.0)

# What a sampler keeps in a study beside its trials, and must find there again: generations and their parents, as numbers.
REMEMBERED = (":generation", ":parent:")
# CMA-ES keeps its state as a pickle, which no store of ours holds: its asks are made again instead, from the first.
MADE_AGAIN = ("cma-es",)

_SAMPLERS: Mapping[str, Callable[[int, StrategySettings], BaseSampler]] = {
    "tpe": lambda seed, settings: TPESampler(seed=seed, n_startup_trials=settings.fill, multivariate=True),
    "nsga-ii": lambda seed, settings: NSGAIISampler(seed=seed, population_size=settings.population),
    "nsga-iii": lambda seed, settings: NSGAIIISampler(seed=seed, population_size=settings.population),
    "cma-es": lambda seed, settings: CmaEsSampler(seed=seed, n_startup_trials=settings.fill, warn_independent_sampling=False),
    "gp": lambda seed, settings: GPSampler(seed=seed, n_startup_trials=settings.fill, deterministic_objective=True),
}


class OptunaStrategy:
    """One of Optuna's samplers; what it remembers of a generation is kept with the trial that began it."""

    blind = False

    def __init__(self, setting: Setting) -> None:
        """Open an empty study."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._setting = setting
        self._settings = setting.plan.strategy
        self._name = self._settings.sampler
        self._filling = Filling(setting)
        # A sampler starts from random recipes; those of a low-discrepancy sequence tell more. A genetic one needs a whole generation.
        self._fill = self._settings.population if self._name.startswith("nsga") else self._settings.fill
        self._goal = setting.campaign.objectives
        self._names = setting.campaign.space.names
        self._known = Known()
        self._reset()

    def propose(self, history: Sequence[Trial]) -> Proposal:
        """Return the sampler's next recipe, repaired."""
        if len(history) < self._count:
            self._reset()
        if self._name in MADE_AGAIN:
            for trial in history[self._count :]:
                self._finish(history, before=trial.asked)
                self._ask(history[: trial.number], trial.recipe)
        else:
            for trial in history[self._count :]:
                self._add(trial)
        self._finish(history)
        return self._ask(history)

    def _reset(self) -> None:
        self._storage = InMemoryStorage()
        self._study = optuna.create_study(storage=self._storage, directions=["maximize"] * len(self._goal))
        self._id = self._storage.get_study_id_from_name(self._study.study_name)
        self._count = 0  # trials in the study; its numbers and ids are ours
        self._open: set[int] = set()

    def _ask(self, history: Sequence[Trial], recipe: tuple[float, ...] | None = None) -> Proposal:
        """Ask for the trial after a history, and let the study know it at its repaired recipe, or at the one that it got."""
        ordinal = len(history)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._study.sampler = _SAMPLERS[self._name](self._setting.seed(ordinal), self._settings)
        before = self._storage.get_study_system_attrs(self._id)
        trial = self._study.ask(dict.fromkeys(self._names, UNIT))
        notes: dict[str, Any] = {}
        if recipe is None and ordinal < self._fill:
            filled = self._filling.propose(history)
            recipe, notes = filled.recipe, dict(filled.notes or {})
        elif recipe is None:
            recipe = self._new(np.array([trial.params[name] for name in self._names]), history)
        for name, value in self._params(recipe).items():
            self._storage.set_trial_param(ordinal, name, value, UNIT)
        self._count = ordinal + 1
        self._open.add(ordinal)
        after = self._storage.get_study_system_attrs(self._id)
        own = self._storage.get_trial_system_attrs(ordinal)
        notes |= {"trial": _remembered(own), "study": {key: value for key, value in _remembered(after).items() if key not in before}}
        return Proposal(recipe, f"optuna {self._name}", notes={key: value for key, value in notes.items() if value not in ({}, None)} or None)

    def _new(self, point: np.ndarray, history: Sequence[Trial]) -> tuple[float, ...]:
        """Return the repaired recipe of a point of the unit cube; beside it, if that one has been evaluated."""
        known, space = self._known.of(history), self._setting.campaign.space
        rng = np.random.default_rng([self._setting.plan.seed, len(history)])
        for width in (0.0, *NUDGES):
            points = point + width * rng.standard_normal((TRIES if width else 1, len(point)))
            for found in self._setting.repaired(space.decode(np.clip(points, 0.0, 1.0))).tolist():
                if tuple(found) not in known:
                    return tuple(found)
        raise ExhaustedError("the recipes around the sampler's suggestion have all been evaluated; widen the design space or end the run")

    def _params(self, recipe: tuple[float, ...]) -> dict[str, float]:
        encoded = np.clip(self._setting.campaign.space.encode(np.array([recipe])), 0.0, 1.0)[0]
        return dict(zip(self._names, encoded.tolist(), strict=True))

    def _add(self, trial: Trial) -> None:
        """Add a trial that this study has not asked, as running."""
        notes = trial.notes or {}
        params = self._params(trial.recipe)
        template = create_trial(
            state=TrialState.RUNNING, params=params, distributions=dict.fromkeys(self._names, UNIT), system_attrs=notes.get("trial", {})
        )
        self._storage.create_new_trial(self._id, template_trial=template)
        for key, value in notes.get("study", {}).items():
            self._storage.set_study_system_attr(self._id, key, value)
        self._count = trial.number + 1
        self._open.add(trial.number)

    def _finish(self, history: Sequence[Trial], before: int | None = None) -> None:
        """Finish the trials that have ended, or had before an event."""
        for number in sorted(self._open):
            trial = history[number]
            if trial.state == RUNNING or trial.ended is None or (before is not None and trial.ended > before):
                continue
            self._open.discard(number)
            if trial.state != COMPLETED:
                self._storage.set_trial_state_values(number, TrialState.FAIL)
                continue
            values, broken = self._told(trial)
            for key, value in _constraints(broken).items():
                self._storage.set_trial_system_attr(number, key, value)
            self._storage.set_trial_state_values(number, TrialState.COMPLETE, values)

    def _told(self, trial: Trial) -> tuple[list[float], list[float]]:
        """Return what the sampler hears: objectives to maximise, and constraints, above 0 where broken.

        Margins have units, and samplers add violations up, so each is squeezed into -1 to 1. CMA-ES knows no constraints: to it a broken
        limit is a result below every other.
        """
        values = [o.sign * (o.reference if value is None else value) for o, value in zip(self._goal, trial.objectives, strict=True)]
        broken = [-margin / (1.0 + abs(margin)) for margin in trial.margins]
        if not trial.percolates:
            broken[0] = 1.0
        if self._name != "cma-es":
            return values, broken
        violation = sum(max(value, 0.0) for value in broken)
        goal = self._goal[0]
        return ([goal.sign * goal.reference - abs(goal.reference) * (1.0 + violation)] if violation > 0.0 else values), []


def _remembered(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a sampler must find again, of a study's or a trial's attributes."""
    return {key: value for key, value in attributes.items() if any(part in key for part in REMEMBERED) and not key.startswith("cma")}


def _constraints(broken: Sequence[float]) -> dict[str, Any]:
    """Return constraint values as the attributes by which Optuna keeps them."""
    frozen = create_trial(state=TrialState.RUNNING, params={}, distributions={})
    for i, value in enumerate(broken):
        frozen.set_constraint(f"limit {i}", value)
    return dict(frozen.system_attrs)
