"""The recipe that was really weighed, with its standard error from the balance.

Each weighing is off by a uniform error of one resolution: standard error ``resolution / sqrt(12)`` (GUM, JCGM 100:2008, 4.3.7),
propagated to first order. A mass of 0 was not weighed and has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from optimizer.lab_table.columns import MASSES
from optimizer.lab_table.values import CellError

COATING = tuple(column.key for column in MASSES[:2])
MIX = tuple(column.key for column in MASSES[2:])
Weighed = tuple[float, float]  # value and standard error


def _error(mass: float, resolution: float) -> float:
    return resolution / math.sqrt(12.0) if mass > 0.0 else 0.0


def weighed_coating(masses: Mapping[str, float], resolution: float) -> Weighed:
    """Return the SE share of the coated powder from what went into the mill, wt%; 0 where nothing did.

    Args:
        masses: `COATING` masses, mg.
        resolution: Of the balance, mg.

    Raises:
        CellError: If SE was weighed without AM.
    """
    am, se = (masses[key] for key in COATING)
    if am == 0.0 and se == 0.0:
        return 0.0, 0.0
    if am == 0.0:
        raise CellError("must stand beside a coating AM above 0 mg", "give the AM that went into the mill")
    total = am + se
    share_am, share_se = -100.0 * se / total**2, 100.0 * am / total**2
    return 100.0 * se / total, math.hypot(share_am * _error(am, resolution), share_se * _error(se, resolution))


def weighed_mix(masses: Mapping[str, float], coating: Weighed, resolution: float) -> tuple[Weighed, Weighed]:
    """Return AM and VGCF of the mix, wt% of the composite.

    Args:
        masses: `MIX` masses, mg.
        coating: SE share of the coated powder and its standard error, wt%.
        resolution: Of the balance, mg.

    Raises:
        CellError: If no coated powder was weighed.
    """
    powder, free, vgcf = (masses[key] for key in MIX)
    if powder == 0.0:
        raise CellError("must be above 0 mg", "give the coated powder, or the plain AM, that went into the mix")
    total = powder + free + vgcf
    am_share = 1.0 - coating[0] / 100.0
    e_powder, e_free, e_vgcf = (_error(mass, resolution) for mass in (powder, free, vgcf))
    per_other = -100.0 * powder * am_share / total**2
    am_sd = math.hypot(100.0 * am_share * (free + vgcf) / total**2 * e_powder, per_other * e_free, per_other * e_vgcf, powder / total * coating[1])
    others = -100.0 * vgcf / total**2
    vgcf_sd = math.hypot(100.0 * (powder + free) / total**2 * e_vgcf, others * e_powder, others * e_free)
    return (100.0 * powder * am_share / total, am_sd), (100.0 * vgcf / total, vgcf_sd)
