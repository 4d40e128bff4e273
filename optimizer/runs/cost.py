"""What evaluations cost: a stated price of each fidelity, or the seconds that they took. Keeps account of what a run has spent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from objectives.simulated import FIDELITIES, Fidelity
from optimizer.goal import CampaignError
from optimizer.runs.history import RUNNING, Result, Trial
from optimizer.runs.schedule import fidelity_of

if TYPE_CHECKING:
    from optimizer.runs.evaluate import Job
    from optimizer.runs.plan import Plan

SECONDS = "evaluation_s"  # the fact by which a result says how long its evaluation took, in a run whose budget counts seconds


@dataclass(frozen=True)
class Costs:
    """What one evaluation of each fidelity costs, in a unit of the lab's; seconds as measured where none is stated."""

    unit: str = "s"
    analytic: float | None = None
    cell: float | None = None
    micro: float | None = None

    def __post_init__(self) -> None:
        if not self.unit.strip() or not self.unit.isprintable():
            raise CampaignError(f"[cost] unit must be a word such as s or EUR, got {self.unit!r}; correct it")
        for fidelity, price in self.prices.items():
            if not 0.0 <= price < float("inf"):
                raise CampaignError(f"[cost] {fidelity} must be 0 {self.unit} or more, got {price:g}; correct it")
        if self.unit != "s" and not self.prices:
            raise CampaignError(f"[cost] unit {self.unit!r} needs the price of each fidelity, for only seconds can be measured; state them")

    @property
    def prices(self) -> dict[Fidelity, float]:
        """Return the stated price of each fidelity that has one."""
        return {fidelity: price for fidelity in FIDELITIES if (price := getattr(self, fidelity)) is not None}

    def check(self, used: Iterable[Fidelity]) -> None:
        """Refuse prices of some fidelities where others are used too.

        Raises:
            CampaignError: If so; names the fidelity.
        """
        missing = [fidelity for fidelity in used if self.prices and fidelity not in self.prices]
        if missing:
            raise CampaignError(f"[cost] has no price of {missing[0]}, which the run uses; state it, or none for seconds as measured")


class Spending:
    """What a run has spent, by fidelity: a stated price as soon as a recipe is asked for; seconds as they were measured."""

    def __init__(self, plan: Plan) -> None:
        """Open an account with nothing spent."""
        self._plan = plan
        self._prices = plan.cost.prices
        self._asked: Counter[Fidelity] = Counter()
        self._ended: Counter[Fidelity] = Counter()
        self._seconds: dict[Fidelity, float] = dict.fromkeys(FIDELITIES, 0.0)

    @classmethod
    def of(cls, plan: Plan, history: Iterable[Trial], rows: Callable[[], Iterable[Mapping[str, Any]]]) -> Spending:
        """Return the account of a history; the rows of the store are read only where seconds count."""
        account = cls(plan)
        if not speaks_of_cost(plan):
            return account
        seconds = {row["number"]: (row["facts"] or {}).get(SECONDS, 0.0) for row in rows()} if measured(plan) else {}
        for trial in history:
            account.ask(fidelity_of(plan, trial))
            if trial.state != RUNNING:
                account.end(fidelity_of(plan, trial), seconds.get(trial.number, 0.0))
        return account

    def ask(self, fidelity: Fidelity) -> None:
        """Count an evaluation that has been asked for."""
        self._asked[fidelity] += 1

    def end(self, fidelity: Fidelity, seconds: float) -> None:
        """Count one that has ended."""
        self._ended[fidelity] += 1
        self._seconds[fidelity] += seconds

    def spent(self, fidelity: Fidelity) -> float:
        """Return what a fidelity has cost; of seconds, those of evaluations under way are expected to be the mean of those that ended."""
        if self._prices:
            return self._prices[fidelity] * self._asked[fidelity]
        return self._seconds[fidelity] + (self._asked[fidelity] - self._ended[fidelity]) * self.price(fidelity)

    def price(self, fidelity: Fidelity) -> float:
        """Return what one more evaluation costs: as stated, or the mean so far; 0 before any has been measured."""
        if self._prices:
            return self._prices[fidelity]
        return self._seconds[fidelity] / self._ended[fidelity] if self._ended[fidelity] else 0.0

    @property
    def total(self) -> float:
        """Return what all have cost."""
        return sum(self.spent(fidelity) for fidelity in self._plan.fidelities)

    def affords(self, fidelity: Fidelity) -> bool:
        """Return whether one more evaluation stays within the budget, to the ninth digit; always, where there is none."""
        budget = self._plan.budget.cost
        if budget is None:
            return True
        total = self.total
        return total < budget and total + self.price(fidelity) <= budget * (1.0 + 1e-9)  # prices like 0.1 add up inexactly

    @property
    def used_up(self) -> str:
        """Return the reason for which a run ends that cannot pay another evaluation."""
        return f"budget of {self._plan.budget.cost or 0.0:g} {self._plan.cost.unit} used, {self.total:.6g} {self._plan.cost.unit} spent"

    def as_json(self) -> dict[str, Any] | None:
        """Return the account as plain data; None for a run that speaks of no cost."""
        budget, cost = self._plan.budget.cost, self._plan.cost
        if not speaks_of_cost(self._plan):
            return None
        total = self.total
        return {
            "unit": cost.unit,
            "stated": bool(self._prices),
            "budget": budget,
            "spent": round(total, 6),
            "left": None if budget is None else round(max(budget - total, 0.0), 6),
            "by_fidelity": {
                fidelity: {"spent": round(self.spent(fidelity), 6), "each": round(self.price(fidelity), 6)} for fidelity in self._plan.fidelities
            },
        }


def speaks_of_cost(plan: Plan) -> bool:
    """Return whether a run has prices, or a budget of cost."""
    return plan.budget.cost is not None or bool(plan.cost.prices)


def measured(plan: Plan) -> bool:
    """Return whether a run keeps the seconds of each evaluation: where its budget counts them."""
    return plan.budget.cost is not None and not plan.cost.prices


def timed(evaluator: Callable[[Job], Result], job: Job) -> Result:
    """Return an evaluation's result with the seconds that it took, wherever it runs."""
    start = time.perf_counter()
    return with_seconds(evaluator(job), time.perf_counter() - start)


def with_seconds(result: Result, seconds: float) -> Result:
    """Return a result that says how long its evaluation took, unless it does so already."""
    facts = {SECONDS: seconds, **result.simulated.facts}
    return replace(result, simulated=replace(result.simulated, facts=facts))
