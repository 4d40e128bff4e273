"""Plans and in-memory runs for the tests of runs. Functions of these tests are importable in worker processes, which unpickle them by name."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.runs.evaluate import Job, evaluate
from optimizer.runs.history import LEARNED, Trial
from optimizer.runs.plan import Budget, Plan, load_plan
from optimizer.runs.store import Store
from optimizer.runs.strategies import Strategy, open_strategy

sys.path.append(str(Path(__file__).parents[3]))

MakePlan = Callable[..., Plan]


BOTH = pytest.mark.parametrize("address", ["sqlite", "postgresql"], indirect=True)  # what a store promises, it promises on both


@pytest.fixture
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where an empty store may be: a SQLite file, or a real PostgreSQL in tests marked `BOTH`."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return str(tmp_path / "runs.db")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    with Store(address, create=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def make_plan() -> MakePlan:
    """Return a bundled plan by its short name, with another seed and budget."""

    def make(name: str, evaluations: int, seed: int = 0) -> Plan:
        return replace(load_plan(f"analytic-{name}"), seed=seed, budget=Budget(evaluations))

    return make


@pytest.fixture(scope="session")
def in_memory() -> Callable[[Plan], list[Trial]]:
    """Return the trials of a plan run one by one without a store: what the strategy finds, nothing else."""

    def run(plan: Plan) -> list[Trial]:
        strategy: Strategy = open_strategy(plan)
        goal = [objective.outcome for objective in plan.goal()]
        history: list[Trial] = []
        for number in range(plan.budget.evaluations):
            proposal = strategy.propose(history)
            result = evaluate(Job(number, proposal.recipe, plan.fidelity, number, plan.campaign_text))
            outcomes = result.simulated.outcomes
            history.append(
                Trial(
                    number,
                    proposal.recipe,
                    proposal.by,
                    asked=2 * number,
                    notes=proposal.notes,
                    ended=2 * number + 1,
                    state=result.state,
                    objectives=tuple(outcomes[name] for name in goal),
                    margins=tuple(result.margins.values()),
                    learned=tuple(outcomes[name] for name in LEARNED),
                    percolates=result.simulated.percolates,
                )
            )
        return history

    return run
