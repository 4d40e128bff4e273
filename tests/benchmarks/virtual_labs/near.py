"""Near truths: the physics that the product also believes in, with other parameters, details and a smooth error on each outcome.

Linear packing of two grains with Heckel densification; a percolation threshold that falls with fine SE and with the shell; electrons
through bare AM contacts and a carbon network; capacity by a Hill function of polarisation. Written from the literature, not from the
product, of which nothing is imported. Parameters are lognormal about published values, with the offset of a lab on each outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tests.benchmarks.virtual_labs.fields import Field, draw_field
from tests.benchmarks.virtual_labs.matter import AM_RADIUS, PRESSURE, Array, Outcomes, Solids, activated, areal_current, solids, thickness_um

# Median and spread (a factor) of each parameter. Medians: Kim et al. 2025, Minnmann et al. 2021, Schlautmann et al. 2023, Lee et al. 2026
# as far as they tell; where they do not, what gives porosities of 8-25 %, ionic tau of 2-40 and 60-215 mAh/g.
SPREADS: Mapping[str, tuple[float, float]] = {
    "packing": (0.60, 1.02),  # packing fraction of either grain alone
    "heckel": (1.3e-3, 1.15),  # 1/MPa
    "heckel_shell": (0.45, 1.5),  # a shell makes grains softer
    "coarse": (0.22, 1.3),  # exponent of porosity in SE size beyond the AM's
    "cover_um": (0.07, 1.5),  # shell at which 63 % of a grain is covered
    "threshold_mixed": (0.36, 1.1),
    "threshold_size": (0.55, 1.35),  # exponent in the ratio of sizes
    "threshold_shell": (0.20, 1.15),
    "threshold_share": (2.2, 1.4),  # exponent in the shell's share of the SE
    "bruggeman": (1.5, 1.07),
    "neck": (0.55, 1.3),  # contact quality between SE grains
    "neck_shell": (3.5, 1.5),
    "neck_um": (0.25, 1.3),
    "neck_bridge": (2.0, 1.3),  # free SE needed between shells
    "sigma_fine": (2.2, 1.2),  # mS/cm at 30 C, 1.5 um
    "sigma_size": (0.30, 1.4),  # exponent in SE size: fine milling harms
    "boundary_um": (0.35, 1.8),  # SE size at which grain boundaries halve the conductivity
    "sigma_ev": (0.30, 1.07),
    "am_ms_cm": (3.0, 1.8),
    "am_exponent": (1.5, 1.1),
    "exposure_um": (0.32, 1.2),
    "exposure_covered": (0.25, 1.4),
    "carbon_ms_cm": (8e3, 1.7),
    "carbon_threshold": (0.02, 1.3),
    "carbon_exponent": (2.05, 1.06),
    "plateau": (206.0, 1.012),  # mAh/g
    "static": (0.11, 1.5),  # share of capacity that bare AM loses
    "ohmic_v": (0.2, 1.4),
    "hill": (1.0, 1.12),
    "reaction": (0.15, 1.6),  # polarisation at 1C and 60 C
    "reaction_bare": (0.9, 1.5),
    "reaction_ev": (0.42, 1.12),
    "contact": (0.04, 1.6),
    "contact_um": (0.23, 1.2),
    "voltage": (3.73, 1.004),
    "voltage_drop": (0.12, 1.3),  # V at infinite polarisation
}
# Standard deviations of a lab's offset and of its smooth error: natural logarithms, capacity on the logit of q/230, voltage in V.
OFFSETS: Mapping[str, float] = {"porosity": 0.12, "ionic": 0.35, "electronic": 0.8, "capacity": 0.10, "voltage": 0.01}
ERRORS: Mapping[str, float] = {"porosity": 0.08, "ionic": 0.20, "electronic": 0.25, "capacity": 0.12, "rate": 0.20, "voltage": 0.008}
SPAN = 230.0  # mAh/g, above every capacity


@dataclass(frozen=True)
class NearTruth:
    """One lab's truth."""

    p: Mapping[str, float]
    offsets: Mapping[str, float]
    errors: Mapping[str, Field]

    def outcomes(self, recipes: Array, temperature_c: float, c_rate: float) -> Outcomes:
        """Return the noise-free outcomes of recipes ``(n, 4)``."""
        p, made, error = self.p, solids(recipes), {name: field(recipes) for name, field in self.errors.items()}
        cover = -np.expm1(-made.shell_um / p["cover_um"])
        pores = self._porosity(made, recipes[:, 2], cover) * np.exp(self.offsets["porosity"] + error["porosity"])
        pores = np.clip(pores, 0.02, 0.45)
        phi_se = made.se * (1.0 - pores)
        relative = np.minimum(self._ionic(made, recipes[:, 2], phi_se) * np.exp(self.offsets["ionic"] + error["ionic"]), phi_se)
        bulk = p["sigma_fine"] * (np.clip(recipes[:, 2], 0.5, 10.0) / 1.5) ** p["sigma_size"] * activated(p["sigma_ev"], temperature_c, 30.0)
        electronic = self._electronic(made, pores, cover) * np.exp(error["electronic"])
        length = thickness_um(made.density, pores) * 1e-4
        drop = areal_current(recipes[:, 0], c_rate) * length * (1e3 / (relative * bulk) + 1e3 / electronic)
        slow = p["reaction"] / activated(p["reaction_ev"], temperature_c, 60.0) * (1.0 + p["reaction_bare"] * (1.0 - cover))
        blocked = p["contact"] * np.expm1(np.minimum((made.shell_um / p["contact_um"]) ** 1.4, 3.1))  # 3.1: never worse than 20-fold
        polarisation = (drop / p["ohmic_v"] + c_rate * (slow + blocked)) * np.exp(error["rate"])
        capacity = p["plateau"] * (1.0 - p["static"] * (1.0 - cover)) / (1.0 + polarisation ** p["hill"])
        share = capacity / SPAN
        odds = share / (1.0 - share) * np.exp(self.offsets["capacity"] + error["capacity"])
        voltage = p["voltage"] + self.offsets["voltage"] + error["voltage"] - p["voltage_drop"] * polarisation / (1.0 + polarisation)
        return Outcomes(pores, phi_se / relative, electronic, SPAN * odds / (1.0 + odds), voltage)

    def _porosity(self, made: Solids, size: Array, cover: Array) -> Array:
        """De Larrard's linear packing of core-shell grains and free SE, then Heckel's exponential."""
        p, grain = self.p, 2.0 * (AM_RADIUS + made.shell_um)
        ratio = size / grain
        r = np.minimum(ratio, 1.0)
        fine = made.se - made.shell  # share of the solids
        loosening, wall = np.sqrt(1.0 - (1.0 - r) ** 1.02), 1.0 - (1.0 - r) ** 1.5
        grains_rule = p["packing"] / (1.0 - fine * (1.0 - loosening))
        fines_rule = p["packing"] / (1.0 - (1.0 - fine) * (1.0 - p["packing"]) * (1.0 - wall))
        loose = 1.0 - np.minimum(grains_rule, fines_rule)
        return np.asarray(loose * np.exp(-p["heckel"] * PRESSURE * (1.0 + p["heckel_shell"] * cover)) * np.maximum(ratio, 1.0) ** p["coarse"])

    def _ionic(self, made: Solids, size: Array, phi_se: Array) -> Array:
        """Conductivity over bulk: Bruggeman above a threshold, times the quality of necks."""
        p, share = self.p, made.shell / np.maximum(made.se, 1e-9)
        mixed = p["threshold_mixed"] / (1.0 + (2.0 * AM_RADIUS / size / 3.0) ** p["threshold_size"])
        threshold = mixed + (p["threshold_shell"] - mixed) * share ** p["threshold_share"]
        above = 0.012 * np.logaddexp(0.0, (phi_se - threshold) / (1.0 - threshold) / 0.012)
        neck = p["neck"] * (1.0 + p["neck_shell"] * -np.expm1(-((made.shell_um / p["neck_um"]) ** 2)) * (1.0 - share) ** p["neck_bridge"])
        return np.asarray(size / (size + p["boundary_um"]) * neck * above ** p["bruggeman"] + 1e-6)

    def _electronic(self, made: Solids, pores: Array, cover: Array) -> Array:
        """AM contacts through the shell, the carbon network, and the two in alternation; mS/cm."""
        p, phi_am, phi_carbon = self.p, made.am * (1.0 - pores), made.carbon * (1.0 - pores)
        exposed = np.exp(-made.shell_um / p["exposure_um"]) * (1.0 - cover * (1.0 - p["exposure_covered"]))
        grains = p["am_ms_cm"] * np.exp(self.offsets["electronic"]) * exposed**2 * phi_am ** p["am_exponent"]
        above = 0.002 * np.logaddexp(0.0, (phi_carbon / (1.0 - phi_am) - p["carbon_threshold"]) / 0.002)
        carbon = p["carbon_ms_cm"] * above ** p["carbon_exponent"]
        return np.asarray(grains + carbon + np.sqrt(grains * carbon) + 1e-4)


def draw(rng: np.random.Generator) -> NearTruth:
    """Return a random truth."""
    p = {name: float(median * spread ** rng.standard_normal()) for name, (median, spread) in SPREADS.items()}
    offsets = {name: float(sd * rng.standard_normal()) for name, sd in OFFSETS.items()}
    return NearTruth(p, offsets, {name: draw_field(sd, rng) for name, sd in ERRORS.items()})
