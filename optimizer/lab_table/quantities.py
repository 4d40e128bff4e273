"""From raw lab quantities to outcomes: loading, density, porosity, conductivity, specific capacity; and whether they agree.

Source: Kim et al., Nano-Micro Lett. 17, 119 (2025), Eq. (2) porosity ``1 - rho / rho_theoretical``, Eq. (4) ``sigma = L / (R A)``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from objectives.cell import Measured
from objectives.composition import compose
from objectives.recipe import Recipe
from optimizer.lab_table.columns import COLUMNS

AGREE = 0.02  # relative difference up to which a quantity given twice agrees
_DIRECT = ("electrode_density", "ionic_tortuosity_factor", "electronic_tortuosity_factor", "mean_discharge_voltage", "areal_capacity")


@dataclass(frozen=True)
class Densities:
    """Densities without pores, g/cm3. Defaults: NCM811 and LPSCl of Kim et al. 2025; VGCF from its data sheet."""

    am: float = 4.8
    se: float = 1.64
    vgcf: float = 2.0


@dataclass(frozen=True)
class Conflict:
    """A quantity that the row gives in two ways, or that lacks what it needs."""

    key: str  # column to point at
    rule: str
    value: str
    remedy: str


@dataclass(frozen=True)
class Derived:
    """What a row's quantities give."""

    outcomes: Mapping[str, Measured]
    loading_mg_cm2: float
    conflicts: tuple[Conflict, ...]


@dataclass(frozen=True)
class _Way:
    """One way to a quantity: the columns it comes from, the column to point at first."""

    columns: tuple[str, ...]
    value: Measured


def theoretical_density(recipe: Recipe, densities: Densities) -> float:
    """Return the density of a recipe without pores, g/cm3."""
    am, coating, _, vgcf = (np.asarray(value) for value in recipe.values())
    mixed = compose(
        am,
        coating,
        vgcf,
        other_wt=0.0,
        am_radius_um=1.0,
        am_density=densities.am,
        se_density=densities.se,
        vgcf_density=densities.vgcf,
        other_density=1.0,
    )
    return float(mixed.theoretical_density)


def _product(scale: float, up: tuple[Measured, ...], down: tuple[Measured, ...] = ()) -> Measured:
    """Return ``scale * up / down`` with stated relative errors in quadrature; NaN where none is stated."""
    value = scale * math.prod(m.value for m in up) / math.prod(m.value for m in down)
    relative = [m.sd / m.value for m in (*up, *down) if not math.isnan(m.sd) and m.value != 0.0]
    if relative:
        return Measured(value, abs(value) * math.hypot(*relative))
    return Measured(value, scale * up[0].sd if len(up) == 1 and not down else math.nan)  # a capacity of 0 keeps its error


def _names(columns: tuple[str, ...]) -> str:
    return " and ".join(f'"{COLUMNS[key].label}"' for key in columns)


class _Row:
    """The quantities of one row as they become known, with the conflicts found on the way."""

    def __init__(self, given: Mapping[str, Measured]) -> None:
        self.given = given
        self.conflicts: list[Conflict] = []

    def way(self, columns: tuple[str, ...], scale: float, up: tuple[str, ...], down: tuple[str, ...] = ()) -> list[_Way]:
        """Return the way of a product of given columns, or none where one is not given."""
        if any(key not in self.given for key in (*up, *down)):
            return []
        return [_Way(columns, _product(scale, tuple(self.given[k] for k in up), tuple(self.given[k] for k in down)))]

    def agreed(self, what: str, unit: str, ways: list[_Way], share: bool = False) -> _Way | None:
        """Return the first way; the others must agree. Porosity is compared as the solid share, of which Eq. (2) is made."""
        if not ways:
            return None
        first = ways[0]
        for other in ways[1:]:
            a, b = ((1.0 - way.value.value) if share else way.value.value for way in (first, other))
            if abs(a - b) > AGREE * max(abs(a), abs(b)):
                got = f"{first.value.value:.4g} and {other.value.value:.4g}{unit}"
                rule = f"must agree within {100.0 * AGREE:g} % with the {what} from {_names(other.columns)}"
                self.conflicts.append(Conflict(first.columns[0], rule, got, "correct one of them"))
        return first

    def needs(self, key: str, what: str) -> None:
        """Report a column that is of no use without others."""
        self.conflicts.append(Conflict(key, f"must stand beside {what}", "", f"add {what}, or give the derived quantity itself"))


