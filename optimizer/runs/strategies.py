"""How a run chooses recipes. Every strategy is a function of the history, the seed and the ordinal: what it keeps only saves time.

The ordinal is the length of the history. A strategy opened anew on the same history proposes the same, so a killed run goes on as it
would have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Protocol

import numpy as np

from objectives.composition import Array
from objectives.physics import Physics
from objectives.repair import repair
from optimizer.campaign import Campaign
from optimizer.candidates import Feasible
from optimizer.runs.history import COMPLETED, RUNNING, Proposal, Trial
from optimizer.runs.history import recipes as recipes_of
from optimizer.runs.plan import Plan

BLOCK = 256  # space-filling recipes repaired at once, which costs little more than one
MOST_KNOWN = 20 * BLOCK  # points in a row that repeat a known recipe, at which the space counts as used up
NUDGES = (0.01, 0.03, 0.1, 0.3)  # of the unit cube: how far a repeated suggestion is moved, the nearest first


class ExhaustedError(ValueError):
    """Raised when no recipe is left that has not been evaluated."""


class NothingYetError(Exception):
    """Raised when the next recipe depends on results that are not in yet."""


class Strategy(Protocol):
    """Chooses the next recipe."""

    @property
    def blind(self) -> bool:
        """Whether no proposal depends on a result, so that several may be asked for at once."""
        ...

    def propose(self, history: Sequence[Trial]) -> Proposal:
        """Return the recipe of trial ``len(history)``; trials that have not ended are among the history, as running.

        Raises:
            ExhaustedError: If no new recipe is left.
            NothingYetError: If the next one waits for a result; only where stages follow each other.
        """
        ...


@dataclass(frozen=True)
class Setting:
    """What every strategy needs: the campaign, what may be proposed, and the seed."""

    plan: Plan
    campaign: Campaign
    physics: Physics
    feasible: Feasible

    @classmethod
    def of(cls, plan: Plan) -> Setting:
        """Return the setting of a plan."""
        campaign = plan.campaign()
        physics = campaign.physics()
        constraints = campaign.constraints(physics)
        return cls(plan, campaign, physics, Feasible(campaign.space, constraints, campaign.accept(constraints)))

    def seed(self, ordinal: int) -> int:
        """Return the seed of one proposal."""
        return int(np.random.SeedSequence([self.plan.seed, ordinal]).generate_state(1)[0] >> 1)

    def repaired(self, recipes: Array) -> Array:
        """Return recipes ``(n, d)`` on the lab grid, weighable and inside every hard limit, in their order."""
        feasible = self.feasible
        return repair(feasible.space, feasible.constraints, recipes, feasible.accept, self.plan.seed)


class Known:
    """The recipes of a history that only grows, as a set."""

    def __init__(self) -> None:
        self._recipes: set[tuple[float, ...]] = set()
        self._count = 0

    def of(self, history: Sequence[Trial]) -> set[tuple[float, ...]]:
        """Return the recipes of the history."""
        if len(history) < self._count:
            self._recipes, self._count = set(), 0
        self._recipes.update(trial.recipe for trial in history[self._count :])
        self._count = len(history)
        return self._recipes


class Filling:
    """Space-filling: points of a scrambled Sobol sequence, or at random, each brought onto the feasible set.

    A trial remembers which point it was; the next one goes on from there. A simulation repeats only the identical recipe, unlike a lab.
    """

    blind = True

    def __init__(self, setting: Setting, *, at_random: bool = False) -> None:
        """Open the sequence of the plan's seed."""
        self._setting = setting
        self._at_random = at_random
        self._known = Known()
        self._block = lru_cache(maxsize=2)(self._fresh_block)

    def propose(self, history: Sequence[Trial]) -> Proposal:
        """Return the next point that is no repeat."""
        known = self._known.of(history)
        first = next((trial.notes["point"] + 1 for trial in reversed(history) if trial.notes and "point" in trial.notes), 0)
        for point in range(first, first + MOST_KNOWN):
            recipe = tuple(self._block(point // BLOCK)[point % BLOCK].tolist())
            if recipe not in known:
                return Proposal(recipe, "random" if self._at_random else "sobol", notes={"point": point})
        raise ExhaustedError(f"{MOST_KNOWN} recipes in a row have been evaluated already; widen the design space or end the run")

    def _fresh_block(self, number: int) -> Array:
        seed, d = self._setting.plan.seed, self._setting.campaign.space.dimension
        if self._at_random:
            points = np.random.default_rng([seed, number]).random((BLOCK, d))
        else:
            from scipy.stats.qmc import Sobol  # here: it takes longer to load than all the rest

            engine = Sobol(d, scramble=True, rng=np.random.default_rng(seed))
            if number:  # SciPy cannot go forward by nothing
                engine.fast_forward(number * BLOCK)
            points = engine.random(BLOCK)
        return self._setting.repaired(self._setting.campaign.space.sample(points))


class Bayesian:
    """The proposals of `glittercake suggest`, from what the run has simulated: to the model it is one more lab, whose offsets it learns.

    The first few recipes fill the space. Failed evaluations teach nothing, but are not repeated.
    """

    blind = False

    def __init__(self, setting: Setting) -> None:
        """Open the strategy."""
        self._setting = setting
        self._campaign = replace(setting.campaign.at(study="new"), own=())
        self._filling = Filling(setting)

    def propose(self, history: Sequence[Trial]) -> Proposal:
        """Return the recipe of the largest expected improvement."""
        fill = self._setting.plan.strategy.fill
        if len(history) < fill:
            return replace(self._filling.propose(history), why=f"bayesian: fill the space with {fill} recipes first")
        from optimizer.bayesian import NoFeasibleRecipeError, propose  # here: torch
        from optimizer.model import fit_model
        from optimizer.runs.cells import simulated_cells

        done = [trial for trial in history if trial.state == COMPLETED]
        rest = [trial for trial in history if trial.state != COMPLETED]
        model = fit_model(self._campaign, cells=simulated_cells(self._campaign.physics(), done))
        seed = self._setting.seed(len(history))
        try:
            choice = propose(model, self._setting.feasible, recipes_of(done), recipes_of(rest), 1, seed)[0]
        except NoFeasibleRecipeError as error:
            return replace(self._filling.propose(history), why=f"bayesian: {error}")
        return Proposal(tuple(choice.recipe.tolist()), "bayesian")


class Auto:
    """Bayesian while the Gaussian process can keep up, then an Optuna sampler on the same history; the hand-over is said."""

    blind = False

    def __init__(self, setting: Setting, bayesian: Strategy, optuna: Strategy) -> None:
        """Open the strategy over the two it uses."""
        self._settings = setting.plan.strategy
        self._bayesian, self._optuna = bayesian, optuna

    def propose(self, history: Sequence[Trial]) -> Proposal:
        """Return the proposal of whichever strategy has its turn."""
        finished = sum(trial.state != RUNNING for trial in history)
        if finished < self._settings.hand_over:
            return self._bayesian.propose(history)
        why = f"auto: {finished} finished evaluations, {self._settings.hand_over} or more, outgrow the Gaussian process; handed over to optuna"
        return replace(self._optuna.propose(history), why=why)


def open_strategy(plan: Plan) -> Strategy:
    """Return what chooses the recipes of a plan: its strategy, in stages where it has some."""
    if not plan.stages:
        return open_one(plan)
    from optimizer.runs.staged import Staged  # here: it is built on this module

    return Staged(plan, partial(open_one, plan))


def open_one(plan: Plan) -> Strategy:
    """Return the strategy that a plan names."""
    setting = Setting.of(plan)
    match plan.strategy.kind:
        case "sobol":
            return Filling(setting)
        case "random":
            return Filling(setting, at_random=True)
        case "bayesian":
            return Bayesian(setting)
    from optimizer.runs.optuna_strategy import OptunaStrategy  # here: optuna takes half a second to load

    optuna = OptunaStrategy(setting)
    return optuna if plan.strategy.kind == "optuna" else Auto(setting, Bayesian(setting), optuna)
