from __future__ import annotations

import subprocess
import sys

import pytest

from optimizer.lab_table.columns import COLUMNS, NAMES
from optimizer.lab_table.headers import letter, read_headers


@pytest.mark.parametrize(
    ("text", "key", "factor"),
    [
        ("AM (wt%)", "am_wt", 1.0),
        ("AM wt%", "am_wt", 1.0),
        ("AM [1]", "am_wt", 100.0),
        ("Active material（wt％）", "am_wt", 1.0),
        ("coating (AM:SE)", "coating_se_wt", 1.0),
        ("SE size (D50) / nm", "se_particle_um", 1e-3),
        ("SE size [µm]", "se_particle_um", 1.0),
        ("VGCF (mg)", "vgcf_mg", 1.0),
        ("VGCF (wt%)", "vgcf_wt", 1.0),
        ("Coated powder (g)", "coated_powder_mg", 1000.0),
        ("capacity / mAh/g", "discharge_capacity", 1.0),
        ("Discharge capacity (mAh cm⁻²)", "areal_capacity", 1.0),
        ("capacity [mAh]", "cell_capacity_mah", 1.0),
        ("areal capacity", "areal_capacity", 1.0),
        ("discharge_capacity", "discharge_capacity", 1.0),
        ("relative_density", "relative_density", 1.0),
        ("T/°C", "temperature_c", 1.0),
        ("date (YYYY-MM-DD)", "date", 1.0),
        ("Ionic resistance (kΩ)", "ionic_resistance_ohm", 1000.0),
        ("SE_lot", "se_lot", 1.0),
        ("temperature note", "temperature note", 1.0),
        ("SE (wt%)", "SE (wt%)", 1.0),
    ],
)
def test_header_means_its_column_and_unit(text: str, key: str, factor: float) -> None:
    headers = read_headers(1, [text], {})
    assert headers.problems == ()
    assert [(header.key, header.scale.factor) for header in headers.known] == [(key, factor)]


@pytest.mark.parametrize("key", COLUMNS)
def test_label_of_every_column_is_read_as_that_column(key: str) -> None:
    headers = read_headers(1, [COLUMNS[key].label], {})
    assert [header.key for header in headers.known] == [key]


@pytest.mark.parametrize(
    "text", ["capacity sd", "sd of capacity", "± capacity", "capacity ±", "capacity std. error", "capacity_uncertainty", "capacity sd (mAh/g)"]
)
def test_standard_error_belongs_to_the_column_beside_it(text: str) -> None:
    headers = read_headers(1, ["capacity (Ah/g)", text], {})
    assert headers.problems == ()
    assert headers.known[1].key == "discharge_capacity sd"
    assert headers.known[1].scale.factor == (1.0 if "(" in text else 1000.0)


def test_standard_error_of_two_possible_columns_is_refused() -> None:
    [problem] = read_headers(1, ["capacity (mAh/g)", "areal capacity (mAh/cm2)", "capacity sd"], {}).problems
    assert str(problem).startswith('row 1, column "capacity sd": must stand beside one column that it is the standard error of')


def test_own_outcome_has_the_unit_asked_for() -> None:
    headers = read_headers(1, ["Retention 50 (1)", "retention_50 sd"], {"retention_50": "%"})
    assert [(header.key, header.scale.factor) for header in headers.known] == [("retention_50", 100.0), ("retention_50 sd", 100.0)]


def test_same_name_for_several_columns_is_told_apart_by_unit_only() -> None:
    for name, columns in NAMES.items():
        units = [column.unit for column in columns]
        assert len(set(units)) == len(units), name


@pytest.mark.parametrize(("index", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")])
def test_column_letter_is_that_of_a_spreadsheet(index: int, name: str) -> None:
    assert letter(index) == name


def test_usual_headers_load_neither_pint_nor_calamine() -> None:
    program = (
        "import sys; from optimizer.lab_table import read_table, template_csv; read_table(template_csv().encode()).require_clean();"
        "print([m for m in ('pint', 'python_calamine', 'xlsxwriter', 'torch', 'pandas') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"
