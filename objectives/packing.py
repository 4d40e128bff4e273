"""Porosity of a pressed composite: linear packing of two grain sizes, then densification under pressure.

Monotone in SE size by construction: every factor can only rise with it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from objectives.composition import Array, Composition

RANDOM_PACKING = 0.60  # packing fraction of either grain alone; random loose-to-close packing of rough grains
LOOSE_POROSITY = 0.40  # 1 - RANDOM_PACKING, where the gap exponent leaves porosity unchanged
SE_SHARE = 0.45  # SE share of the solids at which the SE-share term is one: middle of the bundled recipes
NO_SE = 1e-9  # SE share below which a recipe counts as holding this much: keeps powers and logarithms finite
BRANCH_WIDTH = 0.03  # packing-fraction width over which the two packing branches blend, keeps the surface smooth


def coverage(shell_um: Array, p: Mapping[str, Array]) -> Array:
    """Return the share of the AM surface that a shell covers, 0 for none; continuous as the shell vanishes."""
    return -np.expm1(-shell_um / p["t0"])


def porosity(
    composition: Composition, se_particle_um: Array, am_radius_um: Array, pressure_mpa: Array, cover: Array, p: Mapping[str, Array]
) -> Array:
    """Return the pore volume fraction before any study offset, shape of the broadcast inputs.

    Args:
        composition: Volume shares and shell of each electrode.
        se_particle_um: Median size of the free SE, um.
        am_radius_um: Radius of the AM grains, um.
        pressure_mpa: Pressing pressure, MPa.
        cover: Coverage of the AM by its shell, 0-1.
        p: Calibrated parameters ``K0, k1, nu, om, eta``.

    Source: de Larrard's linear packing model with loosening ``a`` and wall ``b`` terms; Heckel-like densification.
    A symmetric model would call SE larger than the AM *denser*, which Schlautmann et al. (2023) measured to be wrong: the size
    ratio is therefore capped at one and porosity grows with a power of the ratio above it.
    """
    grain_um = 2.0 * (am_radius_um + composition.shell_um)
    ratio = se_particle_um / grain_um
    gap = 1.0 - np.minimum(ratio, 1.0)
    loosening = np.sqrt(1.0 - gap**1.02)
    wall = 1.0 - gap * np.sqrt(gap)
    free_se = composition.v_se * (1.0 - composition.shell_share)
    grains = 1.0 - free_se
    big_dominates = RANDOM_PACKING / (1.0 - free_se * (1.0 - loosening))
    small_dominates = RANDOM_PACKING / (1.0 - (1.0 - RANDOM_PACKING) * (1.0 - wall) * grains)
    difference = big_dominates - small_dominates
    packed = 0.5 * (big_dominates + small_dominates - np.sqrt(difference * difference + BRANCH_WIDTH**2))
    softness = (np.maximum(composition.v_se, NO_SE) / SE_SHARE) ** p["eta"]
    pressed = np.exp(-p["K0"] * pressure_mpa * (1.0 + p["k1"] * cover) * softness)
    gap_left = ((1.0 - packed) / LOOSE_POROSITY) ** p["om"]
    return LOOSE_POROSITY * gap_left * pressed * np.maximum(ratio, 1.0) ** p["nu"]
