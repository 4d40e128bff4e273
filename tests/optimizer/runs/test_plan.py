"""Run files: the bundled ones are sound, and every mistake is one sentence with the remedy."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from optimizer.goal import CampaignError
from optimizer.runs.plan import SAMPLERS, Plan, load_plan, parse_plan, shipped

GOOD = 'name = "mine"\n[budget]\nevaluations = 10\n'


def test_a_run_of_each_strategy_and_sampler_is_bundled() -> None:
    names = [name for name in shipped() if name.startswith("analytic-") and name != "analytic-cma-es"]  # the others need more packages
    plans = [load_plan(name) for name in names]
    assert {plan.strategy.kind for plan in plans} == {"auto", "bayesian", "sobol", "random", "optuna"}
    assert {plan.strategy.sampler for plan in plans if plan.strategy.kind == "optuna"} == set(SAMPLERS) - {"cma-es"}
    assert [plan.name for plan in plans] == names


def test_bundled_run_of_cma_es_seeks_one_objective() -> None:
    pytest.importorskip("cmaes")
    assert [objective.outcome for objective in load_plan("analytic-cma-es").goal()] == ["volumetric_energy_density"]


def test_plan_survives_the_store() -> None:
    for name in ("analytic-auto", "analytic-sobol"):
        plan = load_plan(name)
        assert Plan.from_json(json.loads(json.dumps(plan.as_json()))) == plan


def test_campaign_file_beside_the_run_file_is_found(tmp_path: Path) -> None:
    text = files("configs").joinpath("ncm811-lpscl.toml").read_text(encoding="utf-8")
    (tmp_path / "own.toml").write_text(text.replace("upper = 92", "upper = 88"), encoding="utf-8")
    (tmp_path / "run.toml").write_text('campaign = "own.toml"\n' + GOOD, encoding="utf-8")
    assert load_plan(str(tmp_path / "run.toml")).campaign().space.parameters[0].upper == 88


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "x"', "mine.toml has no 'budget'; add it"),
        (GOOD + "[stratgy]\n", "mine.toml has an unknown table 'stratgy'"),
        (GOOD + '[strategy]\nkind = "magic"', r"\[strategy\] kind must be one of auto, bayesian, sobol, random, optuna, got 'magic'; choose one"),
        (GOOD + '[strategy]\nkind = "optuna"\nsampler = "x"', r"\[strategy\] sampler must be one of tpe, nsga-ii, .* got 'x'"),
        (GOOD + "[strategy]\nhand_over = 2", r"\[strategy\] hand_over must be at least 8, got 2; raise it"),
        (GOOD.replace("10", "0"), r"\[budget\] evaluations must be at least 1, got 0; raise it"),
        (GOOD.replace("10", "2000000"), r"\[budget\] evaluations must be at most 1000000, got 2000000; plan several runs"),
        (GOOD.replace("10", "1.5"), r"\[budget\] evaluations must be a whole number, got 1\.5"),
        (GOOD + "hours = 0", r"\[budget\] hours must be above 0, got 0"),
        (GOOD + "[stop]\ngain = 2", r"\[stop\] gain must be a share from 0 to below 1, got 2"),
        (GOOD + "[executor]\nworkers = 4", r"\[executor\] workers must be 1 inline, got 4; use processes or ray"),
        (GOOD + "[executor]\ntime_limit_s = 4", r"\[executor\] time_limit_s 4 cannot be kept inline"),
        (GOOD + "[executor]\naddress = 'a:1'", r"\[executor\] address 'a:1' is a Ray cluster's, got kind \"inline\"; write kind = \"ray\""),
        (GOOD + "[executor]\nmemory_mb = 0", r"\[executor\] memory_mb must be above 0, got 0"),
        ('fidelity = "guess"\n' + GOOD, "fidelity must be one of analytic, cell, micro, got 'guess'"),
        ("seed = -1\n" + GOOD, "the seed must be a whole number from 0 to 2147483647, got -1"),
        ('seed = "x"\n' + GOOD, "seed must be a whole number, got 'x'"),
        ('objectives = ["porosity"]\n' + GOOD, r"objectives of run 'mine' must be the campaign's \(discharge_capacity, .*\), got 'porosity'"),
        ('campaign = "nowhere.toml"\n' + GOOD, r"the campaign file nowhere\.toml cannot be read"),
        (GOOD + '[strategy]\nkind = "optuna"\nsampler = "cma-es"', r"sampler cma-es seeks one objective, got 2 .*choose with objectives = \["),
        (GOOD.replace("mine", ""), "the name of a run must be a line of 1 to 100 characters, got ''"),
    ],
)
def test_mistake_in_a_run_file_is_said(text: str, said: str) -> None:
    with pytest.raises(CampaignError, match=said):
        parse_plan(text, "mine.toml")


def test_outcome_that_no_simulation_gives_is_refused(tmp_path: Path) -> None:
    text = files("configs").joinpath("ncm811-lpscl.toml").read_text(encoding="utf-8")
    own = '\n[[outcome]]\nname = "retention"\nunit = "%"\nrepeatability = 1.0\n[[limit]]\noutcome = "retention"\nmin = 80\n'
    (tmp_path / "own.toml").write_text(text + own, encoding="utf-8")
    with pytest.raises(CampaignError, match="limit retention of run 'mine' must be an outcome that a simulation gives; leave it out"):
        parse_plan('campaign = "own.toml"\n' + GOOD, "mine.toml", tmp_path)


def test_missing_run_file_names_the_bundled_ones() -> None:
    with pytest.raises(CampaignError, match=r"there is no run file 'none'; write one, or use a bundled one: analytic-auto, .*analytic-tpe"):
        load_plan("none")
