"""Where the grains lie: sizes, a random start, soft spheres pushed apart, and distances to them. Knows no phase."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Array
from objectives.microstructure.compiled import compiled
from objectives.microstructure.kernels import close_pairs, part, stamp

SPREAD = 0.25  # standard deviation of ln radius [A]: sieved cathode powders have D90/D10 near 2
SKIN = 0.2  # of the median diameter: gap up to which grains are listed as close, about what they move while a list is used
SWEEPS_A_LIST = 5  # sweeps between two searches for close pairs, which cost ten times a sweep
TAIL = 2.0  # standard deviations at which the distribution by volume is cut, so that no grain is wider than the block


def grain_radii(volume_um3: float, median_um: float, rng: np.random.Generator) -> Array:
    """Return radii of lognormal grains with the given total volume, descending, um; none where there is no volume.

    ``median_um`` is the median radius by volume, as laser diffraction states it. Quantiles are stratified, which takes most of the
    scatter of sizes out of a small block, and radii are scaled (by under half a grain's share) to give the volume exactly.
    """
    if volume_um3 <= 0.0:
        return np.empty(0)
    normal, shift = NormalDist(), 3.0 * SPREAD  # by number the logarithm is normal too, 3 sd**2 lower (Hatch and Choate 1929)
    low, high = normal.cdf(shift - TAIL), normal.cdf(shift + TAIL)
    by_number = median_um * math.exp(-3.0 * SPREAD**2)
    kept = (normal.cdf(TAIL) - normal.cdf(-TAIL)) / (high - low)  # of the third moment, by the cut tails
    mean_cube = by_number**3 * math.exp(4.5 * SPREAD**2) * kept
    n = max(1, round(volume_um3 / (4.0 / 3.0 * math.pi * mean_cube)))
    quantiles = low + (high - low) * (np.arange(n) + rng.random(n)) / n
    radii = by_number * np.exp(SPREAD * np.array([normal.inv_cdf(q) for q in quantiles]))
    scale = np.cbrt(volume_um3 / (4.0 / 3.0 * math.pi * np.sum(radii**3)))
    return np.asarray(np.sort(scale * radii)[::-1])


def push_apart(centres: Array, radii: Array, lengths: Array, sweeps: int) -> Array:
    """Return centres ``(n, 3)`` after soft-sphere relaxation in a periodic block; sizes may mix freely, in any order."""
    if radii.size < 2:
        return centres
    order = np.argsort(-radii, kind="stable")
    moved, sizes = np.ascontiguousarray(centres[order]), np.ascontiguousarray(radii[order])
    diameter = 2.0 * float(np.median(radii))
    cell_um = 2.0 * float(np.quantile(radii, 0.9)) + SKIN * diameter  # nine in ten grains then search only the cells around their own
    for _ in range(0, sweeps, SWEEPS_A_LIST):
        pairs = compiled(close_pairs)(moved, sizes, lengths, cell_um, SKIN * diameter)
        compiled(part)(moved, sizes, lengths, pairs, SWEEPS_A_LIST)
    relaxed = np.empty_like(moved)
    relaxed[order] = moved
    return relaxed


def distance_to(
    centres: Array, radii: Array, voxel_um: float, room: NDArray[np.float32], voxels: float
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the signed distance of each voxel's centre to the nearest sphere surface in um, and the number of that sphere.

    Far from every sphere, where the caller has no use for it, the distance is infinite and the number -1.

    Args:
        centres: Shape ``(n, 3)``, um, n at least 1.
        radii: Shape ``(n,)``, um.
        voxel_um: Edge of a voxel.
        room: What each voxel can take of the phase to be drawn, in voxels; its shape is the block's.
        voxels: Volume that must find room within the distances given.
    """
    margin = 3.0 * voxel_um
    widest = voxel_um * sum(room.shape)
    while True:
        distance = np.full(room.shape, np.inf, dtype=np.float32)
        owner = np.full(room.shape, -1, dtype=np.int32)
        compiled(stamp)(distance, owner, centres, radii, voxel_um, margin)
        # One layer more than needed, so that a shell ends inside.
        if margin > widest or float(room[distance < margin - 2.0 * voxel_um].sum(dtype=np.float64)) >= voxels:
            return distance, owner
        margin = 2.0 * margin + voxel_um
