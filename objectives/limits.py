"""The electrode's limits as signed margins: the hard ones that every recipe keeps, and the soft ones that hold with a probability.

A margin is in the limit's own unit and positive where the limit holds. Holds no calibrated number: what needs the closed form
is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from objectives.composition import Array, required_shell_wt, se_wt
from objectives.constraints import Constraint, bounds, nonlinear
from objectives.design_space import DesignSpace
from objectives.electrode import Outcomes
from objectives.expression import Columns
from objectives.parameter import DesignSpaceError
from objectives.recipe import RECIPE_FIELDS

PERCOLATION_RESERVE = 0.02  # volume fraction kept above the ionic threshold, where the closed form is steepest


def composition(columns: Columns) -> Array:
    """Return the SE of each recipe in wt%: what AM and VGCF leave of 100."""
    return se_wt(columns["am_wt"], columns["vgcf_wt"])


def shell_budget(columns: Columns) -> Array:
    """Return the free SE of each recipe in wt%: what the coating leaves of the SE."""
    return composition(columns) - required_shell_wt(columns["am_wt"], columns["coating_se_wt"])


# Functions that a campaign file may name; a caller with its own passes its own mapping.
FUNCTIONS: Mapping[str, Callable[[Columns], Array]] = MappingProxyType({"composition": composition, "shell_budget": shell_budget})


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
