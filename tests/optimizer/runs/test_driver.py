"""The driver: budgets, stop rules, lost workers, time limits, one driver a run."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

import pytest
from sqlalchemy import Connection

from objectives.simulated import Simulated
from optimizer.runs import driver
from optimizer.runs.driver import Progress, drive, extend
from optimizer.runs.evaluate import Job, evaluate
from optimizer.runs.history import Result, as_known_at
from optimizer.runs.lock import DrivenError, hold
from optimizer.runs.plan import Budget, ExecutorSettings, Stop
from optimizer.runs.status import status
from optimizer.runs.store import Store
from optimizer.runs.strategies import open_strategy
from tests.optimizer.runs.conftest import BOTH, MakePlan
from workers import InlineExecutor, WorkerStartError

P = ParamSpec("P")
R = TypeVar("R")

TWO = ExecutorSettings("processes", 2)


def die_at_three(job: Job) -> Result:
    if job.number == 3:
        os._exit(7)
    return evaluate(job)


def hang_at_three(job: Job) -> Result:
    if job.number == 3:
        time.sleep(3600.0)
    return evaluate(job)


def raise_at_three(job: Job) -> Result:
    if job.number == 3:
        raise ZeroDivisionError("no thickness")
    return evaluate(job)


def always_the_same(job: Job) -> Result:
    return Result(Simulated({"discharge_capacity": 190.0, "volumetric_energy_density": 1200.0}), {"limit": 1.0})


@BOTH
def test_run_ends_with_its_budget_and_says_so(store: Store, make_plan: MakePlan) -> None:
    store.create(make_plan("sobol", 40))
    seen: list[Progress] = []
    run = drive(store, watch=seen.append)
    assert (run.state, run.reason) == ("finished", "budget of 40 evaluations used")
    assert [progress.ended for progress in seen] == list(range(1, 41))
    assert drive(store) == run  # nothing is left to do


@BOTH
def test_extended_run_goes_on_as_a_longer_one(store: Store, make_plan: MakePlan) -> None:
    store.create(make_plan("nsga-ii", 20))
    run = drive(store)
    extend(store, run, 35)
    assert len(store.history(drive(store))) == 35
    whole = store.create(replace(make_plan("nsga-ii", 35), name="whole"))
    drive(store, "whole")
    assert [t.recipe for t in store.history(run)] == [t.recipe for t in store.history(whole)]


def test_budget_of_hours_ends_a_run(store: Store, make_plan: MakePlan) -> None:
    store.create(replace(make_plan("random", 100_000), budget=Budget(100_000, hours=1e-5)))
    assert drive(store).reason == "budget of 1e-05 hours used"


def test_run_without_gain_stops(store: Store, make_plan: MakePlan) -> None:
    store.create(replace(make_plan("tpe", 100), stop=Stop(without_gain=10)))
    run = drive(store, evaluator=always_the_same)
    assert run.reason == "the last 10 evaluations improved the result by at most 0.001 of it"
    assert len(store.history(run)) == 11


def test_run_that_reached_nothing_yet_does_not_stop(store: Store, make_plan: MakePlan) -> None:
    store.create(replace(make_plan("tpe", 20), stop=Stop(without_gain=3)))
    assert len(store.history(drive(store, evaluator=raise_at_all))) == 20


def raise_at_all(job: Job) -> Result:
    raise ZeroDivisionError("no thickness")


def test_exception_of_an_evaluation_is_a_named_failure(store: Store, make_plan: MakePlan) -> None:
    store.create(make_plan("nsga-ii", 6))
    run = drive(store, evaluator=raise_at_three)
    kept = list(store.rows(run))[3]
    assert (kept["state"], kept["status"], kept["detail"]) == ("failed", "error", "ZeroDivisionError: no thickness")
    assert status(store)["evaluations"] == {"budget": 6, "asked": 6, "completed": 5, "failed": 1, "running": 0, "repeated": 0}


@BOTH
def test_interrupted_driver_leaves_a_run_to_resume(store: Store, make_plan: MakePlan) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.ended == 5:
            raise KeyboardInterrupt

    run = store.create(make_plan("tpe", 12))
    with pytest.raises(KeyboardInterrupt):
        drive(store, watch=interrupt)
    assert store.run().state == "stopped"
    drive(store)
    whole = store.create(replace(run.plan, name="whole"))
    drive(store, "whole")
    assert [t.recipe for t in store.history(run)] == [t.recipe for t in store.history(whole)]


def begun_there_alone(connection: Connection) -> None:
    connection.connection.cursor().execute("BEGIN")


def begun(connection: Connection) -> None:
    connection.begin()


def ended_there_alone(connection: Connection) -> None:
    connection.begin()
    raw: Any = connection.connection.driver_connection
    raw.rollback()


@BOTH
@pytest.mark.parametrize("half_done", [begun, begun_there_alone, ended_there_alone])
def test_interruption_in_the_middle_of_a_transaction_leaves_a_run_to_resume(
    store: Store, make_plan: MakePlan, half_done: Callable[[Connection], None]
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.ended == 5:
            half_done(store.connection)
            raise KeyboardInterrupt

    store.create(make_plan("sobol", 200))
    with pytest.raises(KeyboardInterrupt):
        drive(store, watch=interrupt)
    assert (store.run().state, store.run().reason) == ("stopped", "KeyboardInterrupt")
    assert drive(store).state == "finished"
    assert [trial.number for trial in store.history(store.run())] == list(range(200))


def test_worker_that_dies_fails_its_trial_alone(store: Store, make_plan: MakePlan) -> None:
    store.create(replace(make_plan("nsga-ii", 8), executor=TWO))
    run = drive(store, evaluator=die_at_three)
    rows = list(store.rows(run))
    assert [row["number"] for row in rows if row["state"] != "completed"] == [3]
    assert rows[3]["status"] == "worker_died"
    assert "lost its worker" in rows[3]["detail"]
    history = store.history(run)  # two at a time: what each proposal knew is on record, and gives it again
    for number in range(8):
        assert open_strategy(run.plan).propose(as_known_at(history, number)).recipe == history[number].recipe


class NoWorkers(InlineExecutor):
    """Evaluates three recipes, then finds no worker."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        (job,) = args
        assert isinstance(job, Job)
        if job.number < 3:
            return super().submit(fn, *args, **kwargs)
        lost: Future[R] = Future()
        lost.set_exception(WorkerStartError("no worker came up"))
        return lost


