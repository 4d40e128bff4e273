"""Runs that evaluate or are kept elsewhere: the commands on PostgreSQL, where a run is evaluated, and what a worker keeps."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from optimizer.cli import app
from optimizer.runs.evaluate import Job, evaluate
from optimizer.runs.plan import ExecutorSettings, Plan, load_plan
from optimizer.runs.store import Store
from workers import RayExecutor


def glittercake(*arguments: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, ["campaign", *arguments])
    return answer.exit_code, answer.stdout + answer.stderr


def test_every_command_takes_the_url_of_a_store_and_shows_no_password(postgres_url: str, tmp_path: Path) -> None:
    password = str(make_url(postgres_url).password)
    where = ("--store", postgres_url)
    code, said = glittercake("status", *where)
    assert (code, "there is no store postgresql://tester:***@127.0.0.1" in said) == (1, True)
    for command in (("create", "analytic-sobol", "--evaluations", "6"), ("resume", "--evaluations", "8"), ("status", "--json"), ("export",)):
        code, said = glittercake(*command, *where)
        assert code == 0, said
        assert password not in said
    assert said.count("\n") == 9  # a header and eight trials
    code, said = glittercake("report", *where, "--output", str(tmp_path / "report.html"))
    assert code == 0, said
    assert password not in (tmp_path / "report.html").read_text(encoding="utf-8")
    with Store(postgres_url) as store:
        assert store.run().reason == "budget of 8 evaluations used"


def test_store_of_a_wrong_password_is_one_sentence(postgres_url: str) -> None:
    wrong = make_url(postgres_url).set(password="geheim-77").render_as_string(hide_password=False)
    code, said = glittercake("run", "analytic-sobol", "--store", wrong)
    assert code == 1
    assert "password authentication failed" in said
    assert "geheim" not in said


def test_cluster_that_does_not_answer_is_one_sentence_and_stops_the_run(tmp_path: Path) -> None:
    store = str(tmp_path / "runs.db")
    code, said = glittercake("run", "analytic-sobol", "--store", store, "--address", "127.0.0.1:1")
    assert code == 1
    assert 'no Ray cluster answers at "127.0.0.1:1"' in said
    with Store(store) as opened:
        run = opened.run()
    assert (run.state, run.plan.executor) == ("stopped", ExecutorSettings("ray", address="127.0.0.1:1"))


def test_settings_move_to_a_cluster_and_back() -> None:
    here = ExecutorSettings("processes", 2, 60.0)
    assert here.at(None, None) == here
    there = here.at("head:6379", 64)
    assert there == ExecutorSettings("ray", 64, 60.0, "head:6379")
    assert there.at("local", None) == ExecutorSettings("ray", 64, 60.0)


def test_plan_of_before_clusters_is_read() -> None:
    data = json.loads(json.dumps(load_plan("analytic-sobol").as_json()))
    del data["executor"]["address"], data["executor"]["memory_mb"]
    plan = Plan.from_json(data)
    assert (plan, plan.memory_mb) == (load_plan("analytic-sobol"), 200.0)


def build_count(job: Job) -> tuple[int, int]:
    """Return this process and how many cell models it has built after an evaluation."""
    from objectives.discharge.model import simulation

    assert evaluate(job).simulated.status == "ok"
    return os.getpid(), simulation.cache_info().misses


@pytest.mark.slow
def test_worker_builds_the_cell_model_once() -> None:
    pytest.importorskip("pybamm")
    text = load_plan("analytic-sobol").campaign_text
    jobs = [Job(i, (am, 5.0, 1.5, 2.3), "cell", i, text) for i, am in enumerate((75.0, 80.0, 85.0))]
    with RayExecutor(1) as executor:
        found = list(executor.map(build_count, jobs))
    assert found == [(found[0][0], 1)] * 3
