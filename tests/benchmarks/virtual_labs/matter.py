"""What every truth and every optimizer may know: densities, mass balance, and how Wh/L follows from what is measured.

Textbook algebra written for this benchmark; imports nothing of the product. Arrays broadcast.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

AM, SE, CARBON = 4.8, 1.64, 2.0  # g/cm3: NCM811, Li6PS5Cl, VGCF (Kim et al. 2025)
AM_RADIUS = 3.75  # um (the same)
LOADING = 30.6  # mg of composite per cm2 (the same)
PRESSURE = 500.0  # MPa (the same)
INACTIVE_UM = 60.0  # separator and anode, 30 um each (the same)
ONE_C = 200.0  # mA per g AM at 1C (the same)
BOLTZMANN = 8.617333262e-5  # eV/K, CODATA 2018


class Solids(NamedTuple):
    """Volume shares of the solids and the shell, each ``(n,)``."""

    density: Array  # g/cm3, without pores
    am: Array
    se: Array
    carbon: Array
    shell: Array  # the part of ``se`` that is in the shell
    shell_um: Array  # its thickness on a sphere


class Outcomes(NamedTuple):
    """What a truth gives for recipes at one condition, each ``(n,)``."""

    porosity: Array  # fraction
    ionic_tau: Array  # tortuosity factor, at least 1
    electronic: Array  # effective conductivity, mS/cm
    capacity: Array  # mAh per g AM
    voltage: Array  # V, mean of the discharge


def solids(recipes: Array) -> Solids:
    """Return the solids of recipes ``(n, 4)``: AM wt%, SE wt% of the coated powder, SE size um, VGCF wt%."""
    am_wt, coating, _, carbon_wt = recipes.T
    se_wt = 100.0 - am_wt - carbon_wt
    shell_wt = np.minimum(am_wt * coating / (100.0 - coating), se_wt)
    volumes = np.stack([am_wt / AM, se_wt / SE, carbon_wt / CARBON, shell_wt / SE])
    total = volumes[:3].sum(axis=0)
    am, se, carbon, shell = volumes / total
    return Solids(100.0 / total, am, se, carbon, shell, AM_RADIUS * (np.cbrt(1.0 + shell / am) - 1.0))


def thickness_um(density: Array, porosity: Array) -> Array:
    """Return the thickness of the pressed electrode."""
    return np.asarray(10.0 * LOADING / (density * (1.0 - porosity)))


def areal_current(am_wt: Array, c_rate: float) -> Array:
    """Return the current in A/cm2."""
    return np.asarray(c_rate * ONE_C * 1e-6 * LOADING * am_wt / 100.0)


def energy(recipes: Array, porosity: Array, capacity: Array, voltage: Array) -> Array:
    """Return Wh per litre of the stack: cathode, separator and anode."""
    thickness = thickness_um(solids(recipes).density, porosity)
    areal = capacity * recipes[..., 0] / 100.0 * LOADING * 1e-3 * voltage  # mWh/cm2
    return np.asarray(areal / (thickness + INACTIVE_UM) * 1e4)


def activated(energy_ev: float, temperature_c: float, reference_c: float) -> float:
    """Return the Arrhenius factor of a conductivity, 1 at the reference."""
    return float(np.exp(-energy_ev / BOLTZMANN * (1.0 / (temperature_c + 273.15) - 1.0 / (reference_c + 273.15))))
