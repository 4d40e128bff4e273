"""How a run with a schedule chooses recipes: a strategy in one stage, promotion of the best in another; a function of the history throughout.

A free worker gets a recipe of the first stage that has one. So a stage begins when those before it have no more to ask for, not when
their last results are in: what has finished is promoted meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import overload

from objectives.simulated import Fidelity
from optimizer.runs.history import RUNNING, Proposal, Trial
from optimizer.runs.plan import Plan
from optimizer.runs.promotion import Ranking, rank
from optimizer.runs.schedule import fidelity_of, promotes, rooms, source, stage_of
from optimizer.runs.strategies import ExhaustedError, Known, NothingYetError, Strategy


class Part(Sequence[Trial]):
    """The trials of a history at one fidelity, numbered from 0: what the strategy of that fidelity knows of the run."""

    def __init__(self, history: Sequence[Trial], numbers: Sequence[int]) -> None:
        """Look at some trials of a history, by their numbers."""
        self._history, self._numbers = history, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> Trial: ...
    @overload
    def __getitem__(self, place: slice) -> list[Trial]: ...
    def __getitem__(self, place: int | slice) -> Trial | list[Trial]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        trial = self._history[self._numbers[number]]
        return trial if trial.number == number else replace(trial, number=number)


class Staged:
    """The strategy of a run with stages; what it keeps only saves time."""

    def __init__(self, plan: Plan, open_one: Callable[[], Strategy]) -> None:
        """Open the stages.

        Args:
            plan: With stages.
            open_one: Opens the plan's own strategy, one for each fidelity that needs one.
        """
        self._plan, self._open_one = plan, open_one
        self._goal = plan.goal()
        self._rooms = rooms(plan.stages, plan.budget.evaluations)
        self._strategies: dict[Fidelity, Strategy] = {}
        self._reset()

    def _reset(self) -> None:
        self._count = 0
        self._asked = Counter[int]()  # by stage
        self._numbers: dict[Fidelity, list[int]] = {fidelity: [] for fidelity in self._plan.fidelities}
        self._running: set[int] = set()
        self._known = {fidelity: Known() for fidelity in self._plan.fidelities}
        self._rankings: dict[int, tuple[tuple[int, int], Ranking]] = {}
        self.blind = False  # of the next proposal, as far as the last one shows

    def propose(self, history: Sequence[Trial]) -> Proposal:
        """Return the next recipe, and with it its stage, its fidelity and the trial it was promoted from.

        Raises:
            NothingYetError: If it depends on results that are not in yet.
            ExhaustedError: If no stage has another recipe.
        """
        self._count_in(history)
        why, waiting = "", False
        for k, stage in enumerate(self._plan.stages):
            if self._asked[k] >= self._rooms[k]:
                continue
            try:
                proposal = self._promoted(k, history) if promotes(self._plan.stages, k) else self._chosen(k, history)
            except ExhaustedError as error:
                why = str(error)
            except NothingYetError:
                waiting = True
            else:
                notes = {**(proposal.notes or {}), "stage": k, "fidelity": stage.fidelity}
                return replace(proposal, notes=notes)
        if waiting:
            raise NothingYetError
        raise ExhaustedError(why or "every stage has had its evaluations; resume with a larger budget")

    def _count_in(self, history: Sequence[Trial]) -> None:
        if len(history) < self._count:
            self._reset()
        for trial in history[self._count :]:
            self._asked[stage_of(trial)] += 1
            self._numbers[fidelity_of(self._plan, trial)].append(trial.number)
            self._running.add(trial.number)
        self._count = len(history)
        self._running = {number for number in self._running if history[number].state == RUNNING}

    def _part(self, fidelity: Fidelity, history: Sequence[Trial]) -> Part:
        return Part(history, self._numbers[fidelity])

    def _chosen(self, k: int, history: Sequence[Trial]) -> Proposal:
        """Return what the strategy proposes from the results at the stage's fidelity; it has had its turn once a later stage has begun."""
        if any(self._asked[later] for later in range(k + 1, len(self._rooms))):
            raise ExhaustedError("a later stage has begun")
        fidelity = self._plan.stages[k].fidelity
        if fidelity not in self._strategies:
            self._strategies[fidelity] = self._open_one()
        strategy = self._strategies[fidelity]
        self.blind = False
        proposal = strategy.propose(self._part(fidelity, history))
        self.blind = strategy.blind and self._asked[k] + 1 < self._rooms[k]
        return proposal

    def _promoted(self, k: int, history: Sequence[Trial]) -> Proposal:
        """Return the best recipe of the fidelity below that this one has not seen."""
        self.blind = False
        stage, below = self._plan.stages[k], source(self._plan.stages, k)
        assert below is not None  # the plan has been checked
        known = self._known[stage.fidelity].of(self._part(stage.fidelity, history))
        ranking = self._ranking(k, below, history)
        turn = self._asked[k]  # of five with doubt 0.2, the last
        in_doubt = int((turn + 1) * stage.doubting) > int(turn * stage.doubting)
        for places in (ranking.doubtful, ranking.best) if in_doubt else (ranking.best, ranking.doubtful):
            for place, trial in enumerate(places, start=1):
                if trial.recipe not in known:
                    what = f"place {place} within every limit" if places is ranking.best else f"near miss {place} of a limit, in doubt"
                    why = f"trial {trial.number}: {what} at fidelity {below}"
                    return Proposal(trial.recipe, f"promotion to {stage.fidelity}", why, {"promoted_from": trial.number})
        if any(stage_of(history[number]) < k for number in self._running):
            raise NothingYetError
        raise ExhaustedError(f"no recipe of fidelity {below} is left to promote to {stage.fidelity}; widen the stages before or end the run")

    def _ranking(self, k: int, below: Fidelity, history: Sequence[Trial]) -> Ranking:
        """Return the ranking of what has ended below, made anew when there is more of it."""
        numbers = self._numbers[below]
        state = len(numbers), sum(number in self._running for number in numbers)
        if k not in self._rankings or self._rankings[k][0] != state:
            ended = [history[number] for number in numbers if number not in self._running]
            # Places for all recipes of this fidelity: those that another stage of it has asked for may stand before ours.
            most = len(self._numbers[self._plan.stages[k].fidelity]) + self._rooms[k]
            self._rankings[k] = state, rank(self._goal, ended, most)
        return self._rankings[k][1]
