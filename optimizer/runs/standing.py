"""Where a run's result stands while it is driven: the front at the highest fidelity reached, and whether it still grows."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from optimizer.runs.history import COMPLETED, Trial
from optimizer.runs.plan import Plan
from optimizer.runs.schedule import counted, fidelity_of, higher, reached
from optimizer.runs.worth import convergence


class Standing:
    """The hypervolume of the trials that count, taken in one by one."""

    def __init__(self, plan: Plan, history: Sequence[Trial]) -> None:
        """Stand where a history has come to."""
        self._plan, self._goal = plan, plan.goal()
        self._begin(history)

    def _begin(self, history: Sequence[Trial]) -> None:
        self._fidelity = reached(self._plan, history)
        self._front, volumes = convergence(self._goal, counted(self._plan, history))
        window = self._plan.stop.without_gain or 0
        self._volumes = deque(volumes[-window - 1 :] if len(volumes) > window else [0.0, *volumes], maxlen=window + 1)

    @property
    def volume(self) -> float:
        """Return the hypervolume of the result."""
        return self._front.volume

    def add(self, trial: Trial, history: Sequence[Trial]) -> None:
        """Take in a result, which the history has already; the first of a higher fidelity begins a front of its own."""
        fidelity = fidelity_of(self._plan, trial)
        if fidelity == self._fidelity:
            self._front.add(trial)
            self._volumes.append(self._front.volume)
        elif trial.state == COMPLETED and higher(fidelity, self._fidelity):
            self._begin(history)

    @property
    def stagnates(self) -> bool:
        """Whether the stop rule holds; only at the last fidelity, for a stage before it has its evaluations whatever they gain."""
        stop = self._plan.stop
        if not stop.without_gain or self._fidelity != self._plan.fidelities[-1] or len(self._volumes) <= stop.without_gain:
            return False
        return 0.0 < self.volume <= self._volumes[0] / (1.0 - stop.gain)
