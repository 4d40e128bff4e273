"""The bundled data files: each loads, and each number in them is allowed to be there."""

import csv
import io
import json
import tomllib

import pytest

from objectives.studies import read_data

COLUMNS = [
    "evidence", "source", "label", "coating_se_wt_frac", "se_particle_um", "am_wt", "vgcf_wt", "temperature_C", "c_rate", "quantity", "value", "unit",
    "sd", "provenance",
]  # fmt: skip
LINES = tuple(csv.DictReader(io.StringIO(read_data("literature.csv"))))
STUDIES = tomllib.loads(read_data("studies.toml"))


def test_table_has_its_columns() -> None:
    assert list(LINES[0]) == COLUMNS


@pytest.mark.parametrize(
    ("column", "low", "high"), [("coating_se_wt_frac", 0.0, 0.25), ("am_wt", 40.0, 95.0), ("vgcf_wt", 0.0, 10.0), ("c_rate", 0.01, 5.0)]
)
def test_numbers_of_the_table_are_in_their_unit(column: str, low: float, high: float) -> None:
    assert all(low <= float(line[column]) <= high for line in LINES if line[column])


def test_standard_deviations_of_the_table_are_positive() -> None:
    assert all(float(line["sd"]) > 0.0 for line in LINES if line["sd"])


@pytest.mark.parametrize("name", STUDIES)
def test_assumed_inputs_of_a_study_are_marked_or_quoted(name: str) -> None:
    assert all(text and isinstance(text, str) for text in STUDIES[name]["provenance"].values())


@pytest.mark.parametrize("name", STUDIES)
def test_noise_of_a_study_is_positive(name: str) -> None:
    assert all(sd > 0.0 for sd in STUDIES[name]["noise"].values())


@pytest.mark.parametrize("name", STUDIES)
def test_noise_of_a_study_names_quantities_of_the_table(name: str) -> None:
    measured = {line["quantity"] for line in LINES if line["source"] == STUDIES[name]["source"]}
    derived = {"porosity", "ionic_resistance_ratio", "discharge_capacity"}  # relative density, and two rows as a ratio
    assert {key.partition("@")[0] for key in STUDIES[name]["noise"]} <= measured | derived


@pytest.mark.parametrize("table", tomllib.loads(read_data("priors.toml")).items(), ids=lambda table: table[0])
def test_prior_has_nothing_but_its_fields(table: tuple[str, dict[str, object]]) -> None:
    assert set(table[1]) == {"meaning", "unit", "value", "spread", "scale", "origin"}
    assert table[1]["scale"] in ("linear", "log")


def test_campaign_file_is_toml() -> None:
    assert tomllib.loads(read_data("ncm811-lpscl.toml"))


def test_calibration_holds_a_lower_triangle() -> None:
    data = json.loads(read_data("calibration.json"))
    assert [len(row) for row in data["covariance_lower"]] == list(range(1, len(data["parameters"]) + 1))
