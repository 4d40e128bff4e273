"""Effective ionic and electronic conductivity of a composite electrode, as tortuosity factors.

Convention (the paper's tau squared): ``sigma_eff = sigma_0 * phi / tau``. Ionic tau >= 1. Electronic tau may be below 1,
because carbon carries current while the reference phase is the AM.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from objectives.composition import Array

BOLTZMANN_EV = 8.617333262e-5  # eV/K, CODATA 2018
CELSIUS_ZERO = 273.15
FINE_UM, COARSE_UM = 1.5, 6.0  # SE sizes between which bulk conductivity is interpolated: Kim's small SE, Lee's as-made SE
NO_PATH = 1e-30  # least sigma_eff / sigma_0: a composite without a path still has a finite resistance
IONIC_WIDTH = 0.01  # volume-fraction width over which the ionic threshold is rounded off
CARBON_WIDTH = 0.002  # the same for the carbon threshold


def _softplus(x: Array, width: float) -> Array:
    """Return ``width * log(1 + exp(x / width))``: zero well below, x well above, finite and positive everywhere."""
    scaled = x / width
    return np.asarray(width * (np.maximum(scaled, 0.0) + np.log1p(np.exp(-np.abs(scaled)))))


def arrhenius(energy_ev: Array | float, temperature_c: Array | float, reference_c: Array | float) -> Array:
    """Return ``exp(-E/k (1/T - 1/T_ref))``; one at the reference temperature, rising with T for a positive energy."""
    inverse = 1.0 / (np.asarray(temperature_c) + CELSIUS_ZERO) - 1.0 / (np.asarray(reference_c) + CELSIUS_ZERO)
    factor: Array = np.exp(-np.asarray(energy_ev) / BOLTZMANN_EV * inverse)
    return factor


def se_bulk_conductivity(shell_share: Array, se_particle_um: Array, fine: Array, coarse: Array) -> Array:
    """Return sigma_0 of Eq. (5) in the unit of ``fine``: the shell as made (coarse), the free SE by its size (log-log)."""
    position = np.clip(np.log(se_particle_um / FINE_UM) / np.log(COARSE_UM / FINE_UM), 0.0, 1.0)
    free = fine * (coarse / fine) ** position
    return np.asarray(shell_share * coarse + (1.0 - shell_share) * free)


def percolation_threshold(shell_share: Array, se_particle_um: Array, am_radius_um: Array, p: Mapping[str, Array]) -> Array:
    """Return the SE volume fraction below which the SE does not connect, between that of mixed and of shell-only SE."""
    size_ratio = 2.0 * am_radius_um / se_particle_um
    mixed = p["fcm"] / (1.0 + (size_ratio / 3.0) ** p["b"])
    return mixed + (p["fcs"] - mixed) * shell_share ** p["n"]


def ionic_conductivity_ratio(phi_se: Array, threshold: Array, shell_um: Array, shell_share: Array, offset: Array, p: Mapping[str, Array]) -> Array:
    """Return sigma_eff / sigma_0 of the ions, at most ``phi_se`` (so that tau >= 1).

    A Bruggeman law above the threshold times a neck factor: contacts between SE grains are poor, a shell improves them, and needs
    free SE to bridge shell to shell (Lee et al. 2026: best at 90:10, neither uncoated nor all SE in the shell).
    ``offset`` is the study's, on the natural log of the conductivity.
    """
    connected = _softplus((phi_se - threshold) / (1.0 - threshold), IONIC_WIDTH)
    filled = -np.expm1(-((shell_um / p["tg"]) ** 2))
    neck = p["gu"] * (1.0 + p["G"] * filled * (1.0 - shell_share) ** p["kb"])
    return np.maximum(np.minimum(neck * connected * np.sqrt(connected) * np.exp(offset), phi_se), NO_PATH)


def electronic_conductivity(phi_am: Array, phi_vgcf: Array, shell_um: Array, cover: Array, offset: Array, p: Mapping[str, Array]) -> Array:
    """Return the effective electronic conductivity in mS/cm: AM network, carbon network, and carbon bridged by bare AM.

    A shell throttles the AM network (squared exposure: both grains of a contact carry one), not the carbon network, whose
    concentration counts in the space that the AM leaves (a shell does not concentrate carbon).
    ``offset`` is the study's, on the natural log of the AM's own conductivity.
    """
    exposure = np.exp(-shell_um / p["he"]) * (1.0 - cover * (1.0 - p["e1"]))
    am_network = p["sAM"] * np.exp(offset) * exposure**2 * phi_am * np.sqrt(phi_am)
    carbon = _softplus(phi_vgcf / (1.0 - phi_am) - p["pc"], CARBON_WIDTH)
    carbon_network = p["S"] * carbon ** p["te"]
    return am_network + carbon_network + p["cx"] * np.sqrt(am_network * carbon_network)
