"""The columns that a lab table may have: names, spellings, units and ranges. Data only.

A range refuses what no cell can have, mostly a wrong unit; it is never a campaign's design space.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["number", "coating", "c_rate", "text", "status", "date"]


@dataclass(frozen=True)
class Column:
    """One known column.

    Args:
        key: Its name in code.
        label: What a header should say, unit included.
        aliases: Other spellings, in lower case without unit; ``_``, ``-`` and ``.`` count as spaces.
        unit: Canonical unit; empty for text.
        kind: How its cells are read.
        low: Least value, included unless ``above``.
        high: Greatest value, included.
        above: Whether ``low`` itself is refused.
        must_say_unit: Whether a header without unit is ambiguous; the label says how to write it.
        measured: Whether a column of standard errors may stand beside it.
    """

    key: str
    label: str
    aliases: tuple[str, ...]
    unit: str = ""
    kind: Kind = "text"
    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    must_say_unit: bool = False
    measured: bool = False


_CAPACITY = ("capacity", "discharge capacity")  # per gram, per area or per cell: the unit decides


def _mass(key: str, label: str, *aliases: str) -> Column:
    return Column(key, f"{label} (mg)", (label.lower(), *aliases), "mg", "number", 0.0, 1e9)


def _raw(key: str, label: str, unit: str, high: float, *aliases: str) -> Column:
    return Column(key, f"{label} ({unit})", (label.lower(), *aliases), unit, "number", 0.0, high, above=True, measured=True)


def _outcome(key: str, label: str, unit: str, low: float, high: float, *aliases: str, above: bool = False, must_say_unit: bool = False) -> Column:
    return Column(key, f"{label} ({unit})", (label.lower(), *aliases), unit, "number", low, high, above, must_say_unit, measured=True)


def _text(key: str, label: str, *aliases: str) -> Column:
    return Column(key, label, (label.lower(), *aliases))


INPUTS = (
    Column("am_wt", "AM (wt%)", ("am", "am wt", "am content", "am loading", "am fraction", "active material", "cam"), "wt%", "number", 1.0, 100.0),
    Column(
        "coating_se_wt",
        "coating",
        ("coating", "coating se wt", "coating se share", "coating ratio", "am:se", "coating am:se"),
        "wt%",
        "coating",
        0.0,
        50.0,
    ),
    Column(
        "se_particle_um",
        "SE size (um)",
        ("se size", "se particle", "se particle um", "se particle size", "se d50", "se size d50", "se particle size d50", "free se size"),
        "um",
        "number",
        0.0,
        500.0,
        above=True,
    ),
    Column("vgcf_wt", "VGCF (wt%)", ("vgcf", "vgcf wt", "vgcf content", "carbon", "carbon fibre", "carbon fiber"), "wt%", "number", 0.0, 50.0),
)
MASSES = (
    _mass("coating_am_mg", "coating AM", "am in coating", "coating am mass", "coating am mg", "mill am"),
    _mass("coating_se_mg", "coating SE", "se in coating", "coating se mass", "coating se mg", "mill se"),
    _mass("coated_powder_mg", "coated powder", "am@se", "coated powder mass", "coated am", "mix coated powder", "coated powder mg"),
    _mass("free_se_mg", "free SE", "free se mass", "mix free se", "free se mg"),
    _mass("vgcf_mg", "VGCF", "vgcf mass", "mass vgcf", "mix vgcf", "vgcf mg", "carbon mass"),
)
CONDITIONS = (
    Column("temperature_c", "temperature (°C)", ("temperature", "temp", "t", "temperature c", "test temperature"), "degC", "number", -100.0, 200.0),
    Column("c_rate", "C-rate", ("c rate", "rate", "crate", "discharge rate"), "1/h", "c_rate", 0.0, 1000.0, above=True),
    Column(
        "pressure_mpa",
        "pressure (MPa)",
        ("pressure", "pressure mpa", "fabrication pressure", "pressing pressure"),
        "MPa",
        "number",
        0.0,
        5000.0,
        above=True,
    ),
)
RAW = (
    _raw("loading_mg_cm2", "loading", "mg/cm2", 1000.0, "loading mg cm2", "areal loading", "composite loading", "total loading", "cathode loading"),
    _raw("pellet_mass_mg", "pellet mass", "mg", 1e6, "electrode mass", "composite mass", "cathode mass", "pellet mass mg"),
    _raw("area_cm2", "area", "cm2", 1e4, "electrode area", "area cm2", "pellet area"),
    _raw("diameter_mm", "diameter", "mm", 1000.0, "electrode diameter", "diameter mm", "pellet diameter"),
    _raw("thickness_um", "thickness", "um", 1e5, "electrode thickness", "thickness um", "pellet thickness", "cathode thickness"),
    _raw("ionic_resistance_ohm", "ionic resistance", "ohm", 1e9, "ionic resistance ohm", "r ion", "rion"),
    _raw("electronic_resistance_ohm", "electronic resistance", "ohm", 1e9, "electronic resistance ohm", "r el", "rel"),
    Column("cell_capacity_mah", "cell capacity (mAh)", ("cell capacity", *_CAPACITY), "mAh", "number", 0.0, 1e6, measured=True),
)
OUTCOME_COLUMNS = (
    _outcome("porosity", "porosity", "%", 0.0, 0.9, must_say_unit=True),
    _outcome("relative_density", "relative density", "%", 0.2, 1.0, "rel density", "relative electrode density", must_say_unit=True),
    _outcome("electrode_density", "electrode density", "g/cm3", 0.0, 25.0, "density", "pellet density", above=True),
    _outcome("ionic_tortuosity_factor", "ionic tortuosity factor", "1", 1.0, 1e6, "ionic tau", "tau ionic"),
    _outcome("electronic_tortuosity_factor", "electronic tortuosity factor", "1", 0.0, 1e6, "electronic tau", "tau electronic", above=True),
    _outcome(
        "ionic_conductivity",
        "ionic conductivity",
        "mS/cm",
        0.0,
        1e3,
        "effective ionic conductivity",
        "sigma ion",
        "sigma ionic",
        above=True,
        must_say_unit=True,
    ),
    _outcome(
        "electronic_conductivity",
        "electronic conductivity",
        "mS/cm",
        0.0,
        1e6,
        "effective electronic conductivity",
        "sigma el",
        "sigma electronic",
        above=True,
        must_say_unit=True,
    ),
    _outcome("discharge_capacity", "discharge capacity", "mAh/g", 0.0, 5000.0, "specific capacity", "specific discharge capacity", *_CAPACITY),
    _outcome("areal_capacity", "areal capacity", "mAh/cm2", 0.0, 1000.0, "areal discharge capacity", *_CAPACITY),
    _outcome("mean_discharge_voltage", "mean voltage", "V", 0.0, 10.0, "mean discharge voltage", "average voltage", "voltage", above=True),
)
LOTS: Mapping[str, str] = MappingProxyType({"se_lot": "se", "coated_powder_lot": "coated powder", "am_lot": "am", "vgcf_lot": "vgcf"})
TEXTS = (
    _text("name", "name", "cell", "cell name", "cell id", "id", "sample", "label"),
    Column("status", "status", ("result", "state"), kind="status"),
    _text("cause", "cause", "failure cause", "cause of failure", "reason"),
    Column("date", "date", ("date made", "test date", "made"), kind="date"),
    _text("se_lot", "SE lot", "lot se", "se batch"),
    _text("coated_powder_lot", "coated powder lot", "coated lot", "lot coated powder", "coating lot", "am@se lot"),
    _text("am_lot", "AM lot", "lot am", "am batch", "cam lot"),
    _text("vgcf_lot", "VGCF lot", "lot vgcf", "carbon lot"),
)
COLUMNS: Mapping[str, Column] = MappingProxyType({column.key: column for column in (*TEXTS, *INPUTS, *MASSES, *CONDITIONS, *RAW, *OUTCOME_COLUMNS)})
CANONICAL: Mapping[str, str] = MappingProxyType({"porosity": "1", "relative_density": "1"})  # where the label's unit is not the one inside
# Names that mean two things; the text says what to write instead.
AMBIGUOUS: Mapping[str, str] = MappingProxyType(
    {
        "tortuosity": 'write "ionic tortuosity factor" (the paper\'s tau squared) or "electronic tortuosity factor"',
        "tau": 'write "ionic tortuosity factor" (the paper\'s tau squared) or "electronic tortuosity factor"',
        "tortuosity factor": 'write "ionic tortuosity factor" or "electronic tortuosity factor"',
        "ionic tortuosity": 'write "ionic tortuosity factor" and give it as sigma_0 phi / sigma_eff (the paper\'s tau squared)',
        "electronic tortuosity": 'write "electronic tortuosity factor" and give it as sigma_0 phi / sigma_eff (the paper\'s tau squared)',
        "conductivity": 'write "ionic conductivity (mS/cm)" or "electronic conductivity (mS/cm)"',
        "resistance": 'write "ionic resistance (ohm)" or "electronic resistance (ohm)"',
        "mass": 'write "pellet mass (mg)"',
        "am areal loading": 'write "loading (mg/cm2)" and give the mass of the whole composite',
        "active loading": 'write "loading (mg/cm2)" and give the mass of the whole composite',
        "lot": 'write "SE lot", "coated powder lot", "AM lot" or "VGCF lot"',
    }
)


def canonical_unit(column: Column) -> str:
    """Return the unit that values of a column have inside."""
    return CANONICAL.get(column.key, column.unit)


def _names() -> dict[str, tuple[Column, ...]]:
    names: dict[str, tuple[Column, ...]] = {}
    for column in COLUMNS.values():
        for name in dict.fromkeys((column.key.replace("_", " "), *column.aliases)):
            names[name] = (*names.get(name, ()), column)
    return names


NAMES: Mapping[str, tuple[Column, ...]] = MappingProxyType(_names())  # several columns under one name: the header's unit decides
