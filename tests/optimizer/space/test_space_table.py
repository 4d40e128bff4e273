"""A table of trials: read by the campaign's own names and units, every bad cell reported, nothing kept of a table that is not clean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from optimizer.lab_table import LabTableError
from optimizer.space.campaign import SpaceCampaign
from optimizer.space.table import read_trials, recipes_of

GOOD: dict[str, Any] = {
    "carbon_wt": 1.0,
    "binder_wt": 3.0,
    "binder": "PVDF",
    "solids_wt": 50,
    "loading_mg_cm2": 8.0,
    "density_g_cm3": 1.4,
    "areal_capacity": 2.7,
}


def test_row_is_a_trial(graphite: SpaceCampaign) -> None:
    (trial,) = read_trials([{**GOOD, "name": "A1", "areal_capacity sd": 0.02, "operator": "night shift"}], graphite).require_clean()
    assert graphite.recipe(recipes_of([trial], graphite)[0])["graphite_wt"] == 96.0
    assert (trial.row, trial.name, trial.status) == (2, "A1", "ok")
    assert (trial.outcomes["areal_capacity"].value, trial.outcomes["areal_capacity"].sd) == (2.7, 0.02)
    assert dict(trial.own) == {"operator": "night shift"}


def test_units_in_headers_convert(graphite: SpaceCampaign) -> None:
    row = {key: value for key, value in GOOD.items() if key not in ("loading_mg_cm2", "density_g_cm3", "areal_capacity")}
    moved = {**row, "loading mg cm2 (g/m2)": 80.0, "density g cm3 (kg/m3)": 1400.0, "areal capacity (Ah/m2)": 27.0, "solids wt (1)": 0.5}
    del moved["solids_wt"]
    usual, other = (read_trials([r], graphite).require_clean()[0] for r in (GOOD, moved))
    assert other.recipe == pytest.approx(usual.recipe)
    assert other.outcomes["areal_capacity"].value == pytest.approx(2.7)


def test_csv_with_decimal_commas_is_read(graphite: SpaceCampaign, tmp_path: Path) -> None:
    file = tmp_path / "trials.csv"
    file.write_text(";".join(GOOD) + "\n" + ";".join(str(v).replace(".", ",") for v in GOOD.values()) + "\n", encoding="utf-8")
    read = read_trials(file, graphite)
    assert read.require_clean()[0].outcomes["areal_capacity"].value == 2.7
    assert "decimal comma" in read.notes


def test_failed_trial_needs_no_outcome_and_row_outside_the_space_is_kept(graphite: SpaceCampaign) -> None:
    without = {key: value for key, value in GOOD.items() if key != "areal_capacity"}
    rows = [{**without, "status": "failed process", "cause": "flaked off"}, {**without, "loading_mg_cm2": 25.0, "status": "short"}]
    failed, beyond = read_trials(rows, graphite).require_clean()
    assert (failed.status, failed.cause) == ("failed_process", "flaked off")
    assert not graphite.space.on_grid(recipes_of([beyond], graphite))[0]


def test_every_bad_cell_is_reported_at_once(graphite: SpaceCampaign) -> None:
    rows = [
        GOOD,
        {**GOOD, "binder": "SBR", "areal_capacity": 2.6},
        {**GOOD, "binder_wt": "3,5 wt%", "loading_mg_cm2": "=A1", "areal_capacity": "n/a", "density_g_cm3": "nan"},
        {**GOOD, "solids_wt": "", "areal_capacity": 2.5},
        GOOD,
        {**GOOD, "graphite_wt": 90.0, "areal_capacity": 2.4},
        {**GOOD, "areal_capacity": ""},
        {**GOOD, "rate_retention": "", "rate_retention sd": 1.0},
        {**GOOD, "status": "bad"},
    ]
    read = read_trials(rows, graphite)
    told = [(p.row, p.column, p.rule) for p in read.problems]
    for row, column, rule in (
        (3, "", "binder must be one of CMC-SBR, PVDF, PAA"),
        (4, "binder_wt", "must be a number without unit"),
        (4, "loading_mg_cm2", "must not be a formula"),
        (4, "density_g_cm3", "must be a finite number"),
        (5, "solids_wt", "must not be blank"),
        (6, "", "repeats row 2"),
        (7, "", "must sum to 100"),
        (8, "", "must have an outcome or a failure"),
        (9, "rate_retention sd", "must stand beside a value"),
        (10, "status", "must say what failed"),
    ):
        assert any(r == row and c == column and rule in text for r, c, text in told), (row, column, rule, told)
    with pytest.raises(LabTableError, match="nothing was imported"):
        read.require_clean()
    assert [trial.row for trial in read.require_clean(skip_bad_rows=True)] == [2]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{key: value for key, value in GOOD.items() if key != "binder"}], 'column "binder": must be a column of the table'),
        ([{key: value for key, value in GOOD.items() if key != "areal_capacity"}], "must have a column of an outcome (adhesion, areal_capacity"),
        ([{**GOOD, "areal capacity": 2.7}], "must mean something else than"),
        ([{**{k: v for k, v in GOOD.items() if k != "loading_mg_cm2"}, "loading mg cm2 (km)": 8.0}], "must have a unit of its kind"),
        ([], "must not be empty"),
    ],
)
def test_table_that_cannot_be_understood_is_refused(graphite: SpaceCampaign, rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(LabTableError) as caught:
        read_trials(rows, graphite).require_clean(skip_bad_rows=True)
    assert said in str(caught.value)


def test_candidates_need_no_outcome(graphite: SpaceCampaign) -> None:
    rows = [{key: value for key, value in GOOD.items() if key != "areal_capacity"}]
    assert len(read_trials(rows, graphite, candidates=True).require_clean()) == 1
