"""Measure a large run: seconds, growth of memory, and what the driver adds to an evaluation beyond strategy and evaluation. Not a test.

python tests/benchmarks/driver.py [evaluations] [strategy: sobol or random]
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from optimizer.runs import driver
from optimizer.runs.driver import Progress, drive
from optimizer.runs.evaluate import Job, evaluate
from optimizer.runs.history import Proposal, Result, Trial
from optimizer.runs.plan import Budget, Plan, load_plan
from optimizer.runs.store import Store
from optimizer.runs.strategies import Strategy, open_strategy

WINDOWS = 5


@dataclass(frozen=True)
class Spent:
    """Seconds of the clock, and of the processor: the latter hardly depend on who else uses the machine."""

    wall: float
    processor: float

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.wall + other.wall, self.processor + other.processor)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.wall - other.wall, self.processor - other.processor)


def now() -> Spent:
    """Return the time of both clocks."""
    return Spent(time.perf_counter(), time.process_time())


class Clock:
    """Counts the seconds, and those of processor time, spent in what is not the driver's: the strategy and the evaluation."""

    def __init__(self, plan: Plan) -> None:
        """Open the plan's strategy."""
        self._strategy: Strategy = open_strategy(plan)
        self.blind = self._strategy.blind
        self.spent = Spent(0.0, 0.0)

    def propose(self, history: list[Trial]) -> Proposal:
        """Propose, on the clock."""
        start = now()
        proposal = self._strategy.propose(history)
        self.spent += now() - start
        return proposal

    def evaluate(self, job: Job) -> Result:
        """Evaluate, on the clock."""
        start = now()
        result = evaluate(job)
        self.spent += now() - start
        return result


def resident_mb() -> float:
    """Return this process's resident memory, MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def main(evaluations: int, kind: str) -> None:
    """Run the measurement and print it."""
    plan = load_plan(f"analytic-{kind}")
    plan = replace(plan, budget=Budget(evaluations))
    clock = Clock(plan)
    driver.open_strategy = lambda _: clock  # type: ignore[attr-defined, assignment, return-value]
    marks: list[tuple[Spent, Spent, float]] = []

    def watch(progress: Progress) -> None:
        if progress.ended in (100, *(evaluations * i // WINDOWS for i in range(1, WINDOWS + 1))):
            marks.append((now(), clock.spent, resident_mb()))

    with tempfile.TemporaryDirectory(dir=".") as name, Store(Path(name) / "runs.db", create=True) as store:
        store.create(plan)
        start = now()
        drive(store, watch=watch, evaluator=clock.evaluate)
        took = now() - start
        size = sum(path.stat().st_size for path in Path(name).iterdir()) / 1e6
    own = [(b[0] - a[0]) - (b[1] - a[1]) for a, b in pairwise(marks[1:])]
    print(
        f"{evaluations} evaluations, {kind}: {took.wall:.1f} s, {1e3 * took.wall / evaluations:.2f} ms each, {took.processor:.1f} s of processor time"
    )
    print(f"store {size:.0f} MB")
    print(f"memory from 100 evaluations to the last: {marks[-1][2] - marks[0][2]:.0f} MB, at the end {marks[-1][2]:.0f} MB")
    for what, values in (("", [one.wall for one in own]), ("processor time of ", [one.processor for one in own])):
        each = ", ".join(f"{1e3 * WINDOWS * value / evaluations:.2f}" for value in values)
        print(f"{what}driver beyond strategy and evaluation, ms in fifths from the second on: {each}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000, sys.argv[2] if len(sys.argv) > 2 else "sobol")
