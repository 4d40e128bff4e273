"""How much of the AM is connected: what the closed form's capacity at 0.05C and 60 C leaves, once the discharge has taken its own losses."""

from __future__ import annotations

import math

from objectives.discharge.cellspec import CellSpec
from objectives.discharge.kinetics import REFERENCE_C, REFERENCE_RATE, Kinetics
from objectives.discharge.model import discharge

LEAST = 1e-3  # share of the AM below which nothing is worth a discharge
CLOSE = 1e-3  # relative; 0.2 mAh/g
MOST_SOLVES = 5


def connected_share(spec: CellSpec, kinetics: Kinetics, separator_um: float) -> float:
    """Return the share of connected AM with which the discharge at the reference condition gives the closed form's capacity.

    The closed form's utilisation already holds the polarisation at the reference. Taking all of it as unconnected AM and discharging
    the rest would count that polarisation twice; so the share is solved for, by secants on the logarithm. It is at most 1: where even
    connected AM loses more than the closed form says, the discharge has the last word. A structure that states its connected share is
    taken at its word.
    """
    if spec.transport.connected_am_fraction is not None:
        return spec.transport.connected_am_fraction
    target = min(max(spec.reference_capacity / spec.plateau_mah_g, LEAST), 1.0)
    share, slope = target, 1.0
    before: tuple[float, float] | None = None
    for _ in range(MOST_SOLVES):
        found = discharge(spec.half_cell(kinetics, share, REFERENCE_RATE, REFERENCE_C, separator_um))
        if not found.capacity_ah_m2 > 0.0:
            break  # the conditions will meet the same failure, and name it
        excess = math.log(found.capacity_ah_m2 / spec.plateau_ah_m2 / target)
        if abs(excess) < CLOSE or (share >= 1.0 and excess < 0.0):
            break
        if before is not None and share != before[0]:
            slope = min(max((excess - before[1]) / math.log(share / before[0]), 0.5), 5.0)
        before = (share, excess)
        share = min(max(share * math.exp(-excess / slope), LEAST), 1.0)
    return share
