"""The API gives the numbers that the command line gives, from the same data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from optimizer.cli import app
from optimizer.service.routes.observations import CSV
from tests.optimizer.service.conftest import RECIPE, SPACE_TEXT, TEXT, Api

WAIT = {"Prefer": "wait=60"}
SLURRY = {"carbon_wt": 2.0, "binder_wt": 4.0, "binder": "PVDF", "solids_wt": 50.0, "loading_mg_cm2": 8.0, "density_g_cm3": 1.4}


def command(*arguments: str) -> Any:
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def answer(api: Api, path: str, body: Any) -> Any:
    done = api.post(path, body, headers=WAIT)
    while done.status_code == 202:  # a busy machine: the same request waits for the same job
        done = api.post(path, body, key=done.request.headers["idempotency-key"], headers=WAIT)
    assert done.status_code == 200, done.text
    return done.json()


def test_check_is_that_of_the_command_line(api: Api) -> None:
    name = api.campaign()
    told = answer(api, f"/campaigns/{name}/checks", {"recipe": RECIPE})
    assert told.pop("verdict").startswith("feasible")
    assert told == command("check", "--am", "85", "--coating", "95:5", "--se-size", "1.5", "--vgcf", "2.3")


def test_simulation_is_that_of_the_command_line(api: Api) -> None:
    told = answer(api, f"/campaigns/{api.campaign()}/simulations", {"recipe": RECIPE, "c_rates": [0.05, 0.5]})
    recipe = ("--am", "85", "--coating", "95:5", "--se-size", "1.5", "--vgcf", "2.3")
    assert told == command("simulate", *recipe, "--c-rate", "0.05", "--c-rate", "0.5")


@pytest.mark.parametrize(("work", "body"), [("simulations", {"recipe": RECIPE}), ("validations", {})])
def test_what_needs_physics_is_refused_in_a_space_without(api: Api, work: str, body: dict[str, Any]) -> None:
    done = api.post(f"/campaigns/{api.campaign(SPACE_TEXT)}/{work}", body, headers=WAIT)
    assert (done.status_code, "must have physics" in done.json()["detail"]) == (422, True)


@pytest.mark.slow
def test_suggestions_and_predictions_of_an_electrode_are_those_of_the_command_line(api: Api, tmp_path: Path) -> None:
    text = TEXT.replace('study = "', 'study = "new" # "', 1)
    assert text != TEXT
    campaign, table = tmp_path / "campaign.toml", tmp_path / "cells.csv"
    campaign.write_text(text)
    table.write_text(
        "name,am_wt,coating,se_particle_um,vgcf_wt,discharge_capacity\nA1,85,95:5,1.5,2.3,187.5\nA2,82,95:5,1.5,2.3,180\nA3,80,97:3,1,3,170\n"
    )
    printed = command("suggest", str(table), "--campaign", str(campaign), "--study", "new", "-n", "2")
    kept = api.post("/campaigns", {"toml": text}).json()["name"]
    assert api.upload(f"/campaigns/{kept}/imports", table.read_bytes(), CSV).status_code == 201
    batch = answer(api, f"/campaigns/{kept}/suggestions", {"n": 2, "reserve": False})["batch"]
    assert batch == printed
    given = answer(api, f"/campaigns/{kept}/suggestions", {"n": 2})
    assert [one["note"]["predicted"] for one in given["trials"]] == [one["predicted"] for one in batch["suggestions"]]
    recipe = ("--am", "85", "--coating", "95:5", "--se-size", "1.5", "--vgcf", "2.3")
    told = answer(api, f"/campaigns/{kept}/predictions", {"recipe": RECIPE, "explain": True})
    assert told == command("predict", *recipe, "--campaign", str(campaign), "--study", "new", "--cells", str(table), "--explain")
    told = answer(api, f"/campaigns/{kept}/validations", {})
    assert told == command("validate", str(table), "--campaign", str(campaign), "--study", "new", "--executor", "inline")
    assert {row["row"] for row in told["rows"]} == {"A1", "A2", "A3"}


def test_validation_without_a_cell_says_what_is_missing(api: Api) -> None:
    done = api.post(f"/campaigns/{api.campaign()}/validations", {}, headers=WAIT)
    assert (done.status_code, "measure one" in done.json()["detail"]) == (422, True)


@pytest.mark.slow
def test_suggestions_advice_and_importance_in_a_space_are_those_of_the_command_line(api: Api, tmp_path: Path) -> None:
    campaign, table = tmp_path / "campaign.toml", tmp_path / "cells.csv"
    campaign.write_text(SPACE_TEXT)
    columns = [*SLURRY, "areal_capacity", "rate_retention", "adhesion"]
    kept = api.campaign(SPACE_TEXT)
    rows = [{**SLURRY, "carbon_wt": 1.0 + 0.5 * i, "loading_mg_cm2": 6.0 + i, "binder": ("PVDF", "PAA", "CMC-SBR")[i % 3]} for i in range(6)]
    lines = [",".join(columns)]
    lines += [",".join([*(str(v) for v in row.values()), f"{1.5 + 0.3 * i}", f"{70 - 3 * i}", f"{12 + i}"]) for i, row in enumerate(rows)]
    table.write_text("\n".join(lines) + "\n")
    uploaded = api.upload(f"/campaigns/{kept}/imports", table.read_bytes(), CSV)
    assert uploaded.status_code == 201, uploaded.text
    batch = answer(api, f"/campaigns/{kept}/suggestions", {"n": 2, "reserve": False})["batch"]
    assert batch == command("suggest", str(table), "--campaign", str(campaign), "-n", "2")
    assert answer(api, f"/campaigns/{kept}/advice", {"n": 2}) == command("advise", str(table), "--campaign", str(campaign), "-n", "2")
    assert answer(api, f"/campaigns/{kept}/diagnostics", {}) == command("importance", str(table), "--campaign", str(campaign))
