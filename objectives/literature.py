"""The bundled literature table, one measured number a row, with its evidence and provenance."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from functools import lru_cache

from objectives.studies import load_studies, read_data


@dataclass(frozen=True)
class Row:
    """One measured number as its source gives it; NaN where the source is silent."""

    number: int  # line in the data set, 0 for the first row under the header
    evidence: str  # primary: read in the source; secondary: a third party's transcription
    source: str
    study: str | None  # key in studies.toml, None for a source that is not calibrated
    label: str
    coating_se_wt: float
    se_particle_um: float
    am_wt: float
    vgcf_wt: float
    temperature_c: float
    c_rate: float
    quantity: str
    value: float
    unit: str
    sd: float
    provenance: str


def _number(text: str) -> float:
    return float(text) if text else math.nan


@lru_cache(maxsize=1)
def load_literature() -> tuple[Row, ...]:
    """Return every row of the bundled table, in file order."""
    by_source = {study.source: study.name for study in load_studies().values()}
    return tuple(
        Row(
            number=number,
            evidence=line["evidence"],
            source=line["source"],
            study=by_source.get(line["source"]),
            label=line["label"],
            coating_se_wt=100.0 * _number(line["coating_se_wt_frac"]),
            se_particle_um=_number(line["se_particle_um"]),
            am_wt=_number(line["am_wt"]),
            vgcf_wt=_number(line["vgcf_wt"]),
            temperature_c=_number(line["temperature_C"]),
            c_rate=_number(line["c_rate"]),
            quantity=line["quantity"],
            value=float(line["value"]),
            unit=line["unit"],
            sd=_number(line["sd"]),
            provenance=line["provenance"],
        )
        for number, line in enumerate(csv.DictReader(io.StringIO(read_data("literature.csv"))))
    )
