"""What a recipe puts into a block of its electrode: volume fractions, sizes, and conductivities of the materials.

All from the calibrated closed form of `objectives.physics`, none of it fitted anew: the microstructure adds geometry, not parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from objectives.electrode import Outcomes
from objectives.packing import coverage
from objectives.physics import Physics
from objectives.recipe import Recipe
from objectives.transport import electronic_conductivity, ionic_conductivity_ratio


@dataclass(frozen=True)
class Contents:
    """Volume fractions of the electrode and what its materials conduct, at the conditions of the physics.

    Args:
        porosity: Pore volume fraction; with AM, SE, carbon and other solids it adds up to 1.
        phi_am: AM volume fraction.
        phi_shell: SE in the shells.
        phi_free: SE beside the coated grains.
        phi_vgcf: Carbon fibre.
        am_radius_um: Median AM radius by volume.
        se_particle_um: Median size of the free SE by volume.
        shell_um: Thickness of a conformal shell.
        shell_capped: Whether the coating asked for more SE than the recipe holds.
        thickness_um: Of the electrode.
        sigma_shell: Bulk conductivity of the SE as made, which the shell is, mS/cm.
        sigma_free: Bulk conductivity of the free SE, mS/cm.
        sigma_0: Their volume-weighted mean, which the ionic tortuosity factor refers to, mS/cm.
        sigma_am: Conductivity of the AM, mS/cm.
        sigma_matrix: Electronic conductivity of what is neither AM nor shell, by its carbon, mS/cm.
        se_contact: Conductance that necks leave to a chain of SE grains, in 0-1.
        exposure: Electronic conductance that a shell leaves to one side of a contact, in 0-1.
        coverage: Share of the AM surface that its shell covers, in 0-1.
    """

    porosity: float
    phi_am: float
    phi_shell: float
    phi_free: float
    phi_vgcf: float
    am_radius_um: float
    se_particle_um: float
    shell_um: float
    shell_capped: bool
    thickness_um: float
    sigma_shell: float
    sigma_free: float
    sigma_0: float
    sigma_am: float
    sigma_matrix: float
    se_contact: float
    exposure: float
    coverage: float

    @property
    def phi_se(self) -> float:
        """All SE."""
        return self.phi_shell + self.phi_free


def contents(physics: Physics, recipe: Recipe, porosity: float | None = None) -> Contents:
    """Return what the recipe's electrode holds, at its closed-form porosity or a given one.

    Raises:
        ValueError: If the given porosity is not in [0, 1).
    """
    if porosity is not None and not 0.0 <= porosity < 1.0:
        raise ValueError(f"porosity must be at least 0 and below 1, got {porosity:g}; give the pore volume fraction, 0.12 for 12 %")
    am, se = recipe.am_wt, recipe.se_wt
    all_in_shell = 100.0 * se / (am + se)  # the coating that leaves no free SE; with it and without a shell, sigma_0 is that of either SE
    rows = [(am, coating, recipe.se_particle_um, recipe.vgcf_wt) for coating in (recipe.coating_se_wt, all_in_shell, 0.0)]
    found = physics.outcomes(np.array(rows))
    own = Outcomes(*(values[0] for values in found))
    pores = float(own.porosity) if porosity is None else porosity
    solids = (1.0 - pores) / (1.0 - float(own.porosity))
    phi_am, phi_vgcf = float(own.phi_am) * solids, float(own.phi_vgcf) * solids
    phi_se = float(own.phi_se) * solids if se > 0.0 else 0.0
    share = float(own.shell_share)

    p = physics.calibration.parameters()
    fixed = physics.electrodes(np.array(rows[:1]), p).arrays()
    zero, shell = np.zeros(()), np.asarray(own.shell_um)
    cover = coverage(shell, p)
    # SE that fills the space is throttled by its necks alone, so the closed form's ratio at phi = 1 is the neck factor, at most 1.
    necks = ionic_conductivity_ratio(np.ones(()), zero, shell, np.asarray(share), fixed["offset_ionic"], p)
    networks = [electronic_conductivity(np.asarray(0.5), zero, *film, zero, p) for film in ((shell, cover), (zero, zero))]
    # The calibrated carbon law is of a whole electrode. The matrix that gives it fills 1 - phi_AM of the electrode: Bruggeman's exponent again.
    carbon = electronic_conductivity(zero, np.asarray(phi_vgcf / (1.0 - phi_am)) if phi_vgcf else zero, zero, zero, zero, p)
    return Contents(
        porosity=pores,
        phi_am=phi_am,
        phi_shell=phi_se * share,
        phi_free=phi_se * (1.0 - share),
        phi_vgcf=phi_vgcf,
        am_radius_um=fixed["am_radius_um"].item(),
        se_particle_um=recipe.se_particle_um,
        shell_um=float(shell),
        shell_capped=bool(own.shell_capped),
        thickness_um=float(own.thickness_um) / solids,
        sigma_shell=float(found.sigma_0_ionic[1]),
        sigma_free=float(found.sigma_0_ionic[2]),
        sigma_0=float(own.sigma_0_ionic),
        sigma_am=float(p["sAM"] * np.exp(fixed["offset_electronic"].item())),
        sigma_matrix=float(carbon) / (1.0 - phi_am) ** 1.5 if phi_vgcf else 0.0,
        se_contact=necks.item(),
        exposure=float(np.sqrt(networks[0] / networks[1])),
        coverage=float(cover),
    )
