"""Limits of a recipe as signed margins: hard ones as data for any design space, and the electrode's hard and soft ones.

A margin is in the limit's own unit and positive where the limit holds. Holds no calibrated number: what needs the closed form
is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from objectives.composition import Array, Mask, required_shell_wt, se_wt
from objectives.design_space import DesignSpace
from objectives.electrode import Outcomes
from objectives.parameter import DesignSpaceError
from objectives.recipe import RECIPE_FIELDS

Columns = Mapping[str, Array]

TOLERANCE = 1e-9  # in the limit's unit: float noise of a sum that should be zero, far below any balance
PERCOLATION_RESERVE = 0.02  # volume fraction kept above the ionic threshold, where the closed form is steepest


@dataclass(frozen=True)
class Constraint:
    """A hard limit as data: ``margin`` takes recipes ``(n, d)`` and returns ``(n,)``, at least 0 where the limit holds."""

    name: str
    unit: str
    margin: Callable[[Array], Array]


@dataclass(frozen=True)
class Margin:
    """One limit of one recipe: how far it is from the limit, positive inside."""

    name: str
    margin: float
    unit: str
    kind: Literal["hard", "soft"]

    @property
    def holds(self) -> bool:
        """Whether the limit holds, float noise aside."""
        return self.margin >= -TOLERANCE


def margins(constraints: Sequence[Constraint], x: Array) -> dict[str, Array]:
    """Return the margin of every constraint by name, each ``(n,)``, for recipes ``(n, d)``."""
    return {constraint.name: constraint.margin(x) for constraint in constraints}


def holds(constraints: Sequence[Constraint], x: Array) -> Mask:
    """Return whether each recipe of ``(n, d)`` satisfies every constraint, shape ``(n,)``.

    A constraint is asked only about recipes that satisfied those before it: list cheap ones first, and physics last.
    """
    passed = np.arange(x.shape[0])
    for constraint in constraints:
        if passed.size:
            passed = passed[constraint.margin(x[passed]) >= -TOLERANCE]
    mask = np.zeros(x.shape[0], dtype=np.bool_)
    mask[passed] = True
    return mask


def _bounds_margin(column: int, lower: float, upper: float, zero: bool, x: Array) -> Array:
    value = x[:, column]
    inside = np.minimum(value - lower, upper - value)
    return np.maximum(inside, -np.abs(value)) if zero else inside


def bounds(space: DesignSpace) -> tuple[Constraint, ...]:
    """Return one constraint a parameter, ``bounds.NAME``: distance to the nearer bound, 0 where a semi-continuous one is left out."""
    return tuple(
        Constraint(f"bounds.{p.name}", p.unit, partial(_bounds_margin, column, p.lower, p.upper, p.zero)) for column, p in enumerate(space.parameters)
    )


def _linear_margin(coefficients: Array, bound: float, x: Array) -> Array:
    margin: Array = bound - x @ coefficients
    return margin


def linear(space: DesignSpace, name: str, unit: str, coefficients: Mapping[str, float], bound: float) -> Constraint:
    """Return the constraint ``sum coefficient * parameter <= bound``.

    Raises:
        DesignSpaceError: If a coefficient is for a parameter that the space does not have.
    """
    unknown = sorted(set(coefficients) - set(space.names))
    if unknown:
        raise DesignSpaceError(f'{name}: coefficients must be of {", ".join(space.names)}, got "{unknown[0]}"; correct the name')
    row = np.array([float(coefficients.get(parameter, 0.0)) for parameter in space.names])
    return Constraint(name, unit, partial(_linear_margin, row, float(bound)))


def _function_margin(space: DesignSpace, function: Callable[[Columns], Array], x: Array) -> Array:
    return function(space.columns(x))


def nonlinear(space: DesignSpace, name: str, unit: str, function: Callable[[Columns], Array]) -> Constraint:
    """Return the constraint that a function of the columns by parameter name, each ``(n,)``, is at least 0."""
    return Constraint(name, unit, partial(_function_margin, space, function))


def composition(columns: Columns) -> Array:
    """Return the SE of each recipe in wt%: what AM and VGCF leave of 100."""
    return se_wt(columns["am_wt"], columns["vgcf_wt"])


def shell_budget(columns: Columns) -> Array:
    """Return the free SE of each recipe in wt%: what the coating leaves of the SE."""
    return composition(columns) - required_shell_wt(columns["am_wt"], columns["coating_se_wt"])


# Functions that a campaign file may name; a caller with its own passes its own mapping.
FUNCTIONS: Mapping[str, Callable[[Columns], Array]] = MappingProxyType({"composition": composition, "shell_budget": shell_budget})


def from_tables(
    space: DesignSpace, tables: Sequence[Mapping[str, Any]], functions: Mapping[str, Callable[[Columns], Array]] = FUNCTIONS
) -> tuple[Constraint, ...]:
    """Return the constraints of TOML tables: ``{name, unit, coefficients, bound}`` (linear) or ``{name, unit, function}``.

    Raises:
        DesignSpaceError: If a table is neither, or names an unknown parameter or function.
    """
    made = []
    for table in tables:
        name, unit = str(table.get("name", table.get("function", "constraint"))), str(table.get("unit", ""))
        if "coefficients" in table and "bound" in table and "function" not in table:
            made.append(linear(space, name, unit, table["coefficients"], table["bound"]))
        elif "function" in table and "coefficients" not in table:
            if table["function"] not in functions:
                raise DesignSpaceError(f'{name}: function must be one of {", ".join(functions)}, got "{table["function"]}"; correct the name')
            made.append(nonlinear(space, name, unit, functions[table["function"]]))
        else:
            raise DesignSpaceError(
                f"{name}: a constraint needs either coefficients and bound, or function, got {', '.join(table)}; correct the table"
            )
    return tuple(made)


def _percolation_margin(percolation_margin: Callable[[Array], Array], x: Array) -> Array:
    return percolation_margin(x) - PERCOLATION_RESERVE


def electrode_constraints(space: DesignSpace, percolation_margin: Callable[[Array], Array]) -> tuple[Constraint, ...]:
    """Return the electrode's hard limits: ``bounds.NAME``, ``composition``, ``shell_budget`` and ``ionic_percolation``.

    Args:
        space: Parameters named and ordered as the fields of `Recipe`.
        percolation_margin: SE volume fraction above the percolation threshold of recipes ``(n, 4)``, shape ``(n,)``, as in
            `Outcomes.percolation_margin`.

    Raises:
        DesignSpaceError: If the space has other parameters than a recipe.
    """
    if space.names != RECIPE_FIELDS:
        raise DesignSpaceError(f"an electrode space must have the parameters {', '.join(RECIPE_FIELDS)} in this order, got {', '.join(space.names)}")
    return (
        *bounds(space),
        nonlinear(space, "composition", "wt%", composition),
        nonlinear(space, "shell_budget", "wt%", shell_budget),
        Constraint("ionic_percolation", "volume fraction", partial(_percolation_margin, percolation_margin)),
    )


def hard_margins(space: DesignSpace, x: Array, outcomes: Outcomes) -> dict[str, Array]:
    """Return the electrode's hard margins by name for recipes ``(n, 4)`` and their outcomes, each ``(n,)``.

    Outcomes of k parameter draws, ``(k, n)``, give a percolation margin of that shape.
    """
    return margins(electrode_constraints(space, lambda _: outcomes.percolation_margin), x)


@dataclass(frozen=True)
class SoftLimits:
    """Soft limits of a campaign. Defaults are the reference campaign's.

    Relative density 0.82-0.95; 50 mV of ohmic drop a path, at a nominal 200 mAh/g (design note, section 5).
    """

    relative_density_min: float = 0.82
    relative_density_max: float = 0.95
    ohmic_drop_mv: float = 50.0
    nominal_capacity_mah_g: float = 200.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.relative_density_min < self.relative_density_max <= 1.0:
            raise ValueError(
                "relative density limits must rise within 0 and 1, got "
                f"{self.relative_density_min:g} to {self.relative_density_max:g}; correct relative_density_min or relative_density_max"
            )
        if not (self.ohmic_drop_mv > 0.0 and self.nominal_capacity_mah_g > 0.0):
            raise ValueError(
                f"ohmic_drop_mv and nominal_capacity_mah_g must be above 0, got {self.ohmic_drop_mv:g} and {self.nominal_capacity_mah_g:g}"
            )


def tortuosity_max(phi: ArrayLike, sigma_ms_cm: ArrayLike, thickness_um: ArrayLike, current_a_cm2: ArrayLike, ohmic_drop_mv: float) -> Array:
    """Return the tortuosity factor at which a path costs a given ohmic drop, ``phi sigma_0 dV / (i L)``.

    Args:
        phi: Volume fraction of the conducting phase in the electrode.
        sigma_ms_cm: Its bulk conductivity sigma_0, mS/cm.
        thickness_um: Electrode thickness L, um.
        current_a_cm2: Areal current i, A/cm2.
        ohmic_drop_mv: dV, mV.

    Source: Ohm's law with ``sigma_eff = sigma_0 phi / tau``; the whole current crosses the whole thickness, the cautious case.
    """
    siemens_cm = np.asarray(phi) * np.asarray(sigma_ms_cm) * 1e-3
    limit: Array = siemens_cm * (ohmic_drop_mv * 1e-3) / (np.asarray(current_a_cm2) * np.asarray(thickness_um) * 1e-4)
    return limit


def soft_margins(
    am_wt: Array,
    outcomes: Outcomes,
    porosity: Array,
    ionic_tortuosity_factor: Array,
    electronic_tortuosity_factor: Array,
    *,
    c_rate: float,
    loading_mg_cm2: float,
    limits: SoftLimits | None = None,
) -> dict[str, Array]:
    """Return the electrode's soft margins by name, each of the broadcast shape ``(..., n)``.

    Args:
        am_wt: AM mass fraction of the recipes, wt%, shape ``(n,)``.
        outcomes: The closed form's, shape ``(n,)``: for what porosity does not change (volume shares, theoretical density,
            bulk conductivities at the goal's temperature).
        porosity: To judge, fraction, shape ``(..., n)``: one prediction, or draws of a posterior.
        ionic_tortuosity_factor: The same.
        electronic_tortuosity_factor: The same.
        c_rate: Of the goal, 1/h.
        loading_mg_cm2: Composite per area.
        limits: The reference campaign's when left out.
    """
    limits = limits or SoftLimits()
    solids = 1.0 - porosity
    shrink = solids / (1.0 - outcomes.porosity)
    thickness = loading_mg_cm2 / (outcomes.theoretical_density * solids) * 10.0
    current = c_rate * limits.nominal_capacity_mah_g * (loading_mg_cm2 * am_wt * 0.01) * 1e-6  # mA/g * mg/cm2 = 1e-6 A/cm2
    drop = limits.ohmic_drop_mv
    ionic_max = tortuosity_max(outcomes.phi_se * shrink, outcomes.sigma_0_ionic, thickness, current, drop)
    electronic_max = tortuosity_max(outcomes.phi_am * shrink, outcomes.sigma_0_electronic, thickness, current, drop)
    return {
        "relative_density_min": solids - limits.relative_density_min,
        "relative_density_max": limits.relative_density_max - solids,
        "ionic_tortuosity": ionic_max - ionic_tortuosity_factor,
        "electronic_tortuosity": electronic_max - electronic_tortuosity_factor,
    }


SOFT_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "relative_density_min": "fraction of the theoretical density",
        "relative_density_max": "fraction of the theoretical density",
        "ionic_tortuosity": "1",
        "electronic_tortuosity": "1",
    }
)


def described(hard: Mapping[str, Array], soft: Mapping[str, Array], constraints: Sequence[Constraint], row: int) -> tuple[Margin, ...]:
    """Return the margins of one recipe, hard ones first, from margins by name of shape ``(n,)``."""
    units = {constraint.name: constraint.unit for constraint in constraints}
    return (
        *(Margin(name, float(values[row]), units[name], "hard") for name, values in hard.items()),
        *(Margin(name, float(values[row]), SOFT_UNITS[name], "soft") for name, values in soft.items()),
    )
