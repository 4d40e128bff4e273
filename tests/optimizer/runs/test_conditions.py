"""Conditions of a run: the goal counts at the campaign's own, the other discharges stand beside it under their condition's name."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from objectives.physics import Conditions
from objectives.simulated import Simulated
from optimizer.campaign import load_campaign
from optimizer.goal import CampaignError
from optimizer.runs.conditions import DISCHARGED, TestCondition, at_conditions, beside, column
from optimizer.runs.driver import drive
from optimizer.runs.evaluate import Job, evaluate
from optimizer.runs.history import Proposal, Result
from optimizer.runs.plan import Budget, Plan, load_plan, parse_plan
from optimizer.runs.status import export_rows, write_csv
from optimizer.runs.store import Store

RECIPE = (85.0, 5.0, 1.5, 2.3)
COLD = TestCondition(0.2, 30.0)
GOOD = 'name = "mine"\n'
BUDGET = "[budget]\nevaluations = 10\n"


def test_campaigns_own_condition_comes_first_and_none_twice() -> None:
    own = Conditions(temperature_c=60.0, c_rate=0.05, loading_mg_cm2=20.0)
    found = at_conditions(own, [COLD, TestCondition(0.05, 60), COLD])
    assert [(one.c_rate, one.temperature_c, one.loading_mg_cm2) for one in found] == [(0.05, 60.0, 20.0), (0.2, 30.0, 20.0)]


def test_run_file_names_conditions() -> None:
    text = GOOD + "conditions = [{ c_rate = 0.05, temperature_c = 60 }, { c_rate = 0.2, temperature_c = 30 }]\n" + BUDGET
    plan = parse_plan(text, "mine.toml")
    assert plan.conditions == (TestCondition(0.05, 60), COLD)
    assert Plan.from_json(plan.as_json()) == plan
    without = {key: value for key, value in plan.as_json().items() if key != "conditions"}
    assert Plan.from_json(without).conditions == ()  # kept before runs had conditions


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ("{ c_rate = 0.2 }", r"\[conditions\] is incomplete .*temperature_c"),
        ("{ c_rate = 0.2, temperature = 30 }", r"\[conditions\] has no setting 'temperature'; its settings are c_rate, temperature_c"),
        ('{ c_rate = "fast", temperature_c = 30 }', r"\[conditions\] c_rate must be a number, got 'fast'"),
        ("{ c_rate = 0.2, temperature_c = 300 }", "conditions of run 'mine': temperature_c must be between -40 and 120 C, got 300"),
        ("0.2", r"'conditions' must be a list of tables; write \[\[conditions\]\]"),
    ],
)
def test_wrong_condition_is_refused(conditions: str, said: str) -> None:
    with pytest.raises(CampaignError, match=said):
        parse_plan(GOOD + f"conditions = [{conditions}]\n" + BUDGET, "mine.toml")


def test_goal_counts_at_the_campaigns_condition_and_the_others_stand_beside_it() -> None:
    plan = load_plan("analytic-sobol")
    job = Job(0, RECIPE, "analytic", 0, plan.campaign_text)
    alone, both = evaluate(job), evaluate(replace(job, conditions=(COLD,)))
    extra = {column(name, COLD) for name in DISCHARGED}
    assert {name: value for name, value in both.simulated.outcomes.items() if name not in extra} == alone.simulated.outcomes
    assert both.margins == alone.margins
    physics = load_campaign().physics()
    cold = replace(physics, conditions=replace(physics.conditions, c_rate=0.2, temperature_c=30.0)).outcomes(np.array([RECIPE]))
    assert both.simulated.outcomes["discharge_capacity@0.2C_30degC"] == cold.discharge_capacity[0]
    assert extra <= set(both.simulated.outcomes)


def test_discharge_that_fails_beside_the_goal_is_named_and_fails_no_trial() -> None:
    own = Result(Simulated({"discharge_capacity": 200.0}, {"discharge_capacity": 1.0}), {"limit": 1.0})
    cold = replace(load_campaign().conditions, c_rate=0.2, temperature_c=30.0)
    found = beside(own, {cold: Simulated({"porosity": 0.1}, status="solver_failed", detail="the solver gave up 3 times")})
    assert (found.state, found.simulated.outcomes, found.margins) == ("completed", {"discharge_capacity": 200.0}, {"limit": 1.0})
    assert found.simulated.detail == "at 0.2C_30degC: solver_failed (the solver gave up 3 times)"
    scattered = beside(own, {cold: Simulated({"discharge_capacity": 150.0}, {"discharge_capacity": 2.0})})
    assert scattered.simulated.sd == {"discharge_capacity": 1.0, "discharge_capacity@0.2C_30degC": 2.0}


def test_export_has_the_condition_in_the_name_of_the_column(store: Store) -> None:
    plan = replace(load_plan("analytic-sobol"), conditions=(COLD,))
    run = store.create(plan)
    (trial,) = store.ask(run, 0, [Proposal(RECIPE, "sobol")])
    result = evaluate(Job(0, RECIPE, plan.fidelity, 0, plan.campaign_text, plan.conditions))
    store.tell(run, [(trial, result)])
    written = io.StringIO()
    assert write_csv(store, run, written) == 1
    (row,) = csv.DictReader(io.StringIO(written.getvalue()))
    (same,) = export_rows(store, run)
    for name in DISCHARGED:
        assert float(row[column(name, COLD)]) == same[column(name, COLD)] == result.simulated.outcomes[column(name, COLD)]
    assert store.run().plan == plan
    assert store.history(run)[0].objectives == tuple(result.simulated.outcomes[name] for name in run.goal)


def test_driven_run_keeps_every_condition(tmp_path: Path) -> None:
    plan = replace(load_plan("analytic-sobol"), budget=Budget(evaluations=3), conditions=(COLD,))
    with Store(tmp_path / "runs.db", create=True) as store:
        store.create(plan)
        text = io.StringIO()
        write_csv(store, drive(store), text)
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert len(rows) == 3
    assert all(0.0 < float(row["discharge_capacity@0.2C_30degC"]) < float(row["discharge_capacity"]) for row in rows)
