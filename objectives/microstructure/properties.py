"""What a microstructure conducts: conductivity of each voxel and factors on the links between voxels, for ions and for electrons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from objectives.composition import Array
from objectives.microstructure.contents import Contents
from objectives.microstructure.generate import AM, NOT_A_GRAIN, Microstructure, drawn_se_um
from objectives.microstructure.network import Links, neighbours

NO_CARBON = 1e-6  # of the AM's conductivity: a carbon network below its threshold counts as none, not as a contrast no solver likes


class Medium(NamedTuple):
    """Conductivity of each voxel in mS/cm, ``(nx, ny, nz)``, and factors on its links along x, y and z; None where all are 1.

    Links along x have shape ``(nx - 1, ny, nz)``; along y and z ``(nx, ny, nz)``, the last one closing the period.
    """

    sigma: Array
    links: Links | None


def ionic_medium(block: Microstructure, content: Contents) -> Medium:
    """Return what conducts ions: the SE share of each voxel, shells as made and free SE by its size, with necks between grains.

    A neck is a resistance on the link between two SE grains, in proportion to grain size (the neck of a grain twice as large is twice as
    wide): a chain of grains then conducts ``se_contact`` of what solid SE would, at any grain and voxel size.
    """
    shell = block.shell.astype(np.float64)
    sigma = shell * content.sigma_shell + (block.se - shell) * content.sigma_free
    if content.se_contact >= 1.0:
        return Medium(sigma, None)
    lost = 1.0 / content.se_contact - 1.0
    coarse_um = 2.0 * content.am_radius_um  # a path from shell to shell meets a neck once an AM grain
    fine, coarse = (1.0 / (1.0 + lost * size / block.voxel_um) for size in (min(drawn_se_um(content, block.voxel_um), coarse_um), coarse_um))
    se_grain = np.where(block.labels == AM, NOT_A_GRAIN, block.grain)

    def factor(axis: int) -> Array:
        one, other = neighbours(se_grain, axis)
        neck = (one != other) & (one != NOT_A_GRAIN) & (other != NOT_A_GRAIN)
        shells = (one < block.am_grains) & (other < block.am_grains)
        return np.where(neck, np.where(shells, coarse, fine), 1.0)

    return Medium(sigma, (factor(0), factor(1), factor(2)))


def electronic_medium(block: Microstructure, content: Contents) -> Medium:
    """Return what conducts electrons: the AM, and the carbon of what is neither AM nor shell, homogenised (fibres are thinner than voxels).

    A shell holds carbon only where it leaves the AM exposed. It throttles a contact by its exposure on each coated side: between AM
    and carbon once, between two AM grains twice.
    """
    shell = block.shell.astype(np.float64)
    carbon = content.sigma_matrix if content.sigma_matrix > NO_CARBON * content.sigma_am else 0.0
    am = block.labels == AM
    sigma = np.where(am, content.sigma_am, carbon * (1.0 - shell * (1.0 - content.exposure)))
    if content.exposure >= 1.0:
        return Medium(sigma, None)
    am_grain = np.where(am, block.grain, NOT_A_GRAIN)

    def factor(axis: int) -> Array:
        one, other = neighbours(am_grain, axis)
        coated = (one != NOT_A_GRAIN).astype(np.int8) + (other != NOT_A_GRAIN)
        return np.where(one == other, 1.0, content.exposure**coated)

    return Medium(sigma, (factor(0), factor(1), factor(2)))
