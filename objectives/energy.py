"""Outcomes that follow exactly from the learned ones and the recipe: density, thickness, areal capacity, energy densities.

The only place these formulas stand; physics, surrogates and proposals all call it. Arrays broadcast; torch tensors work too,
because only arithmetic operators are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

UM_PER_CM = 1e4


@dataclass(frozen=True)
class Stack:
    """Cell stack that energy densities refer to: cathode + separator + anode, no current collectors.

    Defaults: Kim et al. 2025, 30 um separator of SE and 30 um Li; Li at 0.534 g/cm3 (handbook), SE at 1.64 g/cm3 (paper).
    """

    separator_um: float = 30.0
    anode_um: float = 30.0
    separator_density: float = 1.64
    anode_density: float = 0.534

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value >= 0.0:
                raise ValueError(f"{name} of the stack must be at least 0, got {value:g}; correct it")

    @property
    def inactive_um(self) -> float:
        """Return the thickness of separator and anode, um."""
        return self.separator_um + self.anode_um

    @property
    def inactive_mg_cm2(self) -> float:
        """Return the mass of separator and anode, mg/cm2."""
        return (self.separator_um * self.separator_density + self.anode_um * self.anode_density) / UM_PER_CM * 1e3

    @property
    def basis(self) -> str:
        """Return what energies are divided by, in words."""
        return f"stack: cathode + {self.separator_um:g} um separator + {self.anode_um:g} um Li"


class Derived(NamedTuple):
    """Derived outcomes, each of the broadcast shape of its inputs."""

    electrode_density: Any  # g/cm3, pores included
    thickness_um: Any
    areal_capacity: Any  # mAh/cm2
    volumetric_energy_density: Any  # Wh/L of the stack
    gravimetric_energy_density: Any  # Wh/kg of the stack


def derive(theoretical_density: Any, am_wt: Any, porosity: Any, capacity_mah_g: Any, voltage: Any, loading_mg_cm2: Any, stack: Stack) -> Derived:
    """Return the derived outcomes.

    Args:
        theoretical_density: Density without pores, g/cm3.
        am_wt: AM mass fraction, wt%.
        porosity: Pore volume fraction, 0-1.
        capacity_mah_g: Discharge capacity, mAh per g AM.
        voltage: Mean discharge voltage, V.
        loading_mg_cm2: Areal loading of composite (total mass, not active mass).
        stack: What the energy is divided by.
    """
    density = theoretical_density * (1.0 - porosity)
    thickness = loading_mg_cm2 / density * (UM_PER_CM * 1e-3)
    areal = capacity_mah_g * am_wt * 0.01 * loading_mg_cm2 * 1e-3
    energy = areal * voltage  # mWh/cm2
    return Derived(
        electrode_density=density,
        thickness_um=thickness,
        areal_capacity=areal,
        volumetric_energy_density=energy / (thickness + stack.inactive_um) * UM_PER_CM,  # mWh/cm3 = Wh/L
        gravimetric_energy_density=energy / (loading_mg_cm2 + stack.inactive_mg_cm2) * 1e3,  # mWh/mg*1e3 = Wh/kg
    )