def test_run_without_workers_stops_and_keeps_what_it_asked_for(store: Store, make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create(make_plan("sobol", 8))
    with monkeypatch.context() as without:
        without.setattr(driver, "open_executor", lambda *_, **__: NoWorkers())
        with pytest.raises(WorkerStartError, match="no worker came up"):
            drive(store)
    assert (store.run().state, store.run().reason) == ("stopped", "WorkerStartError no worker came up")
    states = [row["state"] for row in store.rows(store.run())]
    assert states[:3] == ["completed"] * 3
    assert set(states[3:]) <= {"running"}
    assert drive(store).state == "finished"
    assert [row["state"] for row in store.rows(store.run())] == ["completed"] * 8


@pytest.mark.slow
def test_evaluation_beyond_its_time_limit_frees_the_worker(store: Store, make_plan: MakePlan) -> None:
    store.create(replace(make_plan("sobol", 8), executor=replace(TWO, time_limit_s=20.0)))
    rows = list(store.rows(drive(store, evaluator=hang_at_three)))
    assert [(row["number"], row["status"]) for row in rows if row["state"] != "completed"] == [(3, "time_limit")]


@pytest.mark.slow
def test_run_on_ray_gives_what_it_gives_inline(store: Store, make_plan: MakePlan) -> None:
    plan = make_plan("sobol", 12)
    for name, executor in (("inline", ExecutorSettings()), ("ray", ExecutorSettings("ray", 2))):
        store.create(replace(plan, name=name, executor=executor))
        drive(store, name)
    inline, ray = ([(t.recipe, t.objectives, t.state) for t in store.history(store.run(name))] for name in ("inline", "ray"))
    assert inline == ray


@BOTH
@pytest.mark.slow
def test_driver_of_two_processes_killed_again_and_again_counts_each_trial_once(store: Store, make_plan: MakePlan) -> None:
    run = store.create(replace(make_plan("tpe", 400), executor=TWO))
    program = "import sys\nfrom optimizer.runs.driver import drive\nfrom optimizer.runs.store import Store\n"
    program += "if __name__ == '__main__':\n    with Store(sys.argv[1]) as store: drive(store)"
    for target in (3, 20, 45):
        driver = subprocess.Popen([sys.executable, "-c", program, str(store.address)])
        while sum(trial.ended is not None for trial in store.history(run)) < target:
            assert driver.poll() is None
            time.sleep(0.05)
        driver.kill()
        driver.wait()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("optimizer.runs.driver.MOST_AHEAD", 1)
        extend(store, run, 60)
        drive(store)
    events = store.events(run)
    for kind in ("asked", "ended"):
        assert sorted(event["number"] for event in events if event["kind"] == kind) == list(range(len(store.history(run))))


@BOTH
def test_second_driver_is_refused(store: Store, make_plan: MakePlan) -> None:
    run = store.create(make_plan("sobol", 5))
    with (
        hold(store.connection, run.id, run.name),
        Store(store.address) as other,
        pytest.raises(
            DrivenError, match=rf"run 'analytic-sobol' is driven by process {os.getpid()}( on \S+)? already, and a run has one driver; wait for it"
        ),
    ):
        drive(other)
    assert drive(store).state == "finished"