def derive(given: Mapping[str, Measured], recipe: Recipe, densities: Densities, known_bad: frozenset[str] = frozenset()) -> Derived:
    """Return the outcomes that follow from a row's quantities.

    Args:
        given: Values by column key, in canonical units.
        recipe: Of the row.
        densities: Of its materials.
        known_bad: Keys of cells that could not be read; what needs them is passed over.
    """
    row = _Row(given)
    am = 0.01 * recipe.am_wt
    derived = dict(given)
    row.given = derived
    disc = [_Way(("diameter_mm",), _disc(given["diameter_mm"]))] if "diameter_mm" in given else []
    area = row.agreed("area", " cm2", row.way(("area_cm2",), 1.0, ("area_cm2",)) + disc)
    if area:
        derived["area_cm2"] = area.value
    from_area = area.columns if area else ()
    loading = row.agreed(
        "loading",
        " mg/cm2",
        row.way(("loading_mg_cm2",), 1.0, ("loading_mg_cm2",)) + row.way(("pellet_mass_mg", *from_area), 1.0, ("pellet_mass_mg",), ("area_cm2",)),
    )
    if loading:
        derived["loading_mg_cm2"] = loading.value
    ways = row.way(("electrode_density",), 1.0, ("electrode_density",))
    if loading:  # mg/cm2 over um is 10 g/cm3
        ways += row.way((*loading.columns, "thickness_um"), 10.0, ("loading_mg_cm2",), ("thickness_um",))
    density = row.agreed("electrode density", " g/cm3", ways)
    outcomes = {key: given[key] for key in _DIRECT if key in given}
    if density:
        outcomes["electrode_density"] = density.value
    if "thickness_um" in given:
        outcomes["thickness"] = given["thickness_um"]
    _add_porosity(row, outcomes, density, theoretical_density(recipe, densities))
    for kind in ("ionic", "electronic"):
        _add_conductivity(row, outcomes, kind, area, known_bad)
    _add_capacity(row, outcomes, am, loading, area, known_bad)
    return Derived(outcomes, loading.value.value if loading else math.nan, tuple(row.conflicts))


def _disc(diameter_mm: Measured) -> Measured:
    """Return the area of a disc, cm2."""
    return Measured(math.pi / 400.0 * diameter_mm.value**2, math.pi / 200.0 * diameter_mm.value * diameter_mm.sd)


def _add_porosity(row: _Row, outcomes: dict[str, Measured], density: _Way | None, theoretical: float) -> None:
    ways = row.way(("porosity",), 1.0, ("porosity",))
    relative = row.given.get("relative_density")
    if relative:
        outcomes["relative_density"] = relative
        ways.append(_Way(("relative_density",), Measured(float(f"{1.0 - relative.value:.12g}"), relative.sd)))
    if density:
        share = _product(1.0 / theoretical, (density.value,))
        if share.value > 1.0:
            rule = f"must be at most the density without pores, {theoretical:.4g} g/cm3"
            remedy = "correct the mass, area or thickness, or the densities in the options"
            row.conflicts.append(Conflict(density.columns[0], rule, f"{density.value.value:.4g} g/cm3", remedy))
        else:
            ways.append(_Way(density.columns, Measured(1.0 - share.value, share.sd)))
    porosity = row.agreed("porosity", "", ways, share=True)
    if porosity:
        outcomes["porosity"] = porosity.value


def _add_conductivity(row: _Row, outcomes: dict[str, Measured], kind: str, area: _Way | None, known_bad: frozenset[str]) -> None:
    name, resistance = f"{kind}_conductivity", f"{kind}_resistance_ohm"
    ways = row.way((name,), 1.0, (name,))
    if resistance in row.given:
        if area and "thickness_um" in row.given:  # um/(ohm cm2) is 1e-4 S/cm, 0.1 mS/cm
            ways += row.way((resistance, "thickness_um", *area.columns), 0.1, ("thickness_um",), (resistance, "area_cm2"))
        elif not known_bad & {"thickness_um", "area_cm2", "diameter_mm"}:
            row.needs(resistance, "a thickness and an area or diameter")
    found = row.agreed(f"{kind} conductivity", " mS/cm", ways)
    if found:
        outcomes[name] = found.value


def _add_capacity(row: _Row, outcomes: dict[str, Measured], am: float, loading: _Way | None, area: _Way | None, known_bad: frozenset[str]) -> None:
    """Add the specific capacity, mAh per g AM, from the first given of specific, areal and per cell."""
    ways = row.way(("discharge_capacity",), 1.0, ("discharge_capacity",))
    bad = known_bad & {"loading_mg_cm2", "pellet_mass_mg", "area_cm2", "diameter_mm"}
    if "areal_capacity" in row.given:
        if loading:
            ways += row.way(("areal_capacity", *loading.columns), 1e3 / am, ("areal_capacity",), ("loading_mg_cm2",))
        elif not ways and not bad:
            row.needs("areal_capacity", "a loading, or a pellet mass with its area")
    if "cell_capacity_mah" in row.given:
        if "pellet_mass_mg" in row.given:
            ways += row.way(("cell_capacity_mah", "pellet_mass_mg"), 1e3 / am, ("cell_capacity_mah",), ("pellet_mass_mg",))
        elif loading and area:
            ways += row.way(("cell_capacity_mah", *loading.columns, *area.columns), 1e3 / am, ("cell_capacity_mah",), ("loading_mg_cm2", "area_cm2"))
        elif not ways and not bad:
            row.needs("cell_capacity_mah", "a pellet mass")
    found = row.agreed("discharge capacity", " mAh/g", ways)
    if found:
        outcomes["discharge_capacity"] = found.value
