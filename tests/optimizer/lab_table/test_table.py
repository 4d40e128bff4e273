from __future__ import annotations

import datetime
import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from objectives.cell import Cell
from objectives.recipe import Recipe
from optimizer.lab_table import Densities, LabTable, LabTableError, Options, Problem, read_table

RECORD: Mapping[str, object] = {"AM": 85, "coating": "95:5", "SE size": 1.5, "VGCF (wt%)": 2.34}


def one(**more: object) -> Cell:
    """Return the cell of the record with other or further columns."""
    [cell] = with_columns(more).require_clean()
    return cell


def with_columns(columns: Mapping[str, object], options: Options | None = None) -> LabTable[Cell]:
    return read_table([{**RECORD, **columns}], options=options)


def told(columns: Mapping[str, object], options: Options | None = None) -> list[str]:
    return [str(problem) for problem in with_columns(columns, options).problems]


def test_row_becomes_a_cell() -> None:
    [cell] = with_columns(
        {
            "name": "a",
            "temperature (K)": 333.15,
            "C-rate": "C/20",
            "pressure (MPa)": 380,
            "loading": 30,
            "capacity (mAh/g)": 198.88,
            "capacity sd": 2,
            "status": "Short-circuit",
            "cause": "dendrite",
            "date": datetime.date(2026, 3, 4),
            "SE lot": "SE-7",
            "AM lot": "N-1",
            "operator": "kim",
        }
    ).require_clean()
    assert (cell.row, cell.name, cell.recipe) == (2, "a", Recipe(85.0, 5.0, 1.5, 2.34))
    assert (cell.temperature_c, cell.c_rate, cell.pressure_mpa, cell.loading_mg_cm2) == (60.0, 0.05, 380.0, 30.0)
    assert (cell.outcomes["discharge_capacity"].value, cell.outcomes["discharge_capacity"].sd) == (198.88, 2.0)
    assert (cell.status, cell.cause, cell.date) == ("short", "dendrite", "2026-03-04")
    assert cell.lots == {"se": "SE-7", "am": "N-1"}
    assert cell.own == {"operator": "kim"}


def test_unnamed_row_is_named_after_its_number_and_unstated_conditions_are_open() -> None:
    cell = one(status="short")
    assert cell.name == "row 2"
    assert math.isnan(cell.temperature_c)
    assert math.isnan(cell.loading_mg_cm2)


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("", "ok"),
        ("OK", "ok"),
        ("failed process", "failed_process"),
        ("failed_process", "failed_process"),
        ("Process failed", "failed_process"),
        ("Failed Cell", "failed_cell"),
        ("dead", "failed_cell"),
        ("shorted", "short"),
        ("invalid", "invalid"),
    ],
)
def test_status_is_read_in_its_usual_spellings(written: str, status: str) -> None:
    [cell] = with_columns({"capacity (mAh/g)": 190, "status": written}).require_clean()
    assert cell.status == status


@pytest.mark.parametrize(("written", "share"), [("95:5", 5.0), ("5", 5.0), ("5%", 5.0), ("none", 0.0), ("0", 0.0), ("3:1", 25.0), ("95:05", 5.0)])
def test_coating_is_read_as_the_lab_writes_it(written: str, share: float) -> None:
    assert one(coating=written, status="short").recipe.coating_se_wt == share


@pytest.mark.parametrize(("written", "rate"), [("0.05", 0.05), ("C/20", 0.05), ("c / 20", 0.05), ("0.05C", 0.05), ("2 C", 2.0), (0.1, 0.1)])
def test_c_rate_is_read_as_the_lab_writes_it(written: object, rate: float) -> None:
    [cell] = with_columns({"C-rate": written, "status": "short"}).require_clean()
    assert cell.c_rate == pytest.approx(rate)


@pytest.mark.parametrize("written", ["2026-03-04", "2026/3/4", "2026-03-04 17:30", "2026-03-04T17:30:00"])
def test_date_year_first_is_read(written: str) -> None:
    assert one(date=written, status="short").date == "2026-03-04"


def test_mass_area_and_thickness_give_loading_density_and_porosity() -> None:
    [cell] = with_columns({"pellet mass (mg)": 26.0, "diameter (mm)": 10.0, "thickness (um)": 100.0, "thickness sd (um)": 2.0}).require_clean()
    area = math.pi / 4.0
    density = 26.0e-3 / (area * 100e-4)
    theoretical = 100.0 / (85.0 / 4.8 + 12.66 / 1.64 + 2.34 / 2.0)
    assert cell.loading_mg_cm2 == pytest.approx(26.0 / area)
    assert cell.outcomes["electrode_density"].value == pytest.approx(density)
    assert cell.outcomes["electrode_density"].sd == pytest.approx(0.02 * density)
    assert cell.outcomes["porosity"].value == pytest.approx(1.0 - density / theoretical)
    assert cell.outcomes["porosity"].sd == pytest.approx(0.02 * density / theoretical)


def test_other_densities_give_another_porosity() -> None:
    lighter = Options(densities=Densities(am=4.5))
    ours, theirs = (with_columns({"electrode density": 3.0}, options).require_clean()[0].outcomes["porosity"].value for options in (None, lighter))
    assert theirs < ours


