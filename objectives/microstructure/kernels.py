"""The loops of the generator that numpy cannot express: which grains are close, pushing them apart, stamping them into voxels.

Plain Python for `compiled`; positions in um in a block that is periodic in all directions. Nothing here is random.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Array


def close_pairs(centres: Array, radii: Array, lengths: Array, cell_um: float, skin_um: float) -> NDArray[np.int32]:
    """Return the pairs of spheres whose surfaces are less than ``skin_um`` apart, ``(m, 2)``, in a fixed order.

    Args:
        centres: Shape ``(n, 3)``, um, inside the block.
        radii: Shape ``(n,)``, um, **descending**: each sphere looks for those not larger than itself.
        lengths: Edges of the block, um.
        cell_um: Least edge of a search cell.
        skin_um: Gap up to which a pair counts.
    """
    n = radii.size
    cells = np.empty(3, dtype=np.int64)
    for axis in range(3):
        cells[axis] = max(1, int(lengths[axis] / cell_um))
    home = np.empty((n, 3), dtype=np.int64)
    head = np.full(cells[0] * cells[1] * cells[2], -1, dtype=np.int64)
    following = np.empty(n, dtype=np.int64)
    for i in range(n):
        for axis in range(3):
            home[i, axis] = int(centres[i, axis] / lengths[axis] * cells[axis]) % cells[axis]
        at = (home[i, 0] * cells[1] + home[i, 1]) * cells[2] + home[i, 2]
        following[i] = head[at]
        head[at] = i
    pairs = np.empty((8 * n + 64, 2), dtype=np.int32)
    m = 0
    first, count = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    for i in range(n):
        for axis in range(3):
            reach = math.ceil((2.0 * radii[i] + skin_um) * cells[axis] / lengths[axis])
            first[axis], count[axis] = home[i, axis] - reach, min(2 * reach + 1, cells[axis])  # all round the period: each cell once
        for a in range(count[0]):
            for b in range(count[1]):
                row = ((first[0] + a) % cells[0] * cells[1] + (first[1] + b) % cells[1]) * cells[2]
                for c in range(count[2]):
                    j = head[row + (first[2] + c) % cells[2]]
                    while j > i:  # cells hold their spheres in descending order
                        square = 0.0
                        for axis in range(3):
                            d = abs(centres[i, axis] - centres[j, axis])
                            d = min(d, lengths[axis] - d)
                            square += d * d
                        if square < (radii[i] + radii[j] + skin_um) ** 2:
                            if m == pairs.shape[0]:
                                longer = np.empty((2 * m, 2), dtype=np.int32)
                                longer[:m] = pairs
                                pairs = longer
                            pairs[m, 0], pairs[m, 1] = i, j
                            m += 1
                        j = following[j]
    return pairs[:m]


def part(centres: Array, radii: Array, lengths: Array, pairs: NDArray[np.int32], sweeps: int) -> None:
    """Push overlapping spheres apart, in place: each pair by its overlap, the lighter the further.

    One pair after the other (Gauss-Seidel), which is stable in any crowd. Centres end inside the block.
    """
    apart = np.empty(3)
    for _ in range(sweeps):
        for k in range(pairs.shape[0]):
            i, j = pairs[k, 0], pairs[k, 1]
            square = 0.0
            for axis in range(3):
                d = centres[i, axis] - centres[j, axis]
                if d > 0.5 * lengths[axis]:
                    d -= lengths[axis]
                elif d < -0.5 * lengths[axis]:
                    d += lengths[axis]
                apart[axis] = d
                square += d * d
            touch = radii[i] + radii[j]
            if 1e-12 < square < touch * touch:  # 1e-12 um2: two centres at one point have no direction to part in
                distance = math.sqrt(square)
                push = (touch - distance) / distance
                share = radii[j] ** 3 / (radii[i] ** 3 + radii[j] ** 3)
                for axis in range(3):
                    centres[i, axis] += share * push * apart[axis]
                    centres[j, axis] -= (1.0 - share) * push * apart[axis]
    for i in range(centres.shape[0]):
        for axis in range(3):
            centres[i, axis] %= lengths[axis]


def stamp(distance: NDArray[np.float32], owner: NDArray[np.int32], centres: Array, radii: Array, voxel_um: float, margin_um: float) -> None:
    """Write into each voxel the least signed distance to a sphere's surface and that sphere's number, in place.

    Voxels further than ``margin_um`` from every sphere keep what they hold.
    """
    first, count = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    nx, ny, nz = distance.shape
    for i in range(radii.size):
        reach = radii[i] + margin_um
        for axis in range(3):
            n = distance.shape[axis]
            first[axis] = math.floor((centres[i, axis] - reach) / voxel_um)
            count[axis] = math.floor((centres[i, axis] + reach) / voxel_um) - first[axis] + 1
            if count[axis] > n:  # all round the period: each voxel once, by its nearest image
                first[axis] = math.ceil(centres[i, axis] / voxel_um - 0.5 * (n + 1))
                count[axis] = n
        x = first[0] % nx
        for a in range(count[0]):
            dx = (first[0] + a + 0.5) * voxel_um - centres[i, 0]
            y = first[1] % ny
            for b in range(count[1]):
                dy = (first[1] + b + 0.5) * voxel_um - centres[i, 1]
                across = dx * dx + dy * dy
                if across <= reach * reach:
                    z = first[2] % nz
                    for c in range(count[2]):
                        dz = (first[2] + c + 0.5) * voxel_um - centres[i, 2]
                        square = across + dz * dz
                        if square <= reach * reach:
                            d = np.float32(math.sqrt(square) - radii[i])
                            if d < distance[x, y, z]:
                                distance[x, y, z] = d
                                owner[x, y, z] = i
                        z = z + 1 if z + 1 < nz else 0
                y = y + 1 if y + 1 < ny else 0
            x = x + 1 if x + 1 < nx else 0
