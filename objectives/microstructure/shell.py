"""The SE shell around the AM as a fraction field: conformal, thinner than a voxel if need be, exact in volume."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Mask

LAYER = math.sqrt(3.0)  # voxels: the thinnest layer of voxels around any smooth surface that is connected through faces (a standard digital plane)


def shell_fraction(distance_um: NDArray[np.float32], free: Mask, voxel_um: float, voxels: float) -> NDArray[np.float32]:
    """Return the share of each voxel that the shell takes, in 0-1, summing to ``voxels``; zero where not ``free``.

    Layers of `LAYER` voxels are filled one after the other; the last holds one fraction everywhere. A shell much thinner than a
    voxel thus still covers every grain all round and conducts along it, in proportion to its thickness. (A ramp over the distance would leave
    holes where a voxel's centre lies far from the surface.)

    Args:
        distance_um: Distance of each voxel's centre from the AM surface; infinite where nothing is near.
        free: Voxels that a shell may take.
        voxel_um: Edge of a voxel.
        voxels: Volume of all shells, in voxels.

    Raises:
        ValueError: If the free voxels within reach hold less than that.
    """
    fraction = np.zeros(distance_um.shape, dtype=np.float32)
    if voxels <= 0.0:
        return fraction
    near = free & np.isfinite(distance_um)
    layer = np.maximum(distance_um[near], 0.0) // np.float32(LAYER * voxel_um)
    held = np.bincount(layer.astype(np.int64))
    left = voxels - np.concatenate([[0.0], np.cumsum(held)[:-1]])
    filled = np.clip(left / np.maximum(held, 1), 0.0, 1.0)
    if left[-1] > held[-1] + 1e-6:
        raise ValueError(
            f"a shell of {voxels:.0f} voxels does not fit into the {held.sum()} free voxels around the AM; widen the reach of the distance"
        )
    fraction[near] = filled[layer.astype(np.int64)]
    return fraction
