"""Cells written in any units, delimiter and decimal mark come back the same."""

from __future__ import annotations

import csv
import datetime
import io
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.cell import STATUSES, Cell, Measured
from objectives.recipe import Recipe
from optimizer.lab_table import read_table

UNITS: dict[str, tuple[tuple[str, float, float], ...]] = {  # header, factor and offset from the value inside to the one written
    "am_wt": (("AM (wt%)", 1.0, 0.0), ("AM [1]", 0.01, 0.0)),
    "se_particle_um": (("SE size [µm]", 1.0, 0.0), ("SE size (nm)", 1e3, 0.0), ("SE size / mm", 1e-3, 0.0)),
    "vgcf_wt": (("VGCF wt%", 1.0, 0.0), ("VGCF (1)", 0.01, 0.0)),
    "temperature_c": (("temperature (°C)", 1.0, 0.0), ("T (K)", 1.0, 273.15)),
    "c_rate": (("C-rate", 1.0, 0.0), ("C-rate (1/h)", 1.0, 0.0)),
    "pressure_mpa": (("pressure", 1.0, 0.0), ("pressure (bar)", 10.0, 0.0)),
    "loading_mg_cm2": (("loading", 1.0, 0.0), ("loading [g/m²]", 10.0, 0.0)),
    "porosity": (("porosity [1]", 1.0, 0.0), ("porosity (vol%)", 100.0, 0.0)),
    "ionic_conductivity": (("ionic conductivity (mS/cm)", 1.0, 0.0), ("sigma_ion (S cm⁻¹)", 1e-3, 0.0)),
    "discharge_capacity": (("capacity (mAh/g)", 1.0, 0.0), ("capacity / mAh g-1", 1.0, 0.0), ("discharge capacity [Ah/g]", 1e-3, 0.0)),
    "mean_discharge_voltage": (("mean voltage (V)", 1.0, 0.0), ("mean voltage (mV)", 1e3, 0.0)),
}
TEXT = st.text(st.characters(whitelist_categories=("L", "N"), whitelist_characters=" .,;:\"'()/%\t"), min_size=1, max_size=12).map(str.strip)
WORD = TEXT.filter(lambda text: text != "" and text.lower() not in ("na", "n/a", "n.a", "n.a."))


def between(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_subnormal=False).map(lambda value: float(f"{value:.8g}"))


def measured(low: float, high: float) -> st.SearchStrategy[Measured]:
    return st.builds(Measured, between(low, high), st.one_of(st.just(math.nan), between(1e-4, 0.1)))


OUTCOMES = st.fixed_dictionaries(
    {"porosity": measured(0.011, 0.5)},
    optional={
        "ionic_conductivity": measured(1e-3, 5.0),
        "discharge_capacity": measured(0.0, 230.0),
        "mean_discharge_voltage": measured(3.0, 4.2),
    },
)


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    vgcf = draw(between(0.0, 10.0))
    return Cell(
        row=0,
        name=draw(WORD),
        recipe=Recipe(draw(between(1.0, 90.0)), draw(between(1.0, 50.0)), draw(between(0.01, 50.0)), vgcf),
        outcomes=draw(OUTCOMES),
        status=draw(st.sampled_from(STATUSES)),
        cause=draw(st.one_of(st.just(""), WORD)),
        temperature_c=draw(st.one_of(st.just(math.nan), between(-40.0, 120.0))),
        c_rate=draw(st.one_of(st.just(math.nan), between(0.01, 10.0))),
        pressure_mpa=draw(st.one_of(st.just(math.nan), between(1.0, 700.0))),
        loading_mg_cm2=draw(st.one_of(st.just(math.nan), between(1.0, 100.0))),
        date=draw(st.one_of(st.just(""), st.dates(min_value=datetime.date(1990, 1, 1), max_value=datetime.date(2100, 1, 1)).map(str))),
        lots=draw(st.dictionaries(st.sampled_from(("se", "coated powder", "am", "vgcf")), WORD)),
        own=draw(st.dictionaries(st.sampled_from(("operator", "box")), WORD)),
    )


def written(cell: Cell, headers: dict[str, tuple[str, float, float]], decimal: str) -> dict[str, str]:
    def number(value: float) -> str:
        return "" if math.isnan(value) else repr(value).replace(".", decimal)

    values = {key: Measured(getattr(cell.recipe, key)) for key in ("am_wt", "se_particle_um", "vgcf_wt")}
    values |= {key: Measured(getattr(cell, key)) for key in ("temperature_c", "c_rate", "pressure_mpa", "loading_mg_cm2")}
    values |= {
        key: cell.outcomes.get(key, Measured(math.nan)) for key in ("porosity", "ionic_conductivity", "discharge_capacity", "mean_discharge_voltage")
    }
    row = {"name": cell.name, "coating (wt%)": number(cell.recipe.coating_se_wt), "status": cell.status.replace("_", " "), "cause": cell.cause}
    row |= {"date": cell.date, **{f"{kind} lot": cell.lots.get(kind, "") for kind in ("se", "coated powder", "am", "vgcf")}}
    for key, value in values.items():
        header, factor, offset = headers[key]
        row[header] = number(value.value * factor + offset)
        if key in ("porosity", "ionic_conductivity", "discharge_capacity", "mean_discharge_voltage"):
            row[f"{key} sd"] = number(value.sd * factor)
    return row | {name: cell.own.get(name, "") for name in ("operator", "box")}


def flat(cell: Cell) -> list[float]:
    """Return every number of a cell, outcomes in the order of their names."""
    outcomes = [number for name in sorted(cell.outcomes) for number in (cell.outcomes[name].value, cell.outcomes[name].sd)]
    return [*cell.recipe.values(), cell.temperature_c, cell.c_rate, cell.pressure_mpa, cell.loading_mg_cm2, *outcomes]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(cells(), min_size=1, max_size=4, unique_by=lambda cell: cell.name),
    st.fixed_dictionaries({key: st.sampled_from(choices) for key, choices in UNITS.items()}),
    st.sampled_from(((",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ","))),
    st.sampled_from(("utf-8", "utf-8-sig", "utf-16")),
)
def test_cells_come_back_from_any_table(
    made: list[Cell], headers: dict[str, tuple[str, float, float]], marks: tuple[str, str], encoding: str
) -> None:
    delimiter, decimal = marks
    rows = [written(cell, headers, decimal) for cell in made]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    read = read_table(text.getvalue().encode(encoding)).require_clean()
    for row, (cell, back) in enumerate(zip(made, read, strict=True), start=2):
        assert back.row == row
        assert sorted(back.outcomes) == sorted(cell.outcomes)
        assert flat(back) == pytest.approx(flat(cell), rel=1e-9, abs=1e-9, nan_ok=True)
        same = replace(
            back,
            row=0,
            recipe=cell.recipe,
            outcomes=cell.outcomes,
            **{n: getattr(cell, n) for n in ("temperature_c", "c_rate", "pressure_mpa", "loading_mg_cm2")},
        )
        assert same == cell
