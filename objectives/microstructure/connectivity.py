"""Which voxels are connected to the electrodes: flood fill through open faces, periodic in y and z. Knows no electrode."""

from __future__ import annotations

from typing import Literal

import numpy as np

from objectives.composition import Mask
from objectives.microstructure.compiled import compiled
from objectives.microstructure.network import Links, check_links, neighbours

Side = Literal["first", "last"]


def reachable(conducting: Mask, side: Side, links: Links | None = None) -> Mask:
    """Return the conducting voxels that are connected to one electrode.

    Args:
        conducting: Shape ``(nx, ny, nz)``; connected are neighbours across a face, in y and z across the period too.
        side: Electrode: ``first`` before the first plane of voxels along axis 0, ``last`` behind the last one.
        links: Factors of the faces; a face with factor 0 is closed.

    Raises:
        ValueError: If the block or the links have the wrong shape, or a factor is negative.
    """
    faces = _open_faces(conducting, links)
    return np.asarray(compiled(_flood)(np.ascontiguousarray(conducting), 0 if side == "first" else conducting.shape[0] - 1, *faces))


def spanning(conducting: Mask, links: Links | None = None) -> Mask:
    """Return the conducting voxels that are connected to both electrodes, those that can carry a current; see `reachable`."""
    faces = _open_faces(conducting, links)
    inside = np.ascontiguousarray(conducting)
    found: Mask = compiled(_flood)(inside, 0, *faces)
    return np.asarray(compiled(_flood)(found, conducting.shape[0] - 1, *faces)) if found[-1].any() else np.zeros_like(found)


def _open_faces(conducting: Mask, links: Links | None) -> tuple[Mask, Mask, Mask]:
    if conducting.ndim != 3 or not conducting.size:
        raise ValueError(f"a block must have voxels along x, y and z, got the shape {conducting.shape}; give an array (nx, ny, nz)")
    if links is not None:
        check_links(conducting.shape, links)

    def along(axis: int) -> Mask:
        one, other = neighbours(conducting, axis)
        return one & other if links is None else one & other & (links[axis] > 0.0)

    return along(0), along(1), along(2)


def _flood(conducting: Mask, plane: int, open_x: Mask, open_y: Mask, open_z: Mask) -> Mask:
    """Return the voxels that can be reached from the conducting ones of a plane through open faces."""
    nx, ny, nz = conducting.shape
    found = np.zeros(conducting.shape, dtype=np.bool_)
    waiting = np.empty((int(np.sum(conducting)), 3), dtype=np.int32)  # each voxel waits once
    m = 0
    for j in range(ny):
        for k in range(nz):
            if conducting[plane, j, k]:
                found[plane, j, k] = True
                waiting[m, 0], waiting[m, 1], waiting[m, 2] = plane, j, k
                m += 1
    while m > 0:
        m -= 1
        i, j, k = waiting[m, 0], waiting[m, 1], waiting[m, 2]
        for face in range(6):
            a, b, c = i, j, k
            if face == 0:
                a = i - 1
                passes = a >= 0 and open_x[a, j, k]
            elif face == 1:
                a = i + 1
                passes = a < nx and open_x[i, j, k]
            elif face == 2:
                b = (j - 1) % ny
                passes = open_y[i, b, k]
            elif face == 3:
                b = (j + 1) % ny
                passes = open_y[i, j, k]
            elif face == 4:
                c = (k - 1) % nz
                passes = open_z[i, j, c]
            else:
                c = (k + 1) % nz
                passes = open_z[i, j, k]
            if passes and not found[a, b, c]:
                found[a, b, c] = True
                waiting[m, 0], waiting[m, 1], waiting[m, 2] = a, b, c
                m += 1
    return found
