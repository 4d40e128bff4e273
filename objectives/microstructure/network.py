"""The resistor network of a voxel block: conductances of the faces between voxels, and their graph. Knows no electrode.

Transport runs along axis 0 between two plane electrodes at the outer faces, half a voxel from the first and last centres; y and z are
periodic. The edge of a voxel is 1, so that a face conducts what its medium does.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Array, Mask
from objectives.microstructure.compiled import compiled

T = TypeVar("T", bound=np.generic)
Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.int32]
Links = tuple[Array, Array, Array]  # one value a face towards the next voxel in x (nx - 1, ny, nz), y and z (nx, ny, nz)
INSULATOR = 1e-12  # of the largest face conductance: below it a face is closed, as rounding no longer tells it from one


class Graph(NamedTuple):
    """Nodes and the conductances between them, each link twice: those of node i are ``first[i]:first[i + 1]``, lower neighbours before ``split[i]``.

    Args:
        first: Shape ``(n + 1,)``.
        split: Shape ``(n,)``.
        neighbour: Node at the other end, shape ``(m,)``.
        conductance: Shape ``(m,)``.
        ground: Conductance from each node to the electrodes, shape ``(n,)``.
        diagonal: Sum of the node's conductances and its ground, shape ``(n,)``.
    """

    first: Integers
    split: Integers
    neighbour: Integers
    conductance: Floats
    ground: Floats
    diagonal: Floats


def neighbours(field: NDArray[T], axis: int) -> tuple[NDArray[T], NDArray[T]]:
    """Return the two sides of every face along an axis: walls in x, periodic in y and z."""
    if axis == 0:
        return field[:-1], field[1:]
    return field, np.roll(field, -1, axis=axis)


def check_links(shape: tuple[int, ...], links: Links) -> None:
    """Raise a ValueError unless there is one finite factor, at least 0, for each face of the block."""
    faces = (shape[0] - 1, *shape[1:])
    for axis, (name, link) in enumerate(zip("xyz", links, strict=True)):
        wanted = shape if axis else faces
        if link.shape != wanted:
            raise ValueError(f"links along {name} must have the shape {wanted}, got {link.shape}; give one factor for each face")
        if not (np.isfinite(link).all() and (link >= 0.0).all()):
            raise ValueError(f"links along {name} must be finite and at least 0, got {link.min():g} to {link.max():g}; 0 closes a face")


def face_conductances(sigma: Array, links: Links | None = None) -> Links:
    """Return the conductance of every face: the harmonic mean of its voxels times its link factor, 0 where that is negligible.

    Args:
        sigma: Conductivity of each voxel, at least 0, any unit, shape ``(nx, ny, nz)``.
        links: Factors of the faces; all 1 when left out.
    """

    def harmonic(axis: int) -> Array:
        one, other = neighbours(sigma, axis)
        total = one + other
        mean = np.divide(one * other, total, out=np.zeros_like(total), where=total > 0.0)
        return 2.0 * mean if links is None else 2.0 * mean * links[axis]

    faces = (harmonic(0), harmonic(1), harmonic(2))
    negligible = INSULATOR * max(face.max(initial=0.0) for face in faces)
    for face in faces:
        face[face <= negligible] = 0.0
    return faces


def assemble(inside: Mask, sigma: Array, faces: Links) -> tuple[Graph, Integers]:
    """Return the graph of the voxels inside a mask, in the order of the array, and their indices along x, y and z, ``(n, 3)``."""
    at = np.argwhere(inside).astype(np.int32)
    number = np.full(inside.shape, -1, dtype=np.int32)
    number[inside] = np.arange(len(at), dtype=np.int32)
    first, split, neighbour, conductance, total = compiled(_links_of)(at, number, *faces)
    ends = at[:, 0] == 0, at[:, 0] == inside.shape[0] - 1
    ground = 2.0 * sigma[inside] * (ends[0].astype(np.float64) + ends[1])  # 2: half a voxel to the electrode
    return Graph(first, split, neighbour, conductance, ground, total + ground), at


def _links_of(
    at: Integers, number: NDArray[np.int32], along_x: Array, along_y: Array, along_z: Array
) -> tuple[Integers, Integers, Integers, Array, Array]:
    nx, ny, nz = number.shape
    n = len(at)
    first, split, total = np.empty(n + 1, dtype=np.int32), np.empty(n, dtype=np.int32), np.zeros(n)
    neighbour, conductance = np.empty(6 * n, dtype=np.int32), np.empty(6 * n)
    others, values = np.empty(6, dtype=np.int32), np.empty(6)
    m = 0
    for node in range(n):
        i, j, k = at[node, 0], at[node, 1], at[node, 2]
        others[0] = others[5] = -1
        if i > 0:
            others[0], values[0] = number[i - 1, j, k], along_x[i - 1, j, k]
        if i + 1 < nx:
            others[5], values[5] = number[i + 1, j, k], along_x[i, j, k]
        before, after = (j - 1) % ny, (j + 1) % ny
        others[1], values[1] = number[i, before, k], along_y[i, before, k]
        others[4], values[4] = number[i, after, k], along_y[i, j, k]
        before, after = (k - 1) % nz, (k + 1) % nz
        others[2], values[2] = number[i, j, before], along_z[i, j, before]
        others[3], values[3] = number[i, j, after], along_z[i, j, k]
        first[node] = m
        for lower in (True, False):
            for face in range(6):
                # A voxel that is its own neighbour, in a block one voxel wide, sends itself no current.
                if others[face] >= 0 and values[face] > 0.0 and others[face] != node and (others[face] < node) == lower:
                    neighbour[m], conductance[m] = others[face], values[face]
                    total[node] += values[face]
                    m += 1
            if lower:
                split[node] = m
    first[n] = m
    return first, split, neighbour[:m].copy(), conductance[:m].copy(), total
