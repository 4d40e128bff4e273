"""Runs in stages: what is promoted, what each stage knows, what is spent, and that a killed one goes on as it would have."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.runs.driver import Progress, drive, extend
from optimizer.runs.evaluate import Job, evaluate, failed
from optimizer.runs.history import Result, Trial, as_known_at, unfinished
from optimizer.runs.plan import ExecutorSettings, Plan, load_plan, parse_plan
from optimizer.runs.promotion import rank
from optimizer.runs.schedule import counted, fidelity_of
from optimizer.runs.staged import Part
from optimizer.runs.status import export_rows, status
from optimizer.runs.store import Run, Store
from optimizer.runs.strategies import NothingYetError, open_strategy
from optimizer.runs.worth import final_front
from tests.optimizer.runs.test_killed_driver import check_counted_once, kill_again_and_again, records

pytest.importorskip("pybamm")
pytest.importorskip("numba")

TEXT = """
name = "mine"
[strategy]
kind = "{kind}"
[[stage]]
fidelity = "analytic"
evaluations = 60
[[stage]]
fidelity = "cell"
share = 0.2
[[stage]]
fidelity = "micro"
evaluations = 5
"""
STATED = "[cost]\nunit = 'EUR'\nanalytic = 0.1\ncell = 2\nmicro = 30\n"
LOSS = {"analytic": 1.0, "cell": 0.97, "micro": 0.9}


def lossy(job: Job) -> Result:
    """Stand in for the costly fidelities: the closed form, with a loss of their own."""
    result = evaluate(replace(job, fidelity="analytic"))
    outcomes = {name: value * LOSS[job.fidelity] for name, value in result.simulated.outcomes.items()}
    return replace(result, simulated=replace(result.simulated, outcomes=outcomes))


def two_seconds(job: Job) -> Result:
    result = lossy(job)
    return replace(result, simulated=replace(result.simulated, facts={"evaluation_s": 2.0}))


def no_cell(job: Job) -> Result:
    return failed("diverged", "the solver stopped") if job.fidelity == "cell" else lossy(job)


def plan_of(kind: str = "sobol", more: str = "") -> Plan:
    return parse_plan(TEXT.format(kind=kind) + more, "mine.toml")


def driven(store: Store, plan: Plan, evaluator: Callable[[Job], Result] = lossy) -> tuple[Run, list[Trial]]:
    store.create(plan)
    run = drive(store, plan.name, evaluator=evaluator)
    return run, store.history(run)


def at(plan: Plan, history: list[Trial], fidelity: str) -> list[Trial]:
    return [trial for trial in history if fidelity_of(plan, trial) == fidelity]


def test_each_stage_has_its_evaluations_and_takes_the_best_of_the_one_below(store: Store) -> None:
    plan = plan_of()
    _, history = driven(store, plan)
    screened, cells, micro = (at(plan, history, fidelity) for fidelity in ("analytic", "cell", "micro"))
    assert (len(screened), len(cells), len(micro)) == (60, 12, 5)
    assert [trial.recipe for trial in cells] == [trial.recipe for trial in rank(plan.goal(), screened, 12).best]
    places = rank(plan.goal(), cells, 5)
    assert [trial.recipe for trial in micro[:4]] == [trial.recipe for trial in places.best[:4]]  # the fifth is in doubt: one that breaks a limit
    for trial in (*cells, *micro):
        assert trial.notes is not None
        assert trial.recipe == history[trial.notes["promoted_from"]].recipe
        assert trial.number > trial.notes["promoted_from"]


def test_some_promotions_go_to_near_misses(store: Store) -> None:
    plan = plan_of(more="doubt = 0.4\n")
    _, history = driven(store, replace(plan, stages=(plan.stages[0], replace(plan.stages[1], doubt=0.5), plan.stages[2])))
    cells = at(plan, history, "cell")
    assert [history[(trial.notes or {})["promoted_from"]].counts for trial in cells] == [True, False] * 6


def test_result_counts_at_the_highest_fidelity_alone(store: Store) -> None:
    plan = plan_of()
    seen: list[str] = []

    def look(progress: Progress) -> None:
        if progress.ended in (60, 61, 72, 73):
            said = status(store)
            of = [trial for trial in store.history(store.run()) if trial.counts]
            part = at(plan, of, said["fidelity"])
            assert said["hypervolume"] == pytest.approx(final_front(plan.goal(), part).volume, rel=1e-5)
            assert progress.hypervolume == pytest.approx(final_front(plan.goal(), part).volume, rel=1e-9)
            assert {one["trial"] for one in said["best"]} <= {trial.number for trial in part}
            seen.append(said["fidelity"])

    store.create(plan)
    drive(store, watch=look, evaluator=lossy)
    assert seen == ["analytic", "cell", "cell", "micro"]


def test_stage_whose_evaluations_all_fail_leaves_the_result_below(store: Store) -> None:
    run, history = driven(store, plan_of(), no_cell)
    assert run.reason == "no recipe of fidelity cell is left to promote to micro; widen the stages before or end the run"
    said = status(store)
    assert (said["fidelity"], len(history), said["evaluations"]["failed"]) == ("analytic", 72, 12)
    assert [one["asked"] for one in said["stages"]] == [60, 12, 0]


def test_status_and_export_tell_of_stages(store: Store) -> None:
    run, _ = driven(store, plan_of())
    said = status(store)
    assert [(one["fidelity"], one["by"], one["evaluations"], one["completed"]) for one in said["stages"]] == [
        ("analytic", "strategy", 60, 60),
        ("cell", "promotion", 12, 12),
        ("micro", "promotion", 5, 5),
    ]
    assert said["chosen_by"] == {"sobol": 60, "promotion to cell": 12, "promotion to micro": 5}
    assert said["begins_at"] == {"sobol": 0, "promotion to cell": 60, "promotion to micro": 72}
    rows = list(export_rows(store, run))
    assert [rows[i]["fidelity"] for i in (0, 59, 60, 72)] == ["analytic", "analytic", "cell", "micro"]
    assert rows[60]["promoted_from"] == (store.history(run)[60].notes or {})["promoted_from"]
    changes = [event["detail"] for event in store.events(run) if event["kind"] == "strategy"]
    assert changes[1].startswith("trial 60 on: promotion to cell (trial ")
    assert changes[1].endswith(": place 1 within every limit at fidelity analytic)")


@pytest.mark.parametrize("kind", ["sobol", "optuna"])
def test_interrupted_run_in_stages_equals_an_uninterrupted_one(kind: str, store: Store) -> None:
    plan = plan_of(kind)
    whole, _ = driven(store, replace(plan, name="whole"))
    run = store.create(plan)
    for moment in (1, 30, 59, 60, 61, 71, 72, 75):

        def interrupt(progress: Progress, moment: int = moment) -> None:
            if progress.ended >= moment:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            drive(store, "mine", watch=interrupt, evaluator=lossy)
    drive(store, "mine", evaluator=lossy)
    assert records(store, run) == records(store, whole)
    check_counted_once(store, run, list(store.rows(run)))


def repeated(path: str) -> list[int]:
    """Return the trials of the only run that were begun again after a kill."""
    with Store(path) as store:
        return [event["number"] for event in store.events(store.run()) if event["kind"] == "repeated"]


@pytest.mark.slow
def test_run_in_stages_killed_again_and_again_equals_an_uninterrupted_one(store: Store, tmp_path: Path) -> None:
    text = TEXT.format(kind="sobol").replace('[[stage]]\nfidelity = "micro"\nevaluations = 5\n', "").replace("share = 0.2", "evaluations = 30")
    plan = parse_plan(text, "mine.toml")
    store.create(plan)
    whole = drive(store)
    path = str(tmp_path / "killed.db")
    with Store(path, create=True) as other:
        other.create(plan)
    for seed in range(1, 11):  # how far a round comes is the machine's load: on until one has killed in the second stage
        kill_again_and_again(path, seed)
        if max(repeated(path), default=0) >= 60:
            break
    assert min(repeated(path)) < 60 <= max(repeated(path))
    with Store(path) as other:
        run = drive(other)
        assert records(other, run) == records(store, whole)
        check_counted_once(other, run, list(other.rows(run)))


def test_every_proposal_of_two_workers_can_be_computed_again(store: Store) -> None:
    plan = replace(plan_of(), executor=ExecutorSettings("processes", 2))
    run, history = driven(store, plan)
    assert [one["completed"] for one in status(store)["stages"]] == [60, 12, 5]
    for number in (0, 13, 59, 60, 61, 65, 71, 72, 73, 76):
        proposal = open_strategy(run.plan).propose(as_known_at(history, number))
        assert (proposal.recipe, proposal.notes) == (history[number].recipe, history[number].notes)


def test_free_worker_promotes_what_has_finished_and_waits_only_for_what_has_not(store: Store) -> None:
    plan = plan_of()
    _, history = driven(store, plan)
    slow = [unfinished(trial) if trial.number % 2 else trial for trial in history[:60]]
    first = open_strategy(plan).propose(slow)
    assert first.recipe == rank(plan.goal(), [trial for trial in slow if trial.ended], 1).best[0].recipe
    with pytest.raises(NothingYetError):
        open_strategy(plan).propose([unfinished(trial) for trial in history[:60]])
    # The cell stage waits for its sources, and what it has finished goes on to the next one meanwhile.
    cells = [replace(trial, number=60 + i) for i, trial in enumerate(history[60:70])]
    few = [trial if trial.number in {(t.notes or {})["promoted_from"] for t in cells} else unfinished(trial) for trial in history[:60]]
    assert open_strategy(plan).propose([*few, *cells]).by == "promotion to micro"


def test_strategy_of_a_later_stage_learns_from_its_own_fidelity(store: Store) -> None:
    later = '[[stage]]\nfidelity = "cell"\nby = "strategy"\nevaluations = 6\n'
    text = TEXT.format(kind="optuna").replace('[[stage]]\nfidelity = "micro"\nevaluations = 5\n', later)
    plan = parse_plan(text, "mine.toml")
    _, history = driven(store, plan)
    assert [trial.by for trial in history[60:]] == ["promotion to cell"] * 12 + ["optuna tpe"] * 6

    def proposed(changed: list[Trial]) -> tuple[float, ...]:
        return open_strategy(plan).propose(changed).recipe

    worse = [replace(t, objectives=tuple(-(v or 0.0) for v in t.objectives)) for t in history]
    assert proposed([*worse[:60], *history[60:75]]) == proposed(history[:75]) == history[75].recipe
    assert proposed([*history[:60], *worse[60:75]]) != history[75].recipe


def test_part_of_a_history_is_numbered_from_0(store: Store) -> None:
    plan = plan_of()
    _, history = driven(store, plan)
    part = Part(history, [trial.number for trial in counted(plan, history)])
    assert [trial.number for trial in part] == [0, 1, 2, 3, 4]
    assert part[-1].recipe == part[3:][-1].recipe == history[-1].recipe


def test_stated_costs_end_a_run_exactly(store: Store) -> None:
    run, history = driven(store, plan_of(more=STATED + "[budget]\ncost = 91\n"))
    assert run.reason == "budget of 91 EUR used, 90 EUR spent"  # 60 x 0.1 + 12 x 2 + 2 x 30
    assert len(history) == 60 + 12 + 2
    assert status(store)["cost"] == {
        "unit": "EUR",
        "stated": True,
        "budget": 91.0,
        "spent": 90.0,
        "left": 1.0,
        "by_fidelity": {"analytic": {"spent": 6.0, "each": 0.1}, "cell": {"spent": 24.0, "each": 2.0}, "micro": {"spent": 60.0, "each": 30.0}},
    }


def test_budget_that_is_used_up_to_the_last_penny_is_used_whole(store: Store) -> None:
    _, history = driven(store, plan_of(more=STATED + "[budget]\ncost = 0.3\n"))
    assert len(history) == 3  # 0.1 + 0.1 + 0.1, which a computer adds to a little more


def test_run_with_a_larger_budget_of_cost_goes_on(store: Store) -> None:
    run, _ = driven(store, plan_of(more=STATED + "[budget]\ncost = 40\n"))
    extend(store, run, cost=1000.0)
    extended = drive(store, evaluator=lossy)
    whole, _ = driven(store, replace(plan_of(), name="whole"))
    assert [t.recipe for t in store.history(extended)] == [t.recipe for t in store.history(whole)]


def test_larger_budget_of_evaluations_goes_to_the_last_stage(store: Store) -> None:
    run, _ = driven(store, plan_of())
    extend(store, run, 80)
    assert [one["completed"] for one in status(store, drive(store, evaluator=lossy).name)["stages"]] == [60, 12, 8]


def test_measured_seconds_end_a_run_and_survive_an_interruption(store: Store) -> None:
    run, history = driven(store, plan_of(more="[budget]\ncost = 31\n"), two_seconds)
    assert (run.reason, len(history)) == ("budget of 31 s used, 30 s spent", 15)
    assert drive(store, evaluator=two_seconds).reason == run.reason
    assert len(store.history(run)) == 15
    said = status(store)["cost"]
    assert (said["stated"], said["unit"], said["spent"], said["left"]) == (False, "s", 30.0, 1.0)


def test_measured_seconds_are_kept_with_each_result_even_a_failed_one(store: Store) -> None:
    run, _ = driven(store, plan_of(more="[budget]\ncost = 1e6\n"), no_cell)
    assert all(row["facts"]["evaluation_s"] > 0.0 for row in store.rows(run))
    other, _ = driven(store, replace(plan_of(), name="other"), no_cell)
    assert not any("evaluation_s" in row["facts"] for row in store.rows(other))


def test_stop_rule_waits_for_the_last_fidelity(store: Store) -> None:
    plan = plan_of(more="[stop]\nwithout_gain = 3\ngain = 0.9\n")
    run, history = driven(store, plan)
    assert run.reason == "the last 3 evaluations improved the result by at most 0.9 of it"
    assert [len(at(plan, history, fidelity)) for fidelity in plan.fidelities] == [60, 12, 4]


@pytest.mark.slow
def test_bundled_screen_discharges_the_best_in_the_cell_model(store: Store) -> None:
    store.create(load_plan("screen-then-cell"))
    run = drive(store)
    assert (run.state, run.reason) == ("finished", "budget of 420 evaluations used")
    said = status(store)
    assert (said["fidelity"], said["front"] > 3, said["stages"][1]["within_limits"]) == ("cell", True, 20)
    history = store.history(run)
    assert min(trial.objectives[0] or 0.0 for trial in history[400:]) > 150.0
