"""Schedules in run files: how many evaluations each stage has, at which fidelity the result counts, and every mistake in one sentence."""

import json

import pytest

from optimizer.goal import CampaignError
from optimizer.runs.history import Trial
from optimizer.runs.plan import Plan, load_plan, parse_plan
from optimizer.runs.schedule import Stage, counted, reached, rooms

pytest.importorskip("pybamm")

TWO = 'name = "mine"\n[[stage]]\nfidelity = "analytic"\nevaluations = 200\n[[stage]]\nfidelity = "cell"\n'


def plan_of(text: str) -> Plan:
    return parse_plan(text, "mine.toml")


def test_stages_that_state_all_need_no_budget() -> None:
    plan = plan_of(TWO + "share = 0.05\n")
    assert (plan.budget.evaluations, plan.fidelity, plan.fidelities) == (210, "analytic", ("analytic", "cell"))


def test_last_stage_takes_what_the_others_leave() -> None:
    stages = (Stage("analytic", 200), Stage("cell", share=0.1), Stage("micro"))
    assert rooms(stages, 225) == [200, 20, 5]
    assert rooms(stages, 500) == [200, 20, 280]  # a budget made larger goes to the last stage
    assert rooms(stages, 210) == [200, 10, 0]  # one made smaller ends the run earlier
    assert rooms(stages, 30) == [30, 0, 0]


def test_share_is_of_the_stage_before_and_never_nothing() -> None:
    assert rooms((Stage("analytic", 10), Stage("cell", share=0.01), Stage("cell", share=1.0)), 12) == [10, 1, 1]


def test_plan_with_stages_and_costs_survives_the_store() -> None:
    plan = load_plan("screen-then-cell")
    assert Plan.from_json(json.loads(json.dumps(plan.as_json()))) == plan
    assert json.loads(json.dumps(plan.as_json())) == plan.as_json()


def test_result_counts_at_the_highest_fidelity_that_has_completed_once() -> None:
    plan = plan_of(TWO + "evaluations = 10\n")
    recipe = (80.0, 5.0, 2.0, 1.0)
    screened = [Trial(i, recipe, "sobol", 2 * i, ended=2 * i + 1, state="completed", notes={"stage": 0, "fidelity": "analytic"}) for i in range(3)]
    notes = {"stage": 1, "fidelity": "cell", "promoted_from": 0}
    for state, fidelity in (("running", "analytic"), ("failed", "analytic"), ("completed", "cell")):
        history = [*screened, Trial(3, recipe, "promotion to cell", 6, state=state, notes=notes)]
        assert reached(plan, history) == fidelity
        assert [trial.number for trial in counted(plan, history)] == ([3] if fidelity == "cell" else [0, 1, 2])
    assert reached(plan, []) == "analytic"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TWO, r"the last stage takes what the budget leaves; give evaluations in \[budget\], or of that stage"),
        (TWO + "[budget]\nevaluations = 200", r"\[budget\] evaluations must be above the 200 of the stages before the last, got 200; raise it"),
        (TWO + "share = 0.05\n[budget]\nevaluations = 300", r"\[budget\] evaluations must be what the stages add up to, 210, got 300; leave one out"),
        (TWO + "share = 0.05\nevaluations = 3", r"\[\[stage\]\] cell has evaluations 3 and share 0.05; keep one of the two"),
        (TWO + "share = 5", r"\[\[stage\]\] share must be above 0 and at most 1, got 5; 0.05 promotes one recipe of twenty"),
        (TWO + "evaluations = 0", r"\[\[stage\]\] evaluations must be at least 1, got 0; raise it"),
        (TWO + "evaluations = 5\ndoubt = 2", r"\[\[stage\]\] doubt must be a share from 0 to 1, got 2"),
        (TWO + 'evaluations = 5\nby = "chance"', r"\[\[stage\]\] by must be strategy or promotion, got 'chance'; choose one"),
        (TWO + "evaluations = 5\nsize = 2", r"\[stage\] has no setting 'size'; its settings are by, doubt, evaluations, fidelity, share"),
        (TWO.replace('"cell"', '"guess"') + "share = 1", r"\[\[stage\]\] fidelity must be one of analytic, cell, micro, got 'guess'"),
        (TWO.replace('"analytic"', '"micro"') + "share = 1", r"stage 2 \(cell\) follows micro, and fidelity must not fall"),
        (TWO.replace('"cell"', '"analytic"') + "share = 1", r'stage 2 \(analytic\) promotes from a lower fidelity, .* give it by = "strategy"'),
        (TWO.replace("evaluations = 200\n", "") + "evaluations = 5", r"stage 1 \(analytic\) needs evaluations or share; only the last stage may"),
        (TWO.replace("evaluations = 200", "share = 0.5") + "share = 1", r"stage 1 \(analytic\) has share 0.5 of no stage before it"),
        (TWO.replace("evaluations = 200", 'evaluations = 200\nby = "promotion"') + "share = 1", r"stage 1 \(analytic\) has nothing below it"),
        ('fidelity = "cell"\n' + TWO + "share = 1", "fidelity of run 'mine' must be that of its first stage, analytic, got cell; leave it out"),
        (TWO + "share = 1\n[cost]\nanalytic = 1", r"\[cost\] has no price of cell, which the run uses; state it, or none for seconds as measured"),
        (TWO + "share = 1\n[cost]\nanalytic = -1", r"\[cost\] analytic must be 0 s or more, got -1; correct it"),
        (TWO + 'share = 1\n[cost]\nunit = "EUR"', r"\[cost\] unit 'EUR' needs the price of each fidelity, for only seconds can be measured"),
        (TWO + "share = 1\n[budget]\ncost = 0", r"\[budget\] cost must be above 0, got 0; leave it out for no limit"),
    ],
)
def test_mistake_in_a_schedule_is_said(text: str, said: str) -> None:
    with pytest.raises(CampaignError, match=said):
        plan_of(text)
