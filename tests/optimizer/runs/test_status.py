"""Status, export and report of a run, while it is driven and afterwards."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from optimizer.cli.app import app
from optimizer.runs.driver import Progress, drive
from optimizer.runs.report import report_html
from optimizer.runs.status import status, write_csv, write_json
from optimizer.runs.store import Store
from tests.optimizer.runs.conftest import MakePlan


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, make_plan: MakePlan) -> Path:
    path = tmp_path_factory.mktemp("runs") / "runs.db"
    with Store(path, create=True) as store:
        store.create(make_plan("nsga-ii", 40))
        drive(store)
    return path


def glittercake(*arguments: str) -> tuple[int, str, str]:
    answer = CliRunner().invoke(app, ["campaign", *arguments])
    return answer.exit_code, answer.stdout, answer.stderr


def test_status_and_export_work_while_a_run_is_driven(store: Store, make_plan: MakePlan) -> None:
    seen: list[dict[str, Any]] = []

    def look(progress: Progress) -> None:
        if progress.ended == 20:
            with Store(store.address) as other:
                written = io.StringIO()
                assert write_csv(other, other.run(), written) >= 20
                assert report_html(other).startswith("<!DOCTYPE html>")
                seen.append(status(other))

    store.create(make_plan("tpe", 30))
    drive(store, watch=look)
    (during,) = seen
    assert (during["state"], during["evaluations"]["completed"], during["seconds_left"] > 0.0) == ("running", 20, True)


def test_status_counts_and_ranks(finished: Path) -> None:
    with Store(finished) as store:
        said, history = status(store), store.history(store.run())
    assert said["state"] == "finished"
    assert said["evaluations"] == {"budget": 40, "asked": 40, "completed": 40, "failed": 0, "running": 0, "repeated": 0}
    assert said["chosen_by"] == {"optuna nsga-ii": 40}
    good = [trial for trial in history if trial.counts]
    assert said["within_limits"] == len(good)
    capacity = max(trial.objectives[0] or 0.0 for trial in good)
    energy = max(trial.objectives[1] or 0.0 for trial in good)
    assert said["best"][0]["discharge_capacity"] == pytest.approx(capacity, rel=1e-5)
    assert said["best"][1]["volumetric_energy_density"] == pytest.approx(energy, rel=1e-5)
    json.dumps(said, allow_nan=False)


def test_exports_hold_every_number(finished: Path) -> None:
    with Store(finished) as store:
        run, texts = store.run(), (io.StringIO(), io.StringIO())
        assert (write_csv(store, run, texts[0]), write_json(store, run, texts[1])) == (40, 40)
        kept = list(store.rows(run))
    rows, data = list(csv.DictReader(io.StringIO(texts[0].getvalue()))), json.loads(texts[1].getvalue())
    for row, trial, record in zip(rows, data["trials"], kept, strict=True):
        assert [float(row[name]) for name in ("am_wt", "coating_se_wt", "se_particle_um", "vgcf_wt")] == record["recipe"]
        for name, value in record["outcomes"].items():
            assert float(row[name]) == trial[name] == value
        assert trial["margin.ionic_tortuosity"] == record["margins"]["ionic_tortuosity"]
        assert trial["asked_at"].endswith("+00:00")
    assert data["plan"] == run.plan.as_json()


def test_commands_from_creation_to_report(tmp_path: Path) -> None:
    file = str(tmp_path / "runs.db")
    code, text, _ = glittercake("create", "analytic-nsga-ii", "--store", file, "--name", "mine", "--seed", "3", "--evaluations", "15")
    assert (code, text.startswith("created run 'mine'")) == (0, True)
    code, text, _ = glittercake("resume", "mine", "--store", file, "--json")
    assert (code, json.loads(text)["state"], json.loads(text)["seed"]) == (0, "finished", 3)
    code, text, _ = glittercake("resume", "mine", "--store", file, "--evaluations", "18")
    assert code == 0
    assert text.startswith("mine: finished (budget of 18 evaluations used)\n")
    assert "18 completed, 0 failed, 0 running, of 18" in text
    page, table = tmp_path / "page.html", tmp_path / "table.csv"
    assert glittercake("report", "--store", file, "--output", str(page))[0] == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert glittercake("export", "--store", file, "--output", str(table))[1] == f"wrote 18 trials to {table}\n"
    assert len(json.loads(glittercake("export", "--store", file, "--format", "json")[1])["trials"]) == 18


def test_run_command_creates_and_drives(tmp_path: Path) -> None:
    file = str(tmp_path / "runs.db")
    code, text, _ = glittercake("run", "analytic-sobol", "--store", file, "--budget", "30")
    assert (code, "30 completed" in text) == (0, True)
    code, _, said = glittercake("run", "analytic-sobol", "--store", file)
    assert (code, said.count("\n")) == (1, 1)
    assert "has a run 'analytic-sobol' already; resume it" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "none.toml"), "there is no run file 'none.toml'"),
        (("status", "--store", "none.db"), "there is no store none.db; create a run first"),
        (("run", "analytic-sobol", "--budget", "0"), "[budget] evaluations must be at least 1, got 0; raise it"),
    ],
)
def test_refusals_are_one_sentence(arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = glittercake(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith(f"glittercake: {said}")
    assert err.count("\n") == 1
