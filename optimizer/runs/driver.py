"""The driver of a run: asks, evaluates, tells. A free worker gets the next recipe at once; whatever is acknowledged is on the disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import SimpleQueue

from optimizer.runs.cost import SECONDS, Spending, measured, timed, with_seconds
from optimizer.runs.evaluate import Job, evaluate, failed
from optimizer.runs.history import FAILED, RUNNING, Proposal, Result, Trial
from optimizer.runs.lock import hold
from optimizer.runs.plan import ExecutorSettings, Plan
from optimizer.runs.schedule import fidelity_of
from optimizer.runs.standing import Standing
from optimizer.runs.store import Run, Store, StoreError
from optimizer.runs.strategies import ExhaustedError, NothingYetError, open_strategy
from workers import TimeLimitError, WorkerDiedError, WorkerStartError, open_executor

Evaluate = Callable[[Job], Result]
MOST_AHEAD = 32  # recipes asked for in one transaction
PACKAGES = ("configs", "objectives", "surrogates", "optimizer")  # what an evaluation may import, for machines that have not installed it
AHEAD_S = 0.02  # of evaluations that a kill may cost beyond those under way, where a transaction holds several


@dataclass(frozen=True)
class Progress:
    """Where a run stands, after each result."""

    asked: int
    ended: int
    failed: int
    budget: int
    hypervolume: float
    seconds: float  # of this driver
    trial: Trial  # whose result it is
    status: str  # of that result: ok, or the name of a failure


Watch = Callable[[Progress], None]


def drive(
    store: Store,
    name: str | None = None,
    *,
    watch: Watch | None = None,
    evaluator: Evaluate = evaluate,
    executor: ExecutorSettings | None = None,
) -> Run:
    """Drive a run until its budget is used, its stop rule holds or no recipe is left, from wherever it stands.

    Trials that were running when the last driver ended are evaluated again first. Nothing that ended is repeated.

    Args:
        store: Where the run is.
        name: Of the run; the newest when left out.
        watch: Told after each result.
        evaluator: Picklable; what is run for each recipe.
        executor: Where to evaluate this time; where the run's file says when left out.

    Returns:
        The run as it is at the end, with the reason for its end.

    Raises:
        StoreError: If there is no such run.
        DrivenError: If another process drives it.
        ConnectionError: If no Ray cluster answers at the address of its executor.
        WorkerStartError: If no worker process comes up; the run is stopped, and what was asked for is evaluated when it is resumed.
    """
    run = store.run(name)
    if executor is not None:
        run = replace(run, plan=replace(run.plan, executor=executor))
    with hold(store.connection, run.id, run.name):
        driver = _Driver(store, run, watch, evaluator)
        if driver.reason() and not driver.unfinished:
            return store.run(run.name)
        store.grow_log()
        store.set_state(run, "running")
        settings = run.plan.executor
        try:
            with open_executor(
                settings.kind,
                settings.workers,
                time_limit_s=settings.time_limit_s,
                memory_mb=run.plan.memory_mb,
                address=settings.address or None,
                packages=PACKAGES,
            ) as opened:
                reason = driver.work(opened)
        except BaseException as error:
            store.undo()
            with suppress(StoreError):  # where it is the store that is lost, the run is interrupted, as after a kill
                store.set_state(run, "stopped", f"{type(error).__name__} {error}".strip())
            raise
        store.set_state(run, "finished", reason)
        return store.run(run.name)


def extend(store: Store, run: Run, evaluations: int | None = None, cost: float | None = None) -> Run:
    """Give a run another budget, of evaluations or of cost; where it has stages, the last one takes what the others leave.

    Raises:
        DrivenError: If it is driven.
        CampaignError: If the budget is none.
    """
    with hold(store.connection, run.id, run.name):
        budget = run.plan.budget
        wanted = replace(budget, evaluations=budget.evaluations if evaluations is None else evaluations, cost=budget.cost if cost is None else cost)
        return store.extend(run, replace(run.plan, budget=wanted))


class _Driver:
    """One drive of one run; the history is the store's, kept beside it in memory."""

    def __init__(self, store: Store, run: Run, watch: Watch | None, evaluator: Evaluate) -> None:
        self._store, self._run, self._watch, self._evaluator = store, run, watch, evaluator
        self._plan: Plan = run.plan
        self._history = store.history(run)
        self.unfinished = [trial for trial in self._history if trial.state == RUNNING]
        self._standing = Standing(self._plan, self._history)
        self._failed = sum(trial.state == FAILED for trial in self._history)
        self._ended = sum(trial.state != RUNNING for trial in self._history)
        self._spending = Spending.of(self._plan, self._history, lambda: store.rows(run))
        self._driven_s = store.driven_s(run) if self._plan.budget.hours else 0.0
        self._began = time.monotonic()
        self._strategy = open_strategy(run.plan)
        self._evaluation_s = AHEAD_S
        self._by = self._history[-1].by if self._history else ""
        self._in_flight: dict[Future[Result], Trial] = {}
        self._submitted: dict[int, float] = {}
        self._arrived: SimpleQueue[Future[Result]] = SimpleQueue()
        self._exhausted = ""

    def reason(self) -> str:
        """Return why no further recipe is asked for; empty while one may be."""
        budget, stop = self._plan.budget, self._plan.stop
        if self._exhausted:
            return self._exhausted
        if len(self._history) >= budget.evaluations:
            return f"budget of {budget.evaluations} evaluations used"
        if budget.hours and (self._driven_s + time.monotonic() - self._began) / 3600.0 >= budget.hours:
            return f"budget of {budget.hours:g} hours used"
        if not any(map(self._spending.affords, self._plan.fidelities)):
            return self._spending.used_up
        if self._standing.stagnates:
            return f"the last {stop.without_gain} evaluations improved the result by at most {stop.gain:.2g} of it"
        return ""

    def work(self, executor: Executor) -> str:
        """Keep every worker busy until there is a reason to end, and every result is in; the reason."""
        try:
            for trial in self.unfinished:
                again = self._store.repeat(self._run, trial)
                self._history[trial.number] = again
                self._submit(executor, again)
            while True:
                while (room := self._plan.executor.workers * (ahead := self._ahead(executor)) - len(self._in_flight)) > 0 and not self.reason():
                    if not self._ask(executor, min(room, ahead)):
                        break
                if not self._in_flight:
                    return self.reason()
                self._take()
        finally:
            for future in self._in_flight:
                future.cancel()

    def _ask(self, executor: Executor, n: int) -> int:
        """Ask for up to n recipes in one transaction and hand them to the executor; how many there were."""
        first = len(self._history)
        proposals = self._proposals(min(n, self._plan.budget.evaluations - first))
        for i, proposal in enumerate(proposals):
            if proposal.by != self._by:
                said = f"trial {first + i} on: {proposal.by}" + (f" ({proposal.why})" if proposal.why else "")
                self._store.note(self._run, "strategy", said)
                self._by = proposal.by
        self._history[first:] = self._store.ask(self._run, first, proposals) if proposals else []
        start = time.monotonic()
        for trial in self._history[first:]:
            self._submit(executor, trial)
        if proposals:  # inline, a recipe is evaluated as it is submitted
            self._evaluation_s = max((time.monotonic() - start) / len(proposals), 1e-6)
        return len(proposals)

    def _proposals(self, n: int) -> list[Proposal]:
        """Return up to n proposals that the budget pays, which join the history; several only where none depends on a result."""
        found: list[Proposal] = []
        try:
            while len(found) < n and (self._strategy.blind or not found):
                proposal = self._strategy.propose(self._history)
                trial = Trial(len(self._history), proposal.recipe, proposal.by, 0, notes=proposal.notes)
                fidelity = fidelity_of(self._plan, trial)
                if not self._spending.affords(fidelity):
                    self._exhausted = self._spending.used_up
                    break
                self._spending.ask(fidelity)
                self._history.append(trial)
                found.append(proposal)
        except ExhaustedError as error:
            self._exhausted = str(error)
        except NothingYetError:  # the next result decides
            pass
        return found

    def _submit(self, executor: Executor, trial: Trial) -> None:
        # The seed of a simulation is its trial's, so that a repeated one gives the same.
        plan = self._plan
        job = Job(trial.number, trial.recipe, fidelity_of(plan, trial), plan.seed + trial.number, plan.campaign_text, plan.conditions)
        self._submitted[trial.number] = time.monotonic()
        future = executor.submit(timed, self._evaluator, job) if measured(self._plan) else executor.submit(self._evaluator, job)
        self._in_flight[future] = trial
        future.add_done_callback(self._arrived.put)

    def _take(self) -> None:
        """Wait for a result, and keep all that have arrived in one transaction."""
        futures = [self._arrived.get()]
        while not self._arrived.empty():
            futures.append(self._arrived.get())
        lost = [future for future in futures if isinstance(future.exception(), WorkerStartError)]
        results = [self._ended_now(future) for future in futures if future not in lost]
        for trial, (_, result) in zip(self._store.tell(self._run, results), results, strict=True):
            self._history[trial.number] = trial
            self._standing.add(trial, self._history)
            self._spending.end(fidelity_of(self._plan, trial), result.simulated.facts.get(SECONDS, 0.0))
            self._ended += 1
            self._failed += trial.state == FAILED
            if self._watch is not None:
                plan, seconds = self._plan, time.monotonic() - self._began
                counts = len(self._history), self._ended, self._failed, plan.budget.evaluations
                self._watch(Progress(*counts, self._standing.volume, seconds, trial, result.simulated.status))
        if lost:  # raises, after what arrived beside it has been kept
            lost[0].result()

    def _ended_now(self, future: Future[Result]) -> tuple[Trial, Result]:
        """Return a trial with what came of it; where seconds count, a lost evaluation has cost all those since it was handed out."""
        trial, result = self._in_flight.pop(future), _result(future)
        seconds = time.monotonic() - self._submitted.pop(trial.number)
        return trial, with_seconds(result, seconds) if measured(self._plan) else result

    def _ahead(self, executor: Executor) -> int:
        """Recipes to ask for at once, for each worker: one, but where no proposal waits for a result and evaluations are short."""
        if not self._strategy.blind or measured(self._plan):  # seconds are counted one by one, lest several together exceed their budget
            return 1
        if self._plan.executor.kind == "inline":
            return max(1, min(MOST_AHEAD, int(AHEAD_S / self._evaluation_s)))
        return min(MOST_AHEAD, 2 * getattr(executor, "batch", 1))  # the next recipe waits beside each worker, or the next batch of short ones


def _result(future: Future[Result]) -> Result:
    """Return what came of an evaluation; a lost worker and a kept time limit are results with a name."""
    try:
        return future.result()
    except WorkerDiedError as error:
        return failed("worker_died", str(error))
    except TimeLimitError as error:
        return failed("time_limit", str(error))
    except Exception as error:
        return failed("error", f"{type(error).__name__}: {error}")