def test_resistance_thickness_and_area_give_conductivity() -> None:
    [cell] = with_columns({"ionic resistance (ohm)": 10.0, "thickness (um)": 100.0, "area (cm2)": 0.5}).require_clean()
    assert cell.outcomes["ionic_conductivity"].value == pytest.approx(1e3 * 100e-4 / (10.0 * 0.5))  # mS/cm, Eq. (4)


@pytest.mark.parametrize(
    "columns",
    [
        {"areal capacity (mAh/cm2)": 5.1, "loading (mg/cm2)": 30.0},
        {"capacity (mAh)": 5.1, "pellet mass (mg)": 30.0},
        {"capacity (mAh)": 2.55, "loading (mg/cm2)": 30.0, "area (mm2)": 50.0},
        {"capacity (µAh/cm2)": 5100, "pellet mass (g)": 0.015, "area (cm2)": 0.5},
        {"capacity (Ah/kg)": 200.0},
    ],
)
def test_areal_and_cell_capacities_become_specific(columns: dict[str, object]) -> None:
    [cell] = with_columns(columns).require_clean()
    assert cell.outcomes["discharge_capacity"].value == pytest.approx(200.0)


def test_relative_density_gives_porosity_with_its_error() -> None:
    [cell] = with_columns({"relative density (%)": 87.7, "relative density sd (%)": 0.5}).require_clean()
    assert cell.outcomes["porosity"].value == pytest.approx(0.123)
    assert cell.outcomes["porosity"].sd == pytest.approx(0.005)


def test_quantities_that_agree_within_two_percent_pass_and_the_measured_one_is_kept() -> None:
    [cell] = with_columns({"porosity (%)": 12.0, "relative density (%)": 87.0}).require_clean()
    assert cell.outcomes["porosity"].value == 0.12
    assert told({"porosity (%)": 12.0, "relative density (%)": 85.0}) == [
        'row 2, column "porosity (%)": must agree within 2 % with the porosity from "relative density (%)", got "0.12 and 0.15"; correct one of them'
    ]


def test_percent_in_the_cell_wins_over_a_fraction_in_the_header() -> None:
    assert with_columns({"porosity [1]": "12%"}).require_clean()[0].outcomes["porosity"].value == 0.12


def test_row_outside_any_design_space_is_kept() -> None:
    assert one(AM=12, relative_density=0.7).recipe.am_wt == 12.0


def test_blank_input_comes_from_the_cell_then_the_lot_then_the_default() -> None:
    options = Options(lots={"SE-7": {"se_particle_um": 3.5}}, defaults={"se_particle_um": 10.0, "temperature_c": 30.0})
    rows = [
        {**RECORD, "SE size": size, "SE lot": lot, "status": "short"}
        for size, lot in (("3.5", "SE-7"), (None, "SE-7"), (None, "SE-8"), (2.0, "SE-8"))
    ]
    cells = read_table(rows[1:], options=options).require_clean()
    assert [cell.recipe.se_particle_um for cell in cells] == [3.5, 10.0, 2.0]
    assert cells[0].temperature_c == 30.0


def test_lot_that_contradicts_the_cell_is_refused() -> None:
    options = Options(lots={"SE-7": {"se_particle_um": 3.5}})
    [problem] = told({"SE lot": "SE-7", "status": "short"}, options)
    assert (
        problem == 'row 2, column "SE size": must agree with the SE lot "SE-7", which has 3.5, got "1.5"; correct the cell or the lot in the options'
    )


def test_blank_input_names_the_lot_that_could_have_supplied_it() -> None:
    assert told({"SE size": None, "SE lot": "SE-9", "status": "short"}) == [
        'row 2, column "SE size": must not be blank; fill it in, say in the options what lot "SE-9" has, or set the option defaults["se_particle_um"]'
    ]


def test_missing_column_may_come_from_a_default() -> None:
    record = {key: value for key, value in RECORD.items() if key != "VGCF (wt%)"}
    [cell] = read_table([{**record, "status": "short"}], options=Options(defaults={"vgcf_wt": 2.0})).require_clean()
    assert cell.recipe.vgcf_wt == 2.0


def test_own_column_becomes_an_outcome_by_option() -> None:
    columns: dict[str, Any] = {"retention 50 (1)": 0.76, "retention 50 sd": 0.01}
    [cell] = with_columns(columns, Options(extra_outcomes={"retention_50": "%"})).require_clean()
    assert (cell.outcomes["retention_50"].value, cell.outcomes["retention_50"].sd) == (76.0, 1.0)
    assert with_columns({**columns, "status": "short"}).require_clean()[0].own == {"retention 50 (1)": "0.76", "retention 50 sd": "0.01"}


def test_replicates_are_rows_of_one_recipe() -> None:
    cells = read_table([{**RECORD, "capacity (mAh/g)": value} for value in (190, 191, 192)]).require_clean()
    assert len({cell.recipe for cell in cells}) == 1
    assert [cell.row for cell in cells] == [2, 3, 4]


