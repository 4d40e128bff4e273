"""From a half-cell of any thickness, loading and grain size to the inputs of one fixed mesh: exact for a single-ion conductor.

With a transference number of one the electrolyte's concentration stays where it is, and thickness enters the equations only through the
conductance of the electrode, its reaction surface and its capacity, all per area. So these are scaled and the mesh is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from objectives.discharge.ocp import WINDOW
from objectives.transport import CELSIUS_ZERO

FARADAY = 96485.33212  # C/mol, CODATA 2018
MESH_SEPARATOR_UM = 30.0
MESH_RADIUS_UM = 3.75
MESH_PORE = 0.5  # electrolyte share of the mesh; only its product with a tortuosity factor counts
MAXIMUM_MOL_M3 = 204.8e-3 * 3600.0 * 4.8e6 / (FARADAY * WINDOW)  # 204.8 mAh/g and 4.8 g/cm3, Kim et al. 2025; cancels in the scaling
EXCHANGE_FLOOR = 1e-3  # A/m2; below it IDA finds no initial state at 0.2C

# PyBaMM's names of what changes from cell to cell.
AM_SHARE = "Positive electrode active material volume fraction"
DIFFUSIVITY = "Positive particle diffusivity [m2.s-1]"
AMBIENT, INITIAL = "Ambient temperature [K]", "Initial temperature [K]"
TAU_IONIC = "Positive electrode tortuosity factor (electrolyte)"
TAU_ELECTRONIC = "Positive electrode tortuosity factor (electrode)"
TAU_SEPARATOR = "Separator tortuosity factor (electrolyte)"
INPUTS = (AM_SHARE, DIFFUSIVITY, AMBIENT, INITIAL, TAU_IONIC, TAU_ELECTRONIC, TAU_SEPARATOR)
# And ours, inside two of its functions.
CURRENT = "Full current [A]"
EXCHANGE = "Exchange-current density at half lithiation [A.m-2]"


@dataclass(frozen=True)
class HalfCell:
    """One discharge of one square metre of cathode against Li, in physical terms. Capacity and surface are of the connected AM alone."""

    current_a_m2: float
    capacity_ah_m2: float  # between the open-circuit potentials of 4.25 and 2.5 V
    thickness_um: float
    ionic_ms_cm: float  # effective
    electronic_ms_cm: float  # effective
    separator_um: float
    separator_ms_cm: float
    am_radius_um: float
    diffusivity_m2_s: float
    exchange_a_m2: float  # at half lithiation
    temperature_c: float


def mesh_inputs(cell: HalfCell, mesh_thickness_um: float) -> Mapping[str, float]:
    """Return the inputs that make a mesh of the given thickness behave as the cell.

    PyBaMM multiplies a conductivity (1 S/m in the mesh) by ``share / tau``, where the share of the electrode's own conductor is one
    minus the electrolyte's, not that of the AM.
    """
    siemens_per_m = 0.1 * mesh_thickness_um / cell.thickness_um  # from mS/cm, at the mesh's thickness
    separator = 0.1 * MESH_SEPARATOR_UM / cell.separator_um
    radius = MESH_RADIUS_UM / cell.am_radius_um  # diffusion goes with D/R2, the surface with 1/R
    sites = FARADAY * MAXIMUM_MOL_M3 * WINDOW * mesh_thickness_um * 1e-6 / 3600.0  # Ah/m2 of a mesh full of AM
    kelvin = cell.temperature_c + CELSIUS_ZERO
    return {
        CURRENT: cell.current_a_m2,
        AM_SHARE: cell.capacity_ah_m2 / sites,
        DIFFUSIVITY: cell.diffusivity_m2_s * radius**2,
        EXCHANGE: max(cell.exchange_a_m2, EXCHANGE_FLOOR) * radius,
        AMBIENT: kelvin,
        INITIAL: kelvin,
        TAU_IONIC: MESH_PORE / (cell.ionic_ms_cm * siemens_per_m),
        TAU_ELECTRONIC: (1.0 - MESH_PORE) / (cell.electronic_ms_cm * siemens_per_m),
        TAU_SEPARATOR: MESH_PORE / (cell.separator_ms_cm * separator),
    }
