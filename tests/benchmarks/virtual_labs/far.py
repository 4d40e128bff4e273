"""Far truths: another form of physics, which the product's closed form cannot become with any parameters. Nothing of it is imported.

Differences of form, beside those of the near truths (other parameters, a smooth error, a lab's offset):

1. Packing law: Westman's quadratic for two sizes (Yu, Zou and Standish 1993) and Kawakita compression of the void ratio, in which soft SE
   fills voids and cohesion loosens fine SE; the product has de Larrard's linear packing and Heckel's exponential.
2. Percolation law: coordination numbers of a random mix (Suzuki and Oshima 1983; Bouvard and Lange 1991) decide which share of the free
   SE connects, grain boundaries cost more the finer the SE, the shell conducts in parallel; the product has a threshold in volume share.
3. Rate law: Tian et al. 2019, Q (1 - x^n (1 - exp(-x^-n))), with a diffusion time over the wetted surface of AM; the product has a Hill
   function of polarisation, and no wetted surface.
4. Carbon: a network that saturates, blocks the ions' way and decomposes SE (the more the hotter); to the product carbon only conducts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tests.benchmarks.virtual_labs.fields import Field, draw_field
from tests.benchmarks.virtual_labs.matter import AM_RADIUS, PRESSURE, Array, Outcomes, Solids, activated, areal_current, solids, thickness_um

# Median and spread (a factor); chosen to give porosities of 8-25 %, ionic tau of 2-40 and 60-215 mAh/g.
SPREADS: Mapping[str, tuple[float, float]] = {
    "packing_am": (0.62, 1.015),
    "packing_se": (0.60, 1.015),
    "cohesion": (0.12, 1.5),  # share of packing that the finest SE loses
    "cohesion_um": (1.2, 1.3),
    "yield_mpa": (100.0, 1.25),  # Kawakita's 1/b
    "fill": (0.42, 1.06),  # share of voids that pressing can close: AM alone
    "fill_se": (0.85, 1.10),  # more for each unit of SE in the solids
    "fill_shell": (0.10, 1.4),
    "fill_um": (25.0, 1.3),  # coarse SE flows less
    "coordination": (6.6, 1.05),
    "boundary_um": (0.9, 1.4),  # SE size at which boundaries halve the conductivity
    "ionic_exponent": (1.85, 1.06),
    "shell_exponent": (1.3, 1.06),
    "shell_conducts": (0.5, 1.4),
    "shell_um": (0.22, 1.25),
    "bridge": (0.9, 1.4),
    "blocking": (1.2, 1.3),  # share of the ions' way lost for each volume of carbon per volume of SE
    "sigma": (2.6, 1.2),  # mS/cm at 30 C
    "sigma_ev": (0.31, 1.08),
    "cover_um": (0.09, 1.4),
    "leak": (0.25, 1.3),  # of electrons through a covered contact
    "am_ms_cm": (4.0, 1.7),
    "carbon_ms_cm": (30.0, 1.5),
    "carbon_half": (0.055, 1.25),  # carbon share of the space left by AM at half of that
    "carbon_steep": (2.8, 1.15),
    "plateau": (209.0, 1.01),
    "wetting": (0.6, 1.3),
    "clump_um": (1.2, 1.3),  # finer SE wets as clumps of this size
    "dry_loss": (0.35, 1.3),  # share of capacity lost where nothing is wetted
    "decomposition": (0.006, 1.5),  # share of capacity for each wt% of carbon at 60 C
    "ohmic_v": (0.28, 1.3),
    "diffusion_h": (0.10, 1.4),
    "diffusion_ev": (0.38, 1.12),
    "shell_h": (0.02, 1.5),  # time that electrons need through a shell
    "shell_e_um": (0.30, 1.2),
    "tian": (1.0, 1.1),
    "voltage": (3.72, 1.004),
    "voltage_drop": (0.07, 1.3),
}
OFFSETS: Mapping[str, float] = {"porosity": 0.10, "ionic": 0.30, "electronic": 0.6, "voltage": 0.01}
ERRORS: Mapping[str, float] = {"porosity": 0.05, "ionic": 0.12, "electronic": 0.2, "rate": 0.15, "voltage": 0.006}


@dataclass(frozen=True)
class FarTruth:
    """One lab's truth."""

    p: Mapping[str, float]
    offsets: Mapping[str, float]
    errors: Mapping[str, Field]

    def outcomes(self, recipes: Array, temperature_c: float, c_rate: float) -> Outcomes:
        """Return the noise-free outcomes of recipes ``(n, 4)``."""
        p, made, error = self.p, solids(recipes), {name: field(recipes) for name, field in self.errors.items()}
        am_wt, _, size, carbon_wt = recipes.T
        cover = -np.expm1(-((made.shell_um / p["cover_um"]) ** 1.2))
        pores = np.clip(self._porosity(made, size, cover) * np.exp(self.offsets["porosity"] + error["porosity"]), 0.02, 0.45)
        connected_se, connected_am = self._connected(made, size)
        phi_se = made.se * (1.0 - pores)
        relative = self._ionic(made, size, pores, connected_se) * np.exp(self.offsets["ionic"] + error["ionic"])
        relative = np.minimum(relative, phi_se)
        bulk = p["sigma"] * activated(p["sigma_ev"], temperature_c, 30.0)
        electronic = self._electronic(made, pores, cover, connected_am) * np.exp(self.offsets["electronic"] + error["electronic"])
        surface = p["wetting"] * ((made.se - made.shell) / np.hypot(size, p["clump_um"])) / (made.am / (2.0 * AM_RADIUS)) * connected_se
        wetted = cover + (1.0 - cover) * -np.expm1(-surface)
        ohmic = areal_current(am_wt, 1.0) * thickness_um(made.density, pores) * 1e-4 * (1e3 / (relative * bulk) + 1e3 / electronic) / p["ohmic_v"]
        diffusion = p["diffusion_h"] / activated(p["diffusion_ev"], temperature_c, 60.0) / np.maximum(wetted, 0.05)
        hours = ohmic + diffusion + p["shell_h"] * np.expm1(made.shell_um / p["shell_e_um"])
        x = np.maximum(c_rate * hours * np.exp(error["rate"]), 1e-6) ** p["tian"]
        decomposed = p["decomposition"] * carbon_wt * activated(0.25, temperature_c, 60.0)  # 0.25 eV: halves at 36 C
        most = p["plateau"] * (1.0 - p["dry_loss"] * (1.0 - wetted) ** 1.5) * (1.0 - decomposed)
        capacity = most * (1.0 - x * -np.expm1(-1.0 / x))
        voltage = p["voltage"] + self.offsets["voltage"] + error["voltage"] - p["voltage_drop"] * (1.0 - capacity / most)
        return Outcomes(pores, phi_se / relative, electronic, capacity, voltage)

    def _porosity(self, made: Solids, size: Array, cover: Array) -> Array:
        """Westman's equation for the loose bed, Kawakita's for the pressed one."""
        p, grain = self.p, 2.0 * (AM_RADIUS + made.shell_um)
        fine = made.se - made.shell
        apparent_am = np.full_like(size, 1.0 / p["packing_am"])
        apparent_se = 1.0 / (p["packing_se"] * (1.0 - p["cohesion"] * np.exp(-size / p["cohesion_um"])))
        se_small = size <= grain
        large, small = np.where(se_small, apparent_am, apparent_se), np.where(se_small, apparent_se, apparent_am)
        share = np.where(se_small, 1.0 - fine, fine)  # of the large ones
        ratio = np.minimum(size, grain) / np.maximum(size, grain)
        g = np.where(ratio <= 0.824, 1.0 / (1.355 * ratio**1.566), 1.0)
        a, a0 = 1.0 / small, large * share / small
        b, b0 = 1.0 / (large - 1.0), (share + small * (1.0 - share)) / (large - 1.0)
        square, half = a * a + 2.0 * g * a * b + b * b, a * a0 + g * (a * b0 + b * a0) + b * b0
        rest = a0 * a0 + 2.0 * g * a0 * b0 + b0 * b0 - 1.0
        apparent = (half + np.sqrt(np.maximum(half * half - square * rest, 0.0))) / square
        void = np.maximum(apparent - 1.0, 0.05)
        closable = p["fill"] + p["fill_se"] * made.se / (1.0 + size / p["fill_um"]) + p["fill_shell"] * cover
        void = void * (1.0 - np.minimum(closable, 0.97) * PRESSURE / (PRESSURE + p["yield_mpa"]))
        return np.asarray(void / (1.0 + void))

    def _connected(self, made: Solids, size: Array) -> tuple[Array, Array]:
        """Return the shares of free SE and of AM that belong to a spanning cluster."""
        grain, fine = 2.0 * (AM_RADIUS + made.shell_um), np.maximum(made.se - made.shell, 1e-4)
        grains_n, fines_n = (1.0 - fine) / grain**3, fine / size**3
        share = fines_n / (grains_n + fines_n)
        mean_square = (1.0 - share) * grain**2 + share * size**2
        z = self.p["coordination"]
        z_se = 3.0 + (z - 3.0) * size**2 / mean_square
        z_am = 3.0 + (z - 3.0) * grain**2 / mean_square
        return _spanning(share * z_se**2 / z), _spanning((1.0 - share) * z_am**2 / z)

    def _ionic(self, made: Solids, size: Array, pores: Array, connected: Array) -> Array:
        """Conductivity over bulk: free SE, shell, and bridges between the two; less what carbon blocks."""
        p, solid = self.p, 1.0 - pores
        boundaries = size / (size + p["boundary_um"])
        free = boundaries * (np.maximum(made.se - made.shell, 0.0) * solid * connected) ** p["ionic_exponent"]
        shell = p["shell_conducts"] * (made.shell * solid) ** p["shell_exponent"] * -np.expm1(-((made.shell_um / p["shell_um"]) ** 2))
        blocked = np.exp(-p["blocking"] * made.carbon / np.maximum(made.se, 1e-3))
        return np.asarray((free + shell + p["bridge"] * np.sqrt(free * shell)) * blocked + 1e-5)

    def _electronic(self, made: Solids, pores: Array, cover: Array, connected: Array) -> Array:
        """AM that touches AM, and carbon; mS/cm."""
        p, phi_am = self.p, made.am * (1.0 - pores)
        grains = p["am_ms_cm"] * (phi_am * connected) ** 1.5 * (1.0 - cover * (1.0 - p["leak"])) ** 2 * np.exp(-made.shell_um / p["shell_e_um"])
        x = (made.carbon * (1.0 - pores) / (1.0 - phi_am) / p["carbon_half"]) ** p["carbon_steep"]
        return np.asarray(grains + p["carbon_ms_cm"] * x / (1.0 + x) + 1e-3)


def _spanning(contacts: Array) -> Array:
    """Return the connected share of grains with so many contacts of their own kind: none below 1.764 (Bouvard and Lange)."""
    lacking = np.clip((4.236 - contacts) / 2.472, 0.0, 1.0)
    return np.asarray((1.0 - lacking**2.5 + 1e-4) ** 0.4)


def draw(rng: np.random.Generator) -> FarTruth:
    """Return a random truth."""
    p = {name: float(median * spread ** rng.standard_normal()) for name, (median, spread) in SPREADS.items()}
    offsets = {name: float(sd * rng.standard_normal()) for name, sd in OFFSETS.items()}
    return FarTruth(p, offsets, {name: draw_field(sd, rng) for name, sd in ERRORS.items()})