def test_every_bad_cell_is_told_at_once_and_nothing_is_imported() -> None:
    rows = [{**RECORD, "AM": "x", "capacity (mAh/g)": "y", "date": "03/04/2026"}, {**RECORD, "VGCF (wt%)": -1, "capacity (mAh/g)": 190}]
    bad = read_table(rows)
    assert [(problem.row, problem.column) for problem in bad.problems] == [(2, "AM"), (2, "capacity (mAh/g)"), (2, "date"), (3, "VGCF (wt%)")]
    with pytest.raises(LabTableError, match=r"^4 problems in the table; nothing was imported\nrow 2, column \"AM\": must be a number, got \"x\";"):
        bad.require_clean()


def test_bad_rows_are_left_out_only_when_asked_and_stay_listed() -> None:
    bad = read_table([{**RECORD, "capacity (mAh/g)": value} for value in (190, "x", 192)])
    assert [cell.row for cell in bad.require_clean(skip_bad_rows=True)] == [2, 4]
    assert bad.skipped_rows == (3,)
    with pytest.raises(LabTableError, match="1 problem in the table"):
        bad.require_clean()


def test_nothing_left_after_skipping_is_an_error() -> None:
    with pytest.raises(LabTableError, match="1 problem"):
        read_table([{**RECORD, "capacity (mAh/g)": "x"}]).require_clean(skip_bad_rows=True)


def test_error_shows_twenty_problems_and_counts_the_rest() -> None:
    with pytest.raises(LabTableError, match="25 problems") as caught:
        read_table([{**RECORD, "capacity (mAh/g)": f"x{i}"} for i in range(25)]).require_clean()
    assert str(caught.value).count("\n") == 21
    assert str(caught.value).endswith("... and 5 more")
    assert len(caught.value.problems) == 25


def test_reading_stops_at_ten_thousand_problems() -> None:
    problems = read_table([{**RECORD, "capacity (mAh/g)": f"x{i}"} for i in range(10_500)]).problems
    assert len(problems) == 10_001
    assert problems[-1].fatal


def test_problem_is_one_printable_line() -> None:
    problem = Problem(3, "a\nb", "must be a number", "\x1b[31m" + "x" * 100, "write one")
    assert str(problem) == f'row 3, column "a\\nb": must be a number, got "\\x1b[31m{"x" * 49}..."; write one'


class Frame:
    """Like a pandas frame: rows of numpy scalars and NaN for nothing."""

    def to_dict(self, orient: str) -> list[dict[str, object]]:
        assert orient == "records"
        return [{**RECORD, "AM": np.float64(85.0), "SE size": np.float32(1.5), "capacity (mAh/g)": np.int64(190), "note": math.nan, "date": None}]


def test_data_frame_is_read_with_nan_as_blank() -> None:
    [cell] = read_table(Frame()).require_clean()
    assert cell.recipe == Recipe(85.0, 5.0, 1.5, 2.34)
    assert cell.own == {}


def test_record_with_a_list_is_refused_with_its_row_and_column() -> None:
    [problem] = told({"status": "short", "note": [1, 2]})
    assert problem == 'row 2, column "note": must be one value, got "[1, 2]"; give a number, a text or None'


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, "table: must be a path, bytes, rows as dictionaries or a data frame"),
        ({"AM": [85]}, "table: must be a path, bytes, rows as dictionaries or a data frame"),
        ([85], "row 2: must be a mapping from column to value"),
        ("no such file.csv", "table: must be a file"),
        (".", "table: must be a file"),
        ([], "table: must not be empty"),
    ],
)
def test_source_of_another_kind_is_refused(source: Any, message: str) -> None:
    with pytest.raises(LabTableError, match=message):
        read_table(source).require_clean()


def test_endless_records_are_refused() -> None:
    with pytest.raises(LabTableError, match="row 100002: must have at most 100000 rows"):
        read_table(itertools.repeat({"AM": 85})).require_clean()


@pytest.mark.parametrize(
    ("header", "needed"),
    [("areal capacity (mAh/cm2)", "a loading, or a pellet mass with its area"), ("cell capacity (mAh)", "a pellet mass")],
)
def test_capacity_that_cannot_be_made_specific_says_what_it_needs(header: str, needed: str) -> None:
    [problem] = told({header: 3.0})
    assert problem == f'row 2, column "{header}": must stand beside {needed}; add {needed}, or give the derived quantity itself'


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"balance_mg": 0.0}, 'column "balance_mg": must be above 0'),
        ({"densities": Densities(se=-1.0)}, 'column "densities.se": must be above 0'),
        ({"defaults": {"vgcf": 2.0}}, 'must name an input, got "vgcf"; use am_wt'),
        ({"defaults": {"vgcf_wt": 200.0}}, "must hold a vgcf_wt of 0 to 50 wt%"),
        ({"lots": {"SE-7": {"se_particle_um": 0.0}}}, "must hold a se_particle_um"),
        ({"extra_outcomes": {"porosity": "1"}}, "must name a column of the lab's own"),
    ],
)
def test_option_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(LabTableError, match=message):
        Options(**options)
