"""The closed-form electrode: from recipes, what a study fixes and conditions, to every outcome of an electrode.

Vectorised numpy, over a million recipes a second on one core. No randomness, no I/O, no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from objectives.capacity import discharge_capacity
from objectives.composition import Array, Composition, Mask, compose
from objectives.energy import Stack, derive
from objectives.packing import NO_SE, coverage, porosity
from objectives.transport import arrhenius, electronic_conductivity, ionic_conductivity_ratio, percolation_threshold, se_bulk_conductivity

TAU_CAP = 200.0  # a tortuosity factor above this means no usable path: reported as the cap, with percolates = False
POROSITY_RANGE = (1e-3, 0.6)  # guards far extrapolation only; a bed of loose powder has 0.4
UTILISATION_REFERENCE = {"NCM811": 230.0, "NCM622": 200.0}  # mAh/g, above any measured value, so that noise on a good cell stays below 1


@dataclass(frozen=True)
class Electrodes:
    """Electrodes to be evaluated: recipes, what their study fixes, and conditions; every field broadcasts, shape ``(..., n)``.

    Offsets are the study's, zero for a new study: porosity and conductivities on the natural log, capacity on the natural log.
    ``measured_porosity`` overrides the model's where it is not NaN (a tau is compared at the porosity it was measured at).
    """

    am_wt: ArrayLike
    coating_se_wt: ArrayLike
    se_particle_um: ArrayLike
    vgcf_wt: ArrayLike
    temperature_c: ArrayLike
    c_rate: ArrayLike
    pressure_mpa: ArrayLike
    loading_mg_cm2: ArrayLike
    am_radius_um: ArrayLike
    am_density: ArrayLike
    se_density: ArrayLike
    sigma_fine: ArrayLike  # mS/cm, bulk SE of 1.5 um and finer at sigma_temperature_c; NaN: not given
    sigma_coarse: ArrayLike  # mS/cm, bulk SE as made; NaN: derived from sigma_fine with the milled/as-made ratio
    sigma_temperature_c: ArrayLike
    plateau_mah_g: ArrayLike  # NaN: the calibrated plateau of NCM811
    sigma_free: ArrayLike = np.nan  # mS/cm, bulk of the free SE's own lot at temperature_c; NaN: by its size, from the two above
    other_wt: ArrayLike = 0.0
    measured_porosity: ArrayLike = np.nan
    offset_porosity: ArrayLike = 0.0
    offset_ionic: ArrayLike = 0.0
    offset_electronic: ArrayLike = 0.0
    offset_capacity: ArrayLike = 0.0

    def arrays(self) -> dict[str, Array]:
        """Return every field as a float array."""
        return {f.name: np.asarray(getattr(self, f.name), dtype=np.float64) for f in fields(self)}


class Outcomes(NamedTuple):
    """Outcomes of each electrode, arrays of one shape; fractions in 0-1, the rest in the unit named beside each."""

    porosity: Array
    ionic_tortuosity_factor: Array  # at most TAU_CAP
    electronic_tortuosity_factor: Array  # at most TAU_CAP
    discharge_capacity: Array  # mAh per g AM
    mean_discharge_voltage: Array  # V
    electrode_density: Array  # g/cm3
    thickness_um: Array
    areal_capacity: Array  # mAh/cm2
    volumetric_energy_density: Array  # Wh/L of the stack
    gravimetric_energy_density: Array  # Wh/kg of the stack
    percolates: Mask  # the SE connects
    percolation_margin: Array  # SE volume fraction above the percolation threshold
    shell_um: Array
    shell_share: Array
    shell_capped: Mask
    theoretical_density: Array  # g/cm3
    phi_am: Array
    phi_se: Array
    phi_vgcf: Array
    sigma_0_ionic: Array  # mS/cm, volume-weighted bulk of the SE at the temperature
    sigma_0_electronic: Array  # mS/cm, the reference that the electronic tau is stated against
    ionic_conductivity: Array  # mS/cm, effective
    electronic_conductivity: Array  # mS/cm, effective


# What the electronic tortuosity factor is stated against, mS/cm: a convention (prior median of sAM). A study's own AM conductivity is not
# known apart from its network, and with a fixed reference a measured sigma_eff gives one tau, whatever is calibrated later.
AM_REFERENCE_MS_CM = 3.0
VGCF_DENSITY = 2.0  # g/cm3, Kim et al. 2025
OTHER_DENSITY = 2.2  # g/cm3, PTFE binder (handbook); the only other solid in the data


class Structure(NamedTuple):
    """The pressed electrode before any transport; every field broadcasts to the electrodes' shape."""

    made: Composition
    cover: Array  # share of an AM particle's surface that the shell covers
    porosity: Array
    phi_am: Array
    phi_se: Array
    phi_vgcf: Array
    threshold: Array  # SE volume fraction at which ions begin to percolate


