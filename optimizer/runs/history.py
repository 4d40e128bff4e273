"""What a strategy may know of a run: every trial asked so far, in order of number, and what has come of it. Data only, small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from objectives.composition import Array
from objectives.simulated import Simulated

COMPLETED, FAILED, RUNNING, PROPOSED = "completed", "failed", "running", "proposed"


@dataclass(frozen=True, slots=True)
class Result:
    """What an evaluation gave: the simulation with all that follows from it, and the margin to every soft limit, positive inside."""

    simulated: Simulated
    margins: Mapping[str, float]

    @property
    def state(self) -> str:
        """Return the trial's state: failed if the simulation has a failure's name."""
        return COMPLETED if self.simulated.status == "ok" else FAILED


@dataclass(frozen=True, slots=True)
class Proposal:
    """A recipe to evaluate, who chose it, and what the strategy must remember of it (plain data, kept with the trial)."""

    recipe: tuple[float, ...]
    by: str
    why: str = ""
    notes: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One recipe of a run.

    ``asked`` and ``ended`` are numbers of the run's events: the proposal of a trial used the results of exactly those trials whose
    ``ended`` is below its own ``asked``. ``objectives`` are in the campaign's units and order, None where a completed simulation does
    not give one; ``margins`` are those to the soft limits, positive inside.
    """

    number: int
    recipe: tuple[float, ...]
    by: str
    asked: int
    attempt: int = 1
    notes: Mapping[str, Any] | None = None
    ended: int | None = None
    state: str = RUNNING
    objectives: tuple[float | None, ...] = ()
    margins: tuple[float, ...] = ()
    learned: tuple[float | None, ...] = ()  # what `bayesian` learns, in the order of `LEARNED`
    percolates: bool = True

    @property
    def counts(self) -> bool:
        """Whether its result is one to want: complete, with every objective, inside every limit."""
        inside = self.percolates and min(self.margins, default=0.0) >= 0.0  # asked of every trial of a long run: no loop in Python
        return self.state == COMPLETED and inside and None not in self.objectives


LEARNED = ("porosity", "ionic_tortuosity_factor", "electronic_tortuosity_factor", "discharge_capacity", "mean_discharge_voltage")


def recipes(trials: Sequence[Trial], dimension: int = 4) -> Array:
    """Return the recipes of trials, ``(n, d)``."""
    return np.array([trial.recipe for trial in trials], dtype=float).reshape(-1, dimension)


def as_known_at(trials: Sequence[Trial], number: int) -> list[Trial]:
    """Return the history that trial ``number`` was proposed from: the trials before it, those not ended by then as running."""
    asked = trials[number].asked
    return [trial if trial.ended is not None and trial.ended < asked else unfinished(trial) for trial in trials[:number]]


def unfinished(trial: Trial) -> Trial:
    """Return a trial without its result."""
    return Trial(trial.number, trial.recipe, trial.by, trial.asked, notes=trial.notes)
