"""The bundled table as rows: nothing lost, nothing invented."""

import csv
import io
import math

import pytest

from objectives.literature import load_literature
from objectives.studies import load_studies, read_data

ROWS = load_literature()
LINES = tuple(csv.DictReader(io.StringIO(read_data("literature.csv"))))


def test_every_row_of_the_table_is_kept() -> None:
    assert len(ROWS) == len(LINES) == 138
    assert [row.number for row in ROWS] == list(range(138))


def test_every_row_says_how_it_was_read() -> None:
    assert {row.evidence for row in ROWS} == {"primary", "secondary"}


def test_every_row_has_a_provenance() -> None:
    assert [row.number for row in ROWS if not row.provenance.strip()] == []


def test_rows_keep_value_unit_and_quantity_of_the_file() -> None:
    for row, line in zip(ROWS, LINES, strict=True):
        assert (row.value, row.unit, row.quantity, row.label) == (float(line["value"]), line["unit"], line["quantity"], line["label"])


@pytest.mark.parametrize(
    ("field", "column", "factor"),
    [("coating_se_wt", "coating_se_wt_frac", 100.0), ("se_particle_um", "se_particle_um", 1.0), ("am_wt", "am_wt", 1.0), ("sd", "sd", 1.0)],
)
def test_blank_stays_unknown_and_a_number_stays_itself(field: str, column: str, factor: float) -> None:
    for row, line in zip(ROWS, LINES, strict=True):
        value = getattr(row, field)
        assert math.isnan(value) if line[column] == "" else value == factor * float(line[column])


def test_rows_of_a_calibrated_source_know_their_study() -> None:
    sources = {study.source: name for name, study in load_studies().items()}
    assert all(row.study == sources.get(row.source) for row in ROWS)
    assert {row.study for row in ROWS} == {*load_studies(), None}


def test_only_the_reference_paper_was_read_in_the_source() -> None:
    assert {row.study for row in ROWS if row.evidence == "primary"} >= {"kim2025"}
    assert all(row.evidence == "primary" for row in ROWS if row.study == "kim2025")


def test_first_row_is_the_papers_model_1() -> None:
    row = ROWS[0]
    assert (row.study, row.label, row.am_wt, row.value, row.c_rate, row.temperature_c) == ("kim2025", "Model 1", 85.0, 122.19, 0.05, 60.0)
