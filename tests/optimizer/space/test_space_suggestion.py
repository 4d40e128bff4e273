"""Proposals without physics: they keep the limits, learn, repeat nothing, and need no code for another field."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from objectives.constraints import holds
from objectives.repair import InfeasibleError
from objectives.studies import read_data
from optimizer.cli import app
from optimizer.goal import CampaignError
from optimizer.request import SuggestError
from optimizer.space.campaign import SpaceCampaign, load_space_campaign, parse_space_campaign
from optimizer.space.check import check_in_space
from optimizer.space.model import fit_space_model
from optimizer.space.suggestion import SpaceSuggestions, suggest_in_space
from optimizer.space.table import Trial, read_trials, recipes_of

Truth = Callable[[Mapping[str, float | str]], dict[str, float]]


def measured(answer: SpaceSuggestions, truth: Truth, seed: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    sd = {"areal_capacity": 0.02, "rate_retention": 1.0, "adhesion": 0.5}
    return [
        {**s.recipe, **{name: max(v + sd[name] * rng.standard_normal(), 0.01) for name, v in truth(s.recipe).items()}} for s in answer.suggestions
    ]


def rows_of(answer: SpaceSuggestions) -> np.ndarray:
    return np.stack([answer.campaign.row(s.recipe) for s in answer.suggestions])


@pytest.fixture(scope="module")
def trials(truth: Truth) -> tuple[Trial, ...]:
    campaign = load_space_campaign("graphite-anode")
    return read_trials(measured(suggest_in_space(campaign, 10, 3), truth), campaign).require_clean()


def test_cold_start_fills_the_space_within_the_limits(graphite: SpaceCampaign) -> None:
    answer = suggest_in_space(graphite, 12, 1)
    x = rows_of(answer)
    assert answer.strategy == "sobol"
    assert holds(graphite.constraints, x).all()
    assert len(np.unique(x, axis=0)) == 12
    assert {s.recipe["binder"] for s in answer.suggestions} == {"CMC-SBR", "PVDF", "PAA"}
    assert all(not s.predicted for s in answer.suggestions)
    assert all(sum(s.masses_mg.values()) == pytest.approx(20_000.0) for s in answer.suggestions)


def test_measured_trials_teach_and_the_batch_keeps_every_limit(graphite: SpaceCampaign, trials: tuple[Trial, ...]) -> None:
    answer = suggest_in_space(graphite, 4, 0, trials=trials)
    x = rows_of(answer)
    assert answer.strategy == "bayesian"
    assert holds(graphite.constraints, x).all()
    assert graphite.space.on_grid(x).all()
    assert all(s.probability >= graphite.probability - 0.03 for s in answer.suggestions)
    for s in answer.suggestions:
        assert set(s.predicted) == {"areal_capacity", "rate_retention", "adhesion"}
        assert s.reason.startswith("From row ")
        assert "Expects areal_capacity" in s.reason


def test_same_question_same_answer(graphite: SpaceCampaign, trials: tuple[Trial, ...]) -> None:
    first, second = (json.dumps(suggest_in_space(graphite, 3, 5, trials=trials).as_json()) for _ in range(2))
    assert first == second


def test_pending_and_measured_recipes_are_not_repeated(graphite: SpaceCampaign, trials: tuple[Trial, ...]) -> None:
    first = rows_of(suggest_in_space(graphite, 4, 0, trials=trials))
    second = rows_of(suggest_in_space(graphite, 4, 0, trials=trials, pending=first))
    known = {tuple(row) for row in np.concatenate([first, recipes_of(trials, graphite)])}
    assert not {tuple(row) for row in second} & known


def test_three_batches_do_better_than_as_many_random_trials(graphite: SpaceCampaign, trials: tuple[Trial, ...], truth: Truth) -> None:
    def hypervolume(rows: list[dict[str, Any]]) -> float:
        good = [(r["areal_capacity"] - 1.0, r["rate_retention"] - 40.0) for r in map(truth, rows) if r["adhesion"] >= 10.0]
        front = sorted((p for p in good if min(p) > 0.0), reverse=True)
        total = height = 0.0
        for (a, b), after in zip(front, [*(p[0] for p in front[1:]), 0.0], strict=True):
            height = max(height, b)
            total += height * (a - after)
        return total

    start = [graphite.recipe(row) for row in recipes_of(trials, graphite)]
    ours, known = list(start), trials
    for batch in range(3):
        answer = suggest_in_space(graphite, 4, batch, trials=known)
        ours += [s.recipe for s in answer.suggestions]
        known = (*known, *read_trials(measured(answer, truth, batch), graphite).require_clean())
    blind = [start + [s.recipe for s in suggest_in_space(graphite, 12, 100 + seed, strategy="sobol").suggestions] for seed in range(5)]
    assert hypervolume(ours) > max(map(hypervolume, blind))


def test_failures_lower_the_probability_of_success_nearby(graphite: SpaceCampaign, trials: tuple[Trial, ...]) -> None:
    usual = {**graphite.recipe(np.array(trials[0].recipe)), "binder_wt": 3.0, "carbon_wt": 1.0, "graphite_wt": 96.0}
    near, far = (graphite.row({**usual, "binder": binder}) for binder in ("PVDF", "PAA"))
    failed = tuple(Trial(50 + i, f"f{i}", tuple(near), {}, "failed_process") for i in range(3))

    def success(row: np.ndarray, cells: tuple[Trial, ...]) -> float:
        return next(s.probability for s in check_in_space(graphite, row, cells).limits if s.name == "success")

    assert success(near, (*trials, *failed)) < 0.5 < success(near, trials)
    assert success(far, (*trials, *failed)) > success(near, (*trials, *failed))
    invalid = tuple(Trial(t.row, t.name, t.recipe, {}, "invalid") for t in failed)
    assert success(near, (*trials, *invalid)) == success(near, trials)


def test_only_listed_candidates_are_proposed(graphite: SpaceCampaign, trials: tuple[Trial, ...]) -> None:
    listed = rows_of(suggest_in_space(graphite, 20, 9))
    listed[:, 3] += 0.003  # on no lab grid: prepared is prepared
    for known in ((), trials):
        answer = suggest_in_space(graphite, 5, 0, trials=known, candidates=listed)
        assert {tuple(row) for row in rows_of(answer)} <= {tuple(row) for row in listed}
        assert len(answer.suggestions) == 5
    with pytest.raises(SuggestError, match=r"only \d\d new feasible recipes are left for a batch of 30"):
        suggest_in_space(graphite, 30, 0, candidates=listed)
    broken = listed.copy()
    broken[:, graphite.space.names.index("binder_wt")] = 20.0
    with pytest.raises(InfeasibleError, match=r"none of its \d\d does"):
        suggest_in_space(graphite, 5, 0, candidates=broken)


def test_mean_in_the_file_teaches_from_the_third_trial(graphite: SpaceCampaign, trials: tuple[Trial, ...], truth: Truth) -> None:
    text = read_data("graphite-anode.toml").replace("repeatability = 0.05", 'repeatability = 0.05\nmean = "0.003 * loading_mg_cm2 * graphite_wt"', 1)
    expecting = parse_space_campaign(text, "mine.toml")
    asked = rows_of(suggest_in_space(graphite, 20, 77))
    true = np.array([truth(graphite.recipe(row))["areal_capacity"] for row in asked])
    errors = []
    for campaign in (expecting, graphite):
        drawn = fit_space_model(campaign, trials[:3]).samples(asked, 512, 0, joint=False).outcomes["areal_capacity"]
        errors.append(float(np.sqrt(np.mean((drawn.mean(axis=0) - true) ** 2))))
    assert errors[0] < 0.2
    assert errors[0] < 0.4 * errors[1]


def test_mean_over_unknown_names_is_refused() -> None:
    text = read_data("graphite-anode.toml").replace("repeatability = 0.05", 'repeatability = 0.05\nmean = "0.003 * loading"', 1)
    with pytest.raises(CampaignError, match='mean of outcome areal_capacity: "loading" in the formula'):
        parse_space_campaign(text, "mine.toml")


def test_bayesian_without_values_is_refused(graphite: SpaceCampaign) -> None:
    with pytest.raises(SuggestError, match="bayesian needs measured values of areal_capacity, rate_retention, adhesion"):
        suggest_in_space(graphite, 2, 0, strategy="bayesian")


def test_space_of_astronomical_size_and_three_objectives() -> None:
    """Twenty categories of fifty options: nothing may enumerate their product."""
    options = [f"o{i}" for i in range(50)]
    text = "name = 'vast'\nphysics = 'none'\n"
    text += "".join(f"[space.c{i}]\noptions = {options}\n" for i in range(20)) + "[space.x]\nlower = 0\nupper = 1\n"
    text += "".join(
        f"[[outcome]]\nname = 'y{i}'\nunit = ''\nrepeatability = 0.1\n[[objective]]\noutcome = 'y{i}'\nreference = -3.0\n" for i in range(3)
    )
    campaign = parse_space_campaign(text, "vast.toml")
    rng = np.random.default_rng(0)
    recipes = [s.recipe for s in suggest_in_space(campaign, 12, 0).suggestions]
    rows = [{**recipe, **{f"y{i}": float(recipe["x"]) + rng.standard_normal() for i in range(3)}} for recipe in recipes]
    answer = suggest_in_space(campaign, 2, 0, trials=read_trials(rows, campaign).require_clean())
    assert answer.strategy == "bayesian"
    assert len(answer.suggestions) == 2


# The command line.


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


GIVEN = ["--set", "carbon_wt=1", "--set", "solids_wt=50", "--set", "loading_mg_cm2=8", "--set", "density_g_cm3=1.4", "--set", "binder=PVDF"]


def test_commands_take_a_campaign_without_physics(tmp_path: Path, truth: Truth) -> None:
    campaign = load_space_campaign("graphite-anode")
    table = tmp_path / "trials.csv"
    assert run("template", str(table), "--campaign", "graphite-anode").exit_code == 0
    rows = measured(suggest_in_space(campaign, 8, 3), truth)
    headers = table.read_text(encoding="utf-8-sig").strip().split(",")
    names = [header.split(" (")[0] for header in headers]
    lines = [",".join(str(row.get(name, "")) for name in names) for row in rows]
    table.write_text(",".join(headers) + "\n" + "\n".join(lines) + "\n", encoding="utf-8")
    imported = run("import", str(table), "--campaign", "graphite-anode", "--json")
    assert json.loads(imported.stdout)["outcomes"] == {"areal_capacity": 8, "rate_retention": 8, "adhesion": 8}
    suggested = run("suggest", str(table), "--campaign", "graphite-anode", "-n", "2", "--json")
    assert suggested.exit_code == 0, suggested.stderr
    batch = tmp_path / "batch.json"
    batch.write_text(suggested.stdout, encoding="utf-8")
    first = [s["recipe"] for s in json.loads(suggested.stdout)["suggestions"]]
    again = run("suggest", str(table), "--campaign", "graphite-anode", "-n", "2", "--pending", str(batch), "--json")
    assert not [s for s in json.loads(again.stdout)["suggestions"] if s["recipe"] in first]
    listed = run("suggest", "--campaign", "graphite-anode", "-n", "2", "--candidates", str(table))
    assert "campaign graphite-anode" in listed.stdout
    predicted = run("predict", *GIVEN, "--set", "binder_wt=3", "--campaign", "graphite-anode", "--cells", str(table), "--json")
    assert set(json.loads(predicted.stdout)["predicted"]) == {"areal_capacity", "rate_retention", "adhesion"}


def test_journal_records_what_changed_between_batches(tmp_path: Path) -> None:
    journal, file = tmp_path / "journal.jsonl", tmp_path / "mine.toml"
    file.write_text(read_data("graphite-anode.toml"), encoding="utf-8")
    assert run("suggest", "--campaign", str(file), "-n", "1", "--journal", str(journal)).exit_code == 0
    file.write_text(read_data("graphite-anode.toml").replace("upper = 14", "upper = 12").replace("max = 100.0", "max = 90.0"), encoding="utf-8")
    second = run("suggest", "--campaign", str(file), "-n", "1", "--journal", str(journal), "--json")
    changes = {(c["before"], c["after"]) for c in json.loads(second.stdout)["changes_since_last_batch"]}
    assert changes == {(14.0, 12.0), (100.0, 90.0)}


def test_check_names_the_limit_and_the_nearest_recipe() -> None:
    passed = run("check", *GIVEN, "--set", "binder_wt=3", "--campaign", "graphite-anode", "--json")
    assert passed.exit_code == 0
    assert json.loads(passed.stdout)["recipe"]["graphite_wt"] == 96.0
    refused = run("check", *GIVEN, "--set", "binder_wt=9.5", "--campaign", "graphite-anode")
    assert refused.exit_code == 1
    assert "breaks bounds.binder_wt by 1.5 wt%" in refused.stderr
    assert "inactive solids by 0.5 wt%" in refused.stderr
    assert "nearest recipe that passes: graphite_wt 9" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["suggest", "--campaign", "graphite-anode", "--study", "kim2025"], "--study needs the electrode's physics"),
        (["suggest", "--campaign", "graphite-anode", "--acquisition", "qlognehvi"], "--acquisition qlognehvi needs the electrode's physics"),
        (["suggest", "--campaign", "graphite-anode", "-n", "0"], "must be between 1 and 32, got 0"),
        (["check", "--campaign", "graphite-anode", "--set", "binder"], '--set must be NAME=VALUE, got "binder"'),
        (["check", "--campaign", "graphite-anode", "--set", "binder=A", "--set", "binder=B"], "--set must name a parameter once"),
        (["check", "--campaign", "graphite-anode", *GIVEN], "binder_wt must be given, got none"),
    ],
)
def test_question_that_makes_no_sense_is_refused(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
