"""The driver of a run: asks, evaluates, tells. A free worker gets the next recipe at once; whatever is acknowledged is on the disk."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from queue import SimpleQueue

from optimizer.runs.evaluate import Job, evaluate, failed
from optimizer.runs.history import FAILED, RUNNING, Proposal, Result, Trial
from optimizer.runs.lock import hold
from optimizer.runs.plan import Plan
from optimizer.runs.store import Run, Store
from optimizer.runs.strategies import ExhaustedError, open_strategy
from optimizer.runs.worth import convergence
from workers import TimeLimitError, WorkerDiedError, open_executor

Evaluate = Callable[[Job], Result]
MOST_AHEAD = 32  # recipes asked for in one transaction
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


Watch = Callable[[Progress], None]


def drive(store: Store, name: str | None = None, *, watch: Watch | None = None, evaluator: Evaluate = evaluate) -> Run:
    """Drive a run until its budget is used, its stop rule holds or no recipe is left, from wherever it stands.

    Trials that were running when the last driver ended are evaluated again first. Nothing that ended is repeated.

    Args:
        store: Where the run is.
        name: Of the run; the newest when left out.
        watch: Told after each result.
        evaluator: Picklable; what is run for each recipe.

    Returns:
        The run as it is at the end, with the reason for its end.

    Raises:
        StoreError: If there is no such run.
        DrivenError: If another process drives it.
    """
    run = store.run(name)
    with hold(store.path, run.id, run.name):
        driver = _Driver(store, run, watch, evaluator)
        if driver.reason() and not driver.unfinished:
            return store.run(run.name)
        store.grow_log()
        store.set_state(run, "running")
        settings = run.plan.executor
        try:
            with open_executor(settings.kind, settings.workers, time_limit_s=settings.time_limit_s) as executor:
                reason = driver.work(executor)
        except BaseException as error:
            store.set_state(run, "stopped", f"{type(error).__name__} {error}".strip())
            raise
        store.set_state(run, "finished", reason)
        return store.run(run.name)


def extend(store: Store, run: Run, evaluations: int) -> Run:
    """Give a run another budget of evaluations.

    Raises:
        DrivenError: If it is driven.
        CampaignError: If the budget is none.
    """
    with hold(store.path, run.id, run.name):
        return store.extend(run, replace(run.plan, budget=replace(run.plan.budget, evaluations=evaluations)))


class _Driver:
    """One drive of one run; the history is the store's, kept beside it in memory."""

    def __init__(self, store: Store, run: Run, watch: Watch | None, evaluator: Evaluate) -> None:
        self._store, self._run, self._watch, self._evaluator = store, run, watch, evaluator
        self._plan: Plan = run.plan
        self._history = store.history(run)
        self.unfinished = [trial for trial in self._history if trial.state == RUNNING]
        self._front, volumes = convergence(self._plan.goal(), self._history)
        window = self._plan.stop.without_gain or 0
        self._volumes = deque(volumes[-window - 1 :] if len(volumes) > window else [0.0, *volumes], maxlen=window + 1)
        self._failed = sum(trial.state == FAILED for trial in self._history)
        self._ended = len(volumes)
        self._driven_s = store.driven_s(run) if self._plan.budget.hours else 0.0
        self._began = time.monotonic()
        self._strategy = open_strategy(run.plan)
        self._evaluation_s = AHEAD_S
        self._by = self._history[-1].by if self._history else ""
        self._in_flight: dict[Future[Result], Trial] = {}
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
        if stop.without_gain and len(self._volumes) > stop.without_gain and 0.0 < self._front.volume <= self._volumes[0] / (1.0 - stop.gain):
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
                while (room := self._plan.executor.workers * self._ahead - len(self._in_flight)) > 0 and not self.reason():
                    self._ask(executor, min(room, self._ahead))
                if not self._in_flight:
                    return self.reason()
                self._take()
        finally:
            for future in self._in_flight:
                future.cancel()

    def _ask(self, executor: Executor, n: int) -> None:
        """Ask for up to n recipes in one transaction and hand them to the executor."""
        first, proposals = len(self._history), list[Proposal]()
        try:
            while len(proposals) < min(n, self._plan.budget.evaluations - first):
                proposal = self._strategy.propose(self._history)
                proposals.append(proposal)
                self._history.append(Trial(first + len(proposals) - 1, proposal.recipe, proposal.by, 0, notes=proposal.notes))
        except ExhaustedError as error:
            self._exhausted = str(error)
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

    def _submit(self, executor: Executor, trial: Trial) -> None:
        # The seed of a simulation is its trial's, so that a repeated one gives the same.
        job = Job(trial.number, trial.recipe, self._plan.fidelity, self._plan.seed + trial.number, self._plan.campaign_text)
        future = executor.submit(self._evaluator, job)
        self._in_flight[future] = trial
        future.add_done_callback(self._arrived.put)

    def _take(self) -> None:
        """Wait for a result, and keep all that have arrived in one transaction."""
        futures = [self._arrived.get()]
        while not self._arrived.empty():
            futures.append(self._arrived.get())
        for trial in self._store.tell(self._run, [(self._in_flight.pop(future), _result(future)) for future in futures]):
            self._history[trial.number] = trial
            self._front.add(trial)
            self._volumes.append(self._front.volume)
            self._ended += 1
            self._failed += trial.state == FAILED
            if self._watch is not None:
                plan, seconds = self._plan, time.monotonic() - self._began
                self._watch(Progress(len(self._history), self._ended, self._failed, plan.budget.evaluations, self._front.volume, seconds))

    @property
    def _ahead(self) -> int:
        """Recipes to ask for at once, for each worker: one, but where no proposal waits for a result and evaluations are short."""
        if not self._strategy.blind:
            return 1
        if self._plan.executor.kind == "inline":
            return max(1, min(MOST_AHEAD, int(AHEAD_S / self._evaluation_s)))
        return 2  # the next recipe waits beside each worker


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
