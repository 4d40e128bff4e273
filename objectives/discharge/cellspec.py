"""An electrode as a discharge sees it: what its recipe and study fix, and the half-cell it is at a current and temperature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from objectives.capacity import ONE_C_MA_PER_G
from objectives.composition import Array
from objectives.discharge.kinetics import REFERENCE_C, REFERENCE_RATE, Kinetics
from objectives.discharge.scaling import HalfCell
from objectives.discharge.transport import Transport
from objectives.electrode import Electrodes, closed_form
from objectives.energy import UM_PER_CM
from objectives.packing import coverage
from objectives.transport import arrhenius

LEAST_WETTED = 1e-3  # keeps the diffusivity of grains that touch hardly any SE finite
LEAST_SEPARATOR_UM = 0.1  # a stack without separator


@dataclass(frozen=True)
class CellSpec:
    """One electrode, whatever it is tested at. Bulk conductivities are those at 60 C."""

    am_wt: float
    loading_mg_cm2: float
    theoretical_density: float  # g/cm3
    am_radius_um: float
    plateau_mah_g: float  # capacity of AM that is connected, without any loss to the current
    reference_capacity: float  # mAh/g, the closed form's at 0.05C and 60 C
    passing: float  # share of electron contact that the shell leaves
    sigma_0_ionic: float  # mS/cm, volume-weighted bulk of the electrode's SE
    ionic_ev: float  # activation energy of the SE
    transport: Transport

    @property
    def am_mg_cm2(self) -> float:
        """Return the AM loading, mg/cm2."""
        return self.loading_mg_cm2 * self.am_wt * 0.01

    @property
    def plateau_ah_m2(self) -> float:
        """Return the capacity of the whole AM without any loss, Ah/m2."""
        return self.plateau_mah_g * self.am_mg_cm2 * 1e-2  # mAh/g * mg/cm2 = 1e-6 Ah/cm2 = 1e-2 Ah/m2

    @property
    def thickness_um(self) -> float:
        """Return the thickness of the electrode, um."""
        return self.loading_mg_cm2 * 1e-3 / (self.theoretical_density * (1.0 - self.transport.porosity)) * UM_PER_CM

    def current_a_m2(self, c_rate: float) -> float:
        """Return the current density at a C-rate, A/m2; all AM counts, connected or not."""
        return c_rate * ONE_C_MA_PER_G * self.am_mg_cm2 * 1e-2

    def half_cell(self, kinetics: Kinetics, connected: float, c_rate: float, temperature_c: float, separator_um: float) -> HalfCell:
        """Return the cell with a share of its AM connected, at a C-rate and temperature."""
        structure = self.transport
        wetted = max(structure.wetted_fraction, LEAST_WETTED)
        ionic = structure.ionic_ms_cm * float(arrhenius(self.ionic_ev, temperature_c, structure.temperature_c))
        return HalfCell(
            current_a_m2=self.current_a_m2(c_rate),
            capacity_ah_m2=self.plateau_ah_m2 * connected,
            thickness_um=self.thickness_um,
            ionic_ms_cm=ionic,
            electronic_ms_cm=structure.electronic_ms_cm,
            separator_um=max(separator_um, LEAST_SEPARATOR_UM),
            separator_ms_cm=self.sigma_0_ionic * float(arrhenius(self.ionic_ev, temperature_c, REFERENCE_C)),
            am_radius_um=self.am_radius_um,
            diffusivity_m2_s=kinetics.diffusivity_at(temperature_c, wetted, self.passing, ionic),
            exchange_a_m2=kinetics.exchange_at(temperature_c, wetted),
            temperature_c=temperature_c,
        )


def electron_passing(shell_um: Array, p: Mapping[str, Array]) -> Array:
    """Return the share of electron contact that a shell leaves, as in `objectives.capacity`."""
    return np.asarray(p["ec"] + (1.0 - p["ec"]) * np.exp(-((shell_um / p["hc"]) ** p["pw"])))


def cell_specs(electrodes: Electrodes, p: Mapping[str, Array], kinetics: Kinetics) -> tuple[CellSpec, ...]:
    """Return the electrodes ``(n,)`` as the closed form makes them; their own temperature and C-rate do not count.

    Args:
        electrodes: Shape ``(n,)``.
        p: Parameters of the closed form by symbol, scalars.
        kinetics: For the wetted share of bare and of coated AM.
    """
    reference = replace(electrodes, temperature_c=REFERENCE_C, c_rate=REFERENCE_RATE)
    found = closed_form(reference, p)
    given = {name: np.broadcast_to(value, found.porosity.shape) for name, value in reference.arrays().items()}
    plateau = np.where(np.isnan(given["plateau_mah_g"]), p["Qp"], given["plateau_mah_g"]) * np.exp(given["offset_capacity"])
    cover, passing = coverage(found.shell_um, p), electron_passing(found.shell_um, p)
    return tuple(
        CellSpec(
            am_wt=float(given["am_wt"][n]),
            loading_mg_cm2=float(given["loading_mg_cm2"][n]),
            theoretical_density=float(found.theoretical_density[n]),
            am_radius_um=float(given["am_radius_um"][n]),
            plateau_mah_g=float(plateau[n]),
            reference_capacity=float(found.discharge_capacity[n]),
            passing=float(passing[n]),
            sigma_0_ionic=float(found.sigma_0_ionic[n]),
            ionic_ev=float(p["EaS"]),
            transport=Transport(
                ionic_ms_cm=float(found.ionic_conductivity[n]),
                electronic_ms_cm=float(found.electronic_conductivity[n]),
                phi_se=float(found.phi_se[n]),
                phi_am=float(found.phi_am[n]),
                porosity=float(found.porosity[n]),
                wetted_fraction=kinetics.wetted(float(cover[n])),
                temperature_c=REFERENCE_C,
                percolates=bool(found.percolates[n]),
            ),
        )
        for n in range(found.porosity.size)
    )
