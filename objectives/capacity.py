"""Discharge capacity of a composite electrode at a C-rate and temperature."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from objectives.composition import Array
from objectives.transport import arrhenius

ONE_C_MA_PER_G = 200.0  # 1C = 200 mA per g AM, Kim et al. 2025, Experimental
REFERENCE_C = 60.0  # temperature at which the reaction term is stated


def discharge_capacity(
    ionic_ms_cm: Array,
    electronic_ms_cm: Array,
    thickness_um: Array,
    am_mg_cm2: Array,
    shell_um: Array,
    cover: Array,
    c_rate: Array,
    temperature_c: Array,
    plateau_mah_g: Array,
    p: Mapping[str, Array],
) -> Array:
    """Return the discharge capacity in mAh per g AM, before any study offset.

    ``q = Q (1 - u0 (1 - cover)) / (1 + D^m)``, with the polarisation D (relative to its scale) of three parts: ohmic, over the
    electrode's thickness; reaction and diffusion, thermally activated, worse for bare AM; electronic contact through the
    shell, not activated. ``u0`` is the static loss of uncoated AM.
    """
    current_a_cm2 = c_rate * ONE_C_MA_PER_G * 1e-6 * am_mg_cm2  # mA/g * mg/cm2 -> A/cm2
    resistance_ohm_cm2 = thickness_um * 1e-4 * (1e3 / ionic_ms_cm + 1e3 / electronic_ms_cm)
    ohmic = current_a_cm2 * resistance_ohm_cm2 / p["Vs"]
    reaction = p["rc"] * arrhenius(-p["Eac"], temperature_c, REFERENCE_C) * (1.0 + p["rs"] * (1.0 - cover))
    passing = p["ec"] + (1.0 - p["ec"]) * np.exp(-((shell_um / p["hc"]) ** p["pw"]))
    contact = p["ce"] * (1.0 / passing - 1.0)
    polarisation = ohmic + c_rate * (reaction + contact)
    return plateau_mah_g * (1.0 - p["u0"] * (1.0 - cover)) / (1.0 + polarisation ** p["m"])
