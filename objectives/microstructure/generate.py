"""A three-dimensional microstructure from a recipe: voxels of AM, SE and pore.

Geometry only; conductivities are in `properties`. Volume fractions are those of the closed form (or a given porosity), exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectives.composition import Array, Mask
from objectives.microstructure.contents import Contents, contents
from objectives.microstructure.packing3d import distance_to, grain_radii, push_apart
from objectives.microstructure.shell import shell_fraction
from objectives.physics import Physics
from objectives.recipe import Recipe

PORE, AM, SE = 0, 1, 2  # labels of voxels
NOT_A_GRAIN = -1
RESOLVED_VOXELS = 2.0  # least SE size in voxels: finer grains are drawn at this size, and flagged
AM_SWEEPS, MIXED_SWEEPS = 100, 20  # of relaxation; overlaps no longer shrink beyond (AM alone), and soft SE keeps overlapping anyway
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Microstructure:
    """A block of an electrode. Axis 0 goes from the separator to the current collector; y and z are periodic.

    Args:
        labels: `PORE`, `AM` or `SE` of each voxel, uint8 of shape ``(nx, ny, nz)``. `PORE` holds carbon and binder too, which are below the grid.
        shell: Share of each voxel that the AM's shell takes, float32 in 0-1; part of an `SE` voxel or beside pore, never in `AM`.
        grain: Number of the grain that a voxel belongs to, int32: AM grains first, then SE grains; shells have their AM grain's; -1 for bare pore.
        am_grains: Number of AM grains.
        voxel_um: Edge of a voxel.
        seed: What the block was generated from.
        se_clamped: Whether the free SE is finer than two voxels and was drawn at two: not to be learned from.
        shell_capped: Whether the coating asked for more SE than there is and got all of it.
    """

    labels: NDArray[np.uint8]
    shell: NDArray[np.float32]
    grain: NDArray[np.int32]
    am_grains: int
    voxel_um: float
    seed: int
    se_clamped: bool
    shell_capped: bool

    @property
    def se(self) -> NDArray[np.float32]:
        """SE share of each voxel, in 0-1: all of an `SE` voxel, and the shell elsewhere."""
        return np.where(self.labels == SE, np.float32(1.0), self.shell)


def generate(physics: Physics, recipe: Recipe, shape: Shape, voxel_um: float, seed: int, porosity: float | None = None) -> Microstructure:
    """Return a microstructure of the recipe, the same for the same seed.

    AM grains are soft spheres kept apart by their shells, then relaxed together with the free SE, whatever its size: grains move in
    inverse proportion to their volume, so that fine SE flows around the AM and coarse SE pushes it aside. AM is the level set of the
    distance to its grains that gives its volume; the shell fills layers around it; free SE is the level set of the distance to
    its own grains in what is left, as soft grains deform under pressure.

    Args:
        physics: Study, conditions and calibration.
        recipe: Any recipe; a shell that asks for more SE than there is gets all of it.
        shape: Voxels along x (through the electrode), y and z.
        voxel_um: Edge of a voxel.
        seed: Of the grains' sizes and first positions.
        porosity: Pore volume fraction; the closed form's when left out.

    Raises:
        ValueError: If the block is thinner than 8 voxels or a size is not positive.
    """
    return build(contents(physics, recipe, porosity), shape, voxel_um, seed)


def build(content: Contents, shape: Shape, voxel_um: float, seed: int) -> Microstructure:
    """Return a microstructure of given contents; see `generate`."""
    if min(shape) < 8 or not voxel_um > 0.0:  # 8: less than one AM grain, whose surface would be a staircase alone
        raise ValueError(f"a block must be at least 8 voxels wide with voxels above 0 um, got {shape} voxels of {voxel_um:g} um; enlarge it")
    grains = _place(content, shape, voxel_um, np.random.default_rng(seed))
    everywhere = np.ones(shape, dtype=np.float32)
    am_voxels, shell_voxels, free_voxels = _counts(content, shape)
    distance, grain = distance_to(grains.am, grains.am_radii, voxel_um, everywhere, am_voxels + shell_voxels)
    am, surface = _level_set(distance, am_voxels)
    shell = shell_fraction(distance - surface, ~am, voxel_um, shell_voxels)
    labels = np.where(am, AM, PORE).astype(np.uint8)
    grain[~am & (shell == 0.0)] = NOT_A_GRAIN
    if grains.se_radii.size:
        room = np.where(am, np.float32(0.0), 1.0 - shell)
        se_distance, se_grain = distance_to(grains.se, grains.se_radii, voxel_um, room, free_voxels)
        free = _fill(se_distance, room, free_voxels)
        labels[free] = SE
        own = free & (shell < 0.5)  # a voxel of free SE and shell belongs to the larger
        grain[own] = se_grain[own] + grains.am_radii.size
    return Microstructure(labels, shell, grain, grains.am_radii.size, voxel_um, seed, se_clamped(content, voxel_um), content.shell_capped)


class _Grains(NamedTuple):
    """Centres ``(n, 3)`` and radii ``(n,)`` of AM and free SE, um."""

    am: Array
    am_radii: Array
    se: Array
    se_radii: Array


def _counts(content: Contents, shape: Shape) -> tuple[int, float, float]:
    """Return the volumes of AM (at least one voxel), shells and free SE in voxels."""
    voxels = math.prod(shape)
    return max(1, round(content.phi_am * voxels)), content.phi_shell * voxels, content.phi_free * voxels


def _place(content: Contents, shape: Shape, voxel_um: float, rng: np.random.Generator) -> _Grains:
    """Return relaxed grains: AM alone first, then with the free SE sprinkled into what it leaves."""
    lengths = voxel_um * np.array(shape, dtype=np.float64)
    block = float(np.prod(lengths))
    am_radii = grain_radii(content.phi_am * block, content.am_radius_um, rng)
    se_radii = grain_radii(content.phi_free * block, 0.5 * drawn_se_um(content, voxel_um), rng)
    coated = am_radii + content.shell_um
    am = push_apart(rng.random((am_radii.size, 3)) * lengths, coated, lengths, AM_SWEEPS)
    if not se_radii.size:
        return _Grains(am, am_radii, np.empty((0, 3)), se_radii)
    am_voxels, _, _ = _counts(content, shape)
    distance, _ = distance_to(am, am_radii, voxel_um, np.ones(shape, dtype=np.float32), am_voxels)
    se = _sprinkle(~_level_set(distance, am_voxels)[0], se_radii.size, voxel_um, rng)
    mixed = push_apart(np.concatenate([am, se]), np.concatenate([coated, se_radii]), lengths, MIXED_SWEEPS)
    return _Grains(mixed[: am_radii.size], am_radii, mixed[am_radii.size :], se_radii)


def drawn_se_um(content: Contents, voxel_um: float) -> float:
    """Return the size at which the free SE is drawn, um: its own, or two voxels."""
    return max(content.se_particle_um, RESOLVED_VOXELS * voxel_um)


def se_clamped(content: Contents, voxel_um: float) -> bool:
    """Return whether there is free SE and it is finer than two voxels."""
    return content.phi_free > 0.0 and content.se_particle_um < drawn_se_um(content, voxel_um)


def _sprinkle(free: Mask, n: int, voxel_um: float, rng: np.random.Generator) -> Array:
    """Return n random positions in the free voxels, ``(n, 3)`` in um."""
    places = np.flatnonzero(free)
    chosen = rng.choice(places, n, replace=n > places.size)
    corners = np.stack(np.unravel_index(chosen, free.shape), axis=1)
    return np.asarray((corners + rng.random((n, 3))) * voxel_um)


def _level_set(distance: NDArray[np.float32], voxels: int) -> tuple[Mask, float]:
    """Return the mask of the given number of voxels of least distance, and the largest distance among them."""
    inside = np.zeros(distance.size, dtype=bool)
    chosen = np.argpartition(distance.ravel(), voxels - 1)[:voxels]
    inside[chosen] = True
    return inside.reshape(distance.shape), float(distance.ravel()[chosen[-1]])


def _fill(distance: NDArray[np.float32], room: NDArray[np.float32], voxels: float) -> Mask:
    """Return the mask of the voxels of least distance whose room adds up to the volume, to half a voxel."""
    places = np.flatnonzero(room > 0.0)
    order = places[np.argsort(distance.ravel()[places], kind="stable")]
    held = np.cumsum(room.ravel()[order], dtype=np.float64)
    inside = np.zeros(distance.size, dtype=bool)
    inside[order[: np.searchsorted(held - 0.5 * room.ravel()[order], voxels)]] = True
    return inside.reshape(distance.shape)
