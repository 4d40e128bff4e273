from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from objectives.recipe import format_coating
from objectives.studies import read_data
from optimizer.cli import app
from optimizer.cli.render import interval_text, show_suggestions
from optimizer.model import FittedModel
from optimizer.suggestion import suggest_from

RECIPE = ["--am", "85", "--coating", "95:5", "--se-size", "1.5", "--vgcf", "2.3"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_check_json_has_the_promised_keys() -> None:
    result = run("check", *RECIPE, "--json")
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert {"recipe", "conditions", "feasible", "predicted", "limits", "nearest_feasible"} <= set(data)
    assert data["feasible"] is True
    wanted = {
        "porosity",
        "ionic_tortuosity_factor",
        "electronic_tortuosity_factor",
        "discharge_capacity",
        "areal_capacity",
        "electrode_density",
        "volumetric_energy_density",
        "gravimetric_energy_density",
    }
    assert wanted <= set(data["predicted"])


def test_refused_recipe_exits_with_one_and_prints_its_object() -> None:
    result = run("check", "--am", "85", "--coating", "25", "--se-size", "1.5", "--vgcf", "2.3", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["feasible"] is False
    assert "shell_budget by" in result.stderr
    assert "nearest recipe that passes" in result.stderr
    assert result.stderr.count("\n") == 1


def test_predict_exits_with_zero_for_an_infeasible_composition() -> None:
    result = run("predict", "--am", "85", "--coating", "25", "--se-size", "1.5", "--vgcf", "2.3", "--json")
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert data["feasible"] is False
    assert data["nearest_feasible"] is not None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["check", "--am", "190", "--coating", "none", "--se-size", "1", "--vgcf", "0"], "am_wt must be above 0 and at most 100"),
        (["check", "--am", "85", "--coating", "fish", "--se-size", "1", "--vgcf", "0"], "fish"),
        (["check", "--am", "85", "--coating", "none", "--se-size", "-1", "--vgcf", "0"], "se_particle_um must be above 0"),
        (["check", *RECIPE, "--study", "nobody"], "there is no study 'nobody'; use one of kim2025"),
        (["check", *RECIPE, "--c-rate", "0"], "c_rate must be between 0.001 and 10"),
        (["check", *RECIPE, "--campaign", "missing.toml"], "missing.toml cannot be read"),
        (["suggest", "-n", "0"], "between 1 and 32, got 0"),
        (["suggest", "--seed", "-1"], "from 0 to 2147483647, got -1"),
        (["suggest", "--seed", "99999999999"], "from 0 to 2147483647, got 99999999999"),
        (["suggest", "--pending", "missing.json"], "missing.json cannot be read"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(arguments: list[str], sentence: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("arguments", [["check"], ["nonsense"], ["suggest", "--strategy", "magic"], ["check", *RECIPE, "--am", "many"]])
def test_wrong_usage_exits_with_two(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_suggest_prints_a_batch_that_can_be_passed_back_as_pending(tmp_path: Path) -> None:
    first = run("suggest", "-n", "2", "--json")
    assert first.exit_code == 0
    file = tmp_path / "batch.json"
    file.write_text(first.stdout, encoding="utf-8")
    second = run("suggest", "-n", "2", "--json", "--pending", str(file))
    assert second.exit_code == 0
    recipes = [[json.dumps(s["recipe"]) for s in json.loads(r.stdout)["suggestions"]] for r in (first, second)]
    assert not set(recipes[0]) & set(recipes[1])


def test_suggest_prints_a_table_with_reasons_and_masses() -> None:
    result = run("suggest", "-n", "1")
    assert result.exit_code == 0
    assert "Why" in result.stdout
    assert "Weigh, mg" in result.stdout
    assert "Wh/L" in result.stdout


def test_simulate_gives_each_c_rate() -> None:
    result = run("simulate", *RECIPE, "--c-rate", "0.05", "--c-rate", "0.5", "--json")
    assert result.exit_code == 0
    runs = json.loads(result.stdout)["discharges"]
    assert [r["c_rate"] for r in runs] == [0.05, 0.5]
    assert runs[0]["discharge_capacity"]["value"] > runs[1]["discharge_capacity"]["value"]
    assert run("simulate", *RECIPE).exit_code == 0


def test_calibrate_verifies_the_shipped_file_and_writes_elsewhere_on_request(tmp_path: Path) -> None:
    assert run("calibrate", "--verify").exit_code == 0
    target = tmp_path / "calibration.json"
    first = run("calibrate", "--output", str(target), "--json")
    assert json.loads(first.stdout)["changed"] is True
    text = target.read_text(encoding="utf-8")
    second = run("calibrate", "--output", str(target), "--json")
    assert json.loads(second.stdout)["changed"] is False
    assert target.read_text(encoding="utf-8") == text
    target.write_text("{}", encoding="utf-8")
    assert run("calibrate", "--output", str(target), "--verify").exit_code == 1


def test_doctor_finds_nothing_to_mend() -> None:
    result = run("doctor", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["ok"] is True


def test_validate_scores_every_model_on_a_study() -> None:
    result = run("validate", "--study", "bazzoun2026", "--executor", "inline", "--json")
    assert result.exit_code == 0, result.output
    scores = json.loads(result.stdout)["scores"]
    assert {s["model"] for s in scores} == {"fused", "physics", "gp-plain", "gp-multitask", "gp-sklearn", "forest"}
    assert all(s["coverage_wilson_95"][0] <= s["coverage_90"] <= s["coverage_wilson_95"][1] for s in scores)


def test_validate_leaves_out_the_designs_of_a_table(tmp_path: Path) -> None:
    file = tmp_path / "cells.csv"
    run("template", str(file))
    answer = json.loads(run("validate", str(file), "--executor", "inline", "--json").stdout)
    assert {(row["row"], row["outcome"]) for row in answer["rows"]} == {
        (name, outcome) for name in ("Model 4, 85 wt%", "Model 4, 75 wt%") for outcome in ("porosity", "discharge_capacity")
    }
    assert sum(s["chosen"] for s in answer["scores"]) == 2
    assert "every model refitted without it" in run("validate", str(file), "--executor", "inline").stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--campaign", "graphite-anode"], "name a table"),
        (["TABLE", "--leave", "study"], "a table is one study"),
        (["TABLE", "--campaign", "graphite-anode"], "does without"),
    ],
)
def test_validate_refuses_what_makes_no_sense(tmp_path: Path, options: list[str], said: str) -> None:
    file = tmp_path / "cells.csv"
    run("template", str(file))
    result = run("validate", *(str(file) if o == "TABLE" else o for o in options))
    assert result.exit_code == 1
    assert said in result.output


def test_template_imports_and_teaches(tmp_path: Path) -> None:
    for name in ("cells.csv", "cells.xlsx"):
        file = tmp_path / name
        assert run("template", str(file)).exit_code == 0
        read = json.loads(run("import", str(file), "--json").stdout)
        assert read["cells"] == 2
        assert read["outcomes"]["discharge_capacity"] == 2
        assert run("template", str(file)).exit_code == 1  # never over a file that is there
    answer = run("suggest", str(tmp_path / "cells.csv"), "-n", "1", "--json")
    assert answer.exit_code == 0
    data = json.loads(answer.stdout)
    assert data["conditions"]["study"] == "new"
    assert "your cells" in data["suggestions"][0]["reason"]
    predicted = json.loads(run("predict", *RECIPE, "--cells", str(tmp_path / "cells.csv"), "--json").stdout)["predicted"]
    assert predicted["discharge_capacity"]["mean"] == pytest.approx(198.9, abs=4.0)


def test_bad_table_is_refused_whole_and_can_be_skipped(tmp_path: Path) -> None:
    file = tmp_path / "cells.csv"
    header = "name,AM (wt%),coating,SE size (um),VGCF (wt%),discharge capacity (mAh/g)"
    file.write_text(f"{header}\na,85,95:5,1.5,2.3,198\nb,185,95:5,1.5,2.3,190\nc,85,fish,1.5,2.3,190\n", encoding="utf-8")
    refused = run("suggest", str(file))
    assert refused.exit_code == 1
    assert "row 3" in refused.stderr
    assert "row 4" in refused.stderr
    skipped = run("import", str(file), "--skip-bad-rows", "--json")
    assert skipped.exit_code == 0
    assert json.loads(skipped.stdout)["skipped_rows"] == [3, 4]
    assert run("import", str(tmp_path / "missing.csv")).exit_code == 1


@pytest.mark.parametrize("width", [60, 80, 100, 120, 150])
def test_recipe_is_whole_on_a_terminal_of_any_width(width: int, model: FittedModel) -> None:
    out = Console(width=width, record=True, file=io.StringIO(), highlight=False)
    answer = suggest_from(model, 2, 0, np.zeros((0, 4)))
    show_suggestions(answer, out)
    lines = [line for line in out.export_text().splitlines() if line.startswith(("1 ", "2 "))][:2]
    for line, s in zip(lines, answer.suggestions, strict=True):
        cells = line.split()
        assert cells[1:5] == [f"{s.recipe.am_wt:g}", format_coating(s.recipe.coating_se_wt), f"{s.recipe.se_particle_um:g}", f"{s.recipe.vgcf_wt:g}"]
        assert "…" not in line
        assert interval_text(s.predicted["volumetric_energy_density"], 4) in line


def test_name_of_a_campaign_is_printed_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(read_data("ncm811-lpscl.toml").replace('name = "ncm811-lpscl"', 'name = "[bold]x[/nope]"'), encoding="utf-8")
    result = run("suggest", "-n", "1", "--campaign", str(file))
    assert result.exit_code == 0
    assert "[bold]x[/nope]" in result.stdout


def test_bad_request_is_one_sentence_before_any_work() -> None:
    result = run("suggest", "-n", "40")
    assert result.exit_code == 1
    assert result.stderr == "glittercake: the number of recipes must be between 1 and 32, got 40; ask for fewer, or run several batches\n"


def test_campaign_in_another_unit_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(read_data("ncm811-lpscl.toml").replace('unit = "um"', 'unit = "mm"'), encoding="utf-8")
    result = run("check", *RECIPE, "--campaign", str(file))
    assert result.exit_code == 1
    assert "space.se_particle_um is in um, got unit 'mm'" in result.stderr