def structure(e: Mapping[str, Array], p: Mapping[str, Array]) -> Structure:
    """Return composition, porosity and percolation threshold of electrodes given as arrays; arguments as in `closed_form`."""
    radius = e["am_radius_um"]
    made = compose(
        e["am_wt"],
        e["coating_se_wt"],
        e["vgcf_wt"],
        other_wt=e["other_wt"],
        am_radius_um=radius,
        am_density=e["am_density"],
        se_density=e["se_density"],
        vgcf_density=VGCF_DENSITY,
        other_density=OTHER_DENSITY,
    )
    cover = coverage(made.shell_um, p)
    modelled = porosity(made, e["se_particle_um"], radius, e["pressure_mpa"], cover, p) * np.exp(e["offset_porosity"])
    pores = np.where(np.isnan(e["measured_porosity"]), np.clip(modelled, *POROSITY_RANGE), e["measured_porosity"])
    solids = 1.0 - pores
    threshold = percolation_threshold(made.shell_share, e["se_particle_um"], radius, p)
    return Structure(made, cover, pores, made.v_am * solids, made.v_se * solids, made.v_vgcf * solids, threshold)


def percolation_margin(electrodes: Electrodes, p: Mapping[str, Array]) -> Array:
    """Return the SE volume fraction above the percolation threshold: `closed_form` up to there, a third of its work."""
    built = structure(electrodes.arrays(), p)
    return np.asarray(built.phi_se - built.threshold)


def closed_form(electrodes: Electrodes, p: Mapping[str, Array], stack: Stack | None = None) -> Outcomes:
    """Return the outcomes of each electrode.

    Args:
        electrodes: Shape ``(..., n)``.
        p: Parameters by symbol (`objectives.calibration`), each a scalar or of shape ``(k, 1)`` for k draws at once.
        stack: What energy densities refer to; the reference campaign's when left out.

    Returns:
        Outcomes of the broadcast shape, every value finite.
    """
    e = electrodes.arrays()
    made, cover, pores, phi_am, phi_se, phi_vgcf, threshold = structure(e, p)
    solids = 1.0 - pores

    coarse_given = ~np.isnan(e["sigma_coarse"])
    coarse = np.where(coarse_given, e["sigma_coarse"], e["sigma_fine"] / p["ms"])
    fine = np.where(np.isnan(e["sigma_fine"]), coarse * p["ms"], e["sigma_fine"])
    warming = arrhenius(p["EaS"], e["temperature_c"], e["sigma_temperature_c"])
    bulk = se_bulk_conductivity(made.shell_share, e["se_particle_um"], fine, coarse) * warming
    own = ~np.isnan(e["sigma_free"])
    if own.any():
        bulk = np.where(own, made.shell_share * coarse * warming + (1.0 - made.shell_share) * e["sigma_free"], bulk)
    ratio = ionic_conductivity_ratio(np.maximum(phi_se, NO_SE), threshold, made.shell_um, made.shell_share, e["offset_ionic"], p)
    electronic = electronic_conductivity(phi_am, phi_vgcf, made.shell_um, cover, e["offset_electronic"], p)

    am_mg_cm2 = e["loading_mg_cm2"] * e["am_wt"] * 0.01
    thickness = e["loading_mg_cm2"] / (made.theoretical_density * solids) * 10.0
    plateau = np.where(np.isnan(e["plateau_mah_g"]), p["Qp"], e["plateau_mah_g"]) * np.exp(e["offset_capacity"])
    capacity = discharge_capacity(ratio * bulk, electronic, thickness, am_mg_cm2, made.shell_um, cover, e["c_rate"], e["temperature_c"], plateau, p)
    voltage = np.broadcast_to(p["V"], capacity.shape)
    derived = derive(made.theoretical_density, e["am_wt"], pores, capacity, voltage, e["loading_mg_cm2"], stack or Stack())
    tau_ionic = np.maximum(phi_se, NO_SE) / ratio
    tau_electronic = phi_am * AM_REFERENCE_MS_CM / electronic
    found = Outcomes(
        porosity=pores,
        ionic_tortuosity_factor=np.minimum(tau_ionic, TAU_CAP),
        electronic_tortuosity_factor=np.minimum(tau_electronic, TAU_CAP),
        discharge_capacity=capacity,
        mean_discharge_voltage=voltage,
        electrode_density=derived.electrode_density,
        thickness_um=derived.thickness_um,
        areal_capacity=derived.areal_capacity,
        volumetric_energy_density=derived.volumetric_energy_density,
        gravimetric_energy_density=derived.gravimetric_energy_density,
        percolates=tau_ionic < TAU_CAP,
        percolation_margin=phi_se - threshold,
        shell_um=made.shell_um,
        shell_share=made.shell_share,
        shell_capped=made.shell_capped,
        theoretical_density=made.theoretical_density,
        phi_am=phi_am,
        phi_se=phi_se,
        phi_vgcf=phi_vgcf,
        sigma_0_ionic=bulk,
        sigma_0_electronic=np.asarray(AM_REFERENCE_MS_CM),
        ionic_conductivity=ratio * bulk,
        electronic_conductivity=electronic,
    )
    return Outcomes(*np.broadcast_arrays(*found))
